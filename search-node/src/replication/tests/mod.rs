//! Real shards with their roles, over a way that loses, delays and doubles messages.

mod filling;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::state::{CopyId, Stage};
use serde_json::json;
use testkit::Chance;
use tokio::runtime::Handle;

use self::world::{World, wait_until};
use super::message::Operations;
use super::{Batch, Leading};
use crate::error::ApiError;

/// How many writers write at the same time.
const WRITERS: usize = 3;

/// Writes documents side by side; gives those that were acknowledged. What is not acknowledged may be there or not.
fn write_all(leading: &Arc<Leading>, round: usize, requests: usize) -> BTreeSet<String> {
    let write = |writer: usize| {
        let mut acknowledged = BTreeSet::new();
        for request in 0..requests {
            let ids: Vec<String> = (0..3).map(|at| format!("{round}-{writer}-{request}-{at}")).collect();
            if write(leading, &ids).is_ok() {
                acknowledged.extend(ids);
            }
        }
        acknowledged
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("the writer ended")).collect()
    })
}

/// One request, as the node does it.
fn write(leading: &Arc<Leading>, ids: &[String]) -> Result<(), ApiError> {
    let documents: Vec<(String, String)> =
        ids.iter().map(|id| (id.clone(), format!("{{\"n\":{}}}", id.len()))).collect();
    write_these(leading, &documents)
}

/// The same with documents as they are given.
fn write_these(leading: &Arc<Leading>, documents: &[(String, String)]) -> Result<(), ApiError> {
    let shard = leading.stored.shard()?;
    let (mut run, mut batch, mut newest) = (shard.run(), Batch::default(), None);
    for (id, source) in documents {
        let request = world::request(id, source.as_bytes());
        let admitted = leading.admit_one(&batch)?.ok_or_else(|| ApiError::not_primary("it hands over"))?;
        let shard::WriteOutcome::Written(written) = run.write(&request)? else {
            panic!("the field is mapped")
        };
        batch.push(admitted, &request, &written);
        newest = Some(written);
    }
    leading.register(&mut batch);
    shard.sync(&newest.expect("something was written"))?;
    leading.is_on_own_disk(&batch);
    leading.wait(&batch, 1).map(drop)
}

fn assert_has(world: &World, node: u64, acknowledged: &BTreeSet<String>, seed: u64) {
    let shard = world.shard(node);
    for id in acknowledged {
        let found = shard.get(id).expect("read");
        assert!(found.is_some(), "seed {seed}: {id} was acknowledged, and node {node} does not have it");
    }
}

/// Whatever becomes of messages: what is acknowledged is on every copy in sync, and in the end all copies hold the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_on_every_copy_in_sync_whatever_the_way_does() {
    for seed in 0..6 {
        let world = World::new(seed);
        let leading = world.lead(1);
        world.add(2);
        world.add(3);
        world.set_faulty(true);
        let writers = Arc::clone(&leading);
        let acknowledged =
            tokio::task::spawn_blocking(move || write_all(&writers, 0, 12)).await.expect("ran");

        for node in world.in_sync() {
            assert_has(&world, node, &acknowledged, seed);
        }
        world.set_faulty(false);
        // What was let go of begins anew.
        for node in [2, 3] {
            if !world.is_present(node) {
                world.add(node);
            }
        }
        wait_until(|| world.in_sync().len() == 3).await;
        wait_until(|| world.all_equal()).await;
        assert!(!acknowledged.is_empty() || world.was_let_go(), "seed {seed}: nothing was done");
    }
}

