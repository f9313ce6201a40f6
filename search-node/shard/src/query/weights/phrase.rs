//! A phrase whose words may have several terms each, be moved, or go on: what tantivy's own phrase does not count as Lucene does.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::query::{
    BooleanQuery, EmptyScorer, EnableScoring, Explanation, Query, Scorer, TermQuery, Weight,
};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED, Term};

use super::any_of::AnyOf;
use super::counting::Counting;
use super::explained::{no_match, shown_value, weight_of};
use super::passes::passes;
use super::positions::{PLACES_AT_ONCE, common};
use super::sloppy::{PhraseInText, PhraseShape};
use super::weighed::ScoredField;
use crate::query::faults::{COMPUTING, Looks};
use crate::query::limits::QueryLimits;

/// One word of a phrase.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::query) struct Word {
    /// Its place in the phrase.
    pub(in crate::query) offset: u32,
    /// The terms that it may be.
    pub(in crate::query) terms: Vec<Term>,
}

/// Words in their order.
#[derive(Debug, Clone)]
pub(in crate::query) struct Phrase {
    pub(in crate::query) field: ScoredField,
    /// In the order of their places.
    pub(in crate::query) words: Vec<Word>,
    /// How far they may be moved together.
    pub(in crate::query) slop: u32,
    /// The last word may be any of so many terms that go on from it.
    pub(in crate::query) expansions: Option<usize>,
}

impl Phrase {
    /// The words with the last one expanded, where it may go on.
    fn expanded(&self, searcher: Option<&Searcher>) -> tantivy::Result<Vec<Word>> {
        let mut words = self.words.clone();
        if let (Some(most), Some(searcher), Some(last)) = (self.expansions, searcher, words.last_mut()) {
            let beginnings = std::mem::take(&mut last.terms);
            last.terms = beginning_with(searcher, &beginnings, most.min(QueryLimits::now().clauses))?;
        }
        Ok(words)
    }
}

