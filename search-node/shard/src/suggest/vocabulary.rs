//! The terms of a field over all segments of a point in time.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, TERMINATED, Term};

use super::near::Near;
use crate::engine::View;
use crate::search::SearchError;

/// How often a term is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Frequency {
    /// In how many documents.
    pub(super) documents: u64,
    /// How often in all of them.
    pub(super) total: u64,
}

/// The terms of a field.
pub(super) struct Vocabulary {
    field: Field,
    segments: Vec<Arc<InvertedIndexReader>>,
    /// Documents there are, deleted ones that are still there among them.
    pub(super) documents: u64,
    /// How many words all documents have together.
    pub(super) words: u64,
    /// What was looked up already.
    known: RefCell<HashMap<String, Frequency>>,
}

impl Vocabulary {
    /// None where the field has no terms.
    pub(super) fn open(view: &View, path: &str) -> Result<Option<Self>, SearchError> {
        let Some(field) = view.layout.field(path) else { return Ok(None) };
        if view.layout.mapping.leaf(path).is_none_or(|field| !field.kind.has_terms() || !field.index) {
            return Ok(None);
        }
        let (mut segments, mut documents, mut words) = (Vec::new(), 0, 0);
        for reader in view.searcher.segment_readers() {
            let terms = reader.inverted_index(field)?;
            documents += u64::from(reader.max_doc());
            words += terms.total_num_tokens();
            if terms.terms().num_terms() > 0 {
                segments.push(terms);
            }
        }
        let known = RefCell::default();
        Ok((!segments.is_empty()).then_some(Self { field, segments, documents, words, known }))
    }

    /// How many different terms there are. Nobody counts them over several segments, and Elasticsearch takes the documents then.
    pub(super) fn different(&self) -> u64 {
        match &self.segments[..] {
            [one] => one.terms().num_terms() as u64,
            _ => self.documents,
        }
    }

    /// In how many documents a term is.
    pub(super) fn documents_with(&self, term: &str) -> Result<u64, SearchError> {
        let term = Term::from_field_text(self.field, term);
        let counts = self.segments.iter().map(|segment| segment.doc_freq(&term).map(u64::from));
        Ok(counts.sum::<std::io::Result<u64>>()?)
    }

    /// How often a term is there. What comes to it is added up from its documents, once.
    pub(super) fn frequency(&self, text: &str) -> Result<Frequency, SearchError> {
        if let Some(known) = self.known.borrow().get(text) {
            return Ok(*known);
        }
        let term = Term::from_field_text(self.field, text);
        let mut found = Frequency::default();
        for segment in &self.segments {
            let Some(info) = segment.get_term_info(&term)? else { continue };
            found.documents += u64::from(info.doc_freq);
            let mut postings = segment.read_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                found.total += u64::from(postings.term_freq());
                postings.advance();
            }
        }
        self.known.borrow_mut().insert(text.to_owned(), found);
        Ok(found)
    }

    /// The terms that an automaton takes, in order, with the number of their documents.
    pub(super) fn near(&self, near: impl Fn() -> Near) -> Result<BTreeMap<String, u64>, SearchError> {
        let mut found = BTreeMap::new();
        for segment in &self.segments {
            let mut terms = segment.terms().search(near()).into_stream()?;
            while terms.advance() {
                let documents = u64::from(terms.value().doc_freq);
                if let Ok(term) = std::str::from_utf8(terms.key()) {
                    *found.entry(term.to_owned()).or_default() += documents;
                }
            }
        }
        Ok(found)
    }
}
