//! The look at the disk: which files are there, and which harvester each of them continues.
//!
//! | seen | meaning |
//! |---|---|
//! | a known place, its bytes unchanged | the same file, perhaps under a new name |
//! | a known place, shorter or with other bytes | truncated, or the inode was reused: detached, new generation |
//! | another device, with a whole fingerprint of bytes of a harvester whose path is gone | moved over file systems: continued |
//! | a new place with the bytes of a detached harvester, named as its rotation | the copy of copytruncate: continued there |
//! | a new place, a rotation's name, the bytes of a file that is still whole | perhaps a copy before its truncation: waits `file-beat.copy_wait` |
//! | anything else | a new file |
//!
//! Equal bytes alone prove little, for two runs of one program begin alike; where they must be enough, the rest of
//! what is seen has to rule out a new file. A line sent twice is a smaller evil than a line that is not sent.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;
use tracing::{debug, info, warn};

use crate::collector::Collector;
use crate::fingerprint::{LENGTH_MAX, Place};
use crate::harvester::Harvester;
use crate::rotation::is_rotation_of;

/// A file that is there.
struct Found {
    path: PathBuf,
    input: usize,
    place: Place,
    size: u64,
    /// When it was changed, in nanoseconds since 1970.
    changed: i128,
}

impl Found {
    fn inode(&self) -> (u64, u64) {
        (self.place.device, self.place.inode)
    }
}

impl Collector {
    /// Looks at every input's paths and settles what each file is.
    pub(crate) fn scan(&mut self) {
        let now = self.clock.now_millis();
        let found = self.found();
        let mut by_inode: HashMap<(u64, u64), u64> = HashMap::new();
        for harvester in self.harvesters.values_mut() {
            harvester.is_present = false;
            if !harvester.is_detached {
                by_inode.insert((harvester.place.device, harvester.place.inode), harvester.slot);
            }
        }
        let mut unknown = Vec::new();
        for file in found {
            match by_inode.get(&file.inode()).copied() {
                Some(slot) if self.is_same_content(slot, &file) => self.still_there(slot, &file),
                Some(slot) => {
                    self.detach(slot, now);
                    unknown.push(file);
                }
                None => unknown.push(file),
            }
        }
        for file in &unknown {
            self.settle_unknown(file, now);
        }
        self.copies.keep(|inode| unknown.iter().any(|file| file.inode() == *inode));
        self.forget(now);
    }

