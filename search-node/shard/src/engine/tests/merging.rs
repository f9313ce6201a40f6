//! Merges that fail, that fall behind, that are asked for, and that end with the node.

use super::*;

/// `count` segments of one document each.
fn segments_of(engine: &Arc<Engine>, numbers: std::ops::Range<usize>) {
    for n in numbers {
        put(engine, &format!("doc-{n}"), &json!({"n": n, "t": "common"}));
        engine.refresh(NOW).expect("refreshed");
    }
}

fn damage_a_store(folder: &Path) {
    let victim = fs_err::read_dir(folder.join("index"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "store"))
        .expect("a store");
    let mut bytes = fs_err::read(&victim).expect("read");
    bytes[0] ^= 1;
    fs_err::write(&victim, bytes).expect("damaged");
}

fn failed_merges(engine: &Engine) -> u64 {
    engine.counters.merges_failed.load(Ordering::Relaxed)
}

/// A segment that was damaged since it was written is found before its damage gets a fresh checksum, and only that segment is
/// left alone from then on.
#[test]
fn a_merge_refuses_a_damaged_input_and_leaves_that_one_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long"), ("t", "text")]));
    segments_of(&engine, 0..1);
    damage_a_store(folder.path());

    segments_of(&engine, 1..8);
    assert_eq!((failed_merges(&engine), engine.view().searcher.segment_readers().len()), (1, 8));
    segments_of(&engine, 8..12);

    assert_eq!(failed_merges(&engine), 1, "tried once");
    assert_eq!(engine.view().searcher.segment_readers().len(), 5, "the others were merged");
}

/// It used to wait for a merge of the damaged segment that never came, without end and without rest.
#[test]
fn a_forced_merge_of_a_damaged_segment_ends_with_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long"), ("t", "text")]));
    segments_of(&engine, 0..3);
    damage_a_store(folder.path());

    for _ in 0..2 {
        let error = engine.force_merge(ForceMerge::Segments(1)).expect_err("refused");

        assert!(matches!(error, EngineError::Integrity(_)), "{error}");
        assert!(error.to_string().contains(".store") && error.to_string().contains("restore it"), "{error}");
    }
    assert_eq!(engine.view().searcher.segment_readers().len(), 3, "the inputs stay as they are");
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(folder.join("index")).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A disk that is full for a while used to keep what a merge had written, and to leave its inputs unmerged for ever.
#[test]
fn a_merge_on_a_full_disk_leaves_nothing_behind_and_is_tried_again_later() {
    for refuses in [".store", ".term", ".fast", ".idx", ".uid"] {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = FullDisk::new(refuses);
        let shared = Shared { disk: disk.disk(), workers: Workers::new(0), ..Shared::default() };
        let fields = mapping(&[("n", "long"), ("t", "text")]);
        let engine = Engine::open(folder.path(), fields, EngineOptions::default(), shared).expect("opens");
        segments_of(&engine, 0..7);
        let before = files_in(folder.path());
        // The eighth segment finds room, and what the eight are merged into does not.
        disk.fill(1);
        segments_of(&engine, 7..8);

        assert_eq!(failed_merges(&engine), 1, "{refuses}");
        assert!(engine.merges_fail.load(Ordering::Acquire) && engine.fenced().is_none(), "{refuses}");
        let after = files_in(folder.path());
        assert_eq!(after.len(), before.len() / 7 * 8, "{refuses}: {after:?}");
        engine.force_merge(ForceMerge::Segments(1)).expect_err("still full");
        assert_eq!(files_in(folder.path()), after, "{refuses}");
        disk.is_full.store(false, Ordering::Release);

        engine.refresh(NOW + 59_000).expect("nothing new");
        engine.refresh(NOW + 59_000).expect("nothing new");
        assert_eq!(engine.view().searcher.segment_readers().len(), 8, "{refuses}: two failures, a minute");
        engine.refresh(NOW + 59_000 + 60_000).expect("nothing new");

        assert_eq!(engine.view().searcher.segment_readers().len(), 1, "{refuses}");
        assert!(!engine.merges_fail.load(Ordering::Acquire), "{refuses}");
        assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 8, "{refuses}");
    }
}

