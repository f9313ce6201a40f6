//! One word in several fields as if they were one: it is as rare as in the field that has it most often.

use std::cmp::Reverse;

use tantivy::query::{BoostQuery, DisjunctionMaxQuery, EmptyQuery, EnableScoring, Query, TermQuery, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use super::weighed::ScoredField;

/// A word in one of the fields.
#[derive(Debug, Clone)]
pub(in crate::query) struct InField {
    pub(in crate::query) field: ScoredField,
    pub(in crate::query) term: Term,
    pub(in crate::query) boost: f32,
}

/// A word in several fields.
#[derive(Debug, Clone)]
pub(in crate::query) struct Blended {
    pub(in crate::query) fields: Vec<InField>,
    /// How much of the scores of other fields than the best one is added.
    pub(in crate::query) tie_breaker: f32,
}

/// What blending knows of a word in one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// The documents that have the word there.
    with_term: u64,
    /// The documents that have the field.
    documents: u64,
    /// The words of all of them.
    words: u64,
}

/// How many documents are taken to have the word in each field, which is one more for each field that has it more rarely.
fn blend(known: &[Known], documents: u64) -> Vec<u64> {
    let present = || known.iter().filter(|known| known.with_term > 0);
    let fewest_words = present().map(|known| known.words).min().unwrap_or(u64::MAX);
    let documents = documents.min(fewest_words);
    let mut taken = vec![0; known.len()];
    let mut order: Vec<usize> = (0..known.len()).collect();
    order.sort_by_key(|at| Reverse(known[*at].with_term));
    let mut before = known.iter().map(|known| known.with_term).max().unwrap_or(0);
    let mut frequency = documents.min(before);
    for at in order {
        let with_term = known[at].with_term;
        if with_term == 0 {
            break;
        }
        frequency += u64::from(before > with_term);
        taken[at] = frequency.min(documents).min(known[at].documents);
        before = with_term;
    }
    taken
}

impl Blended {
    fn known(&self, searcher: &Searcher) -> tantivy::Result<Vec<Known>> {
        let one = |InField { field, term, .. }: &InField| {
            let counts = field.counts(searcher)?;
            let with_term = searcher.doc_freq(term)?;
            Ok(Known { with_term, documents: counts.documents, words: counts.words })
        };
        self.fields.iter().map(one).collect()
    }
}

impl Query for Blended {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let frequencies = match scoring.searcher().filter(|_| scoring.is_scoring_enabled()) {
            Some(searcher) if self.fields.len() > 1 => {
                let all = searcher.segment_readers().iter().map(|reader| u64::from(reader.max_doc())).sum();
                blend(&self.known(searcher)?, all).into_iter().map(Some).collect()
            }
            _ => vec![None; self.fields.len()],
        };
        let one = |(InField { field, term, boost }, frequency): (&InField, Option<u64>)| -> Box<dyn Query> {
            let query = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
            let counted = match frequency {
                Some(frequency) => field.weighed_as_frequent(query, term.clone(), frequency),
                None => field.weighed(query, vec![term.clone()]),
            };
            if *boost == 1.0 { counted } else { Box::new(BoostQuery::new(counted, *boost)) }
        };
        let mut queries: Vec<Box<dyn Query>> = self.fields.iter().zip(frequencies).map(one).collect();
        match queries.len() {
            0 => EmptyQuery.weight(scoring),
            1 => queries.remove(0).weight(scoring),
            _ => DisjunctionMaxQuery::with_tie_breaker(queries, self.tie_breaker).weight(scoring),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_as_rare_as_where_it_is_most_frequent() {
        let known = |with_term, documents, words| Known { with_term, documents, words };

        assert_eq!(blend(&[known(3, 10, 50), known(7, 10, 90)], 10), [8, 7]);
        assert_eq!(blend(&[known(7, 10, 50), known(7, 10, 90)], 10), [7, 7]);
        assert_eq!(blend(&[known(2, 4, 50), known(7, 10, 90), known(0, 10, 9)], 10), [4, 7, 0]);
        assert_eq!(blend(&[known(2, 10, 5), known(7, 10, 90)], 10), [5, 5]);
        assert_eq!(blend(&[known(0, 10, 5), known(0, 10, 90)], 10), [0, 0]);
    }
}
