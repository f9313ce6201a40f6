//! History: what a copy tells another that returns, and what is kept for it.

use super::replication::{apply, apply_all, delete, index, replica, replica_options};
use super::*;
use crate::translog::{Operation, TranslogError};

fn told(engine: &Arc<Engine>, from: u64, to: Option<u64>) -> Result<Vec<(u64, u64)>, EngineError> {
    let mut history = History::begin(engine, from, to)?;
    let mut all: Vec<Operation> = Vec::new();
    loop {
        let batch = history.next_batch(200)?;
        if batch.is_empty() {
            return Ok(all.iter().map(|operation| (operation.seq_no, operation.term)).collect());
        }
        assert!(batch.len() == 1 || batch.iter().map(Operation::encoded_bytes).sum::<usize>() <= 200);
        all.extend(batch);
    }
}

/// Operations of the same document, each flushed by itself.
fn flushed_one_by_one(engine: &Arc<Engine>, numbers: std::ops::Range<u64>) {
    for seq_no in numbers {
        apply(engine, &index(seq_no, 1, "a")).expect("applied");
        engine.raise_global(seq_no as i64);
        assert_eq!(engine.flush(NOW).expect("flushed"), Flushed::Done);
    }
}

fn generations(folder: &Path) -> usize {
    let entries = fs_err::read_dir(folder.join("translog")).expect("a folder");
    entries
        .filter(|entry| entry.as_ref().expect("an entry").path().extension().is_some_and(|e| e == "tlog"))
        .count()
}

fn not_retained(outcome: Result<Vec<(u64, u64)>, EngineError>) -> Option<u64> {
    match outcome {
        Err(EngineError::Translog(TranslogError::NotRetained { kept_from, .. })) => Some(kept_from),
        _ => None,
    }
}

#[test]
fn history_is_kept_through_flushes_and_openings_as_long_as_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    engine.keep_history_from(Some(2));
    flushed_one_by_one(&engine, 0..6);
    assert_eq!((engine.history_from(), generations(folder.path())), (2, 5));
    let all: Vec<(u64, u64)> = (2..6).map(|seq_no| (seq_no, 1)).collect();
    assert_eq!(told(&engine, 2, None).expect("told"), all);
    assert_eq!(told(&engine, 3, Some(4)).expect("told"), all[1..3]);
    assert_eq!(told(&engine, 6, None).expect("told"), []);
    assert_eq!(not_retained(told(&engine, 1, None)), Some(2));
    drop(engine);

    let engine = replica(folder.path());
    assert_eq!(told(&engine, 2, None).expect("told"), all);
    engine.keep_history_from(None);
    flushed_one_by_one(&engine, 6..7);

    assert_eq!((engine.history_from(), generations(folder.path())), (7, 1));
    assert_eq!(not_retained(told(&engine, 6, None)), Some(7));
}

#[test]
fn history_that_takes_too_much_goes_whoever_may_ask_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions { retention_bytes: 400, ..replica_options() };
    let engine = open_with(folder.path(), mapping(&[("n", "long")]), options);
    engine.keep_history_from(Some(0));

    flushed_one_by_one(&engine, 0..20);

    let from = engine.history_from();
    assert!((16..20).contains(&from), "{from}");
    assert_eq!(told(&engine, from, None).expect("told").len() as u64, 20 - from);
}

/// Nobody waits for a flush of what they read, and nobody loses it.
#[test]
fn a_history_that_is_read_stays_though_a_flush_makes_it_redundant() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b"), delete(2, 1, "a")]);
    let mut history = History::begin(&engine, 0, None).expect("begun");
    let mut read = history.next_batch(1).expect("read");

    engine.raise_global(2);
    assert_eq!(engine.flush(NOW).expect("flushed"), Flushed::Done);
    flushed_one_by_one(&engine, 3..5);
    while read.len() < 3 {
        read.extend(history.next_batch(1).expect("read"));
    }

    assert!(history.next_batch(1).expect("read").is_empty(), "what came later is not asked for");
    drop(history);
    flushed_one_by_one(&engine, 5..6);
    assert_eq!(generations(folder.path()), 1);
}

