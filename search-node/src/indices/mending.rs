//! A shard whose disk failed accepts nothing more, still answers, and is opened again once its disk is well: by itself, with
//! everything that was acknowledged and nothing that was refused.

use std::sync::Arc;

use serde_json::{Value, json};
use shard::{Condition, WriteRequest};
use testkit::CrashDisk;

use super::Index;
use super::auto_create::AutoCreate;
use super::index_run::IndexRun;
use super::registry::Indices;
use super::shard_copy::CopyState;
use super::test_disk::{Breakable, resources};
use crate::error::ApiError;

/// An index with one acknowledged document, on a disk that can break.
struct Tried {
    _root: tempfile::TempDir,
    disk: Breakable,
    _indices: Indices,
    index: Arc<Index>,
}

impl Tried {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let disk = Breakable::over(&CrashDisk::new(root.path()));
        let indices =
            Indices::open(&root.path().join("indices"), AutoCreate::All, resources(Arc::clone(&disk.disk)));
        let indices = indices.expect("opens");
        let index = indices.create("logs", &Value::Null).expect("made");
        put(&index, "kept").expect("acknowledged");
        Self { _root: root, disk, _indices: indices, index }
    }
}

/// Writes a document and makes it durable.
fn put(index: &Arc<Index>, id: &str) -> Result<(), ApiError> {
    let mut run = IndexRun::new(Arc::clone(index));
    run.write(&WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: Some(b"{\"n\":1}"),
        condition: Condition::None,
        is_new_id: false,
        now_millis: 0,
    })?;
    run.sync().into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

fn has(index: &Index, id: &str) -> bool {
    index.shard(id, None).expect("open").get(id).expect("read").is_some()
}

fn state(index: &Index) -> CopyState {
    index.copy_states().next().expect("a copy")
}

#[test]
fn a_shard_is_opened_again_once_its_disk_is_well() {
    let Tried { _root, disk, _indices, index } = Tried::new();
    index.refresh().expect("shown");

    disk.set_broken(true);
    let refused = put(&index, "refused").expect_err("not durable");
    assert_eq!((refused.status, refused.kind.as_ref()), (503, "translog_exception"));
    assert_eq!(refused.to_item()["outcome"], "unknown");
    assert_eq!(state(&index), CopyState::Failed);
    index.mend().expect("tried");
    assert_eq!(state(&index), CopyState::Failed, "the disk is still broken");
    assert!(has(&index, "kept"), "it answers meanwhile");
    assert_eq!(index.shards_to_search().err().map(|error| error.status), Some(503), "one write is not shown");
    let later = put(&index, "later").expect_err("refused");
    assert!(later.reason.contains("until its disk is well"), "{}", later.reason);
    assert!(later.to_item().get("outcome").is_none(), "nothing was done");
    disk.set_broken(false);
    index.mend().expect("tried");
    assert_eq!(state(&index), CopyState::Failed, "tried a moment ago");

    index.mend_at(i64::MAX).expect("mended");

    assert_eq!(state(&index), CopyState::Open);
    assert!(has(&index, "kept") && !has(&index, "later"));
    put(&index, "after").expect("acknowledged");
    assert!(has(&index, "after"));
    index.shards_to_search().expect("searchable again");
    assert_eq!(index.mapping().to_json(), json!({"properties": {"n": {"type": "long"}}}));
}

/// Requests that use the shard are waited for, and those that come meanwhile wait too: each gets its answer.
#[test]
fn a_shard_in_use_is_opened_again_once_it_is_let_go_of() {
    let Tried { _root, disk, _indices, index } = Tried::new();
    disk.set_broken(true);
    put(&index, "refused").expect_err("not durable");
    disk.set_broken(false);

    let reader = index.shard("kept", None).expect("open");
    std::thread::scope(|scope| {
        let mending = scope.spawn(|| index.mend_at(i64::MAX));
        while !index.is_draining() {
            std::thread::yield_now();
        }
        let waiting = scope.spawn(|| has(&index, "kept"));
        assert!(reader.get("kept").expect("read").is_some(), "who has it goes on");
        drop(reader);
        mending.join().expect("ran").expect("mended");
        assert!(waiting.join().expect("ran"));
    });

    assert_eq!(state(&index), CopyState::Open);
}

/// A number that somebody has seen, and that was lost with the write, is given out again under another primary term.
#[test]
fn a_condition_on_a_write_that_was_lost_does_not_hold_for_the_next_one() {
    let Tried { _root, disk, _indices, index } = Tried::new();
    disk.set_broken(true);
    put(&index, "a").expect_err("not durable");
    let seen = index.shard("a", None).expect("open").get("a").expect("read").expect("seen by who asked");
    disk.set_broken(false);
    index.mend_at(i64::MAX).expect("mended");

    put(&index, "a").expect("acknowledged");

    let now = index.shard("a", None).expect("open").get("a").expect("read").expect("there");
    assert!(now.term > seen.term, "{} and {}", now.term, seen.term);
}
