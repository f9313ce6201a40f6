//! What the engine promises, one promise a test; `model` tries them all at once.

mod filters;
mod helping;
mod history;
mod joined;
mod large;
mod long_texts;
mod looking;
mod merging;
mod model;
mod nested;
mod packing;
mod places;
mod replication;
mod requests;
mod rooms;
mod runtime;
mod scoring;
mod seeking;
mod shapes;
mod skipping;

mod sorted;
mod stopping;
mod uids;
mod ways;
mod words;
mod zones;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::mapping::{Mapping, parse_mapping};
use crate::query::{QueryContext, parse_query};
use crate::search::{Ending, SearchRequest, Stop, never, search};
use disk::{DiskOperation, HookedDisk};

const NOW: i64 = 1_795_515_630_123;

fn mapping(fields: &[(&str, &str)]) -> Arc<Mapping> {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({"type": kind}))).collect();
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

/// An engine whose merges are done by who asks for them, so that a test knows when they are done.
fn open(folder: &Path, mapping: Arc<Mapping>) -> Arc<Engine> {
    let options = EngineOptions { segment_buffer_bytes: 20 << 20, ..EngineOptions::default() };
    open_with(folder, mapping, options)
}

fn open_with(folder: &Path, mapping: Arc<Mapping>, options: EngineOptions) -> Arc<Engine> {
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    fs_err::create_dir_all(folder).expect("a folder");
    Engine::open(folder, mapping, options, shared).expect("opens")
}

fn request<'a>(id: &'a str, source: Option<&'a [u8]>, condition: Condition) -> WriteRequest<'a> {
    WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source,
        condition,
        is_new_id: false,
        now_millis: NOW,
    }
}

fn put(engine: &Arc<Engine>, id: &str, document: &Value) -> Written {
    write(engine, id, Some(document), Condition::None).expect("written")
}

fn write(
    engine: &Arc<Engine>,
    id: &str,
    document: Option<&Value>,
    condition: Condition,
) -> Result<Written, EngineError> {
    let source = document.map(|document| document.to_string().into_bytes());
    match WriteRun::new(engine).write(&request(id, source.as_deref(), condition))? {
        WriteOutcome::Written(written) => Ok(written),
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

fn found(engine: &Engine, query: &Value) -> Vec<String> {
    let view = engine.view();
    let request = SearchRequest::of(parse_query(query).expect("a query"), 1000);
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let answer = search(&view, &request, &context, &never()).expect("searched");
    assert_eq!(answer.total as usize, answer.hits.len());
    let mut ids: Vec<String> = answer
        .hits
        .iter()
        .map(|hit| {
            let address = tantivy::DocAddress::new(hit.segment, hit.document);
            view.document(address, view.numbers(address).expect("numbers")).expect("a document").uid
        })
        .collect();
    ids.sort();
    ids
}

/// Ends a search once it was asked so often whether it goes on; also how often it was.
fn ends_after(looks: usize, why: Stop) -> (Ending, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    (Ending::when(move || (counted.fetch_add(1, Ordering::Relaxed) >= looks).then_some(why)), asked)
}

#[test]
fn a_document_is_got_at_once_and_searched_after_a_refresh() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("title", "text")]));
    put(&engine, "1", &json!({"title": "the quick fox"}));

    assert_eq!(engine.get("1").expect("got").map(|document| document.version), Some(1));
    assert!(found(&engine, &json!({"match": {"title": "fox"}})).is_empty());
    assert!(engine.refresh(NOW).expect("refreshed"));

    assert_eq!(found(&engine, &json!({"match": {"title": "FOX"}})), ["1"]);
    assert!(!engine.refresh(NOW).expect("nothing new"));
}

