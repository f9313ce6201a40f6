//! The uids of a segment: which documents have a uid, and which uid a document has.
//!
//! A uid is nearly always a document's own, so a dictionary of terms with a list of documents for each is more than it takes:
//! it costs a tenth of indexing, and again at each merge. Instead each segment has one more file, `<segment>.uid`, with a table of
//! hashes and the uids in the order of the documents. Its bytes are described in `docs/formats/segment.md`.
//!
//! ```text
//!  uid ──hash──▶ bucket of some dozen documents ──16 bits of the hash──▶ most often one ──its uid──▶ sure
//! ```

mod file;
mod index;
mod letters;
mod merged;
mod pending;
mod upgrade;

use tantivy::TantivyError;
use tantivy::error::DataCorruption;
use tantivy::index::SegmentComponent;

pub(crate) use index::UidIndex;
pub(crate) use merged::{MergeInput, write_merged};
pub(crate) use pending::PendingUids;
pub(crate) use upgrade::write_missing;

/// The file of a segment.
fn component() -> SegmentComponent {
    SegmentComponent::Custom("uid".to_owned())
}

/// What is read is not what was written.
fn corrupt(what: &str) -> TantivyError {
    DataCorruption::comment_only(format!("the uids of a segment: {what}")).into()
}
