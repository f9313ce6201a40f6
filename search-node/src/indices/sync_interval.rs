//! Writes of an index with `index.translog.durability: async` are durable once its interval has passed, and not before.

use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use serde_json::json;
use shard::{Condition, WriteRequest};
use testkit::{CrashDisk, PowerCut, Survival};

use super::Resources;
use super::index_run::IndexRun;
use super::registry::Indices;
use super::test_disk::{Breakable, resources};

/// Whether a power cut now would leave the document.
fn is_durable(disk: &CrashDisk) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    PowerCut::after(disk, disk.len(), Survival::Nothing).lay_out(folder.path()).expect("laid out");
    let on_host = resources(shard::HostDisk::shared());
    let indices = Indices::open(&folder.path().join("indices"), true, on_host).expect("opens");
    let index = indices.get("logs").expect("there");
    index.shard("a", None).expect("opened").get("a").expect("read").is_some()
}

#[test]
fn a_write_is_durable_once_the_interval_has_passed() {
    let root = tempfile::tempdir().expect("a folder");
    let disk = CrashDisk::new(root.path());
    let clock = Clock::fixed(1_795_515_630_000_000_000);
    let on_disk = Resources { clock: clock.clone(), ..resources(Breakable::over(&disk).disk) };
    let indices = Indices::open(&root.path().join("indices"), true, on_disk).expect("opens");
    let settings = json!({"settings": {"translog": {"durability": "async", "sync_interval": "20s"}}});
    let index = indices.create("logs", &settings).expect("made");
    index.tend().expect("tended");

    let mut run = IndexRun::new(Arc::clone(&index));
    run.write(&WriteRequest {
        uid: "a",
        doc_type: None,
        id: "a",
        routing: None,
        source: Some(b"{}"),
        condition: Condition::None,
        is_new_id: false,
        now_millis: clock.now_millis(),
    })
    .expect("written");
    assert_eq!(run.sync().len(), 0, "nothing failed, for nothing was synced");

    for (passed, expected) in [(0, false), (19, false), (1, true)] {
        clock.advance(Duration::from_secs(passed));
        index.tend().expect("tended");
        assert_eq!(is_durable(&disk), expected, "{passed} s later");
    }
}
