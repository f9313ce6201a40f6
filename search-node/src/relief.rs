//! Relief: a thread that looks at the node's memory and writes out the fullest shards before it runs out.
//!
//! It is not the thread that refreshes: that one may be busy with a large shard for long, and memory does not wait. A shard
//! that somebody else refreshes is being relieved already and is passed over.

use std::sync::Arc;
use std::thread::JoinHandle;

use daemon::CancellationToken;
use shard::{Buffers, Shard};

use crate::node::Node;

/// Starts the thread; it ends when the node stops.
pub(crate) fn start(node: Arc<Node>, stop: CancellationToken) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("relief".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            // A shard that breaks must not end the relief of all others.
            let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&node)));
            if looked.is_err() {
                tracing::error!("looking at the memory broke");
            }
            let pause = node.memory.pause(node.shared.buffers.bytes() > 0);
            let _is_over = runtime.block_on(async { tokio::time::timeout(pause, stop.cancelled()).await });
        }
    })
}

fn look(node: &Node) {
    node.memory.look();
    let shards: Vec<_> =
        node.indices.all().iter().flat_map(|index| index.open_shards().collect::<Vec<_>>()).collect();
    let bytes_max = bytes_max(node.settings.index_buffer_bytes, node.memory.held(), node.memory.limit());
    relieve(shards, &node.shared.buffers, bytes_max, node.clock.now_millis());
}

/// What documents that are not searchable yet may take: less where the node holds nearly all that it may, whatever it is.
fn bytes_max(setting: usize, held: u64, limit: u64) -> usize {
    if held > limit / 8 * 7 { setting / 4 } else { setting }
}