/// An engine whose only merging thread is busy until the returned sender is dropped, with two merges waiting, one too many.
fn fallen_behind(
    folder: &Path,
    throttle_max: Duration,
) -> (Arc<Engine>, Arc<Workers>, std::sync::mpsc::Sender<()>) {
    let workers = Workers::new(1);
    let shared = Shared { workers: Arc::clone(&workers), ..Shared::default() };
    let merge = MergeOptions { merges_max: 1, throttle_max, ..MergeOptions::default() };
    let options = EngineOptions { merge, ..EngineOptions::default() };
    let engine =
        Engine::open(folder, mapping(&[("n", "long"), ("t", "text")]), options, shared).expect("opens");
    let (busy, until) = std::sync::mpsc::channel();
    workers.run(&Arc::default(), move || assert!(until.recv().is_err(), "nothing is sent"));
    segments_of(&engine, 0..15);
    assert!(!engine.throttled().0, "one merge may wait");
    segments_of(&engine, 15..16);
    (engine, workers, busy)
}

#[test]
fn writers_wait_for_merges_that_have_fallen_behind_and_go_on_when_one_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, workers, busy) = fallen_behind(folder.path(), Duration::MAX);
    assert_eq!(engine.throttled(), (true, Duration::ZERO));

    std::thread::scope(|scope| {
        let writers: Vec<_> = (100..103)
            .map(|n| {
                let engine = &engine;
                scope.spawn(move || put(engine, &format!("doc-{n}"), &json!({"n": n, "t": "common"})))
            })
            .collect();
        while engine.throttle.waiting() < writers.len() {
            std::thread::yield_now();
        }
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        drop(busy);
        for writer in writers {
            writer.join().expect("written");
        }
    });

    workers.wait_until_idle();
    let (is_throttled, waited) = engine.throttled();
    assert!(!is_throttled && waited > Duration::ZERO);
    engine.refresh(NOW).expect("refreshed");
    assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 19);
}

/// Merges that never catch up slow writers down and do not stop them.
#[test]
fn a_writer_waits_no_longer_than_it_may_and_once_for_each_refresh() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, _workers, _busy) = fallen_behind(folder.path(), Duration::from_millis(1));

    put(&engine, "a", &json!({"n": 1}));
    let (is_throttled, waited) = engine.throttled();
    put(&engine, "b", &json!({"n": 1}));

    assert!(!is_throttled && waited >= Duration::from_millis(1));
    assert_eq!(engine.throttled(), (false, waited), "the second did not wait");
    engine.refresh(NOW).expect("refreshed");
    assert!(engine.throttled().0, "the merges are still behind");
}

/// Threads that cannot be had, or a merge that breaks, used to leave its inputs taken for ever.
#[test]
fn a_merge_that_is_never_done_lets_go_of_its_inputs() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long"), ("t", "text")]));
    segments_of(&engine, 0..3);
    let job = engine.segments.lock().begin_merge(0..2);

    drop(merge::BegunMerge::new(&engine, job));

    assert_eq!(failed_merges(&engine), 1);
    engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
}

/// It used to count as new, so that a forced merge that had begun before ended with it and everything behind it left.
#[test]
fn a_segment_merged_from_old_and_new_ones_is_as_old_as_its_oldest() {
    let folder = tempfile::tempdir().expect("a folder");
    let fields = mapping(&[("n", "long"), ("t", "text")]);
    let engine = open(folder.path(), Arc::clone(&fields));
    segments_of(&engine, 0..3);
    engine.flush(NOW).expect("flushed");
    drop(engine);
    let workers = Workers::on_demand();
    let shared = Shared { workers: Arc::clone(&workers), ..Shared::default() };
    let engine = Engine::open(folder.path(), fields, EngineOptions::default(), shared).expect("opens");
    let until = engine.segments.lock().stamp();
    assert_eq!(engine.segments.lock().count_until(until), 3);

    segments_of(&engine, 3..8);
    assert_eq!(engine.segments.lock().count_until(until), 3);
    assert_eq!(workers.work_off(), 1);

    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
    assert_eq!(engine.segments.lock().count_until(until), 1, "it holds what was there at the beginning");
}

