//! The terms of a field over all segments of a point in time.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::schema::Field;
use tantivy::{InvertedIndexReader, Term};

use super::near::Near;
use crate::engine::{Identities, View, identities_in};
use crate::search::{AskStop, SearchError, goes_on};

/// How often a term is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Frequency {
    /// In how many documents.
    pub(super) documents: u64,
    /// How often in all of them.
    pub(super) total: u64,
}

/// So many terms are met until it is looked whether anybody still wants them.
const LOOK_EVERY: usize = 4_096;

/// The terms of a field.
pub(super) struct Vocabulary<'a> {
    field: Field,
    segments: Vec<Segment<'a>>,
    /// Documents there are, deleted ones that are still there among them.
    pub(super) documents: u64,
    /// How many words all documents have together.
    pub(super) words: u64,
    /// What was looked up already.
    known: RefCell<HashMap<String, Frequency>>,
    stop: AskStop<'a>,
}

/// Those of one segment.
struct Segment<'a> {
    reader: &'a SegmentReader,
    identities: &'a Identities,
    index: Arc<InvertedIndexReader>,
}

impl<'a> Vocabulary<'a> {
    /// None where the field has no terms.
    pub(super) fn open(view: &'a View, path: &str, stop: AskStop<'a>) -> Result<Option<Self>, SearchError> {
        let Some(field) = view.layout.field(path) else { return Ok(None) };
        if view.layout.mapping.leaf(path).is_none_or(|field| !field.kind.has_terms() || !field.index) {
            return Ok(None);
        }
        let column = view.layout.stored_name(path);
        let (mut segments, mut documents, mut words) = (Vec::new(), 0, 0);
        for reader in view.searcher.segment_readers() {
            let index = reader.inverted_index(field)?;
            documents += u64::from(reader.max_doc());
            if index.terms().num_terms() == 0 {
                continue;
            }
            let identities = identities_in(&view.identities, reader)?;
            words += identities.counts(reader, field, Some(column))?.words;
            segments.push(Segment { reader, identities, index });
        }
        let known = RefCell::default();
        Ok((!segments.is_empty()).then_some(Self { field, segments, documents, words, known, stop }))
    }

    /// How many different terms there are. Nobody counts them over several segments, and Elasticsearch takes the documents then.
    pub(super) fn different(&self) -> u64 {
        match &self.segments[..] {
            [one] => one.index.terms().num_terms() as u64,
            _ => self.documents,
        }
    }

    /// In how many documents a term is.
    pub(super) fn documents_with(&self, term: &str) -> Result<u64, SearchError> {
        let term = Term::from_field_text(self.field, term);
        let counts = self.segments.iter().map(|segment| segment.index.doc_freq(&term).map(u64::from));
        Ok(counts.sum::<std::io::Result<u64>>()?)
    }

    /// How often a term is there.
    pub(super) fn frequency(&self, text: &str) -> Result<Frequency, SearchError> {
        if let Some(known) = self.known.borrow().get(text) {
            return Ok(*known);
        }
        let term = Term::from_field_text(self.field, text);
        let mut found = Frequency::default();
        for segment in &self.segments {
            let documents = segment.index.doc_freq(&term)?;
            if documents > 0 {
                found.documents += u64::from(documents);
                found.total += segment.identities.frequency(segment.reader, &term)?;
            }
        }
        self.known.borrow_mut().insert(text.to_owned(), found);
        Ok(found)
    }

    /// The terms that an automaton takes, in order, with the number of their documents.
    pub(super) fn near(&self, near: &Near) -> Result<BTreeMap<String, u64>, SearchError> {
        let mut found = BTreeMap::new();
        for segment in &self.segments {
            goes_on(self.stop)?;
            let mut terms = segment.index.terms().search(near).into_stream()?;
            let mut met = 0_usize;
            while terms.advance() {
                met += 1;
                if met.is_multiple_of(LOOK_EVERY) {
                    goes_on(self.stop)?;
                }
                let documents = u64::from(terms.value().doc_freq);
                if let Ok(term) = std::str::from_utf8(terms.key()) {
                    *found.entry(term.to_owned()).or_default() += documents;
                }
            }
        }
        Ok(found)
    }
}
