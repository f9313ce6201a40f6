//! One copy among several: operations in any order, terms, the global checkpoint, flushes that wait, rolling back.

use super::*;
use crate::translog::{Operation, OperationKind, TranslogError};

/// One of several copies. Deletes are forgotten at once if nothing keeps them, and replays are shown two by two.
pub(super) fn replica_options() -> EngineOptions {
    EngineOptions {
        own_terms: false,
        is_only_copy: false,
        flush_wait: Duration::ZERO,
        gc_deletes: Duration::ZERO,
        replay_batch: 2,
        ..EngineOptions::default()
    }
}

pub(super) fn replica(folder: &Path) -> Arc<Engine> {
    open_with(folder, mapping(&[("n", "long")]), replica_options())
}

pub(super) fn index(seq_no: u64, term: u64, id: &str) -> Operation {
    let source = json!({"n": seq_no}).to_string().into_bytes();
    let (kind, uid, routing) = (OperationKind::Index, id.to_owned(), String::new());
    Operation { kind, seq_no, term, version: seq_no.wrapping_add(1), uid, routing, source }
}

pub(super) fn delete(seq_no: u64, term: u64, id: &str) -> Operation {
    Operation { kind: OperationKind::Delete, source: Vec::new(), ..index(seq_no, term, id) }
}

fn no_op(seq_no: u64, term: u64) -> Operation {
    Operation { kind: OperationKind::NoOp, ..delete(seq_no, term, "") }
}

pub(super) fn apply(engine: &Arc<Engine>, operation: &Operation) -> Result<Written, EngineError> {
    match ApplyRun::new(engine, engine.translog_term(), NOW).apply(operation)? {
        Applied::Done(written) => Ok(written),
        Applied::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

pub(super) fn apply_all(engine: &Arc<Engine>, operations: &[Operation]) {
    for operation in operations {
        apply(engine, operation).expect("applied");
    }
}

fn seq_no_of(engine: &Engine, id: &str) -> Option<u64> {
    engine.get(id).expect("got").map(|stored| stored.seq_no)
}

/// All orders of a few operations.
fn orders(operations: &[Operation]) -> Vec<Vec<Operation>> {
    if operations.len() < 2 {
        return vec![operations.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..operations.len() {
        let mut rest = operations.to_vec();
        let first = rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|rest| [vec![first.clone()], rest].concat()));
    }
    all
}

/// The same operations leave the same documents in any order, shown between or not, replayed between or not.
#[test]
fn copies_agree_whatever_order_operations_arrive_in() {
    let operations =
        [index(0, 1, "a"), delete(1, 1, "a"), index(2, 1, "a"), delete(3, 1, "b"), index(4, 1, "b")];
    let straight = tempfile::tempdir().expect("a folder");
    let first = replica(straight.path());
    apply_all(&first, &operations);
    let right = first.digest(NOW).expect("digest");
    assert_eq!((right.documents, right.max_seq_no), (2, 4));

    for order in orders(&operations) {
        for between in ["nothing", "refreshes", "openings"] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut engine = replica(folder.path());
            for operation in &order {
                apply(&engine, operation).expect("applied");
                if between == "refreshes" {
                    engine.refresh(NOW).expect("refreshed");
                } else if between == "openings" {
                    engine.sync_all().expect("synced");
                    drop(engine);
                    engine = replica(folder.path());
                }
            }

            let shown = (seq_no_of(&engine, "a"), seq_no_of(&engine, "b"));
            assert_eq!(shown, (Some(2), Some(4)), "{between}, {order:?}");
            assert_eq!(engine.digest(NOW).expect("digest"), right, "{between}, {order:?}");
        }
    }
}

/// A delete that overtook an older write of its document is remembered for as long as that may come, whatever the time is and
/// whatever was opened between.
#[test]
fn a_write_that_comes_after_its_delete_does_not_bring_the_document_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply(&engine, &delete(1, 1, "a")).expect("applied");
    engine.refresh(NOW).expect("refreshed");
    engine.refresh(i64::MAX).expect("refreshed");
    engine.sync_all().expect("synced");
    drop(engine);
    let engine = replica(folder.path());
    engine.refresh(i64::MAX).expect("refreshed");
    assert_eq!(engine.live_versions(), 1, "kept");

    apply(&engine, &index(0, 1, "a")).expect("applied");
    engine.refresh(i64::MAX).expect("refreshed");

    assert_eq!(
        (seq_no_of(&engine, "a"), engine.live_versions()),
        (None, 0),
        "and forgotten once nothing is missing"
    );
    assert!(found(&engine, &json!({"match_all": {}})).is_empty());
}

