//! Which older copies of documents a refresh has to remove.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, TERMINATED, Term};

use super::SEQ_NO;

/// Documents that have newer operations, with the sequence number of the newest.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    newest: Vec<(String, u64)>,
}

impl Superseded {
    pub(super) fn push(&mut self, uid: &str, seq_no: u64) {
        self.newest.push((uid.to_owned(), seq_no));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    pub(super) fn query(&self, uid: Field) -> SupersededQuery {
        let mut newest: std::collections::BTreeMap<&str, u64> = Default::default();
        for (id, seq_no) in &self.newest {
            let known = newest.entry(id).or_default();
            *known = seq_no.max(known).to_owned();
        }
        let terms = newest.into_iter().map(|(id, seq_no)| (Term::from_field_text(uid, id), seq_no)).collect();
        SupersededQuery { terms: Arc::new(terms), uid }
    }
}

/// Matches every copy that is older than the newest operation on its document. One delete for a whole refresh.
#[derive(Debug, Clone)]
pub(super) struct SupersededQuery {
    /// In the order of the terms, as the dictionary is read.
    terms: Arc<Vec<(Term, u64)>>,
    uid: Field,
}

impl Query for SupersededQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl SupersededQuery {
    fn documents(&self, reader: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let index = reader.inverted_index(self.uid)?;
        let seq_nos = reader.fast_fields().u64(SEQ_NO)?;
        let mut documents = Vec::new();
        for (term, newest) in self.terms.iter() {
            let Some(mut postings) = index.read_postings(term, IndexRecordOption::Basic)? else {
                continue;
            };
            while postings.doc() != TERMINATED {
                let document = postings.doc();
                if seq_nos.first(document).is_some_and(|seq_no| seq_no < *newest) {
                    documents.push(document);
                }
                postings.advance();
            }
        }
        documents.sort_unstable();
        Ok(documents)
    }
}

impl Weight for SupersededQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let documents = self.documents(reader)?;
        if documents.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        Ok(Box::new(ConstScorer::new(SortedDocuments { documents, at: 0 }, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("superseded by a newer operation", 1.0))
    }
}

struct SortedDocuments {
    documents: Vec<DocId>,
    at: usize,
}

impl DocSet for SortedDocuments {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.documents.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.documents.len() as u32
    }
}
