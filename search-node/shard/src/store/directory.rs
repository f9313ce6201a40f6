//! The directory that tantivy writes through: nothing is synced until `engine` asks for it.
//!
//! tantivy syncs a dozen times a commit. A refresh happens every second and needs none of that, because the translog
//! holds what was acknowledged. So here:
//!
//! - `meta.json` and `.managed.json` live in memory; the durable state is the [`Manifest`].
//! - Segment files are written without a sync; [`ShardDirectory::make_durable`] syncs those that the state needs.
//! - Only `engine` removes files. One that the last durable state needs goes once a newer state is durable.
//! - `.fieldnorm` files of segments that predate a text field are shown padded (see `fieldnorm`).

use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};
use tantivy::index::SegmentMeta;

use super::fieldnorm::PaddedNorms;
use super::manifest::{Manifest, ManifestError, SegmentFile};
use disk::{Appending, Disk};

const META: &str = "meta.json";
const MANAGED: &str = ".managed.json";

/// tantivy's view of a shard's folder.
#[derive(Clone)]
pub(crate) struct ShardDirectory {
    disk: Arc<dyn Disk>,
    folder: Arc<PathBuf>,
    mmap: MmapDirectory,
    /// `meta.json` and `.managed.json`: a merge has its own, for it builds an index of one segment in the same folder.
    small: Arc<Mutex<HashMap<PathBuf, Vec<u8>>>>,
    state: Arc<Mutex<State>>,
    /// Files made by a merge; its own, as `small` is. The shard's view notes none.
    made: Arc<Mutex<Vec<PathBuf>>>,
    is_beside: bool,
    /// Nothing is written through this view once it is set: what is being written is of no use any more.
    is_given_up: Arc<AtomicBool>,
    /// The same for whatever the node does beside.
    is_stopped: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    /// Files that the last durable manifest needs, with their lengths.
    durable: HashMap<PathBuf, u64>,
    /// Files that are of no use any more, but that the durable manifest still needs.
    doomed: HashSet<PathBuf>,
    /// Files that somebody still reads whatever becomes of them, and how many do.
    pinned: HashMap<PathBuf, usize>,
    /// Fields with norms in the current schema.
    normed: Vec<u32>,
    /// How many documents each listed segment has, by the name that its files share.
    documents: HashMap<String, usize>,
}

