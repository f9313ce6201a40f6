//! `nested`: documents by the nested objects that they have.
//!
//! The nested objects that match are gone through; each belongs to the next document behind it that is of the level around.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::ast::ScoreMode;
use super::in_level::Levels;
use crate::engine::Level;
use crate::search::Statistics;

/// Matches what has a nested object that matches.
#[derive(Debug)]
pub(super) struct Nested {
    /// Matches nested objects, and nothing else.
    pub(super) objects: Box<dyn Query>,
    /// Where these are.
    pub(super) inner: Levels,
    /// What they are nested in.
    pub(super) outer: Levels,
    pub(super) score_mode: ScoreMode,
}

impl Clone for Nested {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.box_clone(),
            inner: self.inner.clone(),
            outer: self.outer.clone(),
            score_mode: self.score_mode,
        }
    }
}

impl Query for Nested {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let searcher = scoring.searcher().filter(|_| scoring.is_scoring_enabled());
        let (objects, score_mode) = match searcher {
            Some(searcher) if self.score_mode != ScoreMode::None => {
                let statistics = Statistics::of(searcher, self.inner.count(searcher)?);
                let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, searcher);
                (self.objects.weight(scoring)?, self.score_mode)
            }
            Some(searcher) => {
                (self.objects.weight(EnableScoring::disabled_from_searcher(searcher))?, ScoreMode::None)
            }
            None => (self.objects.weight(scoring)?, ScoreMode::None),
        };
        Ok(Box::new(NestedWeight { objects, outer: self.outer.clone(), score_mode }))
    }
}

struct NestedWeight {
    objects: Box<dyn Weight>,
    outer: Levels,
    score_mode: ScoreMode,
}

impl Weight for NestedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        // Without nested objects there is nothing that could match.
        let Some(outer) = self.outer.of(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let objects = self.objects.scorer(reader, boost)?;
        let mut scorer =
            NestedScorer { objects, outer, score_mode: self.score_mode, document: TERMINATED, score: 0.0 };
        scorer.take();
        Ok(Box::new(scorer))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has a nested object that matches", 1.0))
    }
}

struct NestedScorer {
    /// At the first match behind what was taken.
    objects: Box<dyn Scorer>,
    outer: Arc<Level>,
    score_mode: ScoreMode,
    document: DocId,
    score: Score,
}

impl NestedScorer {
    /// Takes all matches that belong together.
    fn take(&mut self) -> DocId {
        let first = self.objects.doc();
        self.document = if first == TERMINATED { TERMINATED } else { self.outer.next(first) };
        if self.document == TERMINATED {
            return TERMINATED;
        }
        if self.score_mode == ScoreMode::None {
            self.objects.seek(self.document);
            return self.document;
        }
        let (mut score, mut count) = (self.objects.score(), 1u32);
        while self.objects.advance() < self.document {
            let other = self.objects.score();
            count += 1;
            score = match self.score_mode {
                ScoreMode::Max => score.max(other),
                ScoreMode::Min => score.min(other),
                ScoreMode::Avg | ScoreMode::Sum | ScoreMode::None => score + other,
            };
        }
        self.score = if self.score_mode == ScoreMode::Avg { score / count as Score } else { score };
        self.document
    }
}

impl DocSet for NestedScorer {
    fn advance(&mut self) -> DocId {
        self.take()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.document >= target {
            return self.document;
        }
        // A conjunction ends its clauses so.
        if target == TERMINATED {
            self.objects.seek(TERMINATED);
            self.document = TERMINATED;
            return TERMINATED;
        }
        let first = self.outer.before(target).map_or(0, |before| before + 1);
        if self.objects.doc() < first {
            self.objects.seek(first);
        }
        self.take()
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.objects.size_hint().min(self.outer.count())
    }
}

impl Scorer for NestedScorer {
    fn score(&mut self) -> Score {
        self.score
    }
}
