//! Where things stand in a text, by the places of its terms: terms at the leaves of a tree, and ways to join them above. Spans and intervals are two
//! sets of such ways, which differ in what they call a place.

use std::fmt::Debug;

use tantivy::index::SegmentReader;
use tantivy::query::Scorer;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED, TantivyError, Term};

use super::any_of::AnyOf;
use super::expanded::Wanted;
use crate::query::faults::{Faults, Looks};

/// A way to join places.
pub(in crate::query) trait Joins: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Where something stands.
    type Place: Copy + Debug + Send + Sync;

    /// That of a term.
    fn term(position: u32) -> Self::Place;

    /// Any of several, as one.
    fn any() -> Self;

    /// Which parts a document needs at least.
    fn needs(&self) -> Needs;

    /// The places that the places of the parts make in one document.
    fn join(&self, parts: &[Vec<Self::Place>]) -> Vec<Self::Place>;
}

/// Which parts a document needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Needs {
    All,
    Any,
    First,
}

/// What stands somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::query) enum Tree<J> {
    /// Any of these terms.
    Terms(Vec<Term>),
    /// Any term of a field like these.
    Like(Like),
    Joined {
        how: J,
        parts: Vec<Tree<J>>,
    },
}

/// Terms of a field.
#[derive(Debug, Clone)]
pub(in crate::query) struct Like {
    pub(in crate::query) field: Field,
    pub(in crate::query) wanted: Wanted,
    /// So many of them count; none where more than a query may have clauses are an error.
    pub(in crate::query) most: Option<usize>,
    /// As it was asked for, for what is said of it.
    pub(in crate::query) shown: String,
}

impl PartialEq for Like {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field && self.shown == other.shown
    }
}

impl<J: Joins> Tree<J> {
    pub(in crate::query) fn joined(how: J, parts: Vec<Self>) -> Self {
        Self::Joined { how, parts }
    }

    /// The same with all terms that are like something looked up.
    pub(in crate::query) fn expanded(&self, searcher: &Searcher, faults: &Faults) -> tantivy::Result<Self> {
        Ok(match self {
            Self::Terms(terms) => Self::Terms(terms.clone()),
            Self::Like(like) => {
                let found = like.wanted.terms(searcher, like.field, like.most, faults)?;
                let parts = found.into_iter().map(|(term, _)| Self::Terms(vec![term])).collect();
                Self::Joined { how: J::any(), parts }
            }
            Self::Joined { how, parts } => {
                let parts = parts
                    .iter()
                    .map(|part| part.expanded(searcher, faults))
                    .collect::<tantivy::Result<_>>()?;
                Self::Joined { how: how.clone(), parts }
            }
        })
    }

    /// The places in a segment.
    pub(in crate::query) fn open(
        &self,
        reader: &SegmentReader,
        faults: &Faults,
    ) -> tantivy::Result<Opened<J>> {
        Ok(match self {
            Self::Terms(terms) => {
                Opened::Terms(AnyOf::open(reader, terms, IndexRecordOption::WithFreqsAndPositions)?)
            }
            Self::Like(like) => {
                let terms = like.terms_in(reader, faults)?;
                Opened::Terms(AnyOf::open(reader, &terms, IndexRecordOption::WithFreqsAndPositions)?)
            }
            Self::Joined { how, parts } => {
                let parts =
                    parts.iter().map(|part| part.open(reader, faults)).collect::<tantivy::Result<_>>()?;
                Opened::Joined { how: how.clone(), parts }
            }
        })
    }
}

impl Like {
    /// The terms of a segment, which may not be more than so many.
    fn terms_in(&self, reader: &SegmentReader, faults: &Faults) -> tantivy::Result<Vec<Term>> {
        let Self { field, wanted, most, shown } = self;
        let found = wanted.terms_in([reader], *field, None, faults)?;
        match most {
            Some(most) if found.len() > *most => Err(TantivyError::InvalidArgument(format!(
                "Automaton [{shown}] expanded to too many terms (limit {most})"
            ))),
            _ => Ok(found.into_iter().map(|(term, _)| term).collect()),
        }
    }
}

/// The places of a tree in a segment, by document.
pub(in crate::query) enum Opened<J: Joins> {
    Terms(AnyOf),
    Joined { how: J, parts: Vec<Opened<J>> },
}

