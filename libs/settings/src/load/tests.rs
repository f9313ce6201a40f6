//! What a file may say, and the exact words for what it may not.

use std::time::Duration;

use super::*;
use crate::schema::{Setting, setting};

const TABLE: &[Setting] = &[
    setting("http.port", Kind::Port, Some("9200"), "The port."),
    setting("http.host", Kind::Text, Some("127.0.0.1"), "The address."),
    setting("path.data", Kind::Path, Some("data"), "The folder."),
    setting("queue.flush", Kind::Duration, Some("1s"), "When."),
    setting("inputs", Kind::Items, None, "The inputs."),
    setting("inputs[].paths", Kind::TextList, None, "The globs."),
    setting("nodes", Kind::Names, Some("[]"), "Other nodes."),
    setting("inputs[].enabled", Kind::Bool, Some("true"), "Whether."),
    setting("processors", Kind::Any, None, "The processors."),
];
const SCHEMA: Schema = Schema { tables: &[("Test", TABLE)] };

fn load_yaml(text: &str) -> Result<Settings, SettingsError> {
    load_text(SCHEMA, "t.yml", text, &[])
}

fn error(text: &str) -> String {
    load_yaml(text).expect_err(text).to_string()
}

#[test]
fn nested_and_dotted_keys_mean_the_same() {
    for text in ["http:\n  port: 1234\n", "http.port: 1234\n", "http: {port: 1234}\n"] {
        let settings = load_yaml(text).expect(text);

        assert_eq!(settings.port("http.port"), 1234, "{text}");
        assert_eq!(settings.text("http.host"), "127.0.0.1", "{text}");
    }
}

#[test]
fn the_command_line_wins_over_the_file() {
    let overrides =
        [("http.port".to_owned(), "7".to_owned()), ("inputs".to_owned(), "[{paths: [a]}]".to_owned())];

    let settings = load_text(SCHEMA, "t.yml", "http.port: 1\n", &overrides).expect("valid");

    assert_eq!(settings.port("http.port"), 7);
    assert_eq!(settings.items("inputs")[0].list("paths"), ["a"]);
}

#[test]
fn items_have_settings_of_their_own() {
    let settings =
        load_yaml("inputs:\n  - paths: [/a, /b]\n  - paths: /c\n    enabled: false\n").expect("valid");

    let items = settings.items("inputs");

    assert_eq!(items.len(), 2);
    assert_eq!(items[0].list("paths"), ["/a", "/b"]);
    assert!(items[0].bool("enabled"));
    assert_eq!(items[1].list("paths"), ["/c"]);
    assert!(!items[1].bool("enabled"));
}

#[test]
fn names_in_one_text_are_parted_by_commas_and_texts_of_a_list_are_not() {
    for text in ["nodes: a, b\n", "nodes: [a, b]\n", "nodes:\n  - a\n  - b\n"] {
        assert_eq!(load_yaml(text).expect("valid").list("nodes"), ["a", "b"], "{text}");
    }
    assert!(load_yaml("http.port: 1\n").expect("valid").list("nodes").is_empty());
    let items = load_yaml("inputs:\n  - paths: '{a,b}.log'\n").expect("valid").items("inputs");
    assert_eq!(items[0].list("paths"), ["{a,b}.log"]);
}

#[test]
fn variables_expand_with_their_defaults() {
    let settings = load_yaml("http.host: ${SURELY_NOT_SET_1:a.b}\nqueue.flush: ${SURELY_NOT_SET_2:3s}\n")
        .expect("valid");

    assert_eq!(settings.text("http.host"), "a.b");
    assert_eq!(settings.duration("queue.flush"), Some(Duration::from_secs(3)));
}

#[test]
fn every_fault_names_its_place_and_remedy() {
    for (text, expected) in [
        ("http.prot: 1\n", "t.yml:1: unknown setting [http.prot]: did you mean [http.port]?"),
        (
            "a: 1\n\nhttp:\n  prot: 1\n",
            "t.yml:1: unknown setting [a]; see docs/reference/settings for the known ones",
        ),
        ("http:\n  port: 70000\n", "t.yml:2: [http.port] is `70000`, but must be a port from 0 to 65535"),
        (
            "queue.flush: soon\n",
            "t.yml:1: [queue.flush] is `soon`, but must be a time span, e.g. 500ms, 30s or 5m",
        ),
        (
            "inputs:\n  - paths: [a]\n    enable: true\n",
            "t.yml:3: unknown setting [inputs[0].enable]: did you mean [inputs[].enabled]?",
        ),
        ("http.port: 1\nhttp:\n  port: 2\n", "t.yml:3: [http.port] is set twice in this file; keep one"),
        (
            "http.host: ${SURELY_NOT_SET_3}\n",
            "t.yml:1: [http.host] uses ${SURELY_NOT_SET_3}, which is not set; set it, or write ${SURELY_NOT_SET_3:default}",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    let broken = error("http: [1\nb: 2\n");
    assert!(broken.starts_with("t.yml:") && broken.contains("not valid YAML"), "{broken}");
}
