//! An index on a disk that is full, or nearly so: what adds data is refused with what to do about it, and everything goes on
//! by itself once there is room.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use shard::{Condition, HostDisk, WriteRequest};

use super::index_run::IndexRun;
use super::registry::Indices;
use super::test_disk::resources;
use super::{Index, Resources};
use crate::disk_watch::DiskWatch;
use crate::error::ApiError;
use crate::watermark::{DiskSpace, Watermark, Watermarks};

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
    let indices = Indices::open(root.path(), true, watched).expect("opens");
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
