//! Opening the store: everything that was promised must be there, and what a power cut left in the middle is finished.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, create_folder_durably};

use super::error::StoreError;
use super::segment::{self, Segment};
use super::slots::SlotFile;
use super::{Ballot, Extent, LogStore};

pub(super) const VOTE: &str = "vote";
pub(super) const EXTENT: &str = "purge";

const VOTE_MAGIC: &[u8; 8] = b"SNVOTE01";
const EXTENT_MAGIC: &[u8; 8] = b"SNPURG01";

/// Whether a folder holds anything that a node has promised to others: a vote, or entries.
pub fn holds_promises(folder: &Path) -> std::io::Result<bool> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.ends_with(VOTE) || segment::first_of(&path).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl LogStore {
    /// Opens the store in a folder, or makes it there.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_bytes_max: u64,
    ) -> Result<Self, StoreError> {
        create_folder_durably(disk.as_ref(), folder).map_err(StoreError::disk(folder))?;
        let paths = segment_paths(disk.as_ref(), folder)?;
        let (vote_file, vote) = open_vote(disk.as_ref(), folder, !paths.is_empty())?;
        let (extent_file, extent) = open_extent(disk.as_ref(), folder, !paths.is_empty())?;
        let segments: Result<Vec<Segment>, StoreError> =
            paths.iter().map(|path| Segment::open(disk.as_ref(), path)).collect();
        let mut store = Self {
            disk,
            folder: folder.to_owned(),
            segment_bytes_max,
            vote_file,
            vote,
            extent_file,
            extent,
            segments: segments?,
            fence: None,
        };
        store.finish_changes()?;
        store.check()?;
        Ok(store)
    }

    /// Finishes what was going on when the store was left: segments that were given up are removed, and all but the last
    /// are sealed.
    fn finish_changes(&mut self) -> Result<(), StoreError> {
        // Where the log began anew, the empty segment of before may still be there.
        while self.segments.len() > 1 && self.segments[0].is_empty() {
            let empty = self.segments.remove(0);
            self.remove(empty.path())?;
        }
        let first = self.extent.first();
        while self.segments.len() > 1 && self.segments[0].next() <= first {
            let oldest = self.segments.remove(0);
            self.remove(oldest.path())?;
        }
        self.drop_purged_segments()?;
        let followed = self.segments.len().saturating_sub(1);
        for segment in self.segments.iter_mut().take(followed).filter(|segment| !segment.is_sealed()) {
            segment.seal()?;
        }
        Ok(())
    }

    /// Fails if an entry is missing.
    fn check(&self) -> Result<(), StoreError> {
        let Some((first, last)) = self.segments.first().zip(self.segments.last()) else {
            return match self.extent.has_segments {
                true => Err(StoreError::damaged(&self.folder, "all segments of its log are missing")),
                false => Ok(()),
            };
        };
        for pair in self.segments.windows(2) {
            if pair[0].next() != pair[1].first() {
                let (end, begin) = (pair[0].next(), pair[1].first());
                let what =
                    format!("it ends before entry {end}, the next begins with {begin}; one is missing");
                return Err(StoreError::damaged(pair[0].path(), what));
            }
        }
        if last.is_sealed() {
            return Err(StoreError::damaged(last.path(), "the segment that follows it is missing"));
        }
        if first.first() > self.extent.first() && !first.is_empty() {
            let what = format!("the entries from {} on, before its first, are missing", self.extent.first());
            return Err(StoreError::damaged(first.path(), what));
        }
        Ok(())
    }
}

/// The segments in their order. Files that were being written when the power was cut are removed.
fn segment_paths(disk: &dyn Disk, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(StoreError::disk(folder))? {
        let path = entry.map_err(StoreError::disk(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            disk.remove(&path).map_err(StoreError::disk(&path))?;
        } else if segment::first_of(&path).is_some() {
            paths.push(path);
        }
    }
    // A name that is seen may not be on the disk yet, if the sync of its folder failed; what follows relies on all of them.
    disk.sync_folder(folder).map_err(StoreError::disk(folder))?;
    paths.sort_by_key(|path| segment::first_of(path));
    Ok(paths)
}

/// The vote is the first file that is made, and never removed.
fn open_vote(
    disk: &dyn Disk,
    folder: &Path,
    has_log: bool,
) -> Result<(SlotFile, Option<Ballot>), StoreError> {
    let path = folder.join(VOTE);
    if path.exists() {
        return SlotFile::open(disk, &path, VOTE_MAGIC);
    }
    if has_log || folder.join(EXTENT).exists() {
        return Err(StoreError::damaged(&path, "it is missing, so that this node might vote twice"));
    }
    let none: Option<Ballot> = None;
    Ok((SlotFile::create(disk, &path, VOTE_MAGIC, &none)?, none))
}

fn open_extent(disk: &dyn Disk, folder: &Path, has_log: bool) -> Result<(SlotFile, Extent), StoreError> {
    let path = folder.join(EXTENT);
    if path.exists() {
        return SlotFile::open(disk, &path, EXTENT_MAGIC);
    }
    if has_log {
        return Err(StoreError::damaged(&path, "it is missing, and nobody knows where the log begins"));
    }
    let extent = Extent::default();
    Ok((SlotFile::create(disk, &path, EXTENT_MAGIC, &extent)?, extent))
}
