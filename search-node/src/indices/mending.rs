//! A shard whose disk failed accepts nothing more, still answers, and is opened again once its disk is well: by itself, with
//! everything that was acknowledged and nothing that was refused.

use std::sync::Arc;

use serde_json::{Value, json};
use shard::{Condition, WriteRequest};
use testkit::CrashDisk;

use super::Index;
use super::index_run::IndexRun;
use super::registry::Indices;
use super::shard_copy::CopyState;
use super::test_disk::{Recorded, resources};
use crate::error::ApiError;

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
    run.sync().next().map_or(Ok(()), |(_, error)| Err(error))
}

fn has(index: &Index, id: &str) -> bool {
    index.shard(id, None).expect("open").get(id).expect("read").is_some()
}

fn state(index: &Index) -> CopyState {
    index.copy_states().next().expect("a copy")
}

#[test]
fn a_shard_is_opened_again_once_its_disk_is_well() {
    let root = tempfile::tempdir().expect("a folder");
    let disk = Recorded::over(&CrashDisk::new(root.path()));
    let indices = Indices::open(&root.path().join("indices"), true, resources(Arc::new(disk.clone())));
    let index = indices.expect("opens").create("logs", &Value::Null).expect("made");
    put(&index, "kept").expect("acknowledged");
    index.refresh().expect("shown");

    disk.set_broken(true);
    put(&index, "refused").expect_err("not durable");
    assert_eq!(state(&index), CopyState::Failed);
    index.mend().expect("nothing to do");
    assert_eq!(state(&index), CopyState::Failed, "the disk is still broken");
    assert!(has(&index, "kept"), "it answers meanwhile");
    disk.set_broken(false);

    let reader = index.shard("kept", None).expect("open");
    index.mend_at(i64::MAX).expect("tried");
    assert_eq!(state(&index), CopyState::Failed, "somebody uses it");
    drop(reader);
    index.mend_at(i64::MAX).expect("tried");

    assert_eq!(state(&index), CopyState::Open);
    assert!(has(&index, "kept"));
    put(&index, "after").expect("acknowledged");
    assert!(has(&index, "after"));
    assert_eq!(index.mapping().to_json(), json!({"properties": {"n": {"type": "long"}}}));
}