/// A primary fails in the midst of writes: another copy in sync goes on with all that was acknowledged, and the third one lets go of
/// what the new primary does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_copy_goes_on_where_a_primary_fails() {
    for seed in 0..6 {
        let mut chance = Chance::new(seed);
        let world = World::new(seed);
        let first = world.lead(1);
        world.add(2);
        world.add(3);
        wait_until(|| world.in_sync().len() == 3).await;
        let writers = Arc::clone(&first);
        let mut acknowledged =
            tokio::task::spawn_blocking(move || write_all(&writers, 0, 4)).await.expect("ran");
        assert_eq!(acknowledged.len(), WRITERS * 4 * 3, "seed {seed}: nothing was in the way");
        // From now on some messages of the first primary get to one copy, and none to the other.
        world.cut(3);
        let (writers, halves) = (Arc::clone(&first), 1 + chance.below(4));
        let unfinished = tokio::task::spawn_blocking(move || {
            for half in 0..halves {
                writers.abandon(world::numbered(&writers, &format!("lost-{half}")));
            }
        });
        unfinished.await.expect("ran");
        let held = halves as i64 + acknowledged.len() as i64 - 1;
        wait_until(|| world.shard(2).max_seq_no() >= held).await;

        world.fail(1);
        world.mend_way(3);
        let successor = if chance.one_in(2) { 2 } else { 3 };
        let second = world.lead(successor);
        let writers = Arc::clone(&second);
        acknowledged
            .extend(tokio::task::spawn_blocking(move || write_all(&writers, 1, 4)).await.expect("ran"));

        assert!(first.is_over(), "seed {seed}: it has heard of the next term, or of the map");
        assert_eq!(acknowledged.len(), 2 * WRITERS * 4 * 3, "seed {seed}");
        // What took the place of something that was dropped is on the disk, and is shown once the copy was rolled back.
        wait_until(|| world.in_sync().into_iter().all(|node| !world.shard(node).must_roll_back())).await;
        for node in world.in_sync() {
            assert_has(&world, node, &acknowledged, seed);
        }
        wait_until(|| world.all_equal()).await;
        assert!(world.stages().iter().all(|stage| *stage == Stage::Started), "seed {seed}");
    }
}

/// The thread that follows the map is behind the way by which a copy asks to be filled: what it brings then is old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_that_comes_late_makes_no_primary_forget_a_copy() {
    let world = World::new(1);
    let leading = world.lead(1);
    let before = world.map();
    world.add(2);
    let acknowledged = BTreeSet::from(["a".to_owned()]);

    leading.map_changed(&before).expect("it is passed over");

    assert!(leading.has_others());
    let writer = Arc::clone(&leading);
    let ids: Vec<String> = acknowledged.iter().cloned().collect();
    tokio::task::spawn_blocking(move || write(&writer, &ids)).await.expect("ran").expect("acknowledged");
    wait_until(|| world.in_sync().len() == 2).await;
    assert_has(&world, 2, &acknowledged, 1);
}

/// A copy asked to catch up, did not hear the answer, and asks again with files in which what it has told of may be missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_got_files_after_it_was_sent_operations_begins_as_another_one() {
    let world = World::new(1);
    let leading = world.lead(1);
    leading.check_not_fed(CopyId(99)).expect("nothing was sent to it");
    world.add(2);
    let copy = world.copy(2);
    wait_until(|| world.in_sync().len() == 2).await;

    assert!(leading.feeds(copy), "files would be refused to it");
    let error = leading.check_not_fed(copy).expect_err("it counts on what it was sent");

    assert_eq!(error.status, 503, "{}", error.reason);
    wait_until(|| !world.is_present(2)).await;
    world.add(2);
    wait_until(|| world.in_sync().len() == 2).await;
    assert!(world.copy(2) != copy && world.all_equal());
}

