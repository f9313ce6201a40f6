//! Where things stand in a text, by the places of its terms: terms at the leaves of a tree, and ways to join them above. Spans and intervals are two
//! sets of such ways, which differ in what they call a place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::Scorer;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED, TantivyError, Term};

use super::any_of::AnyOf;
use super::expanded::Wanted;
use crate::query::faults::{COMPUTING, Faults, Looks};

/// A way to join places.
pub(in crate::query) trait Joins: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// Where something stands.
    type Place: Copy + Debug + Send + Sync;

    /// That of a term.
    fn term(position: u32) -> Self::Place;

    /// Any of several, as one.
    fn any() -> Self;

    /// Which parts a document needs at least.
    fn needs(&self) -> Needs;

    /// The places that the places of the parts make in one document; some of them where the search ends meanwhile.
    fn join(&self, parts: &[Arc<Vec<Self::Place>>], looks: &mut Looks) -> Vec<Self::Place>;
}

/// Which parts a document needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Needs {
    All,
    Any,
    First,
}

/// What stands somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

impl Eq for Like {}

impl Hash for Like {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.field, &self.shown).hash(state);
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
        let mut opening = Opening {
            reader,
            faults,
            looks: faults.looks(),
            leaves: Vec::new(),
            read: Vec::new(),
            known: HashMap::new(),
            joined: 0,
        };
        let mut root = opening.node(self, 0)?;
        opening.part(&mut root)?;
        Ok(Opened { leaves: opening.leaves, root })
    }
}

/// A tree on its way to be opened.
struct Opening<'a, J: Joins> {
    reader: &'a SegmentReader,
    faults: &'a Faults,
    looks: Looks,
    leaves: Vec<Leaf<J>>,
    /// The terms of each leaf, and below which join it stands, if that is one alone.
    read: Vec<(Vec<Term>, Option<usize>)>,
    /// The leaves that there are: what stands in a tree again and again is read once.
    known: HashMap<Vec<Term>, usize>,
    /// How many joins there are so far.
    joined: usize,
}