/// The first terms that begin as one of these do, segment by segment until there are enough.
pub(in crate::query) fn beginning_with(
    searcher: &Searcher,
    beginnings: &[Term],
    most: usize,
) -> tantivy::Result<Vec<Term>> {
    let mut found = BTreeSet::new();
    for beginning in beginnings {
        let bytes = beginning.serialized_value_bytes();
        for reader in searcher.segment_readers() {
            let index = reader.inverted_index(beginning.field())?;
            let mut range = index.terms().range().ge(bytes);
            if let Some(behind) = behind_prefix(bytes) {
                range = range.lt(behind);
            }
            let mut terms = range.into_stream()?;
            while found.len() < most && terms.advance() {
                if let Ok(text) = std::str::from_utf8(terms.key()) {
                    found.insert(Term::from_field_text(beginning.field(), text));
                }
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The first text behind all that begin with a prefix; none if nothing is.
fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut behind = prefix[..=last].to_vec();
    behind[last] += 1;
    Some(behind)
}

impl Query for Phrase {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let words = self.expanded(scoring.searcher())?;
        if let [Word { terms, .. }] = words.as_slice() {
            let one = |term: &Term| {
                let query = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
                self.field.weighed(query, vec![term.clone()])
            };
            return match terms.as_slice() {
                [only] => one(only).weight(scoring),
                several => BooleanQuery::union(several.iter().map(one).collect()).weight(scoring),
            };
        }
        let terms = || words.iter().flat_map(|word| &word.terms);
        let counting = self.field.counting(&scoring, terms())?;
        let placed = words.iter().map(|word| (word.offset, word.terms.as_slice()));
        let shape = Arc::new(PhraseShape::new(placed, false, self.slop));
        Ok(Box::new(PhraseWeight { words, shape, counting, field: self.field.clone() }))
    }
}

struct PhraseWeight {
    words: Vec<Word>,
    shape: Arc<PhraseShape>,
    /// None where scores are not wanted.
    counting: Option<Counting>,
    field: ScoredField,
}

impl PhraseWeight {
    /// At the first document with the phrase; none where a word is nowhere.
    fn open(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Option<PhraseScorer>> {
        let mut looks = self.field.faults.looks();
        let mut postings = Vec::with_capacity(self.shape.firsts().len());
        for word in self.shape.firsts() {
            let terms = &self.words[*word].terms;
            let any = AnyOf::open(reader, terms, IndexRecordOption::WithFreqsAndPositions)?;
            if any.doc() == TERMINATED || looks.is_over_after(COMPUTING) {
                return Ok(None);
            }
            postings.push(any);
        }
        let lengths = self.field.lengths(reader)?;
        let counting = self.counting.as_ref().map(|counting| counting.boosted(boost));
        let in_text = PhraseInText::new(&self.shape);
        let mut scorer =
            PhraseScorer { postings, in_text, counting, lengths, document: 0, often: 0.0, looks };
        scorer.find(0);
        Ok(Some(scorer))
    }

    /// The phrase as Lucene writes it.
    fn shown(&self, reader: &SegmentReader) -> String {
        let word = |word: &Word| {
            let terms: Vec<String> = word.terms.iter().map(shown_value).collect();
            if let [only] = terms.as_slice() { only.clone() } else { format!("({})", terms.join(" ")) }
        };
        let words: Vec<String> = self.words.iter().map(word).collect();
        let slop = match self.shape.slop() {
            0 => String::new(),
            slop => format!("~{slop}"),
        };
        format!("{}:\"{}\"{slop}", reader.schema().get_field_name(self.field.field), words.join(" "))
    }
}

impl Weight for PhraseWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.open(reader, boost)? {
            Some(scorer) => Box::new(scorer),
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let none = || Err(no_match(document));
        let Some(mut scorer) = self.open(reader, 1.0)? else { return none() };
        let is_there = passes(&mut scorer, document);
        let Some(counting) = self.counting.as_ref().filter(|_| is_there) else { return none() };
        let score = counting.explain(scorer.lengths.fieldnorm_id(document), scorer.often, true);
        Ok(weight_of(&self.shown(reader), document, score))
    }
}

struct PhraseScorer {
    /// Those of each list of places.
    postings: Vec<AnyOf>,
    in_text: PhraseInText,
    counting: Option<Counting>,
    lengths: FieldNormReader,
    document: DocId,
    often: f32,
    looks: Looks,
}

impl PhraseScorer {
    /// Goes to the first document from `target` on that has the phrase.
    fn find(&mut self, target: DocId) -> DocId {
        let mut target = target;
        loop {
            let Self { postings, looks, .. } = self;
            self.document = common(postings.len(), target, |at, target| match looks.is_over_after(1) {
                true => TERMINATED,
                false => postings[at].seek(target),
            });
            if self.document == TERMINATED {
                return TERMINATED;
            }
            match self.count() {
                Some(often) if often > 0.0 => {
                    self.often = often;
                    return self.document;
                }
                Some(_) => target = self.document + 1,
                None => {
                    self.document = TERMINATED;
                    return TERMINATED;
                }
            }
        }
    }

    /// None where the search ends meanwhile.
    fn count(&mut self) -> Option<f32> {
        for (postings, places) in self.postings.iter_mut().zip(&mut self.in_text.lists) {
            postings.places(places);
            if self.looks.is_over_after(u32::try_from(places.len() / PLACES_AT_ONCE).unwrap_or(u32::MAX)) {
                return None;
            }
        }
        self.in_text.often(&mut self.looks)
    }
}

impl DocSet for PhraseScorer {
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
        self.postings.iter().map(AnyOf::size_hint).min().unwrap_or(0)
    }
}

impl Scorer for PhraseScorer {
    fn score(&mut self) -> Score {
        let code = self.lengths.fieldnorm_id(self.document);
        self.counting.as_ref().map_or(1.0, |counting| counting.score(code, self.often))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_prefix() {
        assert_eq!(behind_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(behind_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(behind_prefix(b"\xff"), None);
    }
}
