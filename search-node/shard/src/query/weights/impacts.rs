//! Impacts: of all documents of a segment that have a term, those that no other one can score above, however long texts are on average.
//!
//! What tantivy keeps of a block of documents is its best one by the average length in the segment alone, so that by another average no
//! block of documents that tie can be passed over. These tell how much the best of the segment scores, and once there are enough of that
//! score there is nothing to look for. (Lucene calls pairs of how often and how long so.)

use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::Postings;
use tantivy::query::Weight;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, TERMINATED, Term};

use super::weighed::ScoredField;
use crate::engine::{Charge, Keepable, identities_in};

/// Documents between two looks whether anybody still wants it.
const DOCUMENTS_BETWEEN: u32 = 4_096;

/// What an entry takes beside its documents, about.
const ENTRY_BYTES: usize = 256;

/// The documents, by their numbers.
pub(crate) struct Impacts {
    documents: Vec<DocId>,
    #[expect(dead_code, reason = "held, not read")]
    charge: Charge,
}

impl Keepable for Impacts {}

/// Why there are none.
enum Unmade {
    Failed(tantivy::TantivyError),
    Ended,
}

impl From<tantivy::TantivyError> for Unmade {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Failed(error)
    }
}

impl Impacts {
    /// Those of a term, if they are kept.
    pub(super) fn kept(
        field: &ScoredField,
        term: &Term,
        reader: &SegmentReader,
    ) -> tantivy::Result<Option<Arc<Self>>> {
        Ok(identities_in(&field.identities.0, reader)?.fielddata().get(&name(term)))
    }

    /// The same, and they are from now on; none while another one makes them, or where `is_over` says so, which is told how many
    /// documents went by.
    pub(super) fn of(
        field: &ScoredField,
        term: &Term,
        reader: &SegmentReader,
        is_over: &dyn Fn(u32) -> bool,
    ) -> tantivy::Result<Option<Arc<Self>>> {
        let name = name(term);
        let make = |mut charge: Charge| {
            let documents = best_documents(term, &field.lengths(reader)?, reader, is_over)?;
            let documents = documents.ok_or(Unmade::Ended)?;
            charge.set_in_any_case(ENTRY_BYTES + 2 * name.len() + size_of_val(documents.as_slice()));
            Ok(Self { documents, charge })
        };
        match identities_in(&field.identities.0, reader)?.fielddata().get_or_make_alone(&name, make) {
            Ok(made) => Ok(made),
            Err(Unmade::Ended) => Ok(None),
            Err(Unmade::Failed(error)) => Err(error),
        }
    }

    /// How much the best of the segment scores; one that is deleted may be the best.
    pub(crate) fn ceiling(&self, matches: &dyn Weight, reader: &SegmentReader) -> tantivy::Result<Score> {
        let mut scorer = matches.scorer(reader, 1.0)?;
        let mut best = Score::MIN;
        for document in &self.documents {
            if scorer.doc() < *document {
                scorer.seek(*document);
            }
            if scorer.doc() == *document {
                best = best.max(scorer.score());
            }
        }
        Ok(best)
    }
}

/// Other terms have other names.
fn name(term: &Term) -> String {
    let (field, bytes) = (term.field().field_id(), term.serialized_value_bytes());
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("impacts {field} {text}"),
        Err(_) => format!("impacts of bytes {field} {bytes:?}"),
    }
}

/// One document for each length that has the term more often there than all shorter ones; none where it is over before all were seen.
fn best_documents(
    term: &Term,
    lengths: &FieldNormReader,
    reader: &SegmentReader,
    is_over: &dyn Fn(u32) -> bool,
) -> tantivy::Result<Option<Vec<DocId>>> {
    let index = reader.inverted_index(term.field())?;
    let Some(mut postings) = index.read_postings(term, IndexRecordOption::WithFreqs)? else {
        return Ok(Some(Vec::new()));
    };
    // How often at most, and where, by the code of the length, which grows with it.
    let mut most = [(0_u32, TERMINATED); 256];
    let mut until_look = DOCUMENTS_BETWEEN;
    while postings.doc() != TERMINATED {
        let (often, at) = &mut most[usize::from(lengths.fieldnorm_id(postings.doc()))];
        if postings.term_freq() > *often {
            (*often, *at) = (postings.term_freq(), postings.doc());
        }
        postings.advance();
        until_look -= 1;
        if until_look == 0 {
            if is_over(DOCUMENTS_BETWEEN) {
                return Ok(None);
            }
            until_look = DOCUMENTS_BETWEEN;
        }
    }
    let mut of_shorter = 0;
    let mut best: Vec<DocId> = Vec::new();
    for (often, at) in most {
        if often > of_shorter {
            of_shorter = often;
            best.push(at);
        }
    }
    best.sort_unstable();
    Ok(Some(best))
}
