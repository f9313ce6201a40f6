//! Terms in a field that has a column and no index: which of the column's terms are meant is looked up in its dictionary, and the documents that have
//! them are found by going over the column.
//!
//! Where no term of a segment is meant, the segment costs a look into the dictionary. Where some are, a document takes about a nanosecond, a block at
//! a time and only as far as who asks goes; who asks for single documents is told of these alone.
//!
//! However many terms a pattern takes, a segment costs no more memory than a bit for each distinct value of the column, and none where the terms stand
//! side by side, as those with a common beginning do.

use super::explained::matched;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::index::SegmentReader;
use tantivy::query::{
    ConstScorer, DfaWrapper, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, TERMINATED};
use tantivy_fst::Automaton;

use crate::mapping::in_column;
use crate::query::faults::{Faults, Looks};
use crate::query::regexp::TermAutomaton;

/// Documents of a block: few behind a jump, for little may be wanted there, and then more and more.
const BLOCK_MIN: DocId = 128;
const BLOCK_MAX: DocId = 16_384;
/// Documents of a block that take as long as a look at a single one.
const DOCUMENTS_OF_WORK: u32 = 32;

/// Documents with some terms in a column.
#[derive(Debug, Clone)]
pub(in crate::query) struct ColumnTerms {
    /// The column's name.
    column: String,
    terms: Arc<Meant>,
    faults: Faults,
}

/// Which terms are meant.
enum Meant {
    /// These, in order.
    Exactly(Vec<String>),
    Like(Arc<TermAutomaton>),
    Near(Arc<DfaWrapper>),
}

impl fmt::Debug for Meant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(terms) => write!(out, "Exactly({terms:?})"),
            Self::Like(_) => out.write_str("Like"),
            Self::Near(_) => out.write_str("Near"),
        }
    }
}

impl ColumnTerms {
    /// Documents with one of these terms, of which the column has no more than their beginnings.
    pub(in crate::query) fn exactly(column: &str, mut terms: Vec<String>, faults: Faults) -> Self {
        terms.iter_mut().for_each(|term| term.truncate(in_column(term).len()));
        terms.sort_unstable();
        terms.dedup();
        Self::of(column, Meant::Exactly(terms), faults)
    }

    /// Documents with a term that is like an expression.
    pub(in crate::query) fn like(column: &str, automaton: Arc<TermAutomaton>, faults: Faults) -> Self {
        Self::of(column, Meant::Like(automaton), faults)
    }

    /// Documents with a term that an automaton takes.
    pub(in crate::query) fn near(column: &str, automaton: Arc<DfaWrapper>, faults: Faults) -> Self {
        Self::of(column, Meant::Near(automaton), faults)
    }

    fn of(column: &str, terms: Meant, faults: Faults) -> Self {
        Self { column: column.to_owned(), terms: Arc::new(terms), faults }
    }
}

