//! The settings of file-beat, as tables.

use beat_core::tables::{GENERAL, HTTP, OUTPUT, QUEUE};
use settings::{Kind, LOGGING, Schema, Setting, setting};

/// Every setting of file-beat.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Inputs", INPUTS),
        ("General", GENERAL),
        ("Queue", QUEUE),
        ("Outputs", OUTPUT),
        ("Monitoring", HTTP),
        ("Log", LOGGING),
    ],
};

const INPUTS: &[Setting] = &[
    setting(
        "file-beat.inputs",
        Kind::Items,
        None,
        "What is read; a file that several inputs match belongs to the first.",
    ),
    setting(
        "file-beat.inputs[].type",
        Kind::OneOf(&["filestream", "log"]),
        Some("filestream"),
        "The kind of input; `log` is the older word for the same.",
    ),
    setting(
        "file-beat.inputs[].id",
        Kind::Text,
        Some(""),
        "A name of its own for the input; empty for one made from its paths.",
    ),
    setting("file-beat.inputs[].enabled", Kind::Bool, Some("true"), "Whether the input is read."),
    setting(
        "file-beat.inputs[].paths",
        Kind::TextList,
        None,
        "Globs of the files to follow; `**` stands for up to eight folders.",
    ),
    setting(
        "file-beat.inputs[].exclude_files",
        Kind::TextList,
        Some("[]"),
        "Regular expressions of paths that are left out.",
    ),
    setting("file-beat.inputs[].symlinks", Kind::Bool, Some("false"), "Whether symbolic links are followed."),
    setting(
        "file-beat.inputs[].include_lines",
        Kind::TextList,
        Some("[]"),
        "Regular expressions; where there are any, only lines that match one are sent.",
    ),
    setting(
        "file-beat.inputs[].exclude_lines",
        Kind::TextList,
        Some("[]"),
        "Regular expressions of lines that are not sent.",
    ),
    setting(
        "file-beat.inputs[].dataset",
        Kind::Text,
        Some("generic"),
        "The middle of the data stream's name, e.g. nginx.access.",
    ),
    setting(
        "file-beat.inputs[].index",
        Kind::Text,
        Some(""),
        "An index of this input's own, instead of the data stream.",
    ),
    setting(
        "file-beat.inputs[].pipeline",
        Kind::Text,
        Some(""),
        "The ingest pipeline of this input's events.",
    ),
    setting("file-beat.inputs[].tags", Kind::TextList, Some("[]"), "Tags added to this input's events."),
    setting(
        "file-beat.inputs[].fields",
        Kind::Any,
        None,
        "Fields added to this input's events, under `fields`.",
    ),
    setting(
        "file-beat.inputs[].fields_under_root",
        Kind::Bool,
        Some("false"),
        "Whether this input's `fields` are put at the top of the event.",
    ),
    setting(
        "file-beat.inputs[].encoding",
        Kind::OneOf(&["utf-8", "plain"]),
        Some("utf-8"),
        "How bytes become text; bytes that are no UTF-8 are replaced by U+FFFD.",
    ),
    setting(
        "file-beat.inputs[].message_max_bytes",
        Kind::Bytes,
        Some("10mb"),
        "The longest line; the rest of a longer one is left out and the event flagged `truncated`.",
    ),
    setting(
        "file-beat.inputs[].ignore_older",
        Kind::Duration,
        Some("0"),
        "Files not changed for so long are not begun; 0 reads files of any age.",
    ),
    setting(
        "file-beat.inputs[].close.on_state_change.inactive",
        Kind::Duration,
        Some("5m"),
        "How long an open file may be without new lines before it is closed; it is opened again when it grows.",
    ),
    setting(
        "file-beat.inputs[].prospector.scanner.check_interval",
        Kind::Duration,
        Some("10s"),
        "How often the paths are looked up when the system gives no hint of a change.",
    ),
    setting(
        "file-beat.harvester_limit",
        Kind::Integer(1, 1_000_000),
        Some("512"),
        "The most files that are open at once; idle ones are closed first.",
    ),
    setting(
        "file-beat.in_flight_max",
        Kind::Bytes,
        Some("8mb"),
        "The most bytes of lines that were read and are not yet acked.",
    ),
    setting(
        "file-beat.copy_wait",
        Kind::Duration,
        Some("30s"),
        "How long a file named as a rotation of one that is being read, and beginning like it, waits for that one to be truncated: then it is its copy and is continued, otherwise it is read as a file of its own.",
    ),
    setting(
        "file-beat.registry.clean_after",
        Kind::Duration,
        Some("24h"),
        "How long a file that is gone is remembered, in case it comes back.",
    ),
    setting(
        "file-beat.registry.flush",
        Kind::Duration,
        Some("1s"),
        "How often acked offsets are synced to the disk; a power cut sends at most what was acked since again, under the same ids.",
    ),
    setting(
        "path.data",
        Kind::Path,
        Some("data/file-beat"),
        "The folder of the registry; one process at a time may use it.",
    ),
];
