//! The directory that tantivy writes through: nothing is synced until `engine` asks for it.
//!
//! tantivy syncs a dozen times a commit. A refresh happens every second and needs none of that, because the translog
//! holds what was acknowledged. So here:
//!
//! - `meta.json` and `.managed.json` live in memory; the durable state is the [`Manifest`].
//! - Segment files are written without a sync; [`ShardDirectory::make_durable`] syncs those that the state needs.
//! - A file that the last durable state needs is deleted only once a newer state is durable.
//! - `.fieldnorm` files of segments that predate a text field are shown padded (see `fieldnorm`).

use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

use super::fieldnorm::PaddedNorms;
use super::manifest::{Manifest, ManifestError, sync_folder};

const META: &str = "meta.json";
const MANAGED: &str = ".managed.json";

/// tantivy's view of a shard's folder.
#[derive(Clone)]
pub(crate) struct ShardDirectory {
    folder: Arc<PathBuf>,
    mmap: MmapDirectory,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// `meta.json` and `.managed.json`.
    small: HashMap<PathBuf, Vec<u8>>,
    /// Files that the last durable manifest needs.
    durable: HashSet<PathBuf>,
    /// Files that tantivy deleted while the durable manifest still needs them.
    doomed: HashSet<PathBuf>,
    /// Segments of a state that is being made durable: a merge that ends meanwhile may not take their files away.
    pinned: HashMap<String, Listed>,
    /// Files known to be synced.
    synced: HashSet<PathBuf>,
    /// Fields with norms in the current schema.
    normed: Vec<u32>,
    /// The segments that some list has named, by the name their files share.
    segments: HashMap<String, Listed>,
    /// Fields of the schema, which only ever grows.
    schema_fields: usize,
}

/// A segment in tantivy's list.
#[derive(Debug, Clone)]
struct Listed {
    documents: usize,
    /// The stamp of its newest file of deletes; files with other stamps belong to other states.
    deletes: Option<u64>,
}

impl ShardDirectory {
    /// Opens a folder at its durable state; files of no state are left over from a crash and removed.
    pub(crate) fn open(folder: &Path, manifest: Option<&Manifest>) -> Result<Self, OpenDirectoryError> {
        let mut state = State::default();
        if let Some(manifest) = manifest {
            state.segments = listed(manifest.meta.as_bytes());
            state.durable = existing_files(folder, &state.segments);
            state.synced = state.durable.clone();
            let managed: Vec<&PathBuf> = state.durable.iter().collect();
            let managed = serde_json::to_vec(&managed).unwrap_or_else(|_| b"[]".to_vec());
            state.small.insert(PathBuf::from(MANAGED), managed);
            state.schema_fields = schema_fields_of(manifest.meta.as_bytes());
            state.small.insert(PathBuf::from(META), manifest.meta.clone().into_bytes());
        }
        remove_orphans(folder, &state.durable);
        let mmap = MmapDirectory::open(folder)?;
        Ok(Self { folder: Arc::new(folder.to_owned()), mmap, state: Arc::new(Mutex::new(state)) })
    }

    /// tantivy's `meta.json` as it is now.
    pub(crate) fn meta(&self) -> Option<String> {
        let state = self.state.lock();
        state.small.get(Path::new(META)).and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    }

    /// The same, keeping every file that it names until [`ShardDirectory::make_durable`] is done with it.
    pub(crate) fn pin_meta(&self) -> Option<String> {
        let mut state = self.state.lock();
        let meta =
            state.small.get(Path::new(META)).and_then(|bytes| String::from_utf8(bytes.clone()).ok())?;
        state.pinned = listed(meta.as_bytes());
        Some(meta)
    }

    /// Replaces `meta.json`, as the schema grows.
    pub(crate) fn set_meta(&self, meta: String) -> io::Result<()> {
        self.put_small(Path::new(META), meta.as_bytes())
    }

    /// The fields that every `.fieldnorm` file has to show.
    pub(crate) fn set_normed(&self, fields: Vec<u32>) {
        self.state.lock().normed = fields;
    }

    /// Syncs every file of the state in `manifest`, writes it, and only then lets go of what no state needs.
    pub(crate) fn make_durable(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        let files = existing_files(&self.folder, &listed(manifest.meta.as_bytes()));
        let fresh: Vec<PathBuf> = files.difference(&self.state.lock().synced).cloned().collect();
        for file in &fresh {
            let path = self.folder.join(file);
            fs_err::File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|source| ManifestError::Io { path, source })?;
        }
        sync_folder(&self.folder)
            .map_err(|source| ManifestError::Io { path: self.folder.to_path_buf(), source })?;
        manifest.write(&self.folder)?;
        let mut state = self.state.lock();
        state.pinned.clear();
        let free: Vec<PathBuf> = state.doomed.difference(&files).cloned().collect();
        state.doomed.retain(|file| files.contains(file));
        state.durable.clone_from(&files);
        state.synced = files;
        drop(state);
        for file in free {
            unlink(&self.folder.join(file));
        }
        Ok(())
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

