//! The table of the shipper's settings.

use settings::{Kind, LOGGING, Schema, Setting, setting};

/// Every setting.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Node and files", NODE),
        ("Pipeline", PIPELINE),
        ("Dead letters", DEAD_LETTERS),
        ("API", API),
        ("Log", LOGGING),
    ],
};

const NODE: &[Setting] = &[
    setting(
        "node.name",
        Kind::Text,
        None,
        "The name in the API's answers; the host's own name where it is left out.",
    ),
    setting(
        "path.config",
        Kind::Path,
        Some("config/pipelines/*.conf"),
        "The pipeline's files, as one file, a folder of `.conf` files or a glob in the last part of the path; several are joined in the order of their names.",
    ),
    setting(
        "path.data",
        Kind::Path,
        Some("data/shipper"),
        "The folder of what must outlive the process, such as dead letters.",
    ),
];

const PIPELINE: &[Setting] = &[
    setting(
        "pipeline.workers",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many batches are worked on at a time; 0 stands for the number of cores.",
    ),
    setting(
        "pipeline.batch.size",
        Kind::Integer(1, 100_000),
        Some("125"),
        "The most events that a worker takes at once.",
    ),
    setting(
        "pipeline.batch.delay",
        Kind::Duration,
        Some("50ms"),
        "How long a batch waits to fill after its first event.",
    ),
    setting(
        "pipeline.line.bytes_max",
        Kind::Bytes,
        Some("10mb"),
        "The longest line that stdin reads; a longer one is cut into several events.",
    ),
    setting(
        "queue.max_events",
        Kind::Integer(1, 10_000_000),
        Some("4000"),
        "The most events that wait or are on their way; inputs read no more until there is room.",
    ),
    setting(
        "shutdown.timeout",
        Kind::Duration,
        Some("30s"),
        "How long events on their way may take to be delivered at the end; senders repeat the rest; -1 waits without end.",
    ),
];

const DEAD_LETTERS: &[Setting] = &[
    setting(
        "dead_letter_queue.enable",
        Kind::Bool,
        Some("true"),
        "Whether events that a node refuses for good are kept in path.data with the reason; otherwise they are only counted.",
    ),
    setting(
        "dead_letter_queue.max_bytes",
        Kind::Bytes,
        Some("1024mb"),
        "The most bytes of dead letters; beyond that newer ones are only counted.",
    ),
];

const API: &[Setting] = &[
    setting(
        "api.enabled",
        Kind::Bool,
        Some("true"),
        "Whether the API that tells how the shipper fares is there.",
    ),
    setting("api.http.host", Kind::Text, Some("127.0.0.1"), "The loopback address of the API."),
    setting("api.http.port", Kind::Port, Some("9600"), "The port of the API; 0 lets the system choose."),
];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/settings/shipper.md");
    const YAML: &str = include_str!("../../config/shipper.yml");

    #[test]
    fn the_shipped_file_shows_every_setting_and_loads() {
        assert_eq!(settings::reference::missing_from_yaml(SCHEMA, YAML), Vec::<String>::new());
        settings::load_text(SCHEMA, "config/shipper.yml", YAML, &[]).expect("the shipped file loads");
    }

    #[test]
    fn the_reference_page_is_the_table() {
        let page = settings::reference::markdown(crate::PROGRAM, SCHEMA);
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            fs_err::write(PAGE, &page).expect("written");
        }
        assert_eq!(fs_err::read_to_string(PAGE).expect("the page"), page, "run with UPDATE_GOLDEN=1");
    }
}
