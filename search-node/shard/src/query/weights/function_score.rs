//! Matches with their scores computed anew, by functions of their documents.

use std::fmt;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{Bm25StatisticsProvider as _, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::explained::matched;
use super::passes::passes;
use crate::query::QueryError;
use crate::query::ast::{BoostMode, FunctionMode};
use crate::query::faults::{COMPUTING, Faults, Looks};
use crate::search::Statistics;

/// A number for each document.
pub(in crate::query) trait DocumentNumber: fmt::Debug + Send + Sync {
    /// What tells it in a segment.
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>>;

    /// Whether it depends on the score of the query around.
    fn needs_score(&self) -> bool {
        false
    }
}

/// The same in one segment.
pub(in crate::query) trait NumberInSegment: Send {
    /// The number of a document whose query scores so much.
    fn of(&mut self, document: DocId, score: Score) -> Result<f64, QueryError>;
}

/// A function with the documents that have it.
#[derive(Debug)]
pub(in crate::query) struct Function {
    pub(in crate::query) filter: Option<Box<dyn Query>>,
    pub(in crate::query) weight: f64,
    /// None for 1.
    pub(in crate::query) number: Option<Arc<dyn DocumentNumber>>,
}

impl Clone for Function {
    fn clone(&self) -> Self {
        let filter = self.filter.as_ref().map(|filter| filter.box_clone());
        Self { filter, weight: self.weight, number: self.number.clone() }
    }
}

/// What becomes of the numbers of a document's functions and the score of its query.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) enum Combined {
    /// As `function_score` has it; the boost is that of the query.
    Modes { score: FunctionMode, boost: BoostMode, max_boost: f32 },
    /// As `script_score` has it: the number alone, boosted.
    Alone,
}

#[derive(Debug)]
pub(in crate::query) struct Rescored {
    pub(in crate::query) query: Box<dyn Query>,
    pub(in crate::query) functions: Vec<Function>,
    pub(in crate::query) combined: Combined,
    pub(in crate::query) min_score: Option<f32>,
    pub(in crate::query) faults: Faults,
}

impl Clone for Rescored {
    fn clone(&self) -> Self {
        Self {
            query: self.query.box_clone(),
            functions: self.functions.clone(),
            combined: self.combined,
            min_score: self.min_score,
            faults: self.faults.clone(),
        }
    }
}

impl Rescored {
    /// Whether the query's own score counts.
    fn needs_score(&self) -> bool {
        let is_left_out = match self.combined {
            Combined::Modes { boost, .. } => boost == BoostMode::Replace && !self.functions.is_empty(),
            Combined::Alone => true,
        };
        !is_left_out
            || self
                .functions
                .iter()
                .any(|function| function.number.as_ref().is_some_and(|number| number.needs_score()))
    }
}

impl Query for Rescored {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let Some(searcher) =
            scoring.searcher().filter(|_| scoring.is_scoring_enabled() || self.min_score.is_some())
        else {
            return self.query.weight(scoring);
        };
        let unscored = EnableScoring::disabled_from_searcher(searcher);
        let own = Statistics::of(searcher, searcher.total_num_docs()?);
        let scored = match scoring {
            EnableScoring::Enabled { .. } => scoring,
            EnableScoring::Disabled { .. } => EnableScoring::enabled_from_statistics_provider(&own, searcher),
        };
        let query = self.query.weight(if self.needs_score() { scored } else { unscored })?;
        let functions = self.functions.iter().map(|function| {
            let filter = function.filter.as_ref().map(|filter| filter.weight(unscored)).transpose()?;
            Ok((filter, function.weight, function.number.clone()))
        });
        let functions = functions.collect::<tantivy::Result<_>>()?;
        Ok(Box::new(RescoredWeight { query, functions, like: self.clone() }))
    }
}

type WeighedFunction = (Option<Box<dyn Weight>>, f64, Option<Arc<dyn DocumentNumber>>);

struct RescoredWeight {
    query: Box<dyn Weight>,
    functions: Vec<WeighedFunction>,
    like: Rescored,
}

impl Weight for RescoredWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let (inner, outer) = match self.like.combined {
            Combined::Modes { .. } => (boost, 1.0),
            Combined::Alone => (1.0, boost),
        };
        let functions = self.functions.iter().map(|(filter, weight, number)| {
            Ok(OpenFunction {
                filter: filter.as_ref().map(|filter| filter.scorer(reader, 1.0)).transpose()?,
                weight: *weight,
                number: number.as_ref().map(|number| number.open(reader)).transpose()?,
            })
        });
        let mut scorer = RescoredScorer {
            query: self.query.scorer(reader, inner)?,
            functions: functions.collect::<tantivy::Result<_>>()?,
            combined: self.like.combined,
            boost: outer,
            min_score: self.like.min_score,
            needs_score: self.like.needs_score(),
            faults: self.like.faults.clone(),
            looks: self.like.faults.looks(),
            known: None,
        };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        if self.like.min_score.is_none() {
            return self.query.count(reader);
        }
        let mut scorer = self.scorer(reader, 1.0)?;
        Ok(match reader.alive_bitset() {
            Some(alive) => scorer.count(alive),
            None => scorer.count_including_deleted(),
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut explanation = matched(self, reader, document, "function score")?;
        explanation.add_detail(self.query.explain(reader, document)?);
        Ok(explanation)
    }
}

