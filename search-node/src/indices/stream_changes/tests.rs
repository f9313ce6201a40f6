//! Which changes of streams are made, and which are refused.

use super::*;
use crate::indices::data_stream::TIMESTAMP;
use crate::indices::test_map::{aliases_in_map, map_of};

/// A stream `s` of the indices `b1` and `b2`, and others beside it.
fn map() -> ClusterState {
    let mut map = map_of(&[
        ("b1", json!({})),
        ("b2", json!({})),
        ("free", json!({})),
        ("named", json!({"x": {}, "y": {}})),
        ("late", json!({"x": {"is_write_index": true}})),
        ("timeless", json!({})),
    ]);
    for entry in map.indices.values_mut().filter(|entry| entry.name != "timeless") {
        let mapping = json!({"properties": {"@timestamp": {"type": "date"}}});
        entry.parts.extend(mapping_part(&mapping));
    }
    let indices = vec!["b1".to_owned(), "b2".to_owned()];
    let stream = DataStream { indices, generation: 2, ..DataStream::begun(TIMESTAMP, "", false) };
    let commands = vec![stream.written("s", &map)];
    map.apply(Command::Several(commands)).expect("agreed");
    map
}

fn apply(map: &mut ClusterState, commands: Vec<Command>) {
    map.apply(Command::Several(commands)).expect("agreed");
}

fn delete(map: &ClusterState, ids: &[&str]) -> Result<Vec<Command>, ApiError> {
    let ids: Vec<IndexId> = ids.iter().map(|id| IndexId((*id).to_owned())).collect();
    deleted_indices(map, &AgreedNames::of(map), ids.iter())
}

fn add(index: &str) -> StreamAction {
    StreamAction::AddBackingIndex { stream: "s".to_owned(), index: index.to_owned() }
}

fn remove(index: &str) -> StreamAction {
    StreamAction::RemoveBackingIndex { stream: "s".to_owned(), index: index.to_owned() }
}

fn indices_of(map: &ClusterState, stream: &str) -> Option<Vec<String>> {
    DataStream::all(map).remove(stream).map(|stream| stream.indices)
}

#[test]
fn a_write_index_goes_only_with_its_stream_and_others_leave_it() {
    let mut map = map();
    let error = delete(&map, &["b1", "b2"]).expect_err("the write index");
    assert_eq!(error.reason, "index [b2] is the write index for data stream [s] and cannot be deleted");

    let commands = delete(&map, &["b1", "free"]).expect("decided");
    apply(&mut map, commands);
    assert_eq!(indices_of(&map, "s"), Some(vec!["b2".to_owned()]));
    assert!(!map.indices.contains_key(&IndexId("free".to_owned())));

    assert_eq!(delete_streams(&map, "no", NameOptions::default()).expect_err("not there").status, 404);
    let commands = delete_streams(&map, "s*", NameOptions::default()).expect("decided");
    apply(&mut map, commands);
    assert_eq!(indices_of(&map, "s"), None);
    assert!(!map.indices.contains_key(&IndexId("b2".to_owned())));
}

#[test]
fn backing_indices_come_and_go_at_the_old_end() {
    let mut map = map();

    let commands = modify_streams(&map, &[add("free"), remove("b1")]).expect("decided");
    apply(&mut map, commands);

    assert_eq!(indices_of(&map, "s"), Some(vec!["free".to_owned(), "b2".to_owned()]));
    let entry = &map.indices[&IndexId("free".to_owned())];
    assert!(crate::indices::metadata::is_hidden(entry));
    assert_eq!(crate::indices::metadata::stream_of(entry).as_deref(), Some("s"));
    assert_eq!(mapping_of(entry)["_data_stream_timestamp"], json!({"enabled": true}));
    assert_eq!(crate::indices::metadata::stream_of(&map.indices[&IndexId("b1".to_owned())]), None);
}

#[test]
fn what_no_stream_could_have_is_refused() {
    let map = map();
    let of_no_stream = StreamAction::AddBackingIndex { stream: "no".to_owned(), index: "free".to_owned() };
    for (action, reason) in [
        (of_no_stream, "data stream [no] not found"),
        (add("no"), "index [no] not found"),
        (add("named"), "cannot add index [named] to data stream [s] until its aliases [x, y] are removed"),
        (
            add("timeless"),
            "data stream timestamp field [@timestamp] does not exist in the mapping of [timeless]",
        ),
        (remove("free"), "index [free] is not part of data stream [s]"),
        (remove("b2"), "cannot remove backing index [b2] of data stream [s] because it is the write index"),
    ] {
        let error = modify_streams(&map, std::slice::from_ref(&action)).expect_err(reason);
        assert_eq!((error.status, error.reason.as_str()), (400, reason), "{action:?}");
    }
}

#[test]
fn an_alias_becomes_a_stream_whose_last_index_is_the_one_that_is_written_to() {
    let mut map = map();
    let error = migrate_alias(&map, "no", TIMESTAMP).expect_err("no alias");
    assert_eq!(error.reason, "alias [no] does not exist");

    let commands = migrate_alias(&map, "x", TIMESTAMP).expect("decided");
    apply(&mut map, commands);

    assert_eq!(indices_of(&map, "x"), Some(vec!["named".to_owned(), "late".to_owned()]));
    assert_eq!(aliases_in_map(&map)["named"], json!([]));
}

#[test]
fn streams_and_their_indices_have_no_aliases() {
    let map = map();
    let names = AgreedNames::of(&map);
    assert_eq!(without_aliases(&names, &["s".to_owned()]).expect_err("a stream").status, 404);
    for expression in ["b1", "b*"] {
        let error = without_aliases(&names, &[expression.to_owned()]).expect_err("refused");
        assert!(error.reason.contains("belonging to data stream [s]"), "{}", error.reason);
    }
    assert_eq!(without_aliases(&names, &["f*".to_owned(), "b*".to_owned()]).expect("found"), ["free"]);
}
