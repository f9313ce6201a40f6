//! The settings of metric-beat, as tables.

use beat_core::tables::{GENERAL, HTTP, OUTPUT, QUEUE};
use settings::{Kind, LOGGING, Schema, Setting, setting};

/// Every setting of metric-beat.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Modules", MODULES),
        ("General", GENERAL),
        ("Queue", QUEUE),
        ("Outputs", OUTPUT),
        ("Monitoring", HTTP),
        ("Log", LOGGING),
    ],
};

const MODULES: &[Setting] = &[
    setting("metric-beat.modules", Kind::Items, None, "What is sampled."),
    setting("metric-beat.modules[].module", Kind::OneOf(&["system"]), Some("system"), "The module."),
    setting("metric-beat.modules[].enabled", Kind::Bool, Some("true"), "Whether it is sampled."),
    setting(
        "metric-beat.modules[].metricsets",
        Kind::TextList,
        Some("[cpu, load, memory, network, process_summary]"),
        "Which figures: cpu, load, memory, network, filesystem, fsstat, process_summary, uptime.",
    ),
    setting(
        "metric-beat.modules[].period",
        Kind::Duration,
        Some("10s"),
        "How often each of them is sampled.",
    ),
    setting(
        "path.data",
        Kind::Path,
        Some("data/metric-beat"),
        "The folder of the beat's identity; one process at a time may use it.",
    ),
];