#[test]
fn an_operation_that_comes_twice_is_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    for _ in 0..2 {
        let written = apply(&engine, &index(0, 1, "a")).expect("applied");
        engine.sync(written.location.expect("logged")).expect("synced");
        engine.refresh(NOW).expect("refreshed");
    }
    let bytes = engine.translog.unread_bytes();
    apply(&engine, &index(0, 1, "a")).expect("applied");

    assert_eq!(engine.translog.unread_bytes(), bytes, "nothing was written");
    assert_eq!(found(&engine, &json!({"match_all": {}})), ["a"]);
}

#[test]
fn a_field_that_the_mapping_lacks_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    let source = json!({"n": 0, "later": "x"}).to_string().into_bytes();
    let operation = Operation { source, ..index(0, 1, "a") };
    let mut run = ApplyRun::new(&engine, 1, NOW);

    let outcome = run.apply(&operation).expect("asked");
    assert!(matches!(outcome, Applied::NeedsMapping(_)), "{outcome:?}");
    assert_eq!(engine.max_seq_no(), -1, "nothing was done");
    engine.set_mapping(mapping(&[("n", "long"), ("later", "text")]), NOW).expect("grown");

    assert!(matches!(run.apply(&operation), Ok(Applied::Done(_))));
    assert!(engine.get("a").expect("got").is_some());
}

/// Copies whose mapping does not take a value any more leave out the same, however the document comes to them.
#[test]
fn what_does_not_fit_is_left_out_alike_where_it_is_applied_and_where_it_is_replayed() {
    let source =
        json!({"k": "found", "d": ["2020-1-1", "2020-01-02"], "n": {"a": 1}, "r": [{"gte": 1}, "x"]});
    let operation = Operation { source: source.to_string().into_bytes(), ..index(0, 1, "a") };
    let before = mapping(&[("k", "keyword"), ("d", "keyword"), ("n", "flattened"), ("r", "flattened")]);
    let after = json!({"properties": {"k": {"type": "keyword"}, "d": {"type": "date", "format": "yyyy-MM-dd"},
        "n": {"type": "long"}, "r": {"type": "integer_range"}}});
    let after = Arc::new(parse_mapping(&after).expect("valid"));
    let folder = tempfile::tempdir().expect("a folder");
    let [replayed, applied] = ["replayed", "applied"].map(|name| folder.path().join(name));
    let engine = open_with(&replayed, before, replica_options());
    apply_all(&engine, std::slice::from_ref(&operation));
    engine.sync_all().expect("synced");
    drop(engine);
    let replayed = open_with(&replayed, Arc::clone(&after), replica_options());
    let applied = open_with(&applied, after, replica_options());
    apply_all(&applied, &[operation]);

    for engine in [&replayed, &applied] {
        engine.refresh(NOW).expect("refreshed");
        let stored = engine.get_visible("a").expect("got").expect("there");
        assert_eq!(stored.ignored, ["d", "n", "r"]);
        for (field, value) in [("k", json!("found")), ("d", json!("2020-01-02")), ("r", json!(7))] {
            assert_eq!(found(engine, &json!({"term": { field: value }})), ["a"], "{field}");
        }
        assert!(found(engine, &json!({"exists": {"field": "n"}})).is_empty());
    }
}

#[test]
fn what_no_primary_sends_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    let of_kind = |kind| Operation { kind, ..delete(0, 1, "a") };
    for (operation, reason) in [
        (index(0, 2, "a"), "it was numbered in term [2], and the primary is of term [1]"),
        (of_kind(OperationKind::Void), "which no primary sends"),
        (index(0, 1, ""), "it names no document"),
        (Operation { source: b"{".to_vec(), ..index(0, 1, "a") }, "failed to parse"),
        (index(u64::MAX, 1, "a"), "above the highest possible one"),
    ] {
        let error = apply(&engine, &operation).expect_err("refused").to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(engine.max_seq_no(), -1);
}