struct OpenFunction {
    filter: Option<Box<dyn Scorer>>,
    weight: f64,
    number: Option<Box<dyn NumberInSegment>>,
}

struct RescoredScorer {
    query: Box<dyn Scorer>,
    functions: Vec<OpenFunction>,
    combined: Combined,
    boost: Score,
    min_score: Option<f32>,
    needs_score: bool,
    faults: Faults,
    looks: Looks,
    /// The score of a document, once it is computed.
    known: Option<(DocId, Score)>,
}

impl RescoredScorer {
    /// Moves on to a match that scores enough. It is looked at each, as whoever only counts them looks at none.
    fn settle(&mut self) -> DocId {
        while let Some(least) = self.min_score
            && self.doc() != TERMINATED
        {
            if self.looks.is_over_after(COMPUTING) {
                self.query.seek(TERMINATED);
            } else if self.score() >= least {
                break;
            } else {
                self.query.advance();
            }
        }
        self.doc()
    }

    fn compute(&mut self, document: DocId) -> Result<Score, QueryError> {
        let score = if self.needs_score { self.query.score() } else { 0.0 };
        let found = match self.combined {
            Combined::Alone => {
                let number = self.functions.iter_mut().find_map(|function| function.number.as_mut());
                number.map_or(Ok(1.0), |number| number.of(document, score))? * f64::from(self.boost)
            }
            Combined::Modes { .. } if self.functions.is_empty() => f64::from(score),
            Combined::Modes { score: mode, boost, max_boost } => {
                let factor = self.factor(mode, document, score)?;
                joined(boost, f64::from(score), factor.min(f64::from(max_boost)))
            }
        };
        let found = found as Score;
        if found.is_nan() || found == Score::NEG_INFINITY {
            return Err(QueryError {
                kind: "exception",
                reason: format!(
                    "function score query returned an invalid score: {found} for doc: {document}"
                ),
            });
        }
        Ok(found)
    }

    /// What the functions of a document come to; 1 where it has none.
    fn factor(&mut self, mode: FunctionMode, document: DocId, score: Score) -> Result<f64, QueryError> {
        let (mut sum, mut weights) = (None, 0.0);
        for function in &mut self.functions {
            if function.filter.as_mut().is_some_and(|filter| !passes(&mut **filter, document)) {
                continue;
            }
            let number = function.number.as_mut().map_or(Ok(1.0), |number| number.of(document, score))?;
            let number = number * function.weight;
            weights += function.weight;
            sum = Some(match (mode, sum) {
                (FunctionMode::First, _) => return Ok(number),
                (_, None) => number,
                (FunctionMode::Multiply, Some(sum)) => sum * number,
                (FunctionMode::Sum | FunctionMode::Avg, Some(sum)) => sum + number,
                (FunctionMode::Max, Some(sum)) => f64::max(sum, number),
                (FunctionMode::Min, Some(sum)) => f64::min(sum, number),
            });
        }
        let factor = sum.unwrap_or(1.0);
        // As in Elasticsearch, one function for all documents is no average of anything.
        let is_alone = matches!(self.functions.as_slice(), [only] if only.filter.is_none());
        Ok(if mode == FunctionMode::Avg && sum.is_some() && !is_alone { factor / weights } else { factor })
    }
}

fn joined(mode: BoostMode, score: f64, factor: f64) -> f64 {
    match mode {
        BoostMode::Multiply => score * factor,
        BoostMode::Replace => factor,
        BoostMode::Sum => score + factor,
        BoostMode::Avg => f64::midpoint(score, factor),
        BoostMode::Max => score.max(factor),
        BoostMode::Min => score.min(factor),
    }
}

impl DocSet for RescoredScorer {
    fn advance(&mut self) -> DocId {
        if self.faults.any() {
            // Nobody is told of matches any more.
            return self.query.seek(TERMINATED);
        }
        self.query.advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.query.seek(target);
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.query.doc()
    }

    fn size_hint(&self) -> u32 {
        self.query.size_hint()
    }
}

impl Scorer for RescoredScorer {
    fn score(&mut self) -> Score {
        let document = self.query.doc();
        match self.known {
            Some((known, score)) if known == document => score,
            _ if self.faults.any() => 0.0,
            _ => {
                let score = self.compute(document).unwrap_or_else(|fault| {
                    self.faults.note(fault);
                    0.0
                });
                self.known = Some((document, score));
                score
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_and_a_factor_are_joined_as_the_mode_says() {
        for (mode, wanted) in [
            (BoostMode::Multiply, 6.0),
            (BoostMode::Replace, 3.0),
            (BoostMode::Sum, 5.0),
            (BoostMode::Avg, 2.5),
            (BoostMode::Max, 3.0),
            (BoostMode::Min, 2.0),
        ] {
            assert_eq!(joined(mode, 2.0, 3.0), wanted, "{mode:?}");
        }
    }
}
