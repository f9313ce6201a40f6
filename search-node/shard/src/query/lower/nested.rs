//! `nested`: documents by the nested objects that they have.
//!
//! The nested objects that match are gone through; each belongs to the next document behind it that is of the level around.

use std::sync::Arc;

use serde_json::Value;
use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, EmptyScorer, EnableScoring, Explanation, Occur, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::{Lowered, Lowering, none, unscored};
use crate::engine::Level;
use crate::query::QueryError;
use crate::query::ast::{Query as Asked, ScoreMode};
use crate::query::weights::explained::matched;
use crate::query::weights::in_level::{InLevel, Levels};
use crate::search::Statistics;

impl Lowering<'_> {
    /// Without what is of another level than what is looked for.
    pub(in crate::query) fn at_level(&self, query: Box<dyn Query>) -> Box<dyn Query> {
        match self.layout.nested_path() {
            Some(paths) => {
                Box::new(InLevel { query, levels: Levels::new(self.identities, paths, self.nested_in) })
            }
            None => query,
        }
    }

    pub(in crate::query) fn nested(
        &self,
        path: &str,
        query: &Asked,
        score_mode: ScoreMode,
        ignore_unmapped: bool,
    ) -> Lowered {
        let failed =
            |reason: String| Err(QueryError::shard(format!("failed to create query: [nested] {reason}")));
        match self.layout.mapping.object(path) {
            Some(object) if object.nested.is_some() => {}
            Some(_) => return failed(format!("nested object under path [{path}] is not of nested type")),
            None if ignore_unmapped => return Ok(none()),
            None => return failed(format!("failed to find nested object under path [{path}]")),
        }
        if let Some(around) = self.nested_in
            && path.strip_prefix(around).is_none_or(|below| !below.starts_with('.'))
        {
            return failed(format!(
                "nested object under path [{path}] is not in those under path [{around}]"
            ));
        }
        let inside = Lowering { nested_in: Some(path), ..*self };
        let objects = inside.at_level(inside.query(query)?);
        // In an index that is sorted no object stands beside its document.
        let Some(paths) = self.layout.nested_path() else { return Ok(none()) };
        let levels = |path| Levels::new(self.identities, paths, path);
        let (inner, outer) = (levels(Some(path)), levels(self.nested_in));
        Ok(Box::new(Nested { objects, inner, outer, score_mode }))
    }

    /// Children of one parent.
    pub(in crate::query) fn parent_id(&self, child: &str, id: &str, ignore_unmapped: bool) -> Lowered {
        let Some((name, join)) = self.layout.mapping.join() else {
            return if ignore_unmapped {
                Ok(none())
            } else {
                Err(QueryError::shard(format!(
                    "[parent_id] no join field found for index [{}]",
                    self.context.index
                )))
            };
        };
        let Some(parent) = join.parent_of(child) else {
            return if ignore_unmapped {
                Ok(none())
            } else {
                Err(QueryError::shard(format!("[parent_id] no relation found for child [{child}]")))
            };
        };
        let of_parent = self.term(&format!("{name}#{parent}"), &Value::from(id), false)?;
        let is_child = unscored(self.term(name, &Value::from(child), false)?);
        Ok(Box::new(BooleanQuery::new(vec![(Occur::Must, of_parent), (Occur::Must, is_child)])))
    }
}

/// Matches what has a nested object that matches.
#[derive(Debug)]
pub(in crate::query) struct Nested {
    /// Matches nested objects, and nothing else.
    pub(in crate::query) objects: Box<dyn Query>,
    /// Where these are.
    pub(in crate::query) inner: Levels,
    /// What they are nested in.
    pub(in crate::query) outer: Levels,
    pub(in crate::query) score_mode: ScoreMode,
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

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has a nested object that matches")
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