/// What an older primary sent, and what one that was replaced writes itself, is refused from the moment the new term is known.
#[test]
fn runs_of_an_older_term_are_refused_and_terms_never_go_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    let (mut applies, mut writes) = (ApplyRun::new(&engine, 1, NOW), WriteRun::new(&engine));
    applies.apply(&index(0, 1, "a")).expect("applied");

    engine.set_term(4).expect("raised");

    let is_old = |error: &EngineError| {
        matches!(error, EngineError::Translog(TranslogError::OldTerm { given: 1, known: 4 }))
    };
    assert!(applies.apply(&index(1, 1, "a")).is_err_and(|error| is_old(&error)));
    let source = json!({"n": 1}).to_string().into_bytes();
    let refused = writes.write(&request("b", Some(&source), Condition::None)).map(drop);
    assert!(refused.is_err_and(|error| is_old(&error)));
    assert!(matches!(
        engine.set_term(3),
        Err(EngineError::Translog(TranslogError::OldTerm { given: 3, known: 4 }))
    ));
    drop((applies, writes, engine));
    // Not closed: a copy whose terms come from outside goes on under the one that it knows.
    let engine = replica(folder.path());
    assert_eq!((engine.translog_term(), engine.max_seq_no()), (4, 0));
    assert_eq!(put(&engine, "b", &json!({"n": 1})).term, 4);
}

#[test]
fn checkpoints_stand_over_gaps_and_survive_an_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b"), index(3, 1, "c")]);
    engine.raise_global(0);
    engine.raise_global(-1);
    let held = std::collections::BTreeMap::from([(1, 1), (3, 1)]);
    assert_eq!(engine.held(), (1, 0, held.clone()));
    engine.close().expect("closed");
    drop(engine);

    let engine = replica(folder.path());

    assert_eq!((engine.held(), engine.local(), engine.max_seq_no()), ((1, 0, held), 1, 3));
    engine.raise_global(3);
    assert_eq!(engine.global(), 1, "no further than it has everything");
    engine.set_term(2).expect("raised");
    apply(&engine, &no_op(2, 2)).expect("the gap is filled");
    assert_eq!((engine.local(), put(&engine, "d", &json!({"n": 4})).seq_no), (3, 4));
}

/// What a flush commits is never taken back, so it waits for the other copies.
#[test]
fn a_flush_waits_for_the_global_checkpoint_and_is_put_off_without_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b")]);

    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::PutOff { wanted: 1, global: -1 });
    engine.raise_global(0);
    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::PutOff { wanted: 1, global: 0 });
    assert!(!folder.path().join("index/manifest").exists() && !engine.is_committed());
    engine.raise_global(1);

    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::Done);
    assert!(engine.is_committed());
    drop(engine);
    let engine = replica(folder.path());
    assert_eq!(
        (engine.global(), found(&engine, &json!({"match_all": {}}))),
        (1, vec!["a".to_owned(), "b".to_owned()])
    );
}

/// Whoever looks after many shards waits for a moment only, and comes back later.
#[test]
fn a_flush_in_passing_is_put_off_for_a_while() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { flush_wait: Duration::from_secs(600), ..replica_options() };
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), options);
    apply_all(&engine, &[index(0, 1, "a")]);

    let flushed = engine.flush_in_passing(NOW).expect("asked");

    assert_eq!(flushed, Flushed::PutOff { wanted: 0, global: -1 });
    engine.raise_global(0);
    let again = engine.flush_in_passing(NOW).expect("asked");
    assert_eq!(again, Flushed::PutOff { wanted: 0, global: 0 }, "it was tried a moment ago");
    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::Done, "who waits is done");
}

/// A node that stops hears of no checkpoint any more: its flushes end, and are put off.
#[test]
fn a_flush_waits_no_longer_once_its_shard_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { flush_wait: Duration::from_secs(600), ..replica_options() };
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), options);
    apply_all(&engine, &[index(0, 1, "a")]);
    std::thread::scope(|scope| {
        let flushing = scope.spawn(|| engine.flush(NOW).expect("asked"));
        while found(&engine, &json!({"match_all": {}})).is_empty() {
            std::thread::yield_now();
        }

        engine.leave_alone();

        assert_eq!(flushing.join().expect("no panic"), Flushed::PutOff { wanted: 0, global: -1 });
    });
    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::PutOff { wanted: 0, global: -1 });
}

