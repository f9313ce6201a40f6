//! The watch over the disk: above the flood stage nothing is added, so that the node never stands before a disk on which it
//! can neither write nor merge nor delete.
//!
//! Elasticsearch puts a block on every index and takes it away again; here one flag of the node stands for all of them.
//! When it is raised and lowered is decided in `watermark`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cluster::allocation::DiskSpace;
use daemon::CancellationToken;
use parking_lot::Mutex;

use crate::episode::Episode;
use crate::error::ApiError;
use crate::watermark::Watermarks;

/// How often the disk is looked at. What fast writers add meanwhile is small beside what the flood stage leaves free.
const TICK: Duration = Duration::from_secs(1);

/// The watch.
#[derive(Debug, Default)]
pub struct DiskWatch {
    /// None while nobody shall watch.
    marks: Mutex<Option<Watermarks>>,
    flood: Episode,
    /// The disk cannot be asked.
    blindness: Episode,
}

impl DiskWatch {
    pub(crate) fn new(marks: Option<Watermarks>) -> Self {
        Self { marks: Mutex::new(marks), ..Self::default() }
    }

    /// From now on these marks count.
    pub(crate) fn set_marks(&self, marks: Option<Watermarks>) {
        *self.marks.lock() = marks;
        if marks.is_none() && self.flood.ends() {
            tracing::info!("nobody watches the disk any more: writes are accepted again");
        }
    }

    /// Refuses what would add data to an index.
    pub(crate) fn check(&self, index: &str) -> Result<(), ApiError> {
        if !self.flood.lasts() {
            return Ok(());
        }
        let reason = format!(
            "index [{index}] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"
        );
        Err(ApiError::new(429, "cluster_block_exception", reason).with("index", index))
    }

    /// Takes notice of the space of the disk below `path`.
    pub(crate) fn note(&self, path: &Path, space: io::Result<DiskSpace>) {
        let Some(marks) = *self.marks.lock() else { return };
        let path = path.display();
        let space = match space {
            Ok(space) => space,
            // What was known last still holds.
            Err(error) => {
                if self.blindness.begins() {
                    tracing::warn!(%path, %error, "the disk cannot be asked for its free space");
                }
                return;
            }
        };
        if self.blindness.ends() {
            tracing::info!(%path, "the disk can be asked for its free space again");
        }
        let DiskSpace { total, free } = space;
        let (flood_stage, high) = (marks.shown_flood_stage(), marks.shown_high());
        if marks.is_flooded(self.flood.lasts(), space) {
            if self.flood.begins() {
                tracing::error!(%path, free, total, %flood_stage, %high, "disk usage exceeded the flood stage: writes are refused until it is below the high watermark; delete indices, or give the disk more room");
            }
        } else if self.flood.ends() {
            tracing::info!(%path, free, total, %high, "disk usage is below the high watermark: writes are accepted again");
        }
    }
}

/// Asks the system for the space of the disk below `path`.
pub(crate) fn space_of(path: &Path) -> io::Result<DiskSpace> {
    let found = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(DiskSpace { total: bytes(found.f_blocks), free: bytes(found.f_bavail) })
}

/// The whole of the disk below a path and what is free of it, in bytes, whenever it is asked.
pub(crate) fn space_below(path: Arc<Path>) -> impl Fn() -> Option<(u64, u64)> {
    move || space_of(&path).ok().map(|space| (space.total, space.free))
}

/// Looks at the disk until the node stops. A thread of its own: a disk that hangs must hold up nobody else.
pub(crate) fn start(
    watch: Arc<DiskWatch>,
    path: Arc<Path>,
    stop: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("disk".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            watch.note(&path, space_of(&path));
            let _is_over = runtime.block_on(async { tokio::time::timeout(TICK, stop.cancelled()).await });
        }
    })
}

#[cfg(test)]
mod tests {
    use cluster::allocation::Watermark;

    use super::*;

    fn watch() -> DiskWatch {
        let marks = Watermarks::new(Watermark::Used(0.9), Watermark::Used(0.95)).expect("valid");
        DiskWatch::new(Some(marks))
    }

    fn space(free: u64) -> io::Result<DiskSpace> {
        Ok(DiskSpace { total: 1000, free })
    }

    #[test]
    fn what_would_add_data_is_refused_while_the_disk_is_flooded() {
        let watch = watch();
        let path = Path::new("data");

        for (free, is_refused) in [(60, false), (40, true), (60, true), (150, false)] {
            watch.note(path, space(free));

            let refused = watch.check("logs").err();
            assert_eq!(refused.is_some(), is_refused, "{free}");
            let status = refused.map_or(429, |error| error.status);
            assert_eq!(status, 429);
        }
    }

    #[test]
    fn a_disk_that_cannot_be_asked_changes_nothing() {
        let watch = watch();
        let path = Path::new("data");
        watch.note(path, Err(io::Error::other("gone")));
        assert_eq!(watch.check("logs"), Ok(()));
        watch.note(path, space(0));

        watch.note(path, Err(io::Error::other("gone")));

        assert!(watch.check("logs").is_err());
    }

    #[test]
    fn marks_that_are_set_later_count_and_may_be_taken_away() {
        let watch = watch();
        let path = Path::new("data");
        watch.note(path, space(40));
        assert!(watch.check("logs").is_err());

        watch.set_marks(None);
        assert_eq!(watch.check("logs"), Ok(()), "nobody watches any more");
        watch.set_marks(Watermarks::new(Watermark::Used(0.97), Watermark::Used(0.98)).ok());
        watch.note(path, space(40));
        assert_eq!(watch.check("logs"), Ok(()));
        watch.note(path, space(10));

        assert!(watch.check("logs").is_err());
    }

    #[test]
    fn nobody_watches_where_nobody_shall() {
        let watch = DiskWatch::new(None);

        watch.note(Path::new("data"), space(0));

        assert_eq!(watch.check("logs"), Ok(()));
    }

    #[test]
    fn the_system_tells_the_space_of_a_disk() {
        let folder = tempfile::tempdir().expect("a folder");

        let space = space_of(folder.path()).expect("told");

        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
    }
}