/// Old generations cost an opening nothing, and damage to them costs no more than history.
#[test]
fn damaged_history_is_told_to_nobody_and_keeps_no_shard_shut() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    engine.keep_history_from(Some(0));
    flushed_one_by_one(&engine, 0..4);
    drop(engine);
    let path = folder.path().join("translog/translog-2.tlog");
    let whole = fs_err::read(&path).expect("read");

    // A record: found when it is read. The whole end: found as well.
    for damage in [whole[..whole.len() - 1].to_vec(), whole[..64].to_vec()] {
        fs_err::write(&path, damage).expect("damaged");
        let engine = replica(folder.path());
        assert_eq!(told(&engine, 2, None).expect("told"), [(2, 1), (3, 1)]);
        let error = told(&engine, 0, None).expect_err("damaged");
        assert!(error.is_damage(), "{error}");
    }
    // The header: what stands before the next generation is no history.
    fs_err::write(&path, &whole[..60]).expect("damaged");
    let engine = replica(folder.path());
    assert_eq!(engine.history_from(), 2);
    assert_eq!(found(&engine, &json!({"match_all": {}})), ["a"]);
}

/// A copy that returns gets what counts, not what was dropped or replaced on the way.
#[test]
fn history_tells_only_what_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    apply_all(&engine, &[index(0, 1, "a"), index(1, 1, "b"), index(2, 1, "c"), index(3, 1, "d")]);
    engine.set_term(2).expect("raised");
    apply_all(&engine, &[index(1, 2, "x"), index(2, 1, "c")]);
    engine.drop_operations(2, &[3]).expect("dropped");
    let engine = roll_back(engine).expect("rolled back");

    let mut all = told(&engine, 0, None).expect("told");
    all.sort_unstable();
    assert_eq!(all, [(0, 1), (1, 2), (2, 1)]);

    apply(&engine, &index(3, 2, "e")).expect("applied");
    engine.keep_history_from(Some(0));
    engine.raise_global(3);
    assert_eq!(engine.flush(NOW).expect("flushed"), Flushed::Done);
    assert_eq!(told(&engine, 3, None).expect("told"), [(3, 2)]);
}

/// Writes, flushes and readers at once: every reader gets all from where it begins, or is told that it is too late.
#[test]
fn history_is_whole_or_refused_while_writes_and_flushes_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = replica(folder.path());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    let from = engine.history_from();
                    match told(&engine, from, None) {
                        Ok(all) => {
                            assert!(all.iter().map(|(seq_no, _)| *seq_no).eq(from..from + all.len() as u64));
                        }
                        error => assert!(not_retained(error).is_some_and(|kept| kept > from)),
                    }
                }
            });
        }
        for round in 0..40u64 {
            apply_all(&engine, &(round * 5..round * 5 + 5).map(|n| index(n, 1, "a")).collect::<Vec<_>>());
            engine.raise_global(engine.local());
            engine.keep_history_from((round % 3 == 0).then_some(round * 5));
            assert_eq!(engine.flush(NOW).expect("flushed"), Flushed::Done);
        }
        is_done.store(true, Ordering::Release);
    });
}

/// What was given out and lost can be told to nobody.
#[test]
fn history_begins_after_numbers_that_were_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let fields = mapping(&[("n", "long")]);
    let engine = open(folder.path(), Arc::clone(&fields));
    put(&engine, "1", &json!({"n": 1}));
    engine.sync_all().expect("synced");
    put(&engine, "2", &json!({"n": 2}));
    // Trimming writes down how far numbers were given out, and syncs nothing.
    engine.translog.trim(1).expect("noted");
    drop(engine);

    let engine = open(folder.path(), fields);

    assert_eq!((engine.max_seq_no(), engine.history_from()), (1, 2));
    assert_eq!(put(&engine, "3", &json!({"n": 3})).seq_no, 2);
    assert_eq!(told(&engine, 2, None).expect("told"), [(2, 2)]);
}