/// Whoever tells the checkpoint wakes a flush that waits for it; writes, refreshes and merges go on meanwhile.
#[test]
fn a_flush_that_waits_holds_nobody_and_commits_the_state_that_it_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { flush_wait: Duration::from_secs(600), ..replica_options() };
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), options);
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b")]);
    std::thread::scope(|scope| {
        let flushing = scope.spawn(|| engine.flush(NOW).expect("flushed"));
        // The state was found once it is shown.
        while found(&engine, &json!({"match_all": {}})).len() < 2 {
            std::thread::yield_now();
        }

        apply_all(&engine, &[index(2, 1, "a"), delete(3, 1, "b")]);
        engine.refresh(NOW).expect("refreshed");
        engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        assert!(!flushing.is_finished());
        engine.raise_global(1);

        assert_eq!(flushing.join().expect("no panic"), Flushed::Done);
    });
    let manifest = crate::store::Manifest::read(&folder.path().join("index")).expect("read").expect("one");
    assert_eq!((manifest.max_seq_no, manifest.some_up_to), (1, 1));
    engine.sync_all().expect("synced");
    drop(engine);
    let engine = replica(folder.path());
    assert_eq!((seq_no_of(&engine, "a"), seq_no_of(&engine, "b")), (Some(2), None));
}

/// A flush may find an operation whose elder has not come yet; that one is not lost, and the younger not doubled.
#[test]
fn what_a_flush_found_out_of_order_is_settled_by_the_next_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { flush_wait: Duration::from_secs(600), ..replica_options() };
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), options);
    apply_all(&engine, &[index(0, 1, "x"), index(3, 1, "a"), delete(4, 1, "b")]);
    std::thread::scope(|scope| {
        let flushing = scope.spawn(|| engine.flush(NOW).expect("flushed"));
        while found(&engine, &json!({"match_all": {}})).len() < 2 {
            std::thread::yield_now();
        }
        apply_all(&engine, &[index(1, 1, "a"), index(2, 1, "b")]);
        engine.raise_global(4);
        assert_eq!(flushing.join().expect("no panic"), Flushed::Done);
    });
    let manifest = crate::store::Manifest::read(&folder.path().join("index")).expect("read").expect("one");
    assert_eq!((manifest.max_seq_no, manifest.some_up_to), (0, 4));
    let right = engine.digest(NOW).expect("digest");
    engine.sync_all().expect("synced");
    drop(engine);

    let engine = replica(folder.path());

    assert_eq!(found(&engine, &json!({"match_all": {}})), ["a", "x"]);
    assert_eq!((engine.digest(NOW).expect("digest"), engine.local()), (right, 4));
}

/// The only copy waits for nobody: what is on its disk counts.
#[test]
fn the_only_copy_raises_its_checkpoint_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    put(&engine, "1", &json!({"n": 1}));
    assert_eq!(engine.global(), -1, "not on the disk");
    engine.sync_all().expect("synced");
    assert_eq!((engine.global(), engine.held().2.len()), (0, 0));

    engine.set_only_copy(false).expect("told");
    put(&engine, "2", &json!({"n": 2}));
    engine.sync_all().expect("synced");
    assert_eq!(engine.global(), 0, "the other copy is not heard of yet");
    engine.set_only_copy(true).expect("told");

    assert_eq!(engine.global(), 1);
    assert_eq!(engine.flush(NOW).expect("flushed"), Flushed::Done);
}

#[test]
fn what_is_dropped_is_gone_after_rolling_back_and_its_number_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b"), index(2, 1, "a"), delete(3, 1, "b")]);
    engine.refresh(NOW).expect("refreshed");
    engine.raise_global(1);
    assert!(matches!(
        engine.drop_operations(1, &[1]),
        Err(EngineError::Translog(TranslogError::Settled { seq_no: 1, global: 1 }))
    ));
    engine.set_term(2).expect("raised");
    assert!(engine.drop_operations(1, &[3]).is_err(), "the word of an older primary");

    engine.drop_operations(2, &[2, 3, 9]).expect("dropped");

    assert!(engine.has_to_roll_back());
    assert_eq!(engine.flush(NOW).expect("asked"), Flushed::MustRollBack);
    let source = json!({"n": 1}).to_string().into_bytes();
    let refused = WriteRun::new(&engine).write(&request("c", Some(&source), Condition::None)).map(drop);
    assert!(matches!(refused, Err(EngineError::MustRollBack)));
    let engine = roll_back(engine).expect("rolled back");
    assert!(!engine.has_to_roll_back());
    assert_eq!(
        (seq_no_of(&engine, "a"), seq_no_of(&engine, "b"), engine.max_seq_no()),
        (Some(0), Some(1), 1)
    );
    apply(&engine, &index(2, 2, "c")).expect("applied");
    engine.sync_all().expect("synced");
    drop(engine);
    let engine = replica(folder.path());
    assert_eq!((engine.held().2, seq_no_of(&engine, "a")), ([(2, 2)].into(), Some(0)), "for good");
}

