//! Relief: a thread that looks at the node's memory and writes out the fullest shards before it runs out.
//!
//! It is not the thread that refreshes: that one may be busy with a large shard for long, and memory does not wait. A shard
//! that somebody else refreshes is being relieved already and is passed over.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use daemon::CancellationToken;
use shard::{Buffers, Shard};

use crate::node::Node;

/// Writers on every core fill some tens of megabytes in this time, a small part of what they may take.
const TICK: Duration = Duration::from_millis(100);

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
            let _is_over = runtime.block_on(async { tokio::time::timeout(TICK, stop.cancelled()).await });
        }
    })
}

fn look(node: &Node) {
    node.memory.look();
    if node.shared.buffers.bytes() <= node.settings.index_buffer_bytes {
        return;
    }
    let shards =
        node.indices.all().iter().flat_map(|index| index.open_shards().collect::<Vec<_>>()).collect();
    relieve(shards, &node.shared.buffers, node.settings.index_buffer_bytes, node.clock.now_millis());
}

/// Writes out the shards with the most documents in memory until all of them fit.
fn relieve(shards: Vec<Arc<Shard>>, buffers: &Buffers, bytes_max: usize, now_millis: i64) {
    let mut shards: Vec<_> = shards.into_iter().map(|shard| (shard.buffered_bytes(), shard)).collect();
    shards.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    for (bytes, shard) in shards {
        if buffers.bytes() <= bytes_max || bytes == 0 {
            return;
        }
        if let Err(error) = shard.refresh_unless_busy(now_millis) {
            tracing::error!(%error, "a shard's documents could not be written out");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::RwLock;
    use serde_json::json;
    use shard::mapping::parse_mapping;
    use shard::{Condition, Disk, DiskFile, EngineOptions, HostDisk, Shared, Workers, WriteRequest};

    use super::*;

    #[derive(Debug, Default)]
    struct Gate {
        closed: RwLock<()>,
        /// How many have come to it.
        came: AtomicUsize,
    }

    impl Gate {
        fn pass(&self) {
            self.came.fetch_add(1, Ordering::AcqRel);
            drop(self.closed.read());
        }
    }

    /// A disk whose new files take nothing, and make nothing durable, while the test holds the gate.
    struct SlowDisk(Arc<Gate>, HostDisk);

    #[derive(Debug)]
    struct SlowFile(Arc<Gate>, Arc<dyn DiskFile>);

    impl DiskFile for SlowFile {
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            self.0.pass();
            self.1.write_at(bytes, offset)
        }
        fn set_length(&self, length: u64) -> io::Result<()> {
            self.1.set_length(length)
        }
        fn sync(&self) -> io::Result<()> {
            self.0.pass();
            self.1.sync()
        }
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
            self.1.read_at(bytes, offset)
        }
    }

    impl Disk for SlowDisk {
        fn create_folder(&self, path: &Path) -> io::Result<()> {
            self.1.create_folder(path)
        }
        fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            Ok(Arc::new(SlowFile(Arc::clone(&self.0), self.1.create_new(path)?)))
        }
        fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            Ok(Arc::new(SlowFile(Arc::clone(&self.0), self.1.create(path)?)))
        }
        fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            self.1.open(path)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.1.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            self.1.remove(path)
        }
        fn sync_folder(&self, path: &Path) -> io::Result<()> {
            self.1.sync_folder(path)
        }
        fn sync_file(&self, path: &Path) -> io::Result<()> {
            self.1.sync_file(path)
        }
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
        let disk = Arc::new(SlowDisk(Arc::clone(&gate), HostDisk));
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

    /// A flush keeps every writer out while it begins the next generation of the translog. If the disk hangs there, it used to
    /// hold up whoever asked what the shard holds, and with that the relief of all.
    #[test]
    fn a_flush_that_hangs_on_its_disk_does_not_hold_up_the_relief_of_others() {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let (gate, buffers) = (Arc::<Gate>::default(), Arc::<Buffers>::default());
        let shared = Shared { workers: Workers::new(0), buffers: Arc::clone(&buffers), ..Shared::default() };
        let disk = Arc::new(SlowDisk(Arc::clone(&gate), HostDisk));
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
}
