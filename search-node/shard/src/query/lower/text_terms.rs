//! The terms of an analyzed text as a query: one after the other, several at one place, or along paths.

use std::sync::Arc;

use tantivy::Term as IndexTerm;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, PhrasePrefixQuery, PhraseQuery,
    Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::analysis::Term;
use crate::query::QueryError;
use crate::query::ast::Operator;
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::similarity::Similarity;
use crate::query::weights::source_phrase::{Phrase, SourcePhrase, SourceTexts};
use crate::query::weights::weighed::weighed;

/// More ways through the terms of one text are refused; Elasticsearch's `indices.query.bool.max_clause_count`.
const PATHS_MAX: usize = 1024;

type Made = Result<Box<dyn Query>, QueryError>;

/// A way through terms: each with how far it stands behind the first.
type Path<'a> = Vec<(usize, &'a str)>;

/// The terms of a text in one field, in the order of their places.
pub(in crate::query) struct TextTerms {
    pub(in crate::query) field: Field,
    pub(in crate::query) terms: Vec<Term>,
    /// Where phrases are looked for if the index does not know places.
    pub(in crate::query) texts: Option<Arc<SourceTexts>>,
    /// Whether a term counts by how rare it is.
    pub(in crate::query) is_scored: bool,
    pub(in crate::query) similarity: Similarity,
}

impl TextTerms {
    /// The only term, if there is only one.
    pub(in crate::query) fn single(&self) -> Option<&str> {
        if let [only] = self.terms.as_slice() { Some(&only.text) } else { None }
    }

    /// Documents with the terms, joined by an operator. What stands at one place, or side by side along paths, counts as one.
    pub(in crate::query) fn matching(
        &self,
        operator: Operator,
        minimum: Option<&MinimumShouldMatch>,
    ) -> Made {
        let mut clauses = Vec::new();
        for group in self.groups() {
            clauses.push(self.any_of(group)?);
        }
        if clauses.len() <= 1 {
            return Ok(clauses.pop().unwrap_or_else(|| Box::new(EmptyQuery)));
        }
        let count = clauses.len();
        let occur = if operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut joined = BooleanQuery::new(clauses.into_iter().map(|query| (occur, query)).collect());
        if let (Some(minimum), Operator::Or) = (minimum, operator) {
            joined.set_minimum_number_should_match(minimum.of(count));
        }
        Ok(Box::new(joined))
    }

    /// Documents with the terms in their order; the last of them may go on if `is_prefix`.
    pub(in crate::query) fn phrase(&self, slop: u32, is_prefix: bool) -> Made {
        let paths = paths(&self.terms)?;
        Ok(best(paths.into_iter().map(|path| self.in_order(&path, slop, is_prefix)).collect()))
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

    fn any_of(&self, group: &[Term]) -> Made {
        let paths = paths(group)?;
        Ok(best(paths.into_iter().map(|path| self.in_order(&path, 0, false)).collect()))
    }

    fn in_order(&self, path: &Path<'_>, slop: u32, is_prefix: bool) -> Box<dyn Query> {
        let term = |text: &str| IndexTerm::from_field_text(self.field, text);
        match path.as_slice() {
            [(_, only)] if !is_prefix && !self.is_scored => Box::new(ConstScoreQuery::new(
                Box::new(TermQuery::new(term(only), IndexRecordOption::Basic)),
                1.0,
            )),
            [(_, only)] if !is_prefix => {
                let query = Box::new(TermQuery::new(term(only), IndexRecordOption::WithFreqs));
                weighed(self.similarity, query, || vec![term(only)])
            }
            [] => Box::new(EmptyQuery),
            several => {
                if let Some(texts) = &self.texts {
                    let terms = several.iter().map(|(place, text)| (*place, (*text).to_owned())).collect();
                    let phrase = Phrase { texts: Arc::clone(texts), terms, slop, is_prefix };
                    return Box::new(SourcePhrase::new(self.field, phrase));
                }
                let terms: Vec<(usize, IndexTerm)> =
                    several.iter().map(|(place, text)| (*place, term(text))).collect();
                if is_prefix {
                    Box::new(PhrasePrefixQuery::new_with_offset(terms))
                } else {
                    let all = || terms.iter().map(|(_, term)| term.clone()).collect();
                    let query = Box::new(PhraseQuery::new_with_offset_and_slop(terms.clone(), slop));
                    weighed(self.similarity, query, all)
                }
            }
        }
    }
}

/// The best of several counts: words for the same are no more of it.
fn best(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::new(queries)),
    }
}

/// Every way through terms from the first place to the last.
fn paths(terms: &[Term]) -> Result<Vec<Path<'_>>, QueryError> {
    let Some(first) = terms.first() else { return Ok(Vec::new()) };
    let begin = first.position;
    let mut done = Vec::new();
    // A path with the place that it has reached, and how long it is.
    let mut open: Vec<(Path<'_>, usize, usize)> = vec![(Vec::new(), begin, 0)];
    while let Some((path, place, length)) = open.pop() {
        // Words that were left out leave holes.
        let at = terms.partition_point(|term| term.position < place);
        let Some(next) = terms.get(at).map(|term| term.position) else {
            done.push(path);
            continue;
        };
        let here = terms[at..].iter().take_while(|term| term.position == next);
        let offset = length + (next - place);
        let ways: Vec<_> = here
            .map(|term| {
                let mut longer = path.clone();
                longer.push((offset, term.text.as_str()));
                (longer, next + term.length.max(1), offset + 1)
            })
            .collect();
        open.extend(ways.into_iter().rev());
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
