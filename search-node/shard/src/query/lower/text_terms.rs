//! The terms of an analyzed text as a query: one after the other, several at one place, or along paths.

use std::sync::Arc;

use tantivy::Term as IndexTerm;
use tantivy::query::{BooleanQuery, EmptyQuery, Occur, PhraseQuery, Query, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;

use super::constant;
use super::texts::joined;
use crate::analysis::Term;
use crate::query::QueryError;
use crate::query::ast::{Matching, Operator};
use crate::query::similarity::Similarity;
use crate::query::weights::expanded::Expanded;
use crate::query::weights::fuzzy::Near;
use crate::query::weights::phrase::{Phrase, Word};
use crate::query::weights::source_phrase::{SourcePhrase, SourceTexts, SourceWords};
use crate::query::weights::synonyms::Synonyms;
use crate::query::weights::weighed::ScoredField;

/// More ways through the terms of one text are refused; Elasticsearch's `indices.query.bool.max_clause_count`.
const PATHS_MAX: usize = 1024;

/// Phrases of more words are looked for here, where it is looked whether the search ends.
const WORDS_OF_SHORT: usize = 64;

type Made = Result<Box<dyn Query>, QueryError>;

/// A way through terms: each with how far it stands behind the first.
type Path<'a> = Vec<(usize, &'a str)>;

/// The terms of a text in one field, in the order of their places.
pub(in crate::query) struct TextTerms {
    pub(in crate::query) terms: Vec<Term>,
    /// Where phrases are looked for if the index does not know places.
    pub(in crate::query) texts: Option<Arc<SourceTexts>>,
    /// Whether a term counts by how rare it is.
    pub(in crate::query) is_scored: bool,
    /// How they count.
    pub(in crate::query) scored: ScoredField,
}

impl TextTerms {
    /// The only term, if there is only one.
    pub(in crate::query) fn single(&self) -> Option<&str> {
        if let [only] = self.terms.as_slice() { Some(&only.text) } else { None }
    }

    /// Documents with the terms, joined by an operator. What stands at one place, or side by side along paths, counts as one.
    pub(in crate::query) fn matching(&self, matching: &Matching) -> Made {
        self.joined(matching, |group| self.any_of(group, matching.synonyms_as_phrases))
    }

    /// The same for terms that may have edits.
    pub(in crate::query) fn matching_near(
        &self,
        matching: &Matching,
        near: impl Fn(&str) -> Result<Near, QueryError>,
    ) -> Made {
        self.joined(matching, |group| match group {
            [only] => Ok(self.near(near(&only.text)?)),
            several => self.any_of(several, matching.synonyms_as_phrases),
        })
    }

    fn joined(&self, matching: &Matching, make: impl Fn(&[Term]) -> Made) -> Made {
        let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut clauses = Vec::new();
        for group in self.groups() {
            clauses.push((occur, make(group)?));
        }
        Ok(if clauses.is_empty() { Box::new(EmptyQuery) } else { joined(clauses, matching) })
    }

    /// Documents with a term that is near a word.
    pub(in crate::query) fn near(&self, near: Near) -> Box<dyn Query> {
        Box::new(Expanded::near(self.scored.clone(), near))
    }

    /// Documents with the terms in their order, moved by at most `slop`; the last of them may be any of so many that go on from it.
    pub(in crate::query) fn phrase(&self, slop: u32, expansions: Option<u32>) -> Made {
        if let Some(words) = self.words().filter(|words| words.len() > 1 || expansions.is_some()) {
            return Ok(self.in_order(words, slop, expansions));
        }
        let ways = paths(&self.terms)?.into_iter().map(|path| self.along(&path, slop, expansions));
        Ok(any(ways.collect()))
    }

