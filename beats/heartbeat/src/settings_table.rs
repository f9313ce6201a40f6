//! The settings of heartbeat, as tables.

use beat_core::tables::{GENERAL, HTTP, OUTPUT, QUEUE};
use settings::{Kind, LOGGING, Schema, Setting, setting};

/// Every setting of heartbeat.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Monitors", MONITORS),
        ("General", GENERAL),
        ("Queue", QUEUE),
        ("Outputs", OUTPUT),
        ("Monitoring", HTTP),
        ("Log", LOGGING),
    ],
};

const MONITORS: &[Setting] = &[
    setting("heartbeat.monitors", Kind::Items, None, "Whom to ask."),
    setting("heartbeat.monitors[].type", Kind::OneOf(&["http", "tcp", "icmp"]), Some("http"), "How to ask."),
    setting(
        "heartbeat.monitors[].id",
        Kind::Text,
        Some(""),
        "A name of its own for the monitor, the same for ever; empty for one made from type and hosts.",
    ),
    setting("heartbeat.monitors[].name", Kind::Text, Some(""), "The name that people see."),
    setting("heartbeat.monitors[].enabled", Kind::Bool, Some("true"), "Whether it asks."),
    setting(
        "heartbeat.monitors[].schedule",
        Kind::Text,
        Some("@every 10s"),
        "When it asks, as `@every` and a time span.",
    ),
    setting(
        "heartbeat.monitors[].hosts",
        Kind::TextList,
        Some("[]"),
        "URLs for http, `host:port` for tcp, names or addresses for icmp.",
    ),
    setting("heartbeat.monitors[].urls", Kind::TextList, Some("[]"), "The same as `hosts`, for http."),
    setting("heartbeat.monitors[].ports", Kind::TextList, Some("[]"), "Ports for tcp hosts without one."),
    setting("heartbeat.monitors[].timeout", Kind::Duration, Some("16s"), "How long a check may take."),
    setting(
        "heartbeat.monitors[].wait",
        Kind::Duration,
        Some("1s"),
        "How long an echo is awaited before icmp sends another.",
    ),
    setting(
        "heartbeat.monitors[].mode",
        Kind::OneOf(&["any", "all"]),
        Some("any"),
        "Whether one or every address of a name is asked.",
    ),
    setting("heartbeat.monitors[].ipv4", Kind::Bool, Some("true"), "Whether IPv4 addresses are asked."),
    setting("heartbeat.monitors[].ipv6", Kind::Bool, Some("true"), "Whether IPv6 addresses are asked."),
    setting(
        "heartbeat.monitors[].check.request.method",
        Kind::OneOf(&["GET", "HEAD", "POST", "OPTIONS"]),
        Some("GET"),
        "The method of http.",
    ),
    setting("heartbeat.monitors[].check.request.headers", Kind::Any, None, "Headers of http's request."),
    setting("heartbeat.monitors[].check.request.body", Kind::Text, Some(""), "The body of http's request."),
    setting(
        "heartbeat.monitors[].check.response.status",
        Kind::TextList,
        Some("[]"),
        "Statuses that mean up; where there are none, anything below 400.",
    ),
    setting(
        "heartbeat.monitors[].check.response.body",
        Kind::TextList,
        Some("[]"),
        "Regular expressions; the answer's body must match one.",
    ),
    setting("heartbeat.monitors[].check.send", Kind::Text, Some(""), "What tcp sends after connecting."),
    setting("heartbeat.monitors[].check.receive", Kind::Text, Some(""), "What tcp's answer must contain."),
    setting(
        "heartbeat.monitors[].response.body_max",
        Kind::Bytes,
        Some("1mb"),
        "The most bytes of http's answer that are read and checked.",
    ),
    setting(
        "heartbeat.monitors[].response.headers",
        Kind::TextList,
        Some("[content-type, content-length, date, etag, last-modified, location, server]"),
        "The headers of http's answer that become fields, where the answer has them.",
    ),
    setting("heartbeat.monitors[].tags", Kind::TextList, Some("[]"), "Tags added to this monitor's events."),
    setting(
        "path.data",
        Kind::Path,
        Some("data/heartbeat"),
        "The folder of the beat's identity; one process at a time may use it.",
    ),
];