/// Whoever waited for the shard to be used by nobody used to wait for its merges, behind those of other shards.
#[test]
fn merges_of_a_shard_that_is_let_go_of_end_and_go_on_if_it_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, workers, busy) = fallen_behind(folder.path(), Duration::from_millis(1));
    assert!(Arc::strong_count(&engine) > 1, "merges wait");

    engine.end_merges();

    assert_eq!(Arc::strong_count(&engine), 1, "none waits any more");
    assert_eq!(failed_merges(&engine), 0, "none has failed");
    let error = engine.force_merge(ForceMerge::Segments(1)).expect_err("ended early");
    assert!(matches!(error, EngineError::Reopening), "{error}");
    engine.merge_if_due();
    assert_eq!(Arc::strong_count(&engine), 1, "none begins");
    engine.resume_merges();
    drop(busy);
    workers.wait_until_idle();
    engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
    assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 16);
}

/// One that is under way, too.
#[test]
fn a_merge_under_way_ends_soon_and_leaves_nothing_behind_when_its_shard_is_let_go_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let ending: Arc<std::sync::OnceLock<std::sync::Weak<Engine>>> = Arc::default();
    let ends = Arc::clone(&ending);
    let disk = HookedDisk::over(HostDisk::shared(), move |operation, path| {
        if operation == DiskOperation::CreateNew
            && path.extension().is_some_and(|extension| extension == "store")
            && let Some(engine) = ends.get().and_then(std::sync::Weak::upgrade)
        {
            engine.end_merges();
        }
        Ok(())
    });
    let shared = Shared { disk, workers: Workers::on_demand(), ..Shared::default() };
    let fields = mapping(&[("n", "long"), ("t", "text")]);
    let engine = Engine::open(folder.path(), fields, EngineOptions::default(), shared).expect("opens");
    segments_of(&engine, 0..4);
    let before = files_in(folder.path());
    ending.set(Arc::downgrade(&engine)).expect("once");

    let error = engine.force_merge(ForceMerge::Segments(1)).expect_err("ended early");

    assert!(matches!(error, EngineError::Reopening), "{error}");
    assert_eq!(files_in(folder.path()), before, "nothing is left behind");
    assert_eq!(failed_merges(&engine), 0);
}

/// A node that was told to stop used to wait for a forced merge, be it hours, and was killed before it had flushed.
#[test]
fn a_merge_ends_soon_and_leaves_nothing_behind_when_the_node_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let workers = Workers::on_demand();
    let (is_armed, stopped) = (Arc::new(AtomicBool::new(false)), Arc::clone(&workers));
    let armed = Arc::clone(&is_armed);
    // The node is told to stop when a merge has begun to write.
    let disk = HookedDisk::over(HostDisk::shared(), move |operation, path| {
        if operation == DiskOperation::CreateNew
            && path.extension().is_some_and(|extension| extension == "store")
            && armed.load(Ordering::Acquire)
        {
            stopped.stop();
        }
        Ok(())
    });
    let shared = Shared { disk, workers: Arc::clone(&workers), ..Shared::default() };
    let fields = mapping(&[("n", "long"), ("t", "text")]);
    let engine =
        Engine::open(folder.path(), Arc::clone(&fields), EngineOptions::default(), shared).expect("opens");
    segments_of(&engine, 0..9);
    workers.work_off();
    segments_of(&engine, 9..12);
    let (before, merges) = (files_in(folder.path()), engine.counters.merges.load(Ordering::Relaxed));
    is_armed.store(true, Ordering::Release);

    let error = engine.force_merge(ForceMerge::Segments(1)).expect_err("ended early");

    assert!(matches!(error, EngineError::Stopping), "{error}");
    assert_eq!(files_in(folder.path()), before, "nothing is left behind");
    assert_eq!((failed_merges(&engine), engine.counters.merges.load(Ordering::Relaxed)), (0, merges));
    assert!(!engine.merges_fail.load(Ordering::Acquire), "nothing to report");
    put(&engine, "last", &json!({"n": 1, "t": "common"}));
    segments_of(&engine, 12..24);
    engine.flush(NOW).expect("flushed");
    assert_eq!(workers.work_off(), 0, "no merge begins any more");
    drop(engine);
    let engine = open(folder.path(), fields);
    assert_eq!(found(&engine, &json!({"match": {"t": "common"}})).len(), 25);
    engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
}
