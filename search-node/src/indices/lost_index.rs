//! An index that is on the disk and cannot be served: it makes the node red, its names stay taken, and nobody touches its
//! folder but who deletes it by name.

use std::path::{Path, PathBuf};

use super::index_names::IndexNames;
use crate::error::ApiError;

/// An index that cannot be served.
#[derive(Debug)]
pub(crate) struct LostIndex {
    pub(super) folder: PathBuf,
    /// What it is called, where something tells that.
    pub(crate) names: Option<IndexNames>,
    /// What is wrong, naming the file, and the remedy.
    pub(super) reason: String,
}

impl LostIndex {
    pub(super) fn new(folder: &Path, reason: String) -> Self {
        Self { folder: folder.to_owned(), names: IndexNames::find(folder), reason }
    }

    pub(super) fn named(folder: &Path, names: IndexNames, reason: String) -> Self {
        Self { folder: folder.to_owned(), names: Some(names), reason }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.names.iter().flat_map(IndexNames::all).any(|known| known == name)
    }

    /// The answer to whoever wants it. What is missing is a loss on the disk, and not a wrong request.
    pub(crate) fn error(&self) -> ApiError {
        let name = self.names.as_ref().map_or("_na_", |names| &names.name);
        let stream = self.names.as_ref().and_then(|names| names.data_stream.as_deref());
        let address = stream.map_or_else(|| name.to_owned(), |stream| format!("_data_stream/{stream}"));
        let reason = format!(
            "index [{name}] is on the disk and cannot be served: {}; then start the node again, or send DELETE /{address} to give up what it holds",
            self.reason
        );
        ApiError::new(500, "corrupt_index_exception", reason)
            .with("index", name)
            .with("index_uuid", self.names.as_ref().map_or("_na_", |names| &names.uuid))
    }

    /// One line for the log.
    pub(super) fn log(&self) {
        let index = self.names.as_ref().map(|names| names.name.as_str());
        tracing::error!(path = %self.folder.display(), index, reason = self.reason, "index cannot be opened and is left as it is");
    }
}
