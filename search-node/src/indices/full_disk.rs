//! An index on a disk that is full, or nearly so: what adds data is refused with what to do about it, and everything goes on
//! by itself once there is room.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cluster::allocation::{DiskSpace, Watermark};
use serde_json::{Value, json};
use shard::{Condition, HostDisk, WriteRequest};
use testkit::CrashDisk;

use super::auto_create::AutoCreate;
use super::index_run::IndexRun;
use super::registry::Indices;
use super::test_disk::{Breakable, resources};
use super::{Index, Resources};
use crate::disk_watch::DiskWatch;
use crate::error::ApiError;
use crate::watermark::Watermarks;

fn put(index: &Arc<Index>, source: &Value) -> Result<(), ApiError> {
    let mut run = IndexRun::new(Arc::clone(index));
    let source = source.to_string();
    let request = WriteRequest {
        uid: "a",
        doc_type: None,
        id: "a",
        routing: None,
        source: Some(source.as_bytes()),
        condition: Condition::None,
        is_new_id: false,
        now_millis: 0,
    };
    run.write(&request).map(drop)
}

#[test]
fn a_flooded_disk_takes_no_data_and_lets_indices_go() {
    let marks = Watermarks::new(Watermark::Used(0.9), Watermark::Used(0.95)).expect("valid");
    let watch = Arc::new(DiskWatch::new(Some(marks)));
    let has_free = |free: u64| watch.note(Path::new("data"), io::Result::Ok(DiskSpace { total: 100, free }));
    let root = tempfile::tempdir().expect("a folder");
    let watched = Resources { disk_watch: Arc::clone(&watch), ..resources(HostDisk::shared()) };
    let indices = Indices::open(root.path(), AutoCreate::All, watched).expect("opens");
    let index = indices.for_write("logs", false).expect("made");
    put(&index, &json!({"n": 1})).expect("there is room");

    has_free(4);

    let refused = put(&index, &json!({"n": 2})).expect_err("refused");
    assert_eq!((refused.status, refused.kind.as_str()), (429, "cluster_block_exception"));
    assert_eq!(
        refused.reason,
        "index [logs] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"
    );
    for name in ["other", "logs-a-b"] {
        assert_eq!(indices.for_write(name, true).err().map(|error| error.status), Some(429), "{name}");
    }
    assert_eq!(indices.all().len(), 1, "no index is left of a write that was refused");
    assert!(index.shard("a", None).expect("opened").get("a").expect("read").is_some());
    has_free(7);
    assert!(put(&index, &json!({"n": 2})).is_err(), "the high mark is not reached yet");
    indices.delete(&[Arc::clone(&index)]).expect("deleted");

    has_free(10);

    put(&indices.for_write("other", false).expect("made"), &json!({})).expect("accepted again");
}

/// No index yet, the disk below, and their folder.
fn on_a_disk_that_fills(root: &Path) -> (Indices, Breakable, PathBuf) {
    let disk = Breakable::over(&CrashDisk::new(root));
    let folder = root.join("indices");
    let indices = Indices::open(&folder, AutoCreate::All, resources(Arc::clone(&disk.disk))).expect("opens");
    (indices, disk, folder)
}

/// Its translog begins a new generation when it is opened.
#[test]
fn a_shard_that_cannot_be_opened_for_want_of_room_tells_no_unknown_outcome() {
    let root = tempfile::tempdir().expect("a folder");
    let (indices, disk, _) = on_a_disk_that_fills(root.path());
    let index = indices.create("logs", &Value::Null).expect("made");
    disk.set_full(true);

    let refused = put(&index, &json!({"a": 1})).expect_err("refused");

    assert_eq!((refused.status, refused.kind.as_str()), (503, "translog_exception"));
    assert!(refused.reason.contains("free or mend its disk"), "{}", refused.reason);
    assert!(refused.to_item().get("outcome").is_none(), "nothing was written: {}", refused.reason);
}

/// The mapping on the disk and the one in memory stay the same, however often it could not grow.
#[test]
fn a_mapping_that_cannot_grow_names_its_disk_and_grows_once_there_is_room() {
    let root = tempfile::tempdir().expect("a folder");
    let (indices, disk, folder) = on_a_disk_that_fills(root.path());
    let index = indices.create("logs", &Value::Null).expect("made");
    put(&index, &json!({"a": 1})).expect("there is room");

    disk.set_full(true);

    for _ in 0..3 {
        let refused = put(&index, &json!({"a": 1, "b": 1})).expect_err("refused");
        assert_eq!(
            (refused.status, refused.kind.as_str()),
            (503, "failed_to_commit_cluster_state_exception")
        );
        let folder = index.folder().display().to_string();
        for part in ["the mapping of [logs] cannot grow", &folder, "free space on that disk"] {
            assert!(refused.reason.contains(part), "{}", refused.reason);
        }
    }
    put(&index, &json!({"a": 2})).expect("what is mapped is taken");
    disk.set_full(false);
    put(&index, &json!({"c": 1})).expect("it grows again");
    let shown = index.mapping().to_json();
    assert_eq!(shown["properties"].as_object().map(|fields| fields.len()), Some(2), "{shown}");
    let again = Indices::open(&folder, AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    assert_eq!(again.get("logs").expect("there").mapping().to_json(), shown);
}

/// A client that asks again and again used to leave a folder each time.
#[test]
fn an_index_that_cannot_be_made_names_its_disk_and_leaves_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let (indices, disk, folder) = on_a_disk_that_fills(root.path());
    disk.set_full(true);

    for _ in 0..3 {
        let refused = indices.for_write("logs", false).map(drop).expect_err("refused");
        assert_eq!(
            (refused.status, refused.kind.as_str()),
            (503, "failed_to_commit_cluster_state_exception")
        );
        for part in ["index [logs] cannot be made", "free space on that disk"] {
            assert!(refused.reason.contains(part), "{}", refused.reason);
        }
    }

    assert_eq!(fs_err::read_dir(&folder).expect("read").count(), 0);
    disk.set_full(false);
    indices.for_write("logs", false).expect("made");
}
