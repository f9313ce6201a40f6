//! The target of a copy: foreign files become a shard, or nothing.
//!
//! ```text
//!  begin: marker ──▶ files written ──▶ each verified and synced ──▶ translog, manifest ──▶ marker removed: a shard
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileInfo, MARKER, check_list};
use crate::engine::{EngineError, FolderLock};
use crate::store::{MANIFEST_NAME, Manifest, has_checksum};
use crate::translog::Translog;
use disk::{Disk, DiskFile, create_inner_folder_durably};

/// A folder that is to become a copy of a shard.
pub struct FilesReceiver {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    files: HashMap<String, FileInfo>,
    /// Those that were there already.
    reused: Vec<String>,
    /// The content of the manifest, which is written last.
    manifest: Vec<u8>,
    /// The file that is written now: they come one after the other.
    open: Option<(String, Arc<dyn DiskFile>)>,
}

/// What a copy holds that was just made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Every operation up to this number: what comes after is still to be applied. It is the global checkpoint of the copy.
    pub max_seq_no: i64,
}

impl FilesReceiver {
    /// Begins to make `folder` a copy that has these files. Whatever shard was there is none any more; of its files those stay that are
    /// listed and whole.
    pub fn begin(disk: Arc<dyn Disk>, folder: &Path, files: &[FileInfo]) -> Result<Self, EngineError> {
        check_list(files)?;
        // No engine has it any more; from here on the marker keeps others out.
        let _lock = FolderLock::take(folder)?;
        let index = folder.join("index");
        mark(disk.as_ref(), folder).map_err(fault(folder))?;
        create_inner_folder_durably(disk.as_ref(), &index).map_err(fault(&index))?;
        clear(disk.as_ref(), &folder.join("translog"), |_| false)?;
        let files: HashMap<String, FileInfo> =
            files.iter().map(|file| (file.name.clone(), file.clone())).collect();
        let mut reused = Vec::new();
        clear(disk.as_ref(), &index, |path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let stays = files
                .get(name)
                .is_some_and(|file| !file.is_manifest() && is_whole(path, file).unwrap_or(false));
            if stays {
                reused.push(name.to_owned());
            }
            stays
        })?;
        Ok(Self { disk, folder: folder.to_owned(), files, reused, manifest: Vec::new(), open: None })
    }

    /// The files that have to be written: all that were not there already.
    pub fn missing(&self) -> Vec<FileInfo> {
        let mut missing: Vec<FileInfo> =
            self.files.values().filter(|file| !self.reused.contains(&file.name)).cloned().collect();
        missing.sort_by(|a, b| a.name.cmp(&b.name));
        missing
    }

    /// Writes a part of a file that is listed.
    pub fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let file = self.files.get(name).ok_or_else(|| EngineError::ForeignFile {
            name: name.to_owned(),
            reason: "it is not on the list that was given first".to_owned(),
        })?;
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= file.bytes);
        let Some(end) = end else {
            return Err(file.refused(format!("it has {} bytes, and more was sent", file.bytes)));
        };
        if file.is_manifest() {
            self.manifest.resize(self.manifest.len().max(end as usize), 0);
            self.manifest[offset as usize..end as usize].copy_from_slice(bytes);
            return Ok(());
        }
        let path = self.folder.join("index").join(name);
        let opened = match self.open.take() {
            Some((open, handle)) if open == name => Ok(handle),
            _ => self.disk.open(&path),
        };
        let handle = opened.map_err(fault(&path))?;
        handle.write_at(bytes, offset).map_err(fault(&path))?;
        self.open = Some((name.to_owned(), handle));
        Ok(())
    }

    /// Verifies every file and makes the folder a shard of this primary term. If that fails, the folder stays what it was: nothing.
    pub fn finish(mut self, term: u64) -> Result<Received, EngineError> {
        self.open = None;
        let _lock = FolderLock::take(&self.folder)?;
        let marker = self.folder.join(MARKER);
        if !marker.exists() {
            // It was discarded, and may be another copy by now.
            return Err(EngineError::Folder {
                path: self.folder.display().to_string(),
                reason: "the files of another copy are not wanted there any more".to_owned(),
            });
        }
        let index = self.folder.join("index");
        let mut manifest = self.checked_manifest()?;
        for file in self.files.values().filter(|file| !file.is_manifest()) {
            let path = index.join(&file.name);
            if !is_whole(&path, file)? {
                return Err(
                    file.refused("its length, its checksum or its footer does not match what was announced")
                );
            }
            self.disk.sync_file(&path).map_err(fault(&path))?;
        }
        self.disk.sync_folder(&index).map_err(fault(&index))?;
        let max_seq_no = manifest.max_seq_no;
        Translog::create(self.disk.as_ref(), &self.folder.join("translog"), term, max_seq_no)?;
        manifest.translog_generation = 1;
        manifest.write(self.disk.as_ref(), &index)?;
        self.disk.remove(&marker).map_err(fault(&marker))?;
        self.disk.sync_folder(&self.folder).map_err(fault(&self.folder))?;
        Ok(Received { max_seq_no })
    }

    /// Removes what was received, and whatever else a copy that was never finished has left in `folder`.
    pub fn discard(disk: &dyn Disk, folder: &Path) -> Result<(), EngineError> {
        let _lock = FolderLock::take(folder)?;
        mark(disk, folder).map_err(fault(folder))?;
        clear(disk, &folder.join("translog"), |_| false)?;
        clear(disk, &folder.join("index"), |_| false)?;
        let marker = folder.join(MARKER);
        disk.remove(&marker).and_then(|()| disk.sync_folder(folder)).map_err(fault(&marker))
    }

    /// The manifest, if it is whole and names the files that were listed.
    fn checked_manifest(&self) -> Result<Manifest, EngineError> {
        let refused = |reason: &str| EngineError::ForeignFile {
            name: MANIFEST_NAME.to_owned(),
            reason: reason.to_owned(),
        };
        let file = self.files.get(MANIFEST_NAME).ok_or_else(|| refused("the list lacks it"))?;
        let is_whole =
            self.manifest.len() as u64 == file.bytes && crc32fast::hash(&self.manifest) == file.checksum;
        if !is_whole {
            return Err(refused("its length or its checksum does not match what was announced"));
        }
        let manifest = Manifest::parse(&self.folder.join("index").join(MANIFEST_NAME), &self.manifest)?;
        let is_listed = |name: &str, bytes| self.files.get(name).is_some_and(|file| file.bytes == bytes);
        let names_all = manifest.files.iter().all(|file| is_listed(&file.name, file.bytes));
        if !names_all || manifest.files.len() + 1 != self.files.len() {
            return Err(refused("it names other files than those that were listed"));
        }
        Ok(manifest)
    }
}

fn fault(path: &Path) -> impl FnOnce(std::io::Error) -> EngineError + '_ {
    move |error| EngineError::Io(std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Says that what is in the folder is no shard; durable when this returns.
fn mark(disk: &dyn Disk, folder: &Path) -> std::io::Result<()> {
    create_inner_folder_durably(disk, folder)?;
    let marker = disk.create(&folder.join(MARKER))?;
    marker.write_at(
        b"The files of another copy were being written here. Until this file is gone they are no shard.\n",
        0,
    )?;
    marker.sync()?;
    disk.sync_folder(folder)
}

/// Removes every file of a folder but those that are to stay.
fn clear(disk: &dyn Disk, folder: &Path, mut stays: impl FnMut(&Path) -> bool) -> Result<(), EngineError> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() && !stays(&path) {
            disk.remove(&path).map_err(fault(&path))?;
        }
    }
    Ok(())
}

/// Whether a file has the length and the checksum that were announced, and its content is what the checksum says.
fn is_whole(path: &Path, file: &FileInfo) -> std::io::Result<bool> {
    Ok(fs_err::metadata(path)?.len() == file.bytes && has_checksum(path, file.checksum)?)
}