    fn found(&self) -> Vec<Found> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (input, about) in self.inputs.iter().enumerate() {
            for path in about.globs.iter().flat_map(|glob| glob.files(about.symlinks)) {
                if !about.takes_file(&path) {
                    continue;
                }
                let Ok(meta) = fs::metadata(&path) else { continue };
                let place = Place::of(&meta);
                if seen.insert((place.device, place.inode)) {
                    let changed = changed(&meta);
                    found.push(Found { path, input, place, size: meta.len(), changed });
                }
            }
        }
        found
    }

    fn is_same_content(&mut self, slot: u64, file: &Found) -> bool {
        let Some(harvester) = self.harvesters.get(&slot) else {
            return false;
        };
        if !harvester.place.is_same(&file.place) || file.size < harvester.sent {
            return false;
        }
        if harvester.sent == 0 || harvester.settled == Some((file.size, file.changed)) {
            return true;
        }
        match fs::File::open(&file.path) {
            Ok(opened) => harvester.is_content_of(&opened),
            // What cannot be looked at is left as it was; reading it will tell.
            Err(_) => true,
        }
    }

    fn still_there(&mut self, slot: u64, file: &Found) {
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return;
        };
        harvester.is_present = true;
        harvester.input = Some(file.input);
        if harvester.path != file.path {
            debug!(from = %harvester.path.display(), to = %file.path.display(), "file was renamed");
            harvester.path.clone_from(&file.path);
            self.dirty.insert(slot);
        }
    }

    /// The content is gone from its inode. What is on its way is still awaited, and a copy may continue it.
    pub(crate) fn detach(&mut self, slot: u64, now: i64) {
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return;
        };
        info!(path = %harvester.path.display(), offset = harvester.sent, "file was truncated or replaced; its new content is read from the start");
        harvester.is_detached = true;
        harvester.file = None;
        if !harvester.is_registered {
            self.harvesters.remove(&slot);
            return;
        }
        self.write_entry(slot, now);
    }

    fn settle_unknown(&mut self, file: &Found, now: i64) {
        let about = &self.inputs[file.input];
        let age = i128::from(now) - file.changed / 1_000_000;
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        match self.relation(file) {
            Relation::Continues(slot) => self.continue_in(slot, file, now),
            Relation::Copy if self.copies.waits(file.inode(), file.size, self.copy_wait) => {
                debug!(path = %file.path.display(), "file may be a copy of one that is being read, and waits")
            }
            Relation::New | Relation::Copy if about.ignore_older.is_some_and(|limit| age > limit) => {}
            Relation::New | Relation::Copy => {
                let slot = self.registry.new_slot();
                let harvester = Harvester::new(slot, file.input, file.path.clone(), file.place);
                self.harvesters.insert(slot, harvester);
                // At once, for a rotation may take it out of the paths before its turn comes.
                if let Err(error) = self.open(slot) {
                    debug!(%error, "file cannot be opened now");
                }
            }
        }
    }

    fn relation(&self, file: &Found) -> Relation {
        let opened =
            self.harvesters.values().any(|h| h.sent > 0).then(|| fs::File::open(&file.path).ok()).flatten();
        let Some(opened) = opened else {
            return Relation::New;
        };
        let mut relation = Relation::New;
        for harvester in self.harvesters.values() {
            if harvester.sent == 0 || file.size < harvester.sent || harvester.place.is_same(&file.place) {
                continue;
            }
            // A rename keeps the inode, so only from another device can a file come to a new one. And what begins
            // alike for a whole fingerprint is the same; the single line of a short file may well be another's too.
            let is_moved = !harvester.is_present
                && harvester.place.device != file.place.device
                && harvester.head.length() == LENGTH_MAX
                && !harvester.path.exists();
            let is_rotation = is_rotation_of(&file.path, &harvester.path);
            if !(is_rotation || is_moved) || !harvester.is_content_of(&opened) {
                continue;
            }
            if is_moved || harvester.is_detached {
                return Relation::Continues(harvester.slot);
            }
            relation = Relation::Copy;
        }
        relation
    }

    fn continue_in(&mut self, slot: u64, file: &Found, now: i64) {
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return;
        };
        info!(from = %harvester.path.display(), to = %file.path.display(), offset = harvester.sent, "file was moved or copied; its copy is continued");
        harvester.place = file.place;
        harvester.path.clone_from(&file.path);
        harvester.file = None;
        harvester.is_detached = false;
        harvester.is_present = true;
        harvester.input = Some(file.input);
        harvester.settled = None;
        harvester.scanned = 0;
        self.write_entry(slot, now);
    }

    /// Drops what is gone and done: from memory once closed, from the registry after `clean_after`.
    fn forget(&mut self, now: i64) {
        let clean_after = i64::try_from(self.clean_after.as_millis()).unwrap_or(i64::MAX);
        let mut gone = Vec::new();
        for harvester in self.harvesters.values() {
            if harvester.is_present || harvester.file.is_some() || !harvester.is_settled() {
                continue;
            }
            match self.registry.get(harvester.slot) {
                None => gone.push(harvester.slot),
                Some(entry) if now.saturating_sub(entry.seen) > clean_after => gone.push(harvester.slot),
                Some(_) => {}
            }
        }
        for slot in gone {
            self.harvesters.remove(&slot);
            if self.registry.get(slot).is_some()
                && let Err(error) = self.registry.remove(slot)
            {
                warn!(%error, "registry cannot be written");
            }
        }
        self.refresh_seen(now, clean_after);
    }

    /// Files that are there keep their entries young, written rarely.
    fn refresh_seen(&mut self, now: i64, clean_after: i64) {
        let due: Vec<u64> = self
            .harvesters
            .values()
            .filter(|h| h.is_present || h.file.is_some())
            .filter(|h| {
                self.registry.get(h.slot).is_some_and(|e| now.saturating_sub(e.seen) > clean_after / 4)
            })
            .map(|h| h.slot)
            .collect();
        for slot in due {
            self.write_entry(slot, now);
        }
    }
}

/// When a file was changed, in nanoseconds since 1970.
pub(crate) fn changed(meta: &std::fs::Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

enum Relation {
    Continues(u64),
    Copy,
    New,
}