/// A field that the primary's mapping has may be passed over, refused or read otherwise by the one before, and nothing is lacking then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_reads_documents_by_no_older_mapping_than_its_primary() {
    for dynamic in ["false", "strict", "runtime", "true"] {
        let world = World::new(1);
        let leading = world.lead(1);
        world.add(2);
        wait_until(|| world.in_sync().len() == 2).await;
        let long = json!({"type": "long"});
        world.change_mapping(&json!({"dynamic": dynamic, "properties": {"n": long}}), &[1, 2]);
        let keyword = json!({"type": "keyword", "fields": {"t": {"type": "text"}}});
        world.change_mapping(&json!({"dynamic": dynamic, "properties": {"n": long, "m": keyword}}), &[1]);

        let writer = Arc::clone(&leading);
        let document = |n: usize| (n.to_string(), format!(r#"{{"n":{n},"m":"a word"}}"#));
        let documents: Vec<(String, String)> = (0..3).map(document).collect();
        let writing = tokio::task::spawn_blocking(move || write_these(&writer, &documents));
        wait_until(|| world.waits_for_mapping(2)).await;
        assert_eq!(world.shard(2).stats().max_seq_no, -1, "{dynamic}: it takes nothing before");
        world.follow_mapping(2);
        writing.await.expect("ran").expect("acknowledged");

        assert_eq!(world.in_sync(), [1, 2], "{dynamic}: the copy has taken it");
        for query in [json!({"term": {"m": "a word"}}), json!({"match": {"m.t": "word"}})] {
            for node in [1, 2] {
                assert_eq!(world.count(node, &query), 3, "{dynamic}: {query} on node {node}");
            }
        }
    }
}

/// A primary on the first node and a copy in sync on the second, whose index is a version behind.
async fn with_a_copy_that_does_not_follow() -> (World, Arc<Leading>) {
    let world = World::new(1);
    let leading = world.lead(1);
    world.add(2);
    wait_until(|| world.in_sync().len() == 2).await;
    let long = json!({"type": "long"});
    world.change_mapping(&json!({"properties": {"n": long, "m": long}}), &[1]);
    (world, leading)
}

/// It used to wait on a thread for as long as its node did not follow the map, and to take nothing more afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_does_not_follow_its_index_refuses_in_time_and_can_take_it_later() {
    let (world, leading) = with_a_copy_that_does_not_follow().await;
    let following = world.following(2);
    let message = Operations { index_version: 2, count: 1, ..world.message(&following) };
    let soon = || Instant::now() + Duration::from_millis(20);
    let much_later = || Instant::now() + Duration::from_secs(3600);

    let refused = following.wait_mapping(&message, soon()).await.expect_err("it does not follow");
    assert_eq!(refused.status, 503);
    let why = "it reads documents by version 1 of the index, and operations were read by version 2";
    assert!(refused.reason.ends_with(why), "{}", refused.reason);
    let taken = following.take(&message, &[], &Handle::current());
    assert_eq!(taken.err().map(|error| error.reason), Some(refused.reason));
    assert_eq!(following.failed(), None, "it knows of no operation that it has not got");
    let cancelled = tokio::time::timeout(Duration::ZERO, following.wait_mapping(&message, much_later()));
    assert!(cancelled.await.is_err() && !world.waits_for_mapping(2), "whoever waits may be cancelled");
    let nothing = Operations { count: 0, ..message.clone() };
    following.wait_mapping(&nothing, much_later()).await.expect("there is nothing to read");

    let waiting = following.wait_mapping(&message, much_later());
    let (waited, ()) = tokio::join!(waiting, async {
        wait_until(|| world.waits_for_mapping(2)).await;
        world.follow_mapping(2);
    });
    waited.expect("it follows");
    let document = vec![("1".to_owned(), r#"{"n":1,"m":2}"#.to_owned())];
    let written = tokio::task::spawn_blocking(move || write_these(&leading, &document));
    written.await.expect("ran").expect("acknowledged");
    assert_eq!(world.in_sync(), [1, 2]);
}

/// A primary does not wait for a copy whose node never follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_goes_on_without_a_copy_that_does_not_follow_its_index() {
    let (world, leading) = with_a_copy_that_does_not_follow().await;

    let document = vec![("1".to_owned(), r#"{"n":1,"m":2}"#.to_owned())];
    let written = tokio::task::spawn_blocking(move || write_these(&leading, &document));

    written.await.expect("ran").expect("acknowledged");
    assert_eq!(world.in_sync(), [1]);
    assert_eq!(world.shard(2).stats().max_seq_no, -1);
}

/// Whoever reads what a crash would take back sees a document go back in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_only_copy_has_is_told_once_it_is_durable() {
    let world = World::new(1);
    let leading = world.lead(1);
    let writer = Arc::clone(&leading);
    let batch = tokio::task::spawn_blocking(move || world::numbered(&writer, "a")).await.expect("ran");
    assert!(!world.shard(1).is_synced());

    leading.confirm(0).await.expect("it may be told");

    assert!(world.shard(1).is_synced());
    leading.abandon(batch);
}

/// Whoever wants to read all that was let in waits for operations that have a number and are registered nowhere, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_is_drained_once_all_that_was_let_in_is_done() {
    let world = World::new(1);
    let leading = world.lead(1);
    leading.wait_drained().expect("nothing is under way");
    let admitted = leading.admit_one(&Batch::default()).expect("primary").expect("let in");
    let late = leading.wait_drained().expect_err("one may get a number yet");
    assert!(late.reason.contains("still under way"), "{}", late.reason);
    drop(admitted);
    leading.wait_drained().expect("it got none");
    let batch = world::numbered(&leading, "1");
    leading.wait_drained().expect_err("one has a number and is registered nowhere");

    leading.abandon(batch);

    let waits = Arc::clone(&leading);
    tokio::task::spawn_blocking(move || waits.wait_drained()).await.expect("ran").expect("drained");
}
