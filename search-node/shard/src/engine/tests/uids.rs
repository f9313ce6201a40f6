//! A document is found by its uid, wherever sorting, merging or an older build has put it.

use super::*;
use crate::engine::merge_policy::ForceMerge;

/// Every live document under its id, with what its source says, and none that was deleted.
fn check(engine: &Engine, expected: &[(&str, i64)], gone: &[&str]) {
    for (id, number) in expected {
        let document = engine.get_visible(id).expect("read").unwrap_or_else(|| panic!("{id:?} is there"));
        let source: Value = serde_json::from_slice(&document.source).expect("JSON");
        assert_eq!((document.uid.as_str(), &source["n"]), (*id, &json!(number)));
    }
    for id in gone {
        assert!(engine.get_visible(id).expect("read").is_none(), "{id}");
    }
}

fn sorted() -> EngineOptions {
    let sort = IndexSort { field: "n".to_owned(), is_descending: true };
    EngineOptions { sort: Some(sort), ..EngineOptions::default() }
}

fn merge_all(engine: &Arc<Engine>) {
    engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
}

#[test]
fn documents_that_a_sort_has_mixed_keep_their_uids_when_they_are_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), sorted());
    let ids: Vec<String> = (0..300).map(|number| format!("id-{number}")).collect();
    let number = |at: usize| (at * 37 % 300) as i64;
    for (at, id) in ids.iter().enumerate() {
        put(&engine, id, &json!({"n": number(at)}));
        if at % 100 == 99 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    put(&engine, "id-7", &json!({"n": 1_000}));
    put(&engine, "id-8", &json!({"n": -1_000}));
    write(&engine, "id-150", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");
    let mut expected: Vec<(&str, i64)> =
        ids.iter().enumerate().map(|(at, id)| (id.as_str(), number(at))).collect();
    (expected[7].1, expected[8].1) = (1_000, -1_000);
    expected.remove(150);

    check(&engine, &expected, &["id-150", "id-300", ""]);
    merge_all(&engine);

    check(&engine, &expected, &["id-150", "id-300", ""]);
    let asked = json!({"ids": {"values": ["id-8", "id-150", "id-299", "other"]}});
    assert_eq!(found(&engine, &asked), ["id-299", "id-8"]);
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("read") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), &to).expect("copied");
        }
    }
}

fn has_uids(folder: &Path) -> bool {
    let mut files = fs_err::read_dir(folder.join("index")).expect("read");
    files.any(|file| file.expect("a file").path().extension().is_some_and(|extension| extension == "uid"))
}

/// A shard that was written before segments had a file of uids: two sorted segments, with routing, a type, an update and a
/// delete.
#[test]
fn a_shard_of_an_older_build_gets_its_uids_when_it_is_opened() {
    let older = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/before-uids");
    let folder = tempfile::tempdir().expect("a folder");
    copy(&older, folder.path());
    let fields = mapping(&[("n", "long"), ("t", "text")]);
    let expected =
        [("id-1", 1), ("page\0id-1", 11), ("id-2", 22), ("id-4", 4), ("id-5", 5), ("id-6", 6), ("id-7", 7)];
    assert!(!has_uids(&older));

    for turn in ["upgraded", "opened again before a flush", "opened again after it", "merged"] {
        let engine = open_with(folder.path(), Arc::clone(&fields), sorted());
        check(&engine, &expected, &["id-3"]);
        assert_eq!(found(&engine, &json!({"ids": {"values": ["id-2", "id-3"]}})), ["id-2"], "{turn}");
        assert!(has_uids(folder.path()));
        match turn {
            "upgraded" => {}
            "opened again before a flush" => {
                assert!(engine.segments.lock().has_changed(), "a flush makes the new files durable");
                engine.flush(NOW).expect("flushed");
            }
            _ => {
                assert!(!engine.segments.lock().has_changed());
                merge_all(&engine);
                engine.flush(NOW).expect("flushed");
                check(&engine, &expected, &["id-3"]);
            }
        }
    }
}