impl Query for ColumnTerms {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ColumnTerms {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(column) = reader.fast_fields().str(&self.column)? else { return Ok(Box::new(EmptyScorer)) };
        let Some(found) = self.terms.ordinals(&column, &self.faults)? else {
            return Ok(Box::new(EmptyScorer));
        };
        let walk = Walk::new(column.ords().clone(), found, reader.max_doc(), self.faults.looks());
        Ok(Box::new(ConstScorer::new(walk, boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has a term in its column")
    }
}

impl Meant {
    /// The numbers of the terms in a segment; none if there are none.
    fn ordinals(&self, column: &StrColumn, faults: &Faults) -> tantivy::Result<Option<Ordinals>> {
        Ok(match self {
            Self::Exactly(terms) => {
                let mut found = None;
                for term in terms {
                    if let Some(ordinal) = column.dictionary().term_ord(term)? {
                        Ordinals::add(&mut found, ordinal);
                    }
                }
                found
            }
            Self::Like(automaton) => taken_by(column, &*faults.until_over(Arc::clone(automaton)))?,
            Self::Near(automaton) => taken_by(column, &*faults.until_over(Arc::clone(automaton)))?,
        })
    }
}

/// The numbers of the terms that an automaton takes.
fn taken_by<A: Automaton>(column: &StrColumn, automaton: &A) -> std::io::Result<Option<Ordinals>>
where
    A::State: Clone,
{
    let mut terms = column.dictionary().search(automaton).into_stream()?;
    let mut found = None;
    while terms.advance() {
        Ordinals::add(&mut found, terms.term_ord());
    }
    Ok(found)
}

/// Numbers of terms: all between two of them, or some of these.
#[derive(Debug)]
struct Ordinals {
    range: RangeInclusive<u64>,
    /// A bit for each of the range; none where all are meant.
    members: Option<Vec<u64>>,
}

impl Ordinals {
    /// Adds one that is greater than all before.
    fn add(to: &mut Option<Self>, ordinal: u64) {
        let Some(ordinals) = to else {
            *to = Some(Self { range: ordinal..=ordinal, members: None });
            return;
        };
        let (first, last) = (*ordinals.range.start(), *ordinals.range.end());
        ordinals.range = first..=ordinal;
        if ordinals.members.is_none() && ordinal == last + 1 {
            return;
        }
        let members = ordinals.members.get_or_insert_with(|| all_of(last - first + 1));
        let at = (ordinal - first) as usize;
        members.resize(at / 64 + 1, 0);
        members[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, ordinal: u64) -> bool {
        let Some(at) = ordinal.checked_sub(*self.range.start()).filter(|_| ordinal <= *self.range.end())
        else {
            return false;
        };
        self.members.as_ref().is_none_or(|members| members[at as usize / 64] >> (at % 64) & 1 == 1)
    }
}

/// So many bits, all of them set.
fn all_of(count: u64) -> Vec<u64> {
    let mut words = vec![u64::MAX; count.div_ceil(64) as usize];
    if let Some(last) = words.last_mut()
        && !count.is_multiple_of(64)
    {
        *last = (1 << (count % 64)) - 1;
    }
    words
}

/// The documents of a column that have some terms.
struct Walk {
    column: Column<u64>,
    wanted: Ordinals,
    documents: DocId,
    /// Those found in the block that was looked at last.
    found: Vec<DocId>,
    at: usize,
    /// Where the next block begins, and how many documents it has.
    next: DocId,
    length: DocId,
    looks: Looks,
}

impl Walk {
    fn new(column: Column<u64>, wanted: Ordinals, documents: DocId, looks: Looks) -> Self {
        let (found, at, next, length) = (Vec::new(), 0, 0, BLOCK_MIN);
        let mut walk = Self { column, wanted, documents, found, at, next, length, looks };
        walk.fill();
        walk
    }

    /// Goes on to the next block that has something.
    fn fill(&mut self) -> DocId {
        (self.at, self.found) = (0, std::mem::take(&mut self.found));
        self.found.clear();
        while self.found.is_empty() && self.next < self.documents {
            // A document of a block takes a nanosecond.
            if self.looks.is_over_after(self.length / DOCUMENTS_OF_WORK) {
                self.next = self.documents;
                break;
            }
            let block = self.next..self.documents.min(self.next.saturating_add(self.length));
            (self.next, self.length) = (block.end, BLOCK_MAX.min(self.length * 2));
            self.column.get_docids_for_value_range(self.wanted.range.clone(), block, &mut self.found);
            if self.wanted.members.is_some() {
                let (column, wanted) = (&self.column, &self.wanted);
                self.found.retain(|document| has(column, wanted, *document));
            }
        }
        self.doc()
    }
}

fn has(column: &Column<u64>, wanted: &Ordinals, document: DocId) -> bool {
    column.values_for_doc(document).any(|ordinal| wanted.contains(ordinal))
}

impl DocSet for Walk {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        if self.at < self.found.len() { self.found[self.at] } else { self.fill() }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.found.last().is_some_and(|last| *last >= target) {
            self.at += self.found[self.at..].partition_point(|document| *document < target);
            return self.doc();
        }
        if self.next < target {
            (self.next, self.length) = (target, BLOCK_MIN);
        }
        self.fill()
    }

    /// Looks at the one document. Whatever was found before it is of no use any more.
    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target >= self.documents {
            return SeekDangerResult::SeekLowerBound(TERMINATED);
        }
        if !has(&self.column, &self.wanted, target) {
            return SeekDangerResult::SeekLowerBound(target + 1);
        }
        self.found.clear();
        self.found.push(target);
        (self.at, self.next, self.length) = (0, target + 1, BLOCK_MIN);
        SeekDangerResult::Found
    }

    fn doc(&self) -> DocId {
        self.found.get(self.at).copied().unwrap_or(TERMINATED)
    }

    /// Nobody knows: as many as the terms have if all have as many.
    fn size_hint(&self) -> u32 {
        self.documents
    }

    fn count_including_deleted(&mut self) -> u32 {
        let mut count = 0;
        while self.doc() != TERMINATED {
            count += (self.found.len() - self.at) as u32;
            self.fill();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tantivy::columnar::{ColumnarReader, ColumnarWriter};

    use super::*;

    /// A column of documents with these terms each.
    fn column(documents: &[Vec<u8>]) -> StrColumn {
        let mut writer = ColumnarWriter::default();
        for (document, terms) in documents.iter().enumerate() {
            for term in terms {
                writer.record_str(document as u32, "c", &term.to_string());
            }
        }
        let mut bytes = Vec::new();
        writer.serialize(documents.len() as u32, None, &mut bytes).expect("written");
        let columns = ColumnarReader::open(bytes).expect("opened").read_columns("c").expect("read");
        match columns.first().map(|column| column.open()) {
            Some(Ok(tantivy::columnar::DynamicColumn::Str(column))) => column,
            _ => panic!("a column of texts"),
        }
    }

    fn walk(column: &StrColumn, terms: &[u8], documents: usize) -> Option<Walk> {
        let mut terms: Vec<String> = terms.iter().map(u8::to_string).collect();
        terms.sort();
        terms.dedup();
        let ordinals = Meant::Exactly(terms).ordinals(column, &Faults::default()).expect("looked up");
        Some(Walk::new(column.ords().clone(), ordinals?, documents as u32, Faults::default().looks()))
    }

    /// What is done with a walk: one step, or a jump so far.
    fn documents() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let terms = prop_oneof![
            3 => proptest::collection::vec(0u8..6, 0..=1),
            1 => proptest::collection::vec(0u8..6, 0..4),
        ];
        proptest::collection::vec(terms, 1..700)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_walk_meets_what_a_look_at_every_document_finds(
            mut documents in documents(),
            terms in proptest::collection::vec(0u8..8, 1..4),
            jumps in proptest::collection::vec((0u8..3, 0u32..300), 0..60),
        ) {
            documents[0].push(5);
            let column = column(&documents);
            let has = |document: u32| {
                documents.get(document as usize).is_some_and(|has| has.iter().any(|term| terms.contains(term)))
            };
            let count = documents.len() as u32;
            let next = |from: u32| (from..count).find(|document| has(*document)).unwrap_or(TERMINATED);
            let Some(mut walk) = walk(&column, &terms, documents.len()) else {
                prop_assert_eq!(next(0), TERMINATED);
                return Ok(());
            };
            prop_assert_eq!(walk.doc(), next(0));
            let mut is_valid = true;
            let mut reached = walk.doc();
            for (how, far) in jumps {
                if reached == TERMINATED {
                    break;
                }
                match how {
                    0 if is_valid => {
                        let from = walk.doc() + 1;
                        reached = walk.advance();
                        prop_assert_eq!(reached, next(from));
                    }
                    1 if is_valid => {
                        let target = walk.doc() + far;
                        reached = walk.seek(target);
                        prop_assert_eq!(reached, next(target));
                    }
                    _ => {
                        let target = reached.saturating_add(far).saturating_add(1);
                        match walk.seek_danger(target) {
                            SeekDangerResult::Found => {
                                prop_assert!(has(target));
                                prop_assert_eq!(walk.doc(), target);
                                (is_valid, reached) = (true, target);
                            }
                            SeekDangerResult::SeekLowerBound(bound) => {
                                prop_assert!(!has(target) && bound > target && bound <= next(target));
                                (is_valid, reached) = (false, if bound == TERMINATED { bound } else { target });
                            }
                        }
                    }
                }
            }
            let mut all = self::walk(&column, &terms, documents.len()).expect("some are meant");
            prop_assert_eq!(all.count_including_deleted() as usize, (0..count).filter(|d| has(*d)).count());
        }
    }

    fn ordinals(numbers: impl IntoIterator<Item = u64>) -> Option<Ordinals> {
        let mut found = None;
        numbers.into_iter().for_each(|number| Ordinals::add(&mut found, number));
        found
    }

    #[test]
    fn numbers_side_by_side_need_no_set() {
        let long: Vec<u64> = (5..133).chain([200]).collect();
        for (numbers, is_range) in
            [(&[3][..], true), (&[3, 4, 5], true), (&[3, 5], false), (&[0, 70, 200], false), (&long, false)]
        {
            let found = ordinals(numbers.iter().copied()).expect("some");
            assert_eq!(found.members.is_none(), is_range, "{numbers:?}");
            let contained: Vec<u64> = (0..300).filter(|ordinal| found.contains(*ordinal)).collect();
            assert_eq!(contained, numbers);
        }
        assert!(ordinals([]).is_none());
    }

    /// Each number used to be held by itself, eight bytes of it.
    #[test]
    fn many_terms_take_a_bit_each() {
        let count = 1_000_000;
        let found = ordinals((0..count).step_by(2)).expect("some");

        let bytes = found.members.as_ref().map_or(0, |members| members.capacity() * 8);
        assert!(bytes <= 2 * (count as usize / 8), "{bytes}");
        assert!(found.contains(count - 2) && !found.contains(count - 1));
    }
}
