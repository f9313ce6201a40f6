//! Which templates are kept and deleted, and which are refused.

use serde_json::json;

use super::*;

fn index(said: Value) -> NewTemplate {
    NewTemplate::Index(IndexTemplate::read(&said).expect("a template"))
}

fn component(said: Value) -> NewTemplate {
    NewTemplate::Component(ComponentTemplate::read(&said).expect("a component"))
}

fn apply(map: &mut ClusterState, commands: Result<Vec<Command>, ApiError>) -> Result<(), ApiError> {
    map.apply(Command::Several(commands?)).expect("agreed");
    Ok(())
}

fn map_with_templates() -> ClusterState {
    let mut map = ClusterState::default();
    let part = component(json!({"template": {"settings": {"number_of_shards": 2}}}));
    let commands = put(&map, "part", &part, true);
    apply(&mut map, commands).expect("put");
    let template = index(json!({"index_patterns": ["a*"], "priority": 1, "composed_of": ["part"]}));
    let commands = put(&map, "one", &template, true);
    apply(&mut map, commands).expect("put");
    map
}

#[test]
fn templates_that_cannot_be_applied_or_told_apart_are_refused() {
    let map = map_with_templates();
    for (name, template, is_new, reason) in [
        ("one", index(json!({"index_patterns": ["b"]})), true, "index template [one] already exists"),
        (
            "two",
            index(json!({"index_patterns": ["*b"], "priority": 1})),
            false,
            "index template [two] has index patterns [*b] matching patterns from existing templates [one] with patterns (one => [a*]) that have the same priority [1], multiple",
        ),
        (
            "two",
            index(json!({"index_patterns": ["b"], "composed_of": ["part", "x", "y"]})),
            false,
            "index_template [two] invalid, cause [index template [two] specifies component templates [x, y] that do not exist]",
        ),
        (
            "two",
            index(json!({"index_patterns": ["b"], "template": {"settings": {"number_of_shards": "x"}}})),
            false,
            "composable template [two] template after composition is invalid",
        ),
        (
            "two",
            index(json!({"index_patterns": ["b"], "data_stream": {}, "template": {"aliases": {"x": {}}}})),
            false,
            "template [two] has alias and data stream definitions",
        ),
        (
            "t w",
            index(json!({"index_patterns": ["b"]})),
            false,
            "index_template [t w] invalid, cause [Validation Failed: 1: name must not contain a space;]",
        ),
        (
            "part",
            component(json!({"template": {"settings": {"nonsense": 1}}})),
            false,
            "unknown setting [index.nonsense]",
        ),
    ] {
        let error = put(&map, name, &template, is_new).expect_err(reason);
        assert!(error.status == 400 && error.reason.starts_with(reason), "{}", error.reason);
    }
    assert!(put(&map, "one", &index(json!({"index_patterns": ["a*"], "priority": 1})), false).is_ok());
    assert!(put(&map, "two", &index(json!({"index_patterns": ["a*"], "priority": 2})), true).is_ok());
}

#[test]
fn what_is_in_use_or_not_there_is_not_deleted() {
    let mut map = map_with_templates();
    let error = delete(&map, TemplateKind::Component, "part").expect_err("in use");
    assert_eq!(
        error.reason,
        "component templates [part] cannot be removed as they are still in use by index templates [one]"
    );
    let error = delete(&map, TemplateKind::Index, "no").expect_err("not there");
    assert_eq!((error.status, error.reason.as_str()), (404, "index_template [no] missing"));
    assert!(delete(&map, TemplateKind::Index, "logs").expect("built in").is_empty());

    let commands = delete(&map, TemplateKind::Index, "o*");
    apply(&mut map, commands).expect("deleted");
    let commands = delete(&map, TemplateKind::Component, "part");
    apply(&mut map, commands).expect("deleted");

    assert!(!Templates::of(&map).indices.contains_key("one"));
}

/// Two that are decided upon the same map could contradict each other.
#[test]
fn of_two_changes_at_once_the_later_one_is_decided_again() {
    let mut map = map_with_templates();
    let one = put(&map, "x", &index(json!({"index_patterns": ["x*"]})), false).expect("fits");
    let other = put(&map, "y", &index(json!({"index_patterns": ["x*"]})), false).expect("fits");

    map.apply(Command::Several(one)).expect("agreed");

    assert!(map.apply(Command::Several(other)).is_err());
}