#[test]
fn conditions_hold_or_name_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    let first = put(&engine, "1", &json!({"n": 1}));

    for refreshed in [false, true] {
        if refreshed {
            engine.refresh(NOW).expect("refreshed");
        }
        let conflict =
            write(&engine, "1", Some(&json!({"n": 2})), Condition::Absent).expect_err("a conflict");
        assert_eq!(
            conflict.to_string(),
            "[1]: version conflict, document already exists (current version [1])"
        );
        let wrong = Condition::SeqNo { seq_no: 7, term: 1 };
        let conflict = write(&engine, "1", Some(&json!({"n": 2})), wrong).expect_err("a conflict");
        assert!(
            conflict
                .to_string()
                .contains("required seqNo [7], primary term [1]. current document has seqNo [0]")
        );
    }
    let right = Condition::SeqNo { seq_no: first.seq_no, term: first.term };
    let second = write(&engine, "1", Some(&json!({"n": 2})), right).expect("written");
    assert_eq!((second.version, second.existed), (2, true));
    let low = Condition::External { version: 2, or_equal: false };
    assert!(write(&engine, "1", Some(&json!({"n": 3})), low).is_err());
    let high = Condition::External { version: 10, or_equal: false };
    assert_eq!(write(&engine, "1", Some(&json!({"n": 3})), high).expect("written").version, 10);
}

#[test]
fn versions_go_on_after_a_delete() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    put(&engine, "1", &json!({"n": 1}));

    let deleted = write(&engine, "1", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");
    let again = put(&engine, "1", &json!({"n": 2}));

    assert_eq!((deleted.version, deleted.existed), (2, true));
    assert_eq!((again.version, again.existed), (3, false));
}

/// Without room for tombstones a document that returns begins anew, but never while its delete is not visible yet.
#[test]
fn a_delete_without_a_tombstone_is_still_a_delete() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared =
        Shared { workers: Workers::new(0), tombstones: TombstoneBudget::new(0), ..Shared::default() };
    let engine = Engine::open(folder.path(), mapping(&[("n", "long")]), EngineOptions::default(), shared)
        .expect("opens");
    put(&engine, "1", &json!({"n": 1}));
    engine.refresh(NOW).expect("refreshed");
    write(&engine, "1", None, Condition::None).expect("deleted");

    assert!(engine.get("1").expect("got").is_none());
    assert_eq!(put(&engine, "1", &json!({"n": 2})).version, 3);
    write(&engine, "1", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");
    assert!(engine.get("1").expect("got").is_none());
    assert_eq!(put(&engine, "1", &json!({"n": 3})).version, 1);
}

/// Segments of an older schema and of a newer one are searched together, merged, and give the answers of one index.
#[test]
fn a_schema_that_grew_answers_like_one_that_was_always_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("title", "text")]));
    put(&engine, "1", &json!({"title": "foo bar"}));
    engine.refresh(NOW).expect("refreshed");
    put(&engine, "2", &json!({"title": "foo"}));

    engine.set_mapping(mapping(&[("title", "text"), ("body", "text"), ("n", "long")]), NOW).expect("grown");
    put(&engine, "3", &json!({"title": "foo", "body": "hello world", "n": 5}));
    engine.refresh(NOW).expect("refreshed");

    assert_eq!(found(&engine, &json!({"match": {"title": "foo"}})), ["1", "2", "3"]);
    assert_eq!(found(&engine, &json!({"match": {"body": "hello"}})), ["3"]);
    assert_eq!(found(&engine, &json!({"range": {"n": {"gte": 5}}})), ["3"]);
    assert_eq!(found(&engine, &json!({"exists": {"field": "n"}})), ["3"]);

    assert!(engine.view().searcher.segment_readers().len() > 1);
    engine.force_merge(ForceMerge::Segments(1)).expect("segments of both schemas merge");
    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
    assert_eq!(found(&engine, &json!({"match": {"body": "hello"}})), ["3"]);
    assert_eq!(found(&engine, &json!({"match": {"title": "foo"}})), ["1", "2", "3"]);
}

#[test]
fn a_segment_that_outgrows_its_buffer_is_written_out_and_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { segment_buffer_bytes: 3 << 20, writers: 2, ..EngineOptions::default() };
    let engine = open_with(folder.path(), mapping(&[("t", "text")]), options);
    let text: String = (0..2_000).map(|n| format!("word{n} ")).collect();

    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (engine, text) = (&engine, &text);
            scope.spawn(move || {
                for n in 0..150 {
                    put(engine, &format!("{writer}-{n}"), &json!({"t": format!("{text} own{writer}x{n}")}));
                }
            });
        }
    });
    engine.refresh(NOW).expect("refreshed");

    assert!(engine.view().searcher.segment_readers().len() > 2, "some segments were spilled");
    assert_eq!(engine.view().searcher.num_docs(), 300);
    assert_eq!(found(&engine, &json!({"match": {"t": "own1x149"}})), ["1-149"]);
}

