//! When writes are durable: with `index.translog.durability: async` once the interval has passed, and not before; without it before
//! anybody is told of them, also by a conflict.

use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use serde_json::json;
use shard::{Condition, WriteRequest};
use testkit::{CrashDisk, PowerCut, Survival};

use super::Resources;
use super::auto_create::AutoCreate;
use super::index_run::IndexRun;
use super::registry::Indices;
use super::test_disk::{Breakable, resources};

const NOW_MILLIS: i64 = 1_795_515_630_000;

/// Whether a power cut now would leave the document.
fn is_durable(disk: &CrashDisk) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    PowerCut::after(disk, disk.len(), Survival::Nothing).lay_out(folder.path()).expect("laid out");
    let on_host = resources(shard::HostDisk::shared());
    let indices = Indices::open(&folder.path().join("indices"), AutoCreate::All, on_host).expect("opens");
    let index = indices.get("logs").expect("there");
    index.shard("a", None).expect("opened").get("a").expect("read").is_some()
}

fn request(id: &str, condition: Condition) -> WriteRequest<'_> {
    WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: Some(b"{}"),
        condition,
        is_new_id: false,
        now_millis: NOW_MILLIS,
    }
}

#[test]
fn a_write_is_durable_once_the_interval_has_passed() {
    let root = tempfile::tempdir().expect("a folder");
    let disk = CrashDisk::new(root.path());
    let clock = Clock::fixed(NOW_MILLIS * 1_000_000);
    let on_disk = Resources { clock: clock.clone(), ..resources(Breakable::over(&disk).disk) };
    let indices = Indices::open(&root.path().join("indices"), AutoCreate::All, on_disk).expect("opens");
    let settings = json!({"settings": {"translog": {"durability": "async", "sync_interval": "20s"}}});
    let index = indices.create("logs", &settings).expect("made");
    index.tend().expect("tended");

    let mut run = IndexRun::new(Arc::clone(&index));
    run.write(&request("a", Condition::None)).expect("written");
    assert_eq!(run.sync().len(), 0, "nothing failed, for nothing was synced");

    for (passed, expected) in [(0, false), (19, false), (1, true)] {
        clock.advance(Duration::from_secs(passed));
        index.tend().expect("tended");
        assert_eq!(is_durable(&disk), expected, "{passed} s later");
    }
}

/// Whoever tries again because nobody answered takes the conflict for done.
#[test]
fn a_conflict_is_told_once_what_it_conflicts_with_is_durable() {
    let root = tempfile::tempdir().expect("a folder");
    let disk = CrashDisk::new(root.path());
    let on_disk = resources(Breakable::over(&disk).disk);
    let indices = Indices::open(&root.path().join("indices"), AutoCreate::All, on_disk).expect("opens");
    let index = indices.create("logs", &serde_json::Value::Null).expect("made");
    let mut first = IndexRun::new(Arc::clone(&index));
    first.write(&request("a", Condition::Absent)).expect("written, and not synced");
    assert!(!is_durable(&disk));

    let mut again = IndexRun::new(Arc::clone(&index));
    let refused = again.write(&request("a", Condition::Absent)).map(drop).expect_err("a conflict");
    assert_eq!(again.sync().len(), 0);

    assert!(refused.status == 409 && again.take_told().is_some());
    assert!(is_durable(&disk));
}
