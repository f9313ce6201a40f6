//! Snapshot: the files of the last durable state, for another copy. They stay as long as somebody reads them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Engine, EngineError, Flushed};
use crate::copying::FileInfo;
use crate::store::{IntegrityError, MANIFEST_NAME, Manifest, Pinned, damage_of, read_part, stored_checksum};

/// What is read of a file at once: whoever asks for more gets no more memory for it.
const READ_BYTES_MAX: usize = 8 << 20;

/// The files of a durable state, the manifest first.
pub struct FilesSnapshot {
    /// Every file that the other copy needs.
    pub files: Vec<FileInfo>,
    /// Every operation up to this number is in them: what comes after is still to be sent. The source keeps that as long as it is asked
    /// to keep history from there.
    pub max_seq_no: i64,
    /// The global checkpoint when it was taken.
    pub global: i64,
    folder: PathBuf,
    manifest: Vec<u8>,
    by_name: HashMap<String, u64>,
    _pinned: Pinned,
    /// The engine must not be opened a second time meanwhile: that would remove files that only a snapshot needs.
    engine: Arc<Engine>,
}

impl Engine {
    /// The files of the last durable state; of a first one if there is none yet.
    pub(crate) fn snapshot_files(self: &Arc<Self>, now_millis: i64) -> Result<FilesSnapshot, EngineError> {
        let folder = self.directory.folder().to_owned();
        // While nobody flushes, the manifest and what the directory keeps for it are of one state.
        let _alone = self.flushing.lock();
        let manifest = match Manifest::read(&folder)? {
            Some(manifest) => manifest,
            None => self.first_manifest(now_millis)?,
        };
        let pinned = self.directory.pin_durable();
        let bytes = manifest.encoded()?;
        let checksum = crc32fast::hash(&bytes);
        let mut files =
            vec![FileInfo { name: MANIFEST_NAME.to_owned(), bytes: bytes.len() as u64, checksum }];
        for file in &manifest.files {
            let path = folder.join(&file.name);
            let checksum = stored_checksum(&path)?.inspect_err(|damage| self.note_damage(damage))?;
            files.push(FileInfo { name: file.name.clone(), bytes: file.bytes, checksum });
        }
        Ok(FilesSnapshot {
            by_name: files.iter().map(|file| (file.name.clone(), file.bytes)).collect(),
            files,
            max_seq_no: manifest.max_seq_no,
            global: self.translog.global(),
            folder,
            manifest: bytes,
            _pinned: pinned,
            engine: Arc::clone(self),
        })
    }

    fn first_manifest(self: &Arc<Self>, now_millis: i64) -> Result<Manifest, EngineError> {
        match self.flush_alone(now_millis, self.options.flush_wait)? {
            Flushed::Done => {}
            Flushed::PutOff { wanted, global } => return Err(EngineError::NotCommitted { wanted, global }),
            Flushed::MustRollBack => return Err(EngineError::MustRollBack),
        }
        let missing = || EngineError::Folder {
            path: self.folder.display().to_string(),
            reason: "the manifest is missing after a flush; open the shard again".to_owned(),
        };
        Manifest::read(self.directory.folder())?.ok_or_else(missing)
    }
}

impl FilesSnapshot {
    /// What is wrong with a file here, which another copy found not to be what was announced. The shard keeps that in mind. An error
    /// says that it could not be read now.
    pub fn damage(&self, name: &str) -> Result<Option<IntegrityError>, EngineError> {
        if !self.by_name.contains_key(name) || name == MANIFEST_NAME {
            return Ok(None);
        }
        let found = damage_of(&self.folder.join(name), &|| Ok(()))?;
        if let Some(damage) = &found {
            self.engine.note_damage(damage);
        }
        Ok(found)
    }

    /// A part of a file: fewer bytes than asked for where the file ends, and at most eight megabytes. If the file turns out to be
    /// damaged, the shard keeps that in mind.
    pub fn read(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, EngineError> {
        let refused = |reason: String| EngineError::ForeignFile { name: name.to_owned(), reason };
        let bytes =
            *self.by_name.get(name).ok_or_else(|| refused("it is none of this snapshot's".to_owned()))?;
        let left = bytes.checked_sub(offset).ok_or_else(|| refused(format!("it has only {bytes} bytes")))?;
        let length = length.min(READ_BYTES_MAX).min(usize::try_from(left).unwrap_or(READ_BYTES_MAX));
        if name == MANIFEST_NAME {
            let start = offset as usize;
            return Ok(self.manifest[start..start + length].to_vec());
        }
        let mut part = vec![0; length];
        let read = read_part(&self.folder.join(name), &mut part, offset)?;
        read.inspect_err(|damage| self.engine.note_damage(damage))?;
        Ok(part)
    }
}
