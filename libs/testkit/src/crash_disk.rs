//! A disk that does what it is told and remembers every change in order.
//!
//! The changes reach the real file system, so that the program under test works as ever. Beside that they are kept, with
//! marks that the test sets in between, and a [`PowerCut`](crate::PowerCut) at any place of that history can be laid out
//! in another folder: what was synced is there, what was not may be there, in part or not at all.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

/// A file, whatever it is called now.
pub type FileId = usize;

/// One change of the disk, or a mark of the test.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    CreateFolder(PathBuf),
    /// The name comes to stand for a new, empty file.
    Create(PathBuf, FileId),
    Write(FileId, u64, Arc<[u8]>),
    SetLength(FileId, u64),
    SyncFile(FileId),
    /// A sync that failed: what was written since the last one may be given up, and no later sync brings it back.
    FailedSync(FileId),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncFolder(PathBuf),
    Mark(usize),
}

/// The disk; clones share its history.
#[derive(Debug, Clone)]
pub struct CrashDisk {
    root: PathBuf,
    history: Arc<Mutex<History>>,
}

#[derive(Debug, Default)]
struct History {
    changes: Vec<Change>,
    names: std::collections::HashMap<PathBuf, FileId>,
    next_id: FileId,
}

impl CrashDisk {
    /// A disk whose names all stand below `root`, which exists and is durable.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), history: Arc::default() }
    }

    /// A disk that begins with what stands below `root`, all of it durable.
    pub fn over(root: &Path) -> io::Result<Self> {
        let disk = Self::new(root);
        disk.load(root)?;
        Ok(disk)
    }

    fn load(&self, folder: &Path) -> io::Result<()> {
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            let name = self.below(&path);
            if path.is_dir() {
                self.history.lock().changes.push(Change::CreateFolder(name));
                self.load(&path)?;
                continue;
            }
            let content = fs_err::read(&path)?;
            let mut history = self.history.lock();
            let id = history.next_id;
            history.next_id += 1;
            history.names.insert(name.clone(), id);
            let written = Change::Write(id, 0, content.into());
            history.changes.extend([Change::Create(name, id), written, Change::SyncFile(id)]);
        }
        self.sync_folder(folder)
    }

    /// Where its names stand.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Notes that something happened at this place of the history, such as an acknowledgement.
    pub fn mark(&self, number: usize) {
        self.history.lock().changes.push(Change::Mark(number));
    }

    /// How many changes and marks there are.
    pub fn len(&self) -> usize {
        self.history.lock().changes.len()
    }

    /// Whether nothing has changed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The marks among the first `cut` changes, in their order.
    pub fn marks_before(&self, cut: usize) -> Vec<usize> {
        let history = self.history.lock();
        history.changes[..cut]
            .iter()
            .filter_map(|change| if let Change::Mark(number) = change { Some(*number) } else { None })
            .collect()
    }

    pub(crate) fn changes(&self, cut: usize) -> Vec<Change> {
        self.history.lock().changes[..cut].to_vec()
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    /// Makes a folder and those above it.
    pub fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.is_dir()).collect();
        missing.reverse();
        fs_err::create_dir_all(path)?;
        let mut history = self.history.lock();
        history.changes.extend(missing.into_iter().map(|folder| Change::CreateFolder(self.below(folder))));
        Ok(())
    }

    /// Makes a file, or a new and empty one in the place of the one that is there. A real disk empties the old file, which is
    /// the same to whoever opens the name.
    pub fn create(&self, path: &Path) -> io::Result<(FileId, fs_err::File)> {
        let file =
            fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut history = self.history.lock();
        let name = self.below(path);
        let id = match history.names.get(&name).copied() {
            Some(id) => {
                history.changes.push(Change::SetLength(id, 0));
                id
            }
            None => {
                let id = history.next_id;
                history.next_id += 1;
                history.names.insert(name.clone(), id);
                history.changes.push(Change::Create(name, id));
                id
            }
        };
        Ok((id, file))
    }

    /// Opens a file, making it if it is not there.
    pub fn open(&self, path: &Path) -> io::Result<(FileId, fs_err::File)> {
        let known = self.history.lock().names.get(&self.below(path)).copied();
        match known {
            Some(id) => Ok((id, fs_err::OpenOptions::new().read(true).write(true).open(path)?)),
            None => self.create(path),
        }
    }

    /// Writes bytes at an offset of a file.
    pub fn write_at(&self, id: FileId, file: &fs_err::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.file().write_all_at(bytes, offset)?;
        self.history.lock().changes.push(Change::Write(id, offset, bytes.into()));
        Ok(())
    }

    /// Cuts or lengthens a file.
    pub fn set_length(&self, id: FileId, file: &fs_err::File, length: u64) -> io::Result<()> {
        file.file().set_len(length)?;
        self.history.lock().changes.push(Change::SetLength(id, length));
        Ok(())
    }

    /// Makes the content of a file durable.
    pub fn sync(&self, id: FileId) {
        self.history.lock().changes.push(Change::SyncFile(id));
    }

    /// Notes that making the content of a file durable failed: the system gives up what it could not write, though whoever
    /// reads the file still finds it, until the power is cut.
    pub fn fail_sync(&self, id: FileId) {
        self.history.lock().changes.push(Change::FailedSync(id));
    }

    /// The same for a file by its name.
    pub fn fail_sync_file(&self, path: &Path) {
        let id = self.history.lock().names.get(&self.below(path)).copied();
        if let Some(id) = id {
            self.fail_sync(id);
        }
    }

    /// Makes the content of a file durable, by its name.
    pub fn sync_file(&self, path: &Path) -> io::Result<()> {
        let id = self.history.lock().names.get(&self.below(path)).copied();
        let id = id.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, path.display().to_string()))?;
        self.sync(id);
        Ok(())
    }

    /// Gives a file another name.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::rename(from, to)?;
        let mut history = self.history.lock();
        let (from, to) = (self.below(from), self.below(to));
        if let Some(id) = history.names.remove(&from) {
            history.names.insert(to.clone(), id);
        }
        history.changes.push(Change::Rename(from, to));
        Ok(())
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        fs_err::remove_file(path)?;
        let mut history = self.history.lock();
        let name = self.below(path);
        history.names.remove(&name);
        history.changes.push(Change::Remove(name));
        Ok(())
    }

    /// Makes the names in a folder durable.
    pub fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let name = self.below(path);
        self.history.lock().changes.push(Change::SyncFolder(name));
        Ok(())
    }
}
