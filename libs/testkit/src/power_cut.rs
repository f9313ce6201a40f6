//! A power cut: what a disk with this history may hold when it comes back.
//!
//! The rules are those that a careful program may rely on, and no more. The content of a file is durable once the file was
//! synced; a name is durable once its folder was synced; a rename happens as a whole. Whatever was not synced may have
//! reached the disk all the same: each write by itself, in part, in any order, and names in the order in which they
//! changed within one folder.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::crash_disk::{Change, CrashDisk, FileId};

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// None of them reached the disk.
    Nothing,
    /// All of them did, and of the last write its first half: as when a process is killed in the middle of it.
    AllButTheTornLast,
    /// Each may have or not, as the seed decides; a write may be torn at any block.
    Some {
        /// Decides; the same seed gives the same outcome.
        seed: u64,
    },
}

/// The state of a disk after a cut.
pub struct PowerCut {
    /// Every name that stands for a file, and every folder.
    files: BTreeMap<PathBuf, Vec<u8>>,
    folders: Vec<PathBuf>,
}

/// Blocks reach the disk as a whole.
const BLOCK: usize = 512;

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Write(u64, std::sync::Arc<[u8]>),
    SetLength(u64),
}

/// A change of the names in one folder.
#[derive(Debug, Clone)]
enum Naming {
    Folder(PathBuf),
    File(PathBuf, FileId),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Names and what they stand for.
#[derive(Default, Clone)]
struct Names {
    folders: Vec<PathBuf>,
    files: BTreeMap<PathBuf, FileId>,
}

impl PowerCut {
    /// The state after the first `cut` changes of a disk.
    pub fn after(disk: &CrashDisk, cut: usize, survival: Survival) -> Self {
        let changes = disk.changes(cut);
        let mut chance = Chance::new(survival);
        let mut contents: HashMap<FileId, Content> = HashMap::new();
        let mut names = Names::default();
        let mut pending: Vec<(PathBuf, Naming)> = Vec::new();
        for change in &changes {
            match change {
                Change::CreateFolder(path) => pending.push((parent(path), Naming::Folder(path.clone()))),
                Change::Create(path, id) => pending.push((parent(path), Naming::File(path.clone(), *id))),
                Change::Rename(from, to) => {
                    pending.push((parent(to), Naming::Rename(from.clone(), to.clone())));
                }
                Change::Remove(path) => pending.push((parent(path), Naming::Remove(path.clone()))),
                Change::SyncFolder(folder) => {
                    pending.retain(|(of, naming)| {
                        let is_synced = of == folder;
                        if is_synced {
                            names.apply(naming);
                        }
                        !is_synced
                    });
                }
                Change::Write(id, offset, bytes) => {
                    contents.entry(*id).or_default().pending.push(Pending::Write(*offset, bytes.clone()));
                }
                Change::SetLength(id, length) => {
                    contents.entry(*id).or_default().pending.push(Pending::SetLength(*length));
                }
                Change::SyncFile(id) => contents.entry(*id).or_default().settle(),
                Change::FailedSync(id) => contents.entry(*id).or_default().give_up(),
                Change::Mark(_) => {}
            }
        }
        let last_write = changes.iter().rev().find(|change| !matches!(change, Change::Mark(_)));
        let torn = match last_write {
            Some(Change::Write(id, ..)) => Some(*id),
            _ => None,
        };
        names.survive(&pending, &mut chance);
        let mut ids: Vec<FileId> = contents.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(content) = contents.get_mut(&id) {
                content.survive(&mut chance, torn == Some(id));
            }
        }
        let files = names
            .files
            .into_iter()
            .map(|(path, id)| (path, contents.get(&id).map(|c| c.durable.clone()).unwrap_or_default()))
            .collect();
        Self { files, folders: names.folders }
    }