    /// The words of a phrase, where no way through the terms leads past another; none where one does.
    fn words(&self) -> Option<Vec<Word>> {
        let first = self.terms.first()?.position;
        let mut words: Vec<Word> = Vec::new();
        for term in &self.terms {
            let offset = (term.position - first) as u32;
            if term.length > 1 {
                return None;
            }
            let found = IndexTerm::from_field_text(self.scored.field, &term.text);
            match words.last_mut().filter(|last| last.offset == offset) {
                Some(last) if last.terms.contains(&found) => {}
                Some(last) => last.terms.push(found),
                None => words.push(Word { offset, terms: vec![found] }),
            }
        }
        Some(words)
    }

    /// The terms of one place or of all paths between two places.
    fn groups(&self) -> Vec<&[Term]> {
        let mut groups = Vec::new();
        let (mut from, mut end) = (0, 0);
        for (at, term) in self.terms.iter().enumerate() {
            if at > from && term.position >= end {
                groups.push(&self.terms[from..at]);
                from = at;
            }
            end = end.max(term.position + term.length);
        }
        if from < self.terms.len() {
            groups.push(&self.terms[from..]);
        }
        groups
    }

    /// Documents with what stands at one place, or on any way between two.
    fn any_of(&self, group: &[Term], as_phrases: bool) -> Made {
        let mut terms: Vec<IndexTerm> = Vec::new();
        for term in group {
            let found = IndexTerm::from_field_text(self.scored.field, &term.text);
            if !terms.contains(&found) {
                terms.push(found);
            }
        }
        let is_one_place = group.iter().all(|term| term.position == group[0].position && term.length <= 1);
        match terms.as_slice() {
            [only] if is_one_place => Ok(self.one(only)),
            _ if is_one_place && self.is_scored => {
                Ok(Box::new(Synonyms { field: self.scored.clone(), terms, frequency: None }))
            }
            _ if is_one_place => Ok(constant(Box::new(TermSetQuery::new(terms)))),
            _ => {
                let ways = paths(group)?.into_iter().map(|path| match as_phrases && self.texts.is_none() {
                    true => self.along(&path, 0, None),
                    false => self.all_of(&path),
                });
                Ok(any(ways.collect()))
            }
        }
    }

    fn one(&self, term: &IndexTerm) -> Box<dyn Query> {
        if !self.is_scored {
            return constant(Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic)));
        }
        let query = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
        self.scored.weighed(query, vec![term.clone()])
    }

    /// Documents with the terms of one way, wherever they stand.
    fn all_of(&self, path: &Path<'_>) -> Box<dyn Query> {
        let one = |(_, text): &(usize, &str)| {
            (Occur::Must, self.one(&IndexTerm::from_field_text(self.scored.field, text)))
        };
        Box::new(BooleanQuery::new(path.iter().map(one).collect()))
    }

    /// Documents with the terms of one way through a text.
    fn along(&self, path: &Path<'_>, slop: u32, expansions: Option<u32>) -> Box<dyn Query> {
        let word = |(offset, text): &(usize, &str)| Word {
            offset: *offset as u32,
            terms: vec![IndexTerm::from_field_text(self.scored.field, text)],
        };
        self.in_order(path.iter().map(word).collect(), slop, expansions)
    }

    fn in_order(&self, words: Vec<Word>, slop: u32, expansions: Option<u32>) -> Box<dyn Query> {
        match words.as_slice() {
            [] => return Box::new(EmptyQuery),
            [Word { terms, .. }] if expansions.is_none() && terms.len() == 1 => return self.one(&terms[0]),
            [_] => {}
            several => {
                if let Some(texts) = &self.texts {
                    return Box::new(self.in_source(texts, several, slop, expansions.is_some()));
                }
            }
        }
        // Of many words it is not known beforehand how long they take, and tantivy does not look whether the search ends.
        let is_short = words.len() <= WORDS_OF_SHORT;
        let is_plain =
            is_short && expansions.is_none() && slop == 0 && words.iter().all(|word| word.terms.len() == 1);
        let has_usual_numbers = self.scored.similarity == Similarity::USUAL;
        if is_plain && has_usual_numbers {
            let terms = || words.iter().map(|word| (word.offset as usize, word.terms[0].clone()));
            let query = Box::new(PhraseQuery::new_with_offset(terms().collect()));
            return self.scored.weighed(query, terms().map(|(_, term)| term).collect());
        }
        let field = self.scored.clone();
        let phrase = Phrase { field, words, slop, expansions: expansions.map(|most| most as usize) };
        if phrase.field.similarity == Similarity::Boolean {
            constant(Box::new(phrase))
        } else {
            Box::new(phrase)
        }
    }

    /// The words as they are looked for where the index does not know places.
    fn in_source(
        &self,
        texts: &Arc<SourceTexts>,
        words: &[Word],
        slop: u32,
        is_prefix: bool,
    ) -> SourcePhrase {
        let text = |term: &IndexTerm| term.value().as_str().unwrap_or_default().to_owned();
        let terms = words.iter().map(|word| (word.offset as usize, word.terms.iter().map(text).collect()));
        let phrase = SourceWords { texts: Arc::clone(texts), terms: terms.collect(), slop, is_prefix };
        SourcePhrase::new(self.scored.field, phrase, self.scored.faults.clone())
    }
}

