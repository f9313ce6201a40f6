//! Copying: the files of a shard from one copy to another, over whatever carries bytes.
//!
//! The source lists the files of its last durable state, which stay as long as somebody reads them
//! ([`FilesSnapshot`](crate::FilesSnapshot)). The target writes them into its folder, verifies each, and makes them a shard in one step
//! ([`FilesReceiver`]). Until then a marker stands in the folder, and nobody opens it as a shard.

mod receiver;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use receiver::{FilesReceiver, Received};

use crate::engine::EngineError;
use crate::store::{MANIFEST_BYTES_MAX, MANIFEST_NAME};

/// Stands in a folder while files are written into it that are no shard yet.
const MARKER: &str = "receiving";
/// More files than any shard has: each segment has about ten, and merges keep their number low.
const FILES_MAX: usize = 100_000;
/// A segment is named by 32 digits, and its files by a few short parts more.
const NAME_BYTES_MAX: usize = 120;

/// A file of a shard, as one copy describes it to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Its name, which is no path.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 of its content: for a file of a segment the one in its footer, which is of what stands before that.
    pub checksum: u32,
}

impl FileInfo {
    /// Whether it is the manifest, which is the first of each list.
    pub fn is_manifest(&self) -> bool {
        self.name == MANIFEST_NAME
    }

    fn refused(&self, reason: impl Into<String>) -> EngineError {
        EngineError::ForeignFile { name: self.name.clone(), reason: reason.into() }
    }
}

/// Fails if the folder holds what was never finished.
pub(crate) fn check_finished(folder: &Path) -> Result<(), EngineError> {
    if folder.join(MARKER).exists() {
        return Err(EngineError::Unfinished { path: folder.display().to_string() });
    }
    Ok(())
}

/// Checks a list of foreign files: each is the manifest or a file of a segment, named once, and nothing else.
fn check_list(files: &[FileInfo]) -> Result<(), EngineError> {
    if files.len() > FILES_MAX {
        let reason =
            format!("the list has {} files, more than the {FILES_MAX} that a shard may have", files.len());
        return Err(EngineError::ForeignFile { name: MANIFEST_NAME.to_owned(), reason });
    }
    let mut names = std::collections::HashSet::new();
    for file in files {
        if !names.insert(file.name.as_str()) {
            return Err(file.refused("it is listed twice"));
        }
        if file.is_manifest() {
            if file.bytes > MANIFEST_BYTES_MAX as u64 {
                return Err(file.refused(format!("a manifest has at most {MANIFEST_BYTES_MAX} bytes")));
            }
        } else if !is_segment_file(&file.name) {
            return Err(file.refused("the name is not that of a file of a segment"));
        }
    }
    if !names.contains(MANIFEST_NAME) {
        let reason = "the list lacks it".to_owned();
        return Err(EngineError::ForeignFile { name: MANIFEST_NAME.to_owned(), reason });
    }
    Ok(())
}

/// 32 hexadecimal digits, and endings of small letters and digits: nothing that leads out of a folder.
fn is_segment_file(name: &str) -> bool {
    let mut parts = name.split('.');
    let is_segment = |part: &str| part.len() == 32 && part.bytes().all(|letter| letter.is_ascii_hexdigit());
    let is_ending = |part: &str| {
        !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    name.len() <= NAME_BYTES_MAX
        && parts.next().is_some_and(is_segment)
        && parts.clone().next().is_some()
        && parts.all(is_ending)
}
