//! The documents that have any of several terms, with how often and where.

use std::fmt;

use tantivy::index::SegmentReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED, Term};

/// The postings of one or several terms as if they were one.
pub(in crate::query) struct AnyOf {
    postings: Vec<SegmentPostings>,
    document: DocId,
}

impl fmt::Debug for AnyOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} terms at {}", self.postings.len(), self.document)
    }
}

impl AnyOf {
    /// Those of terms of one field in a segment.
    pub(in crate::query) fn open(
        reader: &SegmentReader,
        terms: &[Term],
        kept: IndexRecordOption,
    ) -> tantivy::Result<Self> {
        let mut postings = Vec::with_capacity(terms.len());
        for term in terms {
            postings.extend(reader.inverted_index(term.field())?.read_postings(term, kept)?);
        }
        let document = postings.iter().map(SegmentPostings::doc).min().unwrap_or(TERMINATED);
        Ok(Self { postings, document })
    }

    /// How often any of them is in the document.
    pub(in crate::query) fn often(&self) -> u32 {
        self.here().map(SegmentPostings::term_freq).sum()
    }

    /// The places in the document where any of them is, in order and each once, instead of what `places` holds.
    pub(in crate::query) fn places(&mut self, places: &mut Vec<u32>) {
        places.clear();
        let document = self.document;
        let mut lists = 0;
        for postings in self.postings.iter_mut().filter(|postings| postings.doc() == document) {
            postings.append_positions_with_offset(0, places);
            lists += 1;
        }
        if lists > 1 {
            places.sort_unstable();
            places.dedup();
        }
    }

    fn here(&self) -> impl Iterator<Item = &SegmentPostings> {
        self.postings.iter().filter(|postings| postings.doc() == self.document)
    }

    fn first(&mut self) -> DocId {
        self.document = self.postings.iter().map(SegmentPostings::doc).min().unwrap_or(TERMINATED);
        self.document
    }
}

impl DocSet for AnyOf {
    fn advance(&mut self) -> DocId {
        let document = self.document;
        for postings in self.postings.iter_mut().filter(|postings| postings.doc() == document) {
            postings.advance();
        }
        self.first()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.document >= target {
            return self.document;
        }
        for postings in &mut self.postings {
            if postings.doc() < target {
                postings.seek(target);
            }
        }
        self.first()
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.postings.iter().map(SegmentPostings::size_hint).fold(0, u32::saturating_add)
    }
}
