//! The settings that every beat has, as tables.

use settings::{Kind, Setting, setting};

/// Name, tags, folders and the end.
pub const GENERAL: &[Setting] = &[
    setting(
        "name",
        Kind::Text,
        Some(""),
        "The name in `agent.name` and `host.name`; empty for the host's own name.",
    ),
    setting("tags", Kind::TextList, Some("[]"), "Tags added to every event."),
    setting("fields", Kind::Any, None, "Fields added to every event, under `fields`."),
    setting(
        "fields_under_root",
        Kind::Bool,
        Some("false"),
        "Whether `fields` are put at the top of the event instead of under `fields`.",
    ),
    setting(
        "data_stream.namespace",
        Kind::Text,
        Some("default"),
        "The last part of the data stream's name, e.g. production.",
    ),
    setting(
        "shutdown_timeout",
        Kind::Duration,
        Some("5s"),
        "How long a stop waits for the output to take what is on its way.",
    ),
    setting(
        "processors",
        Kind::Any,
        None,
        "Changes to every event before it is queued: add_fields, add_tags, drop_event, drop_fields, include_fields, rename, each with an optional `when`.",
    ),
];

/// The queue between source and output.
pub const QUEUE: &[Setting] = &[
    setting(
        "queue.mem.events",
        Kind::Integer(1, 1_000_000),
        Some("3200"),
        "The most events that wait or are on their way; the source waits while it is full.",
    ),
    setting(
        "queue.mem.flush.timeout",
        Kind::Duration,
        Some("1s"),
        "How long a batch waits to fill before it is sent.",
    ),
];

/// The output; exactly one section is in force.
pub const OUTPUT: &[Setting] = &[
    setting(
        "output.elasticsearch.enabled",
        Kind::Bool,
        Some("true"),
        "Whether this section is in force where it is present.",
    ),
    setting(
        "output.elasticsearch.hosts",
        Kind::TextList,
        Some("[http://127.0.0.1:9200]"),
        "The nodes to send to; the next is asked when one does not answer.",
    ),
    setting(
        "output.elasticsearch.username",
        Kind::Text,
        Some(""),
        "The user's name, if the node asks for one.",
    ),
    setting("output.elasticsearch.password", Kind::Text, Some(""), "The user's password."),
    setting(
        "output.elasticsearch.api_key",
        Kind::Text,
        Some(""),
        "An API key as `id:key`, instead of name and password.",
    ),
    setting(
        "output.elasticsearch.index",
        Kind::Text,
        Some(""),
        "One index for all events; empty for the data stream `<type>-<dataset>-<namespace>`.",
    ),
    setting(
        "output.elasticsearch.pipeline",
        Kind::Text,
        Some(""),
        "The ingest pipeline for all events; empty for the index's own.",
    ),
    setting(
        "output.elasticsearch.bulk_max_size",
        Kind::Integer(1, 100_000),
        Some("1600"),
        "The most events of one bulk request.",
    ),
    setting(
        "output.elasticsearch.worker",
        Kind::Integer(1, 64),
        Some("1"),
        "How many bulk requests may be on their way at once.",
    ),
    setting(
        "output.elasticsearch.backoff.init",
        Kind::Duration,
        Some("1s"),
        "The first pause before a repeat.",
    ),
    setting(
        "output.elasticsearch.backoff.max",
        Kind::Duration,
        Some("60s"),
        "The longest pause before a repeat.",
    ),
    setting("output.elasticsearch.timeout", Kind::Duration, Some("90s"), "How long one request may take."),
    setting(
        "output.elasticsearch.non_indexable_policy",
        Kind::OneOf(&["drop", "dead_letter_file"]),
        Some("drop"),
        "What becomes of an event that the node refuses for good: dropped and counted, or kept in `dead-letter.ndjson` under `path.data`.",
    ),
    setting(
        "output.elasticsearch.dead_letter_max",
        Kind::Bytes,
        Some("64mb"),
        "The most bytes that dead letters take; the oldest half is given up when they are full.",
    ),
    setting(
        "output.logstash.enabled",
        Kind::Bool,
        Some("true"),
        "Whether this section is in force where it is present.",
    ),
    setting(
        "output.logstash.hosts",
        Kind::TextList,
        Some("[127.0.0.1:5044]"),
        "The shippers to send to; the next is tried when one does not answer.",
    ),
    setting(
        "output.logstash.bulk_max_size",
        Kind::Integer(1, 100_000),
        Some("2048"),
        "The most events of one window.",
    ),
    setting(
        "output.logstash.window_bytes_max",
        Kind::Bytes,
        Some("32mb"),
        "The most bytes of one window; keep it below the `inflated_bytes_max` of the shipper's beats input.",
    ),
    setting(
        "output.logstash.event_bytes_max",
        Kind::Bytes,
        Some("15mb"),
        "The longest event as JSON; a longer one becomes a dead letter, because the shipper would never take it. Keep it below the `frame_bytes_max` of the shipper's beats input.",
    ),
    setting(
        "output.logstash.dead_letter_max",
        Kind::Bytes,
        Some("100mb"),
        "The most bytes of dead letters under `path.data`; the oldest half is given up beyond it, and with 0 they are only counted.",
    ),
    setting(
        "output.logstash.compression_level",
        Kind::Integer(0, 9),
        Some("3"),
        "How hard frames are compressed; 0 for not at all.",
    ),
    setting(
        "output.logstash.timeout",
        Kind::Duration,
        Some("30s"),
        "How long the shipper may be silent before the connection is given up.",
    ),
    setting("output.logstash.backoff.init", Kind::Duration, Some("1s"), "The first pause before a repeat."),
    setting("output.logstash.backoff.max", Kind::Duration, Some("60s"), "The longest pause before a repeat."),
    setting(
        "output.console.enabled",
        Kind::Bool,
        Some("true"),
        "Whether this section is in force where it is present.",
    ),
    setting(
        "output.console.pretty",
        Kind::Bool,
        Some("false"),
        "Whether events are written over several lines.",
    ),
    setting(
        "output.file.enabled",
        Kind::Bool,
        Some("true"),
        "Whether this section is in force where it is present.",
    ),
    setting(
        "output.file.path",
        Kind::Path,
        Some("data/events.ndjson"),
        "The file that events are appended to, one JSON object a line.",
    ),
];

/// The endpoint that tells how the beat fares.
pub const HTTP: &[Setting] = &[
    setting(
        "http.enabled",
        Kind::Bool,
        Some("false"),
        "Whether the beat answers `/`, `/stats` and `/metrics` over HTTP.",
    ),
    setting(
        "http.host",
        Kind::Text,
        Some("localhost"),
        "The address it answers on; anything but loopback is refused.",
    ),
    setting("http.port", Kind::Port, Some("5066"), "The port it answers on; 0 lets the system choose."),
];