impl ShardDirectory {
    /// Opens a folder at its durable state; files of no state are left over from a crash and removed.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        manifest: Option<&Manifest>,
    ) -> Result<Self, OpenDirectoryError> {
        let mut state = State::default();
        let mut small = HashMap::new();
        if let Some(manifest) = manifest {
            state.durable =
                manifest.files.iter().map(|file| (PathBuf::from(&file.name), file.bytes)).collect();
            small.insert(PathBuf::from(META), manifest.meta.clone().into_bytes());
        }
        if manifest.is_some() {
            // The manifest that was read may be one whose name was never made durable: then what the one before needs must stay.
            disk.sync_folder(folder)
                .map_err(|error| OpenDirectoryError::wrap_io_error(error, folder.to_owned()))?;
        }
        remove_orphans(disk.as_ref(), folder, &state.durable);
        let mmap = MmapDirectory::open(folder)?;
        Ok(Self {
            disk,
            folder: Arc::new(folder.to_owned()),
            mmap,
            small: Arc::new(Mutex::new(small)),
            state: Arc::new(Mutex::new(state)),
            made: Arc::default(),
            is_beside: false,
            is_given_up: Arc::default(),
            is_stopped: Arc::default(),
        })
    }

    /// The same folder for building one more segment beside the shard's own list, until `is_given_up` or `is_stopped` is set.
    pub(crate) fn beside(&self, is_given_up: &Arc<AtomicBool>, is_stopped: &Arc<AtomicBool>) -> Self {
        Self {
            small: Arc::default(),
            made: Arc::default(),
            is_beside: true,
            is_given_up: Arc::clone(is_given_up),
            is_stopped: Arc::clone(is_stopped),
            ..self.clone()
        }
    }

    /// Writes to segment files end with an error from now on, without touching the disk.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Release);
    }

    /// tantivy's `meta.json` as it is now.
    pub(crate) fn meta(&self) -> Option<String> {
        let small = self.small.lock();
        small.get(Path::new(META)).and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    }

    /// Replaces `meta.json`.
    pub(crate) fn set_meta(&self, meta: String) {
        self.small.lock().insert(PathBuf::from(META), meta.into_bytes());
    }

    /// The fields that every `.fieldnorm` file has to show, and the segments whose files may lack some.
    pub(crate) fn set_listed(&self, normed: Vec<u32>, segments: &[SegmentMeta]) {
        let mut state = self.state.lock();
        state.normed = normed;
        // Segments that left the list may still be read by a merge; their entry goes with their files.
        state
            .documents
            .extend(segments.iter().map(|segment| (segment.id().uuid_string(), segment.max_doc() as usize)));
    }

    /// Syncs every file of these segments, writes the manifest, and only then lets go of what no state needs.
    pub(crate) fn make_durable(
        &self,
        mut manifest: Manifest,
        segments: &[SegmentMeta],
    ) -> Result<(), ManifestError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            |source| ManifestError::Io { path, source }
        };
        let before = self.state.lock().durable.clone();
        let mut durable = HashMap::new();
        for file in self.files_of(segments).map_err(fault(&self.folder))? {
            let path = self.folder.join(&file);
            let bytes = match before.get(&file) {
                Some(bytes) => *bytes,
                None => {
                    self.disk.sync_file(&path).map_err(fault(&path))?;
                    fs_err::metadata(&path).map_err(fault(&path))?.len()
                }
            };
            durable.insert(file, bytes);
        }
        self.disk.sync_folder(&self.folder).map_err(fault(&self.folder))?;
        manifest.files = durable
            .iter()
            .map(|(path, bytes)| SegmentFile { name: path.display().to_string(), bytes: *bytes })
            .collect();
        manifest.files.sort_by(|a, b| a.name.cmp(&b.name));
        // Should writing it fail, either manifest may be the one that is found: what any of them needs stays.
        self.state.lock().durable.extend(durable.iter().map(|(file, bytes)| (file.clone(), *bytes)));
        manifest.write(self.disk.as_ref(), &self.folder)?;
        let free: Vec<PathBuf> = {
            let mut state = self.state.lock();
            state.durable = durable;
            let state = &mut *state;
            let durable = &state.durable;
            let pinned = &state.pinned;
            state
                .doomed
                .extract_if(|file| !durable.contains_key(file) && !pinned.contains_key(file))
                .collect()
        };
        for file in free {
            self.unlink(&file);
        }
        Ok(())
    }

    /// Removes what a segment's files are no longer needed for: all of them, or an older list of its deletes.
    pub(crate) fn remove(&self, files: impl IntoIterator<Item = PathBuf>) {
        for file in files {
            let is_needed = {
                let mut state = self.state.lock();
                let is_needed = state.durable.contains_key(&file) || state.pinned.contains_key(&file);
                if is_needed {
                    state.doomed.insert(file.clone());
                }
                is_needed
            };
            if !is_needed {
                self.unlink(&file);
            }
        }
    }

    /// Keeps the files of these segments until what is given goes.
    pub(crate) fn pin(&self, segments: &[SegmentMeta]) -> io::Result<Pinned> {
        Ok(self.pin_files(self.files_of(segments)?))
    }

    /// Keeps the files of the durable state until what is given goes.
    pub(crate) fn pin_durable(&self) -> Pinned {
        let files = self.state.lock().durable.keys().cloned().collect();
        self.pin_files(files)
    }

    fn pin_files(&self, files: Vec<PathBuf>) -> Pinned {
        let mut state = self.state.lock();
        for file in &files {
            *state.pinned.entry(file.clone()).or_default() += 1;
        }
        Pinned { directory: self.clone(), files }
    }

    fn unpin(&self, files: &[PathBuf]) {
        let mut free = Vec::new();
        {
            let mut state = self.state.lock();
            for file in files {
                let Some(readers) = state.pinned.get_mut(file) else { continue };
                *readers -= 1;
                if *readers > 0 {
                    continue;
                }
                state.pinned.remove(file);
                if !state.durable.contains_key(file) && state.doomed.remove(file) {
                    free.push(file);
                }
            }
        }
        for file in free {
            self.unlink(file);
        }
    }

    /// Removes every file of a segment. What cannot be removed goes when the shard is opened again.
    pub(crate) fn remove_segment(&self, segment: &SegmentMeta) {
        match self.files_of_id(&segment.id().uuid_string()) {
            Ok(files) => self.remove(files),
            Err(error) => {
                tracing::warn!(%error, "files of a segment that is no longer needed could not be removed");
            }
        }
        self.state.lock().documents.remove(&segment.id().uuid_string());
    }

    /// Removes every file that was made through this view of the folder: what a merge that failed has left.
    pub(crate) fn discard(&self) {
        self.remove(std::mem::take(&mut *self.made.lock()));
    }

    /// The files on disk of these segments, each with its newest list of deletes alone.
    pub(crate) fn files_of(&self, segments: &[SegmentMeta]) -> io::Result<Vec<PathBuf>> {
        let by_name: HashMap<String, Option<u64>> =
            segments.iter().map(|segment| (segment.id().uuid_string(), segment.delete_opstamp())).collect();
        let is_wanted = |file: &Path| {
            let Some(deletes) = segment_of(file).and_then(|segment| by_name.get(segment)) else {
                return false;
            };
            match stamp_of_deletes(file) {
                Some(stamp) => *deletes == Some(stamp),
                None => true,
            }
        };
        Ok(self.entries()?.into_iter().filter(|file| is_wanted(file)).collect())
    }

    /// The files of segments with their sizes. One that is gone meanwhile is left out.
    pub(crate) fn sizes_of(&self, segments: &[SegmentMeta]) -> io::Result<Vec<(PathBuf, u64)>> {
        let sized = |file: PathBuf| match fs_err::metadata(self.folder.join(&file)) {
            Ok(metadata) => Some(Ok((file, metadata.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(error)),
        };
        self.files_of(segments)?.into_iter().filter_map(sized).collect()
    }

    /// The bytes of the files of segments.
    pub(crate) fn bytes_of(&self, segments: &[SegmentMeta]) -> io::Result<u64> {
        Ok(self.sizes_of(segments)?.into_iter().map(|(_, bytes)| bytes).sum())
    }

    fn files_of_id(&self, segment: &str) -> io::Result<Vec<PathBuf>> {
        Ok(self.entries()?.into_iter().filter(|file| segment_of(file) == Some(segment)).collect())
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        fs_err::read_dir(self.folder.as_path())?
            .map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())))
            .collect()
    }

    /// Bytes of files that are kept only because the last durable state needs them.
    pub(crate) fn doomed_bytes(&self) -> u64 {
        let state = self.state.lock();
        state.doomed.iter().filter_map(|file| state.durable.get(file)).sum()
    }

    /// The shard's folder of segments.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The size of all files in the folder.
    pub(crate) fn bytes(&self) -> u64 {
        let Ok(entries) = fs_err::read_dir(self.folder.as_path()) else {
            return 0;
        };
        entries
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .filter(|meta| meta.is_file())
            .map(|meta| meta.len())
            .sum()
    }

    /// A file that stays behind costs space, not truth: not removing it is no reason to fail.
    fn unlink(&self, file: &Path) {
        unlink(self.disk.as_ref(), &self.folder.join(file));
    }
}