impl<J: Joins> Opened<J> {
    /// Goes to the first document from `target` on that may have a place.
    pub(in crate::query) fn seek(&mut self, target: DocId) -> DocId {
        match self {
            Self::Terms(any) => any.seek(target),
            Self::Joined { how, parts } => match how.needs() {
                Needs::All => common(parts.len(), target, |at, target| parts[at].seek(target)),
                Needs::Any => parts.iter_mut().map(|part| part.seek(target)).min().unwrap_or(TERMINATED),
                Needs::First => parts.first_mut().map_or(TERMINATED, |part| part.seek(target)),
            },
        }
    }

    /// The places in a document; those of earlier ones cannot be asked for any more.
    pub(in crate::query) fn places(&mut self, document: DocId) -> Vec<J::Place> {
        match self {
            Self::Terms(any) => {
                let mut positions = Vec::new();
                if any.seek(document) == document {
                    any.places(&mut positions);
                }
                positions.into_iter().map(J::term).collect()
            }
            Self::Joined { how, parts } => {
                let parts: Vec<_> = parts.iter_mut().map(|part| part.places(document)).collect();
                how.join(&parts)
            }
        }
    }

    pub(in crate::query) fn size_hint(&self) -> u32 {
        match self {
            Self::Terms(any) => any.size_hint(),
            Self::Joined { how, parts } => {
                let hints = parts.iter().map(Self::size_hint);
                match how.needs() {
                    Needs::All => hints.min().unwrap_or(0),
                    Needs::Any => hints.fold(0, u32::saturating_add),
                    Needs::First => parts.first().map_or(0, Self::size_hint),
                }
            }
        }
    }
}

/// The first document from `target` on that all of some parts have, each of which goes to its own first one from a document on.
pub(in crate::query) fn common(
    parts: usize,
    target: DocId,
    mut seek: impl FnMut(usize, DocId) -> DocId,
) -> DocId {
    let mut target = target;
    let mut agreed = 0;
    let mut at = 0;
    if parts == 0 {
        return TERMINATED;
    }
    while agreed < parts {
        let document = seek(at, target);
        if document == TERMINATED {
            return TERMINATED;
        }
        agreed = if document == target { agreed + 1 } else { 1 };
        target = document;
        at = (at + 1) % parts;
    }
    target
}

/// The documents that have a place, what the places of each count, and what they score by that.
pub(in crate::query) struct Counted<J: Joins, C, S> {
    opened: Opened<J>,
    count: C,
    score: S,
    document: DocId,
    often: f32,
    looks: Looks,
}

impl<J: Joins, C: Fn(&[J::Place]) -> f32, S> Counted<J, C, S> {
    /// At the first of them.
    pub(in crate::query) fn new(opened: Opened<J>, count: C, score: S, looks: Looks) -> Self {
        let mut counted = Self { opened, count, score, document: 0, often: 0.0, looks };
        counted.find(0);
        counted
    }

    fn find(&mut self, target: DocId) -> DocId {
        let mut target = target;
        loop {
            self.document = self.opened.seek(target);
            if self.document == TERMINATED || self.looks.is_over_after(1) {
                self.document = TERMINATED;
                return TERMINATED;
            }
            let places = self.opened.places(self.document);
            if !places.is_empty() {
                self.often = (self.count)(&places);
                return self.document;
            }
            target = self.document + 1;
        }
    }
}

impl<J, C, S> DocSet for Counted<J, C, S>
where
    J: Joins,
    C: Fn(&[J::Place]) -> f32 + Send + 'static,
    S: Send + 'static,
{
    fn advance(&mut self) -> DocId {
        if self.document == TERMINATED { TERMINATED } else { self.find(self.document + 1) }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.document >= target {
            return self.document;
        }
        if target == TERMINATED {
            self.document = TERMINATED;
            return TERMINATED;
        }
        self.find(target)
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.opened.size_hint()
    }
}

impl<J, C, S> Scorer for Counted<J, C, S>
where
    J: Joins,
    C: Fn(&[J::Place]) -> f32 + Send + 'static,
    S: Fn(DocId, f32) -> Score + Send + 'static,
{
    fn score(&mut self) -> Score {
        (self.score)(self.document, self.often)
    }
}