    /// Lays the state out in an empty folder.
    pub fn lay_out(&self, root: &Path) -> std::io::Result<()> {
        for folder in &self.folders {
            fs_err::create_dir_all(root.join(folder))?;
        }
        for (path, content) in &self.files {
            // A file whose folder's own name was lost is lost with it.
            if root.join(path).parent().is_some_and(Path::is_dir) {
                fs_err::write(root.join(path), content)?;
            }
        }
        Ok(())
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

impl Names {
    fn apply(&mut self, naming: &Naming) {
        match naming {
            Naming::Folder(path) => self.folders.push(path.clone()),
            Naming::File(path, id) => {
                self.files.insert(path.clone(), *id);
            }
            Naming::Rename(from, to) => {
                if let Some(id) = self.files.remove(from) {
                    self.files.insert(to.clone(), id);
                }
            }
            Naming::Remove(path) => {
                self.files.remove(path);
            }
        }
    }

    /// Of the names that were not synced, those of each folder survive up to some change and not beyond.
    fn survive(&mut self, pending: &[(PathBuf, Naming)], chance: &mut Chance) {
        let mut folders: Vec<&PathBuf> = pending.iter().map(|(folder, _)| folder).collect();
        folders.sort_unstable();
        folders.dedup();
        let limits: HashMap<&PathBuf, usize> = folders
            .into_iter()
            .map(|folder| {
                let changes = pending.iter().filter(|(of, _)| of == folder).count();
                (folder, chance.up_to(changes))
            })
            .collect();
        let mut seen: HashMap<&PathBuf, usize> = HashMap::new();
        for (folder, naming) in pending {
            let seen = seen.entry(folder).or_default();
            if *seen < limits[folder] {
                self.apply(naming);
            }
            *seen += 1;
        }
    }
}

impl Content {
    fn settle(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            pending.apply(&mut self.durable);
        }
    }

    /// What was not durable will not be. The file keeps its length, as the system has noted that by itself.
    fn give_up(&mut self) {
        let mut length = self.durable.len();
        for pending in std::mem::take(&mut self.pending) {
            length = match pending {
                Pending::Write(offset, bytes) => length.max(offset as usize + bytes.len()),
                Pending::SetLength(length) => length as usize,
            };
        }
        self.pending.push(Pending::SetLength(length as u64));
    }

    fn survive(&mut self, chance: &mut Chance, is_torn: bool) {
        let pending = std::mem::take(&mut self.pending);
        let count = pending.len();
        for (at, pending) in pending.into_iter().enumerate() {
            if let Some(pending) = chance.part_of(pending, is_torn && at + 1 == count) {
                pending.apply(&mut self.durable);
            }
        }
    }
}

impl Pending {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Pending::Write(offset, bytes) => {
                let (start, end) = (offset as usize, offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(&bytes);
            }
            Pending::SetLength(length) => content.resize(length as usize, 0),
        }
    }
}

/// Decides what survives.
struct Chance {
    survival: Survival,
    state: u64,
}

