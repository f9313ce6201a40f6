//! A document is found by its uid, wherever sorting, merging or an older build has put it.

use super::*;
use crate::engine::merge_policy::ForceMerge;
use crate::search::{Scan, Slice, SortMode};

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
    let sort = IndexSort { field: "n".to_owned(), is_descending: true, mode: SortMode::Max };
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

fn files_of(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let files = fs_err::read_dir(folder.join("index")).expect("read");
    let files = files.map(|file| file.expect("a file").path());
    files.filter(|file| file.extension().is_some_and(|its| its == extension)).collect()
}

fn has_uids(folder: &Path) -> bool {
    !files_of(folder, "uid").is_empty()
}

/// A shard that was written before segments had a file of uids: two sorted segments, with routing, a type, an update, two deletes,
/// and documents over several blocks of stored values.
struct Older {
    folder: tempfile::TempDir,
    fields: Arc<Mapping>,
}

impl Older {
    fn new() -> Self {
        let older = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/before-uids");
        assert!(!has_uids(&older));
        let folder = tempfile::tempdir().expect("a folder");
        testkit::copy_folder(&older, folder.path());
        Self { folder, fields: mapping(&[("n", "long"), ("t", "text")]) }
    }

    fn open(&self, disk: Arc<dyn Disk>) -> Result<Arc<Engine>, EngineError> {
        let shared = Shared { disk, workers: Workers::new(0), ..Shared::default() };
        Engine::open(self.folder.path(), Arc::clone(&self.fields), sorted(), shared)
    }
}

fn check_older(engine: &Engine) {
    let few =
        [("id-1", 1), ("page\0id-1", 11), ("id-2", 22), ("id-4", 4), ("id-5", 5), ("id-6", 6), ("id-7", 7)];
    check(engine, &few, &["id-3", "many-77", "many-2500"]);
    for n in (0..2_500).filter(|n| *n != 77) {
        check(engine, &[(&format!("many-{n}"), 10_000 + n * 37 % 2_500)], &[]);
    }
    assert_eq!(found(engine, &json!({"ids": {"values": ["id-2", "id-3", "many-9"]}})), ["id-2", "many-9"]);
}

#[test]
fn a_shard_of_an_older_build_gets_its_uids_when_it_is_opened() {
    let older = Older::new();
    for turn in ["upgraded", "opened again", "merged"] {
        let engine = older.open(HostDisk::shared()).expect("opens");
        check_older(&engine);
        assert!(has_uids(older.folder.path()) && !engine.segments.lock().has_changed(), "{turn}");
        if turn == "opened again" {
            merge_all(&engine);
            check_older(&engine);
            engine.flush(NOW).expect("flushed");
        }
    }
}

#[test]
fn an_upgrade_that_the_disk_refuses_leaves_the_shard_as_it_was() {
    for refuses in [".uid", "manifest.tmp"] {
        let older = Older::new();
        let disk = FullDisk::new(refuses);
        disk.fill(usize::from(refuses == ".uid"));

        let error = older.open(disk.disk()).err().expect("refused").to_string();

        if refuses == ".uid" {
            assert!(error.contains("of an older build") && error.contains("free some space"), "{error}");
        }
        check_older(&older.open(HostDisk::shared()).expect("opens"));
    }
}

#[test]
fn an_upgrade_does_not_give_damage_a_fresh_checksum() {
    let older = Older::new();
    let mut files = files_of(older.folder.path(), "store");
    files.sort_by_key(|file| fs_err::metadata(file).expect("a file").len());
    let store = files.last().expect("a store");
    let mut bytes = fs_err::read(store).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(store, bytes).expect("written");

    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    // As with a shard that is too large to be read through when it is opened.
    let options = EngineOptions { check_bytes_max: 0, ..sorted() };
    let opened = Engine::open(older.folder.path(), Arc::clone(&older.fields), options, shared);

    assert!(matches!(opened, Err(EngineError::Integrity(_))));
    assert!(files_of(older.folder.path(), "uid").len() < 2, "that of the damaged segment is not there");
}

/// tantivy reads columns in blocks of 512 values, and has none to read from beyond the last one.
#[test]
fn segments_of_whole_blocks_are_merged() {
    for (documents, gone) in [(512, None), (1_024, None), (512, Some("1-511")), (1_024, Some("0-1023"))] {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open(folder.path(), mapping(&[("n", "long")]));
        let ids: Vec<String> =
            (0..2).flat_map(|part| (0..documents).map(move |n| format!("{part}-{n}"))).collect();
        for (at, id) in ids.iter().enumerate() {
            put(&engine, id, &json!({"n": at}));
            if (at + 1) % documents == 0 {
                engine.refresh(NOW).expect("refreshed");
            }
        }
        if let Some(gone) = gone {
            write(&engine, gone, None, Condition::None).expect("deleted");
            engine.refresh(NOW).expect("refreshed");
        }

        merge_all(&engine);

        for (at, id) in ids.iter().enumerate().filter(|(_, id)| Some(id.as_str()) != gone) {
            check(&engine, &[(id, at as i64)], gone.as_slice());
        }
    }
}

/// An operation by query asks for ids segment by segment, long after a merge has removed the files.
#[test]
fn ids_are_found_at_a_point_in_time_whose_files_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    for id in ["a", "b", "c"] {
        put(&engine, id, &json!({"n": 1}));
        engine.refresh(NOW).expect("refreshed");
    }
    let query = parse_query(&json!({"ids": {"values": ["a", "b", "c"]}})).expect("a query");
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let mut scan = Scan::open(engine.view(), &query, &context, Slice::WHOLE).expect("a scan");
    assert_eq!(scan.next(1, &never()).expect("found").len(), 1);

    merge_all(&engine);
    engine.flush(NOW).expect("flushed");

    assert_eq!(files_of(folder.path(), "uid").len(), 1);
    assert_eq!(scan.next(10, &never()).expect("found").len(), 2);
}

/// Of a shard that is too large to be read through, the uids are: one that is not found would let its document in twice.
#[test]
fn damaged_uids_of_a_large_shard_are_found_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let fields = mapping(&[("n", "long"), ("t", "text")]);
    let engine = open(folder.path(), Arc::clone(&fields));
    for n in 0..500 {
        put(&engine, &format!("id-{n}"), &json!({"n": n, "t": format!("{n} words of which some are long")}));
    }
    engine.flush(NOW).expect("flushed");
    drop(engine);
    let uids = files_of(folder.path(), "uid").remove(0);
    let bytes = fs_err::read(&uids).expect("read");
    let options = EngineOptions { check_bytes_max: bytes.len() as u64, ..EngineOptions::default() };

    for at in (0..bytes.len()).step_by(37).chain(bytes.len() - 60..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs_err::write(&uids, damaged).expect("written");
        let shared = Shared { workers: Workers::new(0), ..Shared::default() };
        let opened = Engine::open(folder.path(), Arc::clone(&fields), options.clone(), shared);
        assert!(opened.is_err_and(|error| error.is_damage()), "byte {at} of {}", bytes.len());
    }
}