/// Five hundred shards with a document each hold as much as one with a large load, and used to count as nothing.
#[test]
fn an_open_segment_counts_from_its_first_document_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text")]));
    put(&engine, "1", &json!({"t": "a"}));
    let one = engine.buffered_bytes();
    assert!(one >= OPEN_SEGMENT_BYTES, "{one}");

    let text: String = (0..20_000).map(|n| format!("word{n} ")).collect();
    put(&engine, "2", &json!({"t": text}));

    assert!(engine.buffered_bytes() > one + text.len(), "{}", engine.buffered_bytes());
    assert_eq!(engine.buffered_bytes(), engine.shared.buffers.bytes());
    engine.refresh(NOW).expect("refreshed");
    assert_eq!((engine.buffered_bytes(), engine.shared.buffers.bytes()), (0, 0));
}

/// Updates that arrive while merges wait, run and end cost neither a merge nor a document.
#[test]
fn merges_in_the_background_agree_with_updates_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let workers = Workers::new(2);
    let shared = Shared { workers: Arc::clone(&workers), ..Shared::default() };
    let engine = Engine::open(
        folder.path(),
        mapping(&[("n", "long"), ("t", "text")]),
        EngineOptions::default(),
        shared,
    )
    .expect("opens");

    std::thread::scope(|scope| {
        for writer in 0..2u64 {
            let engine = Arc::clone(&engine);
            scope.spawn(move || {
                for n in 0..4_000u64 {
                    let id = format!("{writer}-{}", n * 7 % 97);
                    put(&engine, &id, &json!({"n": n, "t": format!("word{n} common")}));
                    if n % 20 == writer * 10 {
                        engine.refresh(NOW).expect("refreshed");
                    }
                }
            });
        }
    });
    engine.refresh(NOW).expect("refreshed");
    workers.wait_until_idle();

    assert!(engine.counters.merges.load(Ordering::Relaxed) > 10, "merges ran");
    assert_eq!(engine.counters.merges_failed.load(Ordering::Relaxed), 0);
    assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 2 * 97);
    for writer in 0..2 {
        // The last of each id: 3,903 to 3,999, as every id comes once in 97 writes.
        let last = json!({"range": {"n": {"gte": 4_000 - 97}}});
        assert_eq!(
            found(&engine, &last).iter().filter(|id| id.starts_with(&format!("{writer}-"))).count(),
            97
        );
    }
    engine.flush(NOW).expect("flushed");
    let on_disk = fs_err::read_dir(folder.path().join("index")).expect("a folder").count();
    workers.wait_until_idle();
    let segments = engine.view().searcher.segment_readers().len();
    assert!(on_disk <= segments * 7 + 20, "{on_disk} files for {segments} segments");
}

/// A disk that refuses to make anything new, on demand.
struct FullDisk {
    is_full: AtomicBool,
    /// The files it refuses end so.
    refuses: &'static str,
    /// How many of these it still takes when it is full.
    spare: AtomicUsize,
}

impl FullDisk {
    fn new(refuses: &'static str) -> Arc<Self> {
        Arc::new(Self { is_full: AtomicBool::new(false), refuses, spare: AtomicUsize::new(0) })
    }

    fn disk(self: &Arc<Self>) -> Arc<dyn Disk> {
        let full = Arc::clone(self);
        HookedDisk::over(HostDisk::shared(), move |operation, path| match operation {
            DiskOperation::CreateNew | DiskOperation::Create | DiskOperation::Rename => full.check(path),
            DiskOperation::SyncFolder | DiskOperation::SyncFile => full.check(path),
            _ => Ok(()),
        })
    }

    fn fill(&self, spare: usize) {
        self.spare.store(spare, Ordering::Release);
        self.is_full.store(true, Ordering::Release);
    }