/// Writes out the shards with the most documents in memory until all of them fit.
fn relieve(shards: Vec<Arc<Shard>>, buffers: &Buffers, bytes_max: usize, now_millis: i64) {
    let held = shards.into_iter().map(|shard| (shard.buffered_bytes(), shard.version_bytes(), shard));
    let held = held.filter(|(open, versions, _)| open + versions > 0);
    // Those that accept nothing more cannot be written out: without this the others would be, for them, again and again.
    let mut shards: Vec<_> = held.filter(|(.., shard)| !shard.free_if_fenced()).collect();
    shards.sort_by_key(|(open, versions, _)| std::cmp::Reverse(open + versions));
    let mut version_bytes: usize = shards.iter().map(|(_, versions, _)| versions).sum();
    for (_, versions, shard) in shards {
        if buffers.bytes() + version_bytes <= bytes_max {
            return;
        }
        if let Err(error) = shard.refresh_unless_busy(now_millis) {
            tracing::error!(%error, "a shard's documents could not be written out");
        }
        // They are forgotten now, or soon by who keeps the shard busy.
        version_bytes -= versions;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use parking_lot::RwLock;
    use serde_json::json;
    use shard::mapping::parse_mapping;
    use shard::{
        Condition, Disk, DiskOperation, EngineOptions, HookedDisk, HostDisk, Shared, Workers, WriteRequest,
    };

    use super::*;

    #[derive(Debug, Default)]
    struct Gate {
        closed: RwLock<()>,
        /// How many have come to it.
        came: AtomicUsize,
        /// Nobody passes it any more; the disk is lost.
        is_lost: AtomicBool,
    }

    impl Gate {
        fn pass(&self) -> io::Result<()> {
            self.came.fetch_add(1, Ordering::AcqRel);
            drop(self.closed.read());
            if self.is_lost.load(Ordering::Acquire) {
                return Err(io::Error::other("the disk is lost"));
            }
            Ok(())
        }
    }

    /// A disk on which nothing is written or made durable while the test holds the gate.
    fn slow(gate: &Arc<Gate>) -> Arc<dyn Disk> {
        let gate = Arc::clone(gate);
        HookedDisk::over(HostDisk::shared(), move |operation, _| match operation {
            DiskOperation::Write | DiskOperation::Sync => gate.pass(),
            _ => Ok(()),
        })
    }

    fn open(folder: &Path, shared: Shared) -> Arc<Shard> {
        let mapping = parse_mapping(&json!({"properties": {"n": {"type": "long"}}})).expect("valid");
        Arc::new(Shard::open(folder, Arc::new(mapping), EngineOptions::default(), shared).expect("opens"))
    }

    fn put(shard: &Shard, id: &str) {
        let request = WriteRequest {
            uid: id,
            doc_type: None,
            id,
            routing: None,
            source: Some(b"{\"n\": 1}"),
            condition: Condition::None,
            is_new_id: false,
            now_millis: 1,
        };
        shard.write(&request).expect("written");
    }

    /// One shard is refreshed for long by somebody else; the memory of the others is given back meanwhile.
    #[test]
    fn a_long_refresh_of_one_shard_does_not_hold_up_the_relief_of_others() {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let (gate, buffers) = (Arc::<Gate>::default(), Arc::<Buffers>::default());
        let shared = Shared { workers: Workers::new(0), buffers: Arc::clone(&buffers), ..Shared::default() };
        let disk = slow(&gate);
        let slow = open(folders[0].path(), Shared { disk, ..shared.clone() });
        let quick = open(folders[1].path(), shared);
        put(&slow, "a");
        put(&slow, "b");

        std::thread::scope(|scope| {
            let closed = gate.closed.write();
            let refreshing = scope.spawn(|| slow.refresh(1).expect("refreshed"));
            // Its open segment is taken once the refresh is under way.
            while slow.buffered_bytes() > 0 {
                std::thread::yield_now();
            }
            put(&quick, "c");
            assert!(quick.buffered_bytes() > 0, "a segment of one document is not nothing");
            relieve(vec![Arc::clone(&slow), Arc::clone(&quick)], &buffers, 0, 1);

            assert_eq!(quick.buffered_bytes(), 0);
            assert!(!refreshing.is_finished());
            drop(closed);
            assert!(refreshing.join().expect("no panic"));
        });
        assert_eq!(buffers.bytes(), 0, "everything is given back");
    }

    /// Segments that were written out because they were full leave their versions in memory until a refresh; those used to grow
    /// without an end in an index that nobody searches.
    #[test]
    fn versions_count_with_what_a_refresh_gives_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let buffers = Arc::<Buffers>::default();
        let shard = open(folder.path(), Shared { buffers: Arc::clone(&buffers), ..Shared::default() });
        (0..1000).for_each(|n| put(&shard, &format!("document-{n}")));
        let (open, versions) = (shard.buffered_bytes(), shard.version_bytes());
        assert!(versions > 50_000, "{versions}");

        relieve(vec![Arc::clone(&shard)], &buffers, open + versions, 1);
        assert_eq!(shard.stats().refreshes, 0, "all of it fits");
        relieve(vec![Arc::clone(&shard)], &buffers, open + versions - 1, 1);

        assert_eq!((shard.stats().refreshes, shard.version_bytes(), buffers.bytes()), (1, 0, 0));
    }

    #[test]
    fn less_may_wait_for_a_refresh_where_memory_is_short() {
        assert_eq!([0, 70, 71, 100].map(|held| bytes_max(40, held, 80)), [40, 40, 10, 10]);
    }

    /// A flush keeps every writer out while it begins the next generation of the translog. If the disk hangs there, it used to
    /// hold up whoever asked what the shard holds, and with that the relief of all.
    #[test]
    fn a_flush_that_hangs_on_its_disk_does_not_hold_up_the_relief_of_others() {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let (gate, buffers) = (Arc::<Gate>::default(), Arc::<Buffers>::default());
        let shared = Shared { workers: Workers::new(0), buffers: Arc::clone(&buffers), ..Shared::default() };
        let disk = slow(&gate);
        let hanging = open(folders[0].path(), Shared { disk, ..shared.clone() });
        let quick = open(folders[1].path(), shared);
        put(&hanging, "a");
        put(&quick, "b");

        std::thread::scope(|scope| {
            let closed = gate.closed.write();
            let came = gate.came.load(Ordering::Acquire);
            let flushing = scope.spawn(|| hanging.flush(1).expect("flushed"));
            while gate.came.load(Ordering::Acquire) == came {
                std::thread::yield_now();
            }
            let (done, is_done) = std::sync::mpsc::channel();
            let (shards, buffers) = (vec![Arc::clone(&hanging), Arc::clone(&quick)], &buffers);
            scope.spawn(move || {
                assert_eq!(shards[0].fenced(), None);
                relieve(shards, buffers, 0, 1);
                done.send(()).expect("heard");
            });
            let relieved = is_done.recv_timeout(Duration::from_secs(20));
            let (held, was_flushing) = (quick.buffered_bytes(), !flushing.is_finished());
            drop(closed);

            assert!(relieved.is_ok(), "it waited for the flush");
            assert_eq!((held, was_flushing), (0, true));
        });
        assert_eq!(buffers.bytes(), 0);
    }

    /// A shard whose disk failed kept its open segments for ever, and for them every other shard was refreshed again and again.
    #[test]
    fn a_shard_that_accepts_nothing_more_gives_its_memory_back_and_costs_the_others_nothing() {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let (gate, buffers) = (Arc::<Gate>::default(), Arc::<Buffers>::default());
        let shared = Shared { workers: Workers::new(0), buffers: Arc::clone(&buffers), ..Shared::default() };
        let disk = slow(&gate);
        let broken = open(folders[0].path(), Shared { disk, ..shared.clone() });
        let well = open(folders[1].path(), shared);
        put(&broken, "shown");
        broken.refresh(1).expect("shown");
        put(&broken, "a");
        put(&broken, "b");
        put(&well, "c");
        gate.is_lost.store(true, Ordering::Release);
        broken.sync_all().expect_err("lost");
        let well_bytes = well.buffered_bytes();
        let bytes_max = well_bytes + well.version_bytes();
        assert!(buffers.bytes() > bytes_max);

        let came = gate.came.load(Ordering::Acquire);
        relieve(vec![Arc::clone(&broken), Arc::clone(&well)], &buffers, bytes_max, 1);

        assert_eq!((broken.buffered_bytes(), well.buffered_bytes()), (0, well_bytes));
        assert_eq!(buffers.bytes(), well_bytes, "the memory is free");
        assert_eq!(well.stats().refreshes, 0);
        assert_eq!(gate.came.load(Ordering::Acquire), came, "the lost disk is not touched");
        assert!(broken.get("shown").expect("read").is_some(), "it goes on answering");
        assert_eq!(broken.stats().documents, 1);
    }
}