/// A newer primary may name the operation of an older one that another primary in between had replaced.
#[test]
fn the_last_that_a_primary_named_counts_whatever_its_term() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply(&engine, &index(0, 1, "a")).expect("applied");
    engine.set_term(2).expect("raised");
    apply(&engine, &index(0, 2, "b")).expect("applied");
    engine.set_term(3).expect("raised");
    apply(&engine, &index(0, 1, "a")).expect("applied");
    assert!(engine.has_to_roll_back());

    let engine = roll_back(engine).expect("rolled back");

    assert_eq!(engine.held(), (3, -1, [(0, 1)].into()));
    assert_eq!(found(&engine, &json!({"match_all": {}})), ["a"]);
}

#[test]
fn a_shard_in_use_is_not_opened_a_second_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    let run = WriteRun::new(&engine);

    assert!(matches!(roll_back(Arc::clone(&engine)), Err(EngineError::InUse { .. })));

    drop(run);
    assert!(roll_back(engine).is_ok());
}

/// Equal content is an equal digest, and any difference shows.
#[test]
fn a_digest_tells_any_difference() {
    let digest = |operations: &[Operation]| {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = replica(folder.path());
        engine.set_term(9).expect("raised");
        apply_all(&engine, operations);
        engine.digest(NOW).expect("digest").hash
    };
    let (one, other) = (index(0, 1, "a"), index(1, 1, "b"));
    let right = digest(&[one.clone(), other.clone()]);

    assert_eq!(digest(&[other.clone(), one.clone()]), right);
    for different in [
        Operation { uid: "c".to_owned(), ..one.clone() },
        Operation { term: 2, ..one.clone() },
        Operation { version: 9, ..one.clone() },
        Operation { seq_no: 2, ..one.clone() },
        Operation { routing: "r".to_owned(), ..one.clone() },
        Operation { source: b"{\"n\":1}".to_vec(), ..one.clone() },
    ] {
        assert_ne!(digest(&[different.clone(), other.clone()]), right, "{different:?}");
    }
}

/// Many connections apply at once, some of them the same, while the shard is refreshed, merged and flushed.
#[test]
fn operations_that_come_over_many_connections_at_once_leave_what_one_would() {
    const OPERATIONS: u64 = 400;
    let operations: Vec<Operation> = (0..OPERATIONS)
        .map(|seq_no| {
            let id = format!("id{}", seq_no * 7 % 23);
            if seq_no % 5 == 4 { delete(seq_no, 1, &id) } else { index(seq_no, 1, &id) }
        })
        .collect();
    let folders = tempfile::tempdir().expect("a folder");
    let straight = replica(&folders.path().join("straight"));
    apply_all(&straight, &operations);
    let options = EngineOptions { writers: 3, segment_buffer_bytes: 1, ..replica_options() };
    let folder = folders.path().join("crooked");
    let engine = open_with(&folder, mapping(&[("n", "long")]), options.clone());

    let left = AtomicUsize::new(4);
    std::thread::scope(|scope| {
        for connection in 0..4usize {
            let (engine, operations, left) = (&engine, &operations, &left);
            scope.spawn(move || {
                let mut chance = testkit::Chance::new(connection as u64);
                // Each has half of them, in windows of eight whose order is any.
                let mut mine: Vec<&Operation> = operations
                    .iter()
                    .filter(|operation| (operation.seq_no as usize + connection) % 4 < 2)
                    .collect();
                while !mine.is_empty() {
                    let at = chance.below(mine.len().min(8));
                    apply(engine, mine.remove(at)).expect("applied");
                }
                left.fetch_sub(1, Ordering::AcqRel);
            });
        }
        while left.load(Ordering::Acquire) > 0 {
            engine.refresh(NOW).expect("refreshed");
            engine.raise_global(engine.local());
            engine.flush(NOW).expect("flushed");
        }
    });

    assert_eq!(engine.local() + 1, OPERATIONS as i64);
    let right = straight.digest(NOW).expect("digest");
    assert_eq!(engine.digest(NOW).expect("digest"), right);
    engine.sync_all().expect("synced");
    drop(engine);
    let engine = open_with(&folder, mapping(&[("n", "long")]), options);
    assert_eq!(engine.digest(NOW).expect("digest"), right, "opened again");
}