    fn put_small(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        if path == Path::new(META) {
            let fields = schema_fields_of(data);
            if fields < state.schema_fields {
                return Err(io::Error::other(
                    "a list of segments under an older schema may not replace a newer one",
                ));
            }
            state.schema_fields = fields;
            state.segments.extend(listed(data));
        }
        state.small.insert(path.to_owned(), data.to_vec());
        Ok(())
    }
}

/// A file that a crash left behind costs space, not truth: not removing it is no reason to fail.
fn unlink(path: &Path) {
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file that is no longer needed could not be removed");
    }
}

/// The segments of a `meta.json`, by the name their files share (the id without hyphens).
fn listed(meta: &[u8]) -> HashMap<String, Listed> {
    let meta: serde_json::Value = serde_json::from_slice(meta).unwrap_or_default();
    let segments = meta.get("segments").and_then(|segments| segments.as_array());
    segments
        .into_iter()
        .flatten()
        .filter_map(|segment| {
            let id = segment.get("segment_id")?.as_str()?.replace('-', "");
            let documents = usize::try_from(segment.get("max_doc")?.as_u64()?).ok()?;
            let deletes = segment.get("deletes").and_then(|deletes| deletes.get("opstamp")?.as_u64());
            Some((id, Listed { documents, deletes }))
        })
        .collect()
}

fn schema_fields_of(meta: &[u8]) -> usize {
    let meta: serde_json::Value = serde_json::from_slice(meta).unwrap_or_default();
    meta.get("schema").and_then(|schema| schema.as_array()).map_or(0, Vec::len)
}

fn segment_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split('.').next()
}

/// The files on disk that a state with these segments consists of.
fn existing_files(folder: &Path, segments: &HashMap<String, Listed>) -> HashSet<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else {
        return HashSet::new();
    };
    entries
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|path| {
            let Some(listed) = segment_of(path).and_then(|segment| segments.get(segment)) else {
                return false;
            };
            let is_deletes = path.extension().is_some_and(|extension| extension == "del");
            !is_deletes
                || listed
                    .deletes
                    .is_some_and(|stamp| path.to_str().is_some_and(|p| p.ends_with(&format!(".{stamp}.del"))))
        })
        .collect()
}

fn remove_orphans(folder: &Path, durable: &HashSet<PathBuf>) {
    let Ok(entries) = fs_err::read_dir(folder) else {
        return;
    };
    for name in entries.filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name()))) {
        let is_segment_file = segment_of(&name).is_some_and(|segment| {
            segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if is_segment_file && !durable.contains(&name) {
            unlink(&folder.join(name));
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
            let listed = segment_of(path).and_then(|segment| state.segments.get(segment));
            (state.normed.clone(), listed.map(|listed| listed.documents))
        };
        // A segment that no meta.json names yet was written under the current schema and lacks nothing.
        let Some(documents) = documents else {
            return Ok(handle);
        };
        PaddedNorms::wrap(handle, &normed, documents)
            .map_err(|error| OpenReadError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let mut state = self.state.lock();
        state.synced.remove(path);
        let is_pinned = segment_of(path).is_some_and(|segment| state.pinned.contains_key(segment));
        if is_pinned || state.durable.contains(path) {
            state.doomed.insert(path.to_owned());
            return Ok(());
        }
        drop(state);
        match fs_err::remove_file(self.folder.join(path)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(DeleteError::FileDoesNotExist(path.to_owned()))
            }
            Err(error) => Err(DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() }),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if self.state.lock().small.contains_key(path) {
            return Ok(true);
        }
        Ok(self.folder.join(path).exists())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let full = self.folder.join(path);
        match fs_err::OpenOptions::new().write(true).create_new(true).open(&full) {
            Ok(file) => Ok(BufWriter::new(Box::new(Unsynced(file)))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenWriteError::FileAlreadyExists(path.to_owned()))
            }
            Err(error) => {
                Err(OpenWriteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
            }
        }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let state = self.state.lock();
        state.small.get(path).cloned().ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.put_small(path, data)
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

impl std::fmt::Debug for ShardDirectory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ShardDirectory({})", self.folder.display())
    }
}

/// A file that is closed without a sync.
struct Unsynced(fs_err::File);

impl Write for Unsynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}