impl<J: Joins> Opening<'_, J> {
    /// What stands below the join of a number.
    fn node(&mut self, tree: &Tree<J>, below: usize) -> tantivy::Result<Node<J>> {
        Ok(match tree {
            Tree::Terms(terms) => Node::Terms { leaf: self.leaf(Cow::Borrowed(terms), below)?, own: None },
            Tree::Like(like) => {
                let terms = like.terms_in(self.reader, self.faults)?;
                Node::Terms { leaf: self.leaf(Cow::Owned(terms), below)?, own: None }
            }
            Tree::Joined { how, parts } => {
                self.joined += 1;
                let number = self.joined;
                let parts = parts.iter().map(|part| self.node(part, number));
                let parts: Vec<_> = parts.collect::<tantivy::Result<_>>()?;
                // The same one beside itself goes where that goes.
                let mut known = HashSet::new();
                let sought = parts.iter().enumerate().filter(|(_, part)| match part {
                    Node::Terms { leaf, .. } => known.insert(*leaf),
                    Node::Joined { .. } => true,
                });
                let sought = sought.map(|(at, _)| at).collect();
                Node::Joined { how: how.clone(), parts, sought }
            }
        })
    }

    fn leaf(&mut self, terms: Cow<'_, [Term]>, below: usize) -> tantivy::Result<usize> {
        if let Some(leaf) = self.known.get(&*terms) {
            let (_, stands) = &mut self.read[*leaf];
            *stands = stands.filter(|known| *known == below);
            return Ok(*leaf);
        }
        let opened = self.open(&terms, IndexRecordOption::WithFreqsAndPositions)?;
        self.leaves.push(Leaf { terms: opened, document: None, places: Arc::default() });
        self.read.push((terms.to_vec(), Some(below)));
        self.known.insert(terms.into_owned(), self.leaves.len() - 1);
        Ok(self.leaves.len() - 1)
    }

    fn open(&mut self, terms: &[Term], kept: IndexRecordOption) -> tantivy::Result<AnyOf> {
        // Of a search that ends nothing is read.
        AnyOf::open(self.reader, if self.looks.is_over_after(COMPUTING) { &[] } else { terms }, kept)
    }

    /// Terms below several joins are looked for by each of these: one may be far ahead of another.
    fn part(&mut self, node: &mut Node<J>) -> tantivy::Result<()> {
        match node {
            Node::Terms { leaf, own } => {
                if let (terms, None) = &self.read[*leaf] {
                    let terms = terms.clone();
                    *own = Some(self.open(&terms, IndexRecordOption::Basic)?);
                }
                Ok(())
            }
            Node::Joined { parts, sought, .. } => sought.iter().try_for_each(|at| self.part(&mut parts[*at])),
        }
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
pub(in crate::query) struct Opened<J: Joins> {
    leaves: Vec<Leaf<J>>,
    root: Node<J>,
}

/// Terms that stand at one or several places of a tree.
struct Leaf<J: Joins> {
    terms: AnyOf,
    /// The document of which the places are known.
    document: Option<DocId>,
    places: Arc<Vec<J::Place>>,
}

enum Node<J: Joins> {
    Terms {
        /// The number of the leaf that has the places.
        leaf: usize,
        /// What looks for documents, if the leaf does not.
        own: Option<AnyOf>,
    },
    Joined {
        how: J,
        parts: Vec<Node<J>>,
        /// The parts that look for documents.
        sought: Vec<usize>,
    },
}

impl<J: Joins> Opened<J> {
    /// Goes to the first document from `target` on that may have a place; none where the search ends.
    pub(in crate::query) fn seek(&mut self, target: DocId, looks: &mut Looks) -> DocId {
        let Self { leaves, root } = self;
        root.seek(leaves, target, looks)
    }

    /// The places in a document; those of earlier ones cannot be asked for any more. Some of them where the search ends meanwhile.
    pub(in crate::query) fn places(&mut self, document: DocId, looks: &mut Looks) -> Arc<Vec<J::Place>> {
        let Self { leaves, root } = self;
        root.places(leaves, document, looks)
    }

    pub(in crate::query) fn size_hint(&self) -> u32 {
        self.root.size_hint(&self.leaves)
    }
}

impl<J: Joins> Leaf<J> {
    fn places(&mut self, document: DocId, looks: &mut Looks) -> Arc<Vec<J::Place>> {
        if self.document != Some(document) {
            let mut positions = Vec::new();
            if self.terms.seek(document) == document {
                self.terms.places(&mut positions);
            }
            looks.is_over_after(u32::try_from(positions.len() / PLACES_AT_ONCE).unwrap_or(u32::MAX));
            self.places = Arc::new(positions.into_iter().map(J::term).collect());
            self.document = Some(document);
        }
        Arc::clone(&self.places)
    }
}

impl<J: Joins> Node<J> {
    fn seek(&mut self, leaves: &mut [Leaf<J>], target: DocId, looks: &mut Looks) -> DocId {
        match self {
            Self::Terms { .. } if looks.is_over_after(1) => TERMINATED,
            Self::Terms { own: Some(own), .. } => own.seek(target),
            Self::Terms { leaf, own: None } => leaves[*leaf].terms.seek(target),
            Self::Joined { how, parts, sought } => match how.needs() {
                Needs::All => {
                    common(sought.len(), target, |at, target| parts[sought[at]].seek(leaves, target, looks))
                }
                Needs::Any => {
                    let firsts = sought.iter().map(|at| parts[*at].seek(leaves, target, looks));
                    firsts.min().unwrap_or(TERMINATED)
                }
                Needs::First => parts.first_mut().map_or(TERMINATED, |part| part.seek(leaves, target, looks)),
            },
        }
    }

    fn places(&mut self, leaves: &mut [Leaf<J>], document: DocId, looks: &mut Looks) -> Arc<Vec<J::Place>> {
        match self {
            Self::Terms { leaf, .. } => leaves[*leaf].places(document, looks),
            Self::Joined { how, parts, .. } => {
                let parts: Vec<_> =
                    parts.iter_mut().map(|part| part.places(leaves, document, looks)).collect();
                Arc::new(if looks.has_ended() { Vec::new() } else { how.join(&parts, looks) })
            }
        }
    }

    fn size_hint(&self, leaves: &[Leaf<J>]) -> u32 {
        match self {
            Self::Terms { leaf, .. } => leaves[*leaf].terms.size_hint(),
            Self::Joined { how, parts, .. } => {
                let hints = parts.iter().map(|part| part.size_hint(leaves));
                match how.needs() {
                    Needs::All => hints.min().unwrap_or(0),
                    Needs::Any => hints.fold(0, u32::saturating_add),
                    Needs::First => parts.first().map_or(0, |part| part.size_hint(leaves)),
                }
            }
        }
    }
}

/// So many places are read as quickly as one document is looked at.
pub(in crate::query) const PLACES_AT_ONCE: usize = 16;

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
            self.document = self.opened.seek(target, &mut self.looks);
            if self.document == TERMINATED {
                return TERMINATED;
            }
            let places = self.opened.places(self.document, &mut self.looks);
            if self.looks.has_ended() {
                self.document = TERMINATED;
                return TERMINATED;
            }
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
