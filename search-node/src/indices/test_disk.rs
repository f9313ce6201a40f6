//! What the tests of indices open them with: a disk whose syncs fail on demand, and nothing in the background.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daemon::clock::Clock;
use shard::{Disk, DiskOperation, Shared, Workers};
use testkit::{CrashDisk, Fate, RecordedDisk};

use super::index::Resources;

/// A disk that can break, and become well again.
pub(super) struct Breakable {
    pub(super) disk: Arc<dyn Disk>,
    is_broken: Arc<AtomicBool>,
    is_full: Arc<AtomicBool>,
}

/// What an index needs, on this disk and with nothing in the background.
pub(crate) fn resources(disk: Arc<dyn Disk>) -> Resources {
    Resources {
        segment_buffer_bytes: 1 << 20,
        shared: Shared { disk, workers: Workers::new(0), ..Shared::default() },
        disk_watch: Arc::default(),
        idle_after: None,
        clock: Clock::system(),
        roles: None,
    }
}

impl Breakable {
    pub(super) fn over(disk: &CrashDisk) -> Self {
        let (is_broken, is_full) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (breaks, fills) = (Arc::clone(&is_broken), Arc::clone(&is_full));
        let disk = RecordedDisk::deciding(disk, move |operation, _| match operation {
            DiskOperation::Sync if breaks.load(Ordering::Acquire) => {
                Fate::Failed(io::Error::other("the disk is broken"))
            }
            DiskOperation::Write if fills.load(Ordering::Acquire) => {
                Fate::Failed(io::Error::from(io::ErrorKind::StorageFull))
            }
            _ => Fate::Done,
        });
        Self { disk: disk.shared(), is_broken, is_full }
    }

    /// From now on, whether the content of open files can be made durable.
    pub(super) fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Release);
    }

    /// From now on, whether files can be written to.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Release);
    }
}