/// Files that stay while this lives.
#[derive(Debug)]
pub(crate) struct Pinned {
    directory: ShardDirectory,
    files: Vec<PathBuf>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.directory.unpin(&self.files);
    }
}

fn unlink(disk: &dyn Disk, path: &Path) {
    if let Err(error) = disk.remove(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file that is no longer needed could not be removed");
    }
}

/// The segment that a file belongs to: its name up to the first dot.
fn segment_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split('.').next()
}

/// The stamp of a list of deletes, `<segment>.<stamp>.del`.
fn stamp_of_deletes(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".del")?.split('.').nth(1)?.parse().ok()
}

fn remove_orphans(disk: &dyn Disk, folder: &Path, durable: &HashMap<PathBuf, u64>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = PathBuf::from(entry.file_name());
        if name != Path::new("manifest") && !durable.contains_key(&name) {
            unlink(disk, &entry.path());
        }
    }
}

impl Directory for ShardDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let handle = self.mmap.get_file_handle(path)?;
        if path.extension().is_none_or(|extension| extension != "fieldnorm") {
            return Ok(handle);
        }
        let (normed, documents) = {
            let state = self.state.lock();
            let documents = segment_of(path).and_then(|segment| state.documents.get(segment)).copied();
            (state.normed.clone(), documents)
        };
        // A segment that is not listed yet was written under the current schema and lacks nothing.
        let Some(documents) = documents else {
            return Ok(handle);
        };
        PaddedNorms::wrap(handle, &normed, documents)
            .map_err(|error| OpenReadError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
    }

    /// tantivy never removes a file here; that is `engine`'s to decide. It may forget the file.
    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::FileDoesNotExist(path.to_owned()))
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if is_small(path) {
            return Ok(self.small.lock().contains_key(path));
        }
        Ok(self.folder.join(path).exists())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        match self.disk.create_new(&self.folder.join(path)) {
            Ok(file) => {
                if self.is_beside {
                    self.made.lock().push(path.to_owned());
                }
                let ends = [Arc::clone(&self.is_given_up), Arc::clone(&self.is_stopped)];
                Ok(BufWriter::new(Box::new(Unsynced { file: Appending::new(file), ends })))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenWriteError::FileAlreadyExists(path.to_owned()))
            }
            Err(error) => {
                Err(OpenWriteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
            }
        }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let small = self.small.lock();
        small.get(path).cloned().ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // The list of managed files serves tantivy's own collection of garbage, which never runs here.
        if path != Path::new(MANAGED) {
            self.small.lock().insert(path.to_owned(), data.to_vec());
        }
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// The node holds one lock on its whole data folder, so no second process can come here.
    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

fn is_small(path: &Path) -> bool {
    path == Path::new(META) || path == Path::new(MANAGED)
}

impl std::fmt::Debug for ShardDirectory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ShardDirectory({})", self.folder.display())
    }
}

/// A file that is closed without a sync.
struct Unsynced {
    file: Appending,
    /// Nothing is written any more once one of them is set.
    ends: [Arc<AtomicBool>; 2],
}

impl Unsynced {
    fn file(&mut self) -> io::Result<&mut Appending> {
        if self.ends.iter().any(|end| end.load(Ordering::Acquire)) {
            return Err(io::Error::other("the segment is given up"));
        }
        Ok(&mut self.file)
    }
}

impl Write for Unsynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.flush()
    }
}