/// Any of several ways to say it, each of which counts.
fn any(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}

/// Every way through terms from the first place to the last.
fn paths(terms: &[Term]) -> Result<Vec<Path<'_>>, QueryError> {
    let Some(first) = terms.first() else { return Ok(Vec::new()) };
    let begin = first.position;
    let mut done = Vec::new();
    // Steps with the step before each: paths have them in common as far as they go together.
    let mut steps: Vec<(Option<usize>, usize, &str)> = Vec::new();
    // The last step of a path with the place that it has reached, and how long it is.
    let mut open: Vec<(Option<usize>, usize, usize)> = vec![(None, begin, 0)];
    while let Some((last, place, length)) = open.pop() {
        // Words that were left out leave holes.
        let at = terms.partition_point(|term| term.position < place);
        let Some(next) = terms.get(at).map(|term| term.position) else {
            let before = |step: &usize| steps[*step].0;
            let mut path: Path<'_> =
                std::iter::successors(last, before).map(|step| (steps[step].1, steps[step].2)).collect();
            path.reverse();
            done.push(path);
            continue;
        };
        let here = terms[at..].iter().take_while(|term| term.position == next);
        let offset = length + (next - place);
        let from = open.len();
        for term in here {
            steps.push((last, offset, term.text.as_str()));
            open.push((Some(steps.len() - 1), next + term.length.max(1), offset + 1));
        }
        open[from..].reverse();
        if done.len() + open.len() > PATHS_MAX {
            return Err(QueryError::argument(format!(
                "the synonyms of a text make more than the [{PATHS_MAX}] ways through it that a query may have (too_many_clauses); search for fewer words, or give fewer synonyms"
            )));
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(text: &str, position: usize, length: usize) -> Term {
        Term { text: text.to_owned(), position, length }
    }

    fn shown(terms: &[Term]) -> Vec<String> {
        let show = |path: Path<'_>| {
            path.iter().map(|(at, text)| format!("{at}:{text}")).collect::<Vec<_>>().join(" ")
        };
        paths(terms).expect("few").into_iter().map(show).collect()
    }

    #[test]
    fn every_way_through_a_graph_is_found() {
        for (terms, expected) in [
            (vec![], vec![]),
            (vec![term("a", 0, 1), term("b", 2, 1)], vec!["0:a 2:b"]),
            (vec![term("a", 0, 1), term("b", 0, 1), term("c", 1, 1)], vec!["0:a 1:c", "0:b 1:c"]),
            (
                vec![term("domain", 0, 1), term("dns", 0, 2), term("names", 1, 1), term("down", 2, 1)],
                vec!["0:domain 1:names 2:down", "0:dns 1:down"],
            ),
        ] {
            assert_eq!(shown(&terms), expected, "{terms:?}");
        }
    }

    #[test]
    fn too_many_ways_are_refused() {
        let terms: Vec<Term> = (0..11).flat_map(|at| [term("a", at, 1), term("b", at, 1)]).collect();

        let error = paths(&terms).expect_err("refused");

        assert!(error.reason.contains("[1024] ways"), "{error}");
    }
}