impl Chance {
    fn new(survival: Survival) -> Self {
        let seed = if let Survival::Some { seed } = survival { seed } else { 0 };
        // Seeds that are close to each other must not give sequences that are.
        Self { survival, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// How many of `count` changes survive.
    fn up_to(&mut self, count: usize) -> usize {
        match self.survival {
            Survival::Nothing => 0,
            Survival::AllButTheTornLast => count,
            Survival::Some { .. } => (self.next() % (count as u64 + 1)) as usize,
        }
    }

    /// What survives of a change of content.
    fn part_of(&mut self, pending: Pending, is_last: bool) -> Option<Pending> {
        match (self.survival, pending) {
            (Survival::Nothing, _) => None,
            (Survival::AllButTheTornLast, Pending::Write(offset, bytes)) if is_last => {
                Some(Pending::Write(offset, bytes[..bytes.len() / 2].into()))
            }
            (Survival::AllButTheTornLast, pending) => Some(pending),
            (Survival::Some { .. }, Pending::SetLength(length)) => {
                self.next().is_multiple_of(2).then_some(Pending::SetLength(length))
            }
            (Survival::Some { .. }, Pending::Write(offset, bytes)) => match self.next() % 3 {
                0 => None,
                1 => Some(Pending::Write(offset, bytes)),
                _ => {
                    // Torn at the edge of a block, or inside it if the write is shorter than one.
                    let cut = (self.next() % (bytes.len() as u64 + 1)) as usize;
                    let cut = if bytes.len() > BLOCK { cut / BLOCK * BLOCK } else { cut };
                    Some(Pending::Write(offset, bytes[..cut].into()))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(disk: &CrashDisk, cut: usize, survival: Survival, name: &str) -> Option<Vec<u8>> {
        PowerCut::after(disk, cut, survival).files.get(Path::new(name)).cloned()
    }

    /// The mistake that a kill -9 never shows: a file that was synced under a name that was not.
    #[test]
    fn a_synced_file_is_lost_unless_its_folder_was_synced() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = CrashDisk::new(root.path());
        let path = root.path().join("a");
        let (id, file) = disk.create(&path).expect("created");
        disk.write_at(id, &file, b"text", 0).expect("written");
        disk.sync(id);
        let before = disk.len();
        disk.sync_folder(root.path()).expect("synced");

        assert_eq!(content(&disk, before, Survival::Nothing, "a"), None);
        assert_eq!(content(&disk, before + 1, Survival::Nothing, "a"), Some(b"text".to_vec()));
    }

    /// A second sync after one that failed succeeds and saves nothing: what was to be written is given up.
    #[test]
    fn what_a_failed_sync_gave_up_no_later_sync_brings_back() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = CrashDisk::new(root.path());
        let (id, file) = disk.create(&root.path().join("a")).expect("created");
        disk.write_at(id, &file, b"kept", 0).expect("written");
        disk.sync(id);
        disk.sync_folder(root.path()).expect("synced");
        disk.write_at(id, &file, b"lost", 4).expect("written");
        disk.fail_sync(id);
        disk.write_at(id, &file, b"more", 8).expect("written");
        disk.sync(id);

        let found = content(&disk, disk.len(), Survival::Nothing, "a");

        assert_eq!(found, Some(b"kept\0\0\0\0more".to_vec()));
    }

    #[test]
    fn a_disk_over_a_folder_begins_with_what_is_there() {
        let root = tempfile::tempdir().expect("a folder");
        fs_err::create_dir(root.path().join("f")).expect("made");
        fs_err::write(root.path().join("f/a"), "text").expect("written");

        let disk = CrashDisk::over(root.path()).expect("read");

        assert_eq!(content(&disk, disk.len(), Survival::Nothing, "f/a"), Some(b"text".to_vec()));
        let (id, file) = disk.open(&root.path().join("f/a")).expect("opened");
        disk.write_at(id, &file, b"T", 0).expect("written");
        assert_eq!(content(&disk, disk.len(), Survival::Nothing, "f/a"), Some(b"text".to_vec()));
    }

    #[test]
    fn a_rename_that_was_not_synced_leaves_the_old_content() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = CrashDisk::new(root.path());
        for (name, text) in [("a", b"old"), ("a.tmp", b"new")] {
            let (id, file) = disk.create(&root.path().join(name)).expect("created");
            disk.write_at(id, &file, text, 0).expect("written");
            disk.sync(id);
        }
        disk.sync_folder(root.path()).expect("synced");
        disk.rename(&root.path().join("a.tmp"), &root.path().join("a")).expect("renamed");

        assert_eq!(content(&disk, disk.len(), Survival::Nothing, "a"), Some(b"old".to_vec()));
        assert_eq!(content(&disk, disk.len(), Survival::AllButTheTornLast, "a"), Some(b"new".to_vec()));
    }

    #[test]
    fn writes_that_were_not_synced_may_be_torn_and_never_touch_what_was() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = CrashDisk::new(root.path());
        let (id, file) = disk.create(&root.path().join("a")).expect("created");
        disk.write_at(id, &file, b"durable", 0).expect("written");
        disk.sync(id);
        disk.sync_folder(root.path()).expect("synced");
        disk.write_at(id, &file, b"0123456789", 7).expect("written");

        let mut lengths = std::collections::HashSet::new();
        for seed in 0..64 {
            let found = content(&disk, disk.len(), Survival::Some { seed }, "a").expect("there");
            assert!(found.starts_with(b"durable") && b"durable0123456789".starts_with(found.as_slice()));
            lengths.insert(found.len());
        }
        assert!(lengths.len() > 4, "some seeds tear the write: {lengths:?}");
        let torn = content(&disk, disk.len(), Survival::AllButTheTornLast, "a");
        assert_eq!(torn, Some(b"durable01234".to_vec()));
    }
}
