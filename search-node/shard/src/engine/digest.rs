//! Digest: one number that is equal on copies that hold the same documents, whatever their segments are.

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher13};
use tantivy::{DocAddress, DocId};

use super::identities::level_in;
use super::read::StoredDocument;
use super::{Engine, EngineError};

/// What a copy holds, for comparing it with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyDigest {
    /// Its documents.
    pub documents: u64,
    /// The highest operation that it has; -1 when there is none.
    pub max_seq_no: i64,
    /// The sum of a hash of each document, so that their order does not matter.
    pub hash: u128,
}

impl Engine {
    /// Shows everything that was applied and reads every document. Whoever compares copies keeps writes away, or compares again.
    pub(crate) fn digest(self: &Arc<Self>, now_millis: i64) -> Result<CopyDigest, EngineError> {
        let max_seq_no = self.max_seq_no();
        self.refresh(now_millis)?;
        let view = self.view();
        let nested = view.layout.nested_path();
        let mut digest = CopyDigest { documents: 0, max_seq_no, hash: 0 };
        for (ordinal, reader) in view.searcher.segment_readers().iter().enumerate() {
            let documents = match nested {
                Some(paths) => level_in(&view.identities, reader, paths, None)?,
                None => None,
            };
            let is_document =
                |document: &DocId| documents.as_ref().is_none_or(|documents| documents.contains(*document));
            for document in reader.doc_ids_alive().filter(is_document) {
                let address = DocAddress::new(ordinal as u32, document);
                let stored = view.document(address, view.numbers(address)?)?;
                digest.documents += 1;
                digest.hash = digest.hash.wrapping_add(hash_of(&stored));
            }
        }
        Ok(digest)
    }
}

fn hash_of(document: &StoredDocument) -> u128 {
    // No secret key: copies on different nodes must come to the same.
    let mut hasher = SipHasher13::new();
    let routing = document.routing.as_deref().unwrap_or_default();
    for part in [document.uid.as_bytes(), routing.as_bytes(), &document.source] {
        // With its length, so that no letter can move from one part to the next.
        hasher.write_u64(part.len() as u64);
        hasher.write(part);
    }
    for number in [document.seq_no, document.term, document.version] {
        hasher.write_u64(number);
    }
    hasher.finish128().as_u128()
}