    fn check(&self, path: &Path) -> std::io::Result<()> {
        let is_full = self.is_full.load(Ordering::Acquire);
        if is_full && path.to_string_lossy().ends_with(self.refuses) {
            let takes_one = |spare: usize| spare.checked_sub(1);
            if self.spare.fetch_update(Ordering::AcqRel, Ordering::Acquire, takes_one).is_ok() {
                return Ok(());
            }
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

/// Whatever the disk refuses in the middle of a refresh or a flush, the shard says so, forgets nothing, accepts nothing
/// more, and has everything that was acknowledged when it is opened again.
#[test]
fn a_disk_that_refuses_costs_nothing_acknowledged() {
    for refuses in
        [".store", ".idx", ".fast", ".term", ".uid", ".del", "index", "manifest", "manifest.tmp", ".tlog"]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = FullDisk::new(refuses);
        let shared = Shared { disk: disk.disk(), workers: Workers::new(0), ..Shared::default() };
        let fields = mapping(&[("n", "long"), ("t", "text")]);
        let engine = Engine::open(folder.path(), Arc::clone(&fields), EngineOptions::default(), shared)
            .expect("opens");
        for n in 0..10 {
            put(&engine, &n.to_string(), &json!({"n": n, "t": "common"}));
        }
        write(&engine, "3", None, Condition::None).expect("deleted");
        engine.flush(NOW).expect("flushed");
        put(&engine, "4", &json!({"n": 44, "t": "common"}));
        write(&engine, "5", None, Condition::None).expect("deleted");
        put(&engine, "new", &json!({"n": 11, "t": "common"}));
        engine.sync_all().expect("synced");

        disk.fill(0);
        let failed = engine.flush(NOW);
        disk.is_full.store(false, Ordering::Release);

        assert!(failed.is_err(), "{refuses}");
        assert!(engine.flush(NOW).is_err() && engine.refresh(NOW).is_err(), "{refuses}: it stays fenced");
        drop(engine);
        let engine = open(folder.path(), fields);
        engine.refresh(NOW).expect("refreshed");
        let n = |id: &str| {
            let stored = engine.get(id).expect("got")?;
            serde_json::from_slice::<Value>(&stored.source).expect("JSON")["n"].as_u64()
        };
        assert_eq!((n("3"), n("4"), n("5"), n("new")), (None, Some(44), None, Some(11)), "{refuses}");
        assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 9, "{refuses}");
    }
}

/// A mapping that no longer takes an acknowledged document must not keep the shard shut.
#[test]
fn a_document_that_no_longer_fits_is_kept_by_its_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "keyword")]));
    put(&engine, "1", &json!({"n": "abc"}));
    put(&engine, "2", &json!({"n": "7"}));
    engine.sync_all().expect("synced");
    drop(engine);

    let engine = open(folder.path(), mapping(&[("n", "long")]));

    assert!(engine.get("1").expect("got").is_some() && engine.get("2").expect("got").is_some());
    assert_eq!(found(&engine, &json!({"term": {"n": 7}})), ["2"]);
}

#[test]
fn a_shard_that_lost_its_manifest_is_not_an_empty_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let fields = mapping(&[("n", "long")]);
    let engine = open(folder.path(), Arc::clone(&fields));
    put(&engine, "1", &json!({"n": 1}));
    engine.flush(NOW).expect("flushed");
    drop(engine);
    fs_err::remove_file(folder.path().join("index/manifest")).expect("lost");
    let before = fs_err::read_dir(folder.path().join("index")).expect("a folder").count();

    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    let opened = Engine::open(folder.path(), fields, EngineOptions::default(), shared);

    assert!(opened.is_err());
    assert_eq!(
        fs_err::read_dir(folder.path().join("index")).expect("a folder").count(),
        before,
        "nothing is removed"
    );
}

/// Shards that open together would each take tens of times the bytes of such a document at the same moment.
#[test]
fn a_large_document_waits_for_those_of_other_shards_when_its_translog_is_replayed() {
    let small = json!({"title": "a"});
    let large = json!({"title": "word ".repeat(LARGE_DOCUMENT_BYTES / 5 + 1)});
    for (document, waits) in [(small, false), (large, true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mapping = mapping(&[("title", "text")]);
        let before = open(folder.path(), Arc::clone(&mapping));
        before.sync(put(&before, "1", &document).location.expect("logged")).expect("synced");
        drop(before);
        let shared = Shared { workers: Workers::new(0), ..Shared::default() };
        let turn = Arc::clone(&shared.large_replays);

        let others = turn.lock();
        let opening = std::thread::spawn({
            let folder = folder.path().to_owned();
            move || Engine::open(&folder, mapping, EngineOptions::default(), shared).expect("opens")
        });
        if waits {
            std::thread::sleep(std::time::Duration::from_millis(500));
            assert!(!opening.is_finished());
            drop(others);
        }

        let engine = opening.join().expect("no panic");
        assert!(engine.get("1").expect("got").is_some());
    }
}
