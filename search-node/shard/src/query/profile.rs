//! How long the queries of a search take, each with those in it; measured only where `profile` is asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tantivy::query::{BooleanQuery, Query as TantivyQuery};

use super::ast::Query;
use super::weights::measured::Measured;
use crate::query::QueryError;

/// What a query is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Step {
    NextDoc,
    Advance,
    Score,
    BuildScorer,
    CreateWeight,
}

/// The steps as the API names them. Where something is looked at twice, tantivy does it in one step, and it has no scores that compete.
const STEPS: [(&str, Option<Step>); 9] = [
    ("set_min_competitive_score", None),
    ("match", None),
    ("shallow_advance", None),
    ("next_doc", Some(Step::NextDoc)),
    ("score", Some(Step::Score)),
    ("compute_max_score", None),
    ("advance", Some(Step::Advance)),
    ("build_scorer", Some(Step::BuildScorer)),
    ("create_weight", Some(Step::CreateWeight)),
];
const STEP_COUNT: usize = 5;

/// What one query took, and those in it.
pub(in crate::query) struct Measure {
    kind: &'static str,
    description: String,
    nanos: [AtomicU64; STEP_COUNT],
    counts: [AtomicU64; STEP_COUNT],
    children: Mutex<Vec<Arc<Self>>>,
}

impl fmt::Debug for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "measured {}", self.kind)
    }
}

impl Measure {
    /// Does a step and notes how long it took.
    pub(in crate::query) fn time<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        self.time_many(step, || (work(), 1))
    }

    /// The same for as many steps in one as the work tells.
    pub(in crate::query) fn time_many<T>(&self, step: Step, work: impl FnOnce() -> (T, u64)) -> T {
        let begun = Instant::now();
        let (done, count) = work();
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos[step as usize].fetch_add(nanos, Ordering::Relaxed);
        self.counts[step as usize].fetch_add(count, Ordering::Relaxed);
        done
    }

    fn total(&self) -> u64 {
        self.nanos.iter().map(|nanos| nanos.load(Ordering::Relaxed)).sum()
    }

    fn to_json(&self) -> Value {
        let mut breakdown = Map::new();
        for (name, step) in STEPS {
            let of = |all: &[AtomicU64; STEP_COUNT]| {
                step.map_or(0, |step| all[step as usize].load(Ordering::Relaxed))
            };
            breakdown.insert(format!("{name}_count"), json!(of(&self.counts)));
            breakdown.insert(name.to_owned(), json!(of(&self.nanos)));
        }
        let mut shown = json!({
            "type": self.kind,
            "description": self.description,
            "time_in_nanos": self.total(),
            "breakdown": breakdown
        });
        let children: Vec<Value> = self.children.lock().iter().map(|child| child.to_json()).collect();
        if !children.is_empty() {
            shown["children"] = Value::Array(children);
        }
        shown
    }
}

/// What measures the queries of a search in a shard.
#[derive(Default)]
pub struct Profiler {
    /// The queries that are made ready just now, the outermost first.
    open: Mutex<Vec<Arc<Measure>>>,
    roots: Mutex<Vec<Arc<Measure>>>,
    rewrite_nanos: AtomicU64,
}

impl fmt::Debug for Profiler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Profiler")
    }
}

impl Profiler {
    /// Makes a query ready that is measured from then on, with those in it.
    pub(in crate::query) fn measured(
        &self,
        query: &Query,
        make: impl FnOnce() -> Result<Box<dyn TantivyQuery>, QueryError>,
    ) -> Result<Box<dyn TantivyQuery>, QueryError> {
        let measure = Arc::new(Measure {
            kind: kind_of(query),
            description: crate::search::describe(query),
            nanos: Default::default(),
            counts: Default::default(),
            children: Mutex::default(),
        });
        self.open.lock().push(Arc::clone(&measure));
        let begun = Instant::now();
        let made = make();
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let around = {
            let mut open = self.open.lock();
            open.pop();
            open.last().cloned()
        };
        let made = made?;
        let measure = match (query, made.is::<BooleanQuery>()) {
            // Several words are a query of each.
            (Query::Match { .. }, true) => Arc::new(Measure {
                kind: "BooleanQuery",
                description: measure.description.clone(),
                nanos: Default::default(),
                counts: Default::default(),
                children: Mutex::default(),
            }),
            _ => measure,
        };
        match around {
            Some(around) => around.children.lock().push(Arc::clone(&measure)),
            None => {
                // What is made ready again, for values that were read otherwise, takes the place of what was before.
                *self.roots.lock() = vec![Arc::clone(&measure)];
                self.rewrite_nanos.fetch_add(nanos, Ordering::Relaxed);
            }
        }
        Ok(Box::new(Measured { query: made, measure }))
    }

    /// What was measured, as `searches` of a shard shows it. `collector` is what looked at the matches, and why, and `nanos` what all of
    /// it took together.
    pub fn to_json(&self, (name, reason): (&str, &str), nanos: u64) -> Value {
        let roots = self.roots.lock();
        let rewrite = self.rewrite_nanos.load(Ordering::Relaxed);
        let queries: u64 = roots.iter().map(|root| root.total()).sum();
        let collected = nanos.saturating_sub(queries).saturating_sub(rewrite);
        json!({
            "query": roots.iter().map(|root| root.to_json()).collect::<Vec<_>>(),
            "rewrite_time": rewrite,
            "collector": [{"name": name, "reason": reason, "time_in_nanos": collected}]
        })
    }
}

/// What Lucene calls it.
fn kind_of(query: &Query) -> &'static str {
    match query {
        Query::MatchAll => "MatchAllDocsQuery",
        Query::MatchNone => "MatchNoDocsQuery",
        Query::Term { .. } | Query::Match { .. } => "TermQuery",
        Query::Terms { .. } | Query::Ids { .. } => "TermInSetQuery",
        Query::Phrase { prefix: true, .. } => "MultiPhrasePrefixQuery",
        Query::Phrase { .. } => "PhraseQuery",
        Query::Range { .. } => "IndexOrDocValuesQuery",
        Query::Exists { .. } => "DocValuesFieldExistsQuery",
        Query::Prefix { .. } => "PrefixQuery",
        Query::Wildcard { .. } => "WildcardQuery",
        Query::Regexp { .. } => "RegexpQuery",
        Query::Fuzzy { .. } => "FuzzyQuery",
        Query::DisMax { .. } | Query::MultiMatch { .. } => "DisjunctionMaxQuery",
        Query::Constant { .. } => "ConstantScoreQuery",
        Query::Boost { .. } => "BoostQuery",
        Query::FunctionScore(_) => "FunctionScoreQuery",
        Query::ScriptScore { .. } => "ScriptScoreQuery",
        Query::RankFeature { .. } => "RankFeatureQuery",
        Query::DistanceFeature { .. } => "LongDistanceFeatureQuery",
        Query::TermsSet(_) => "CoveringQuery",
        Query::Nested { .. } => "ESToParentBlockJoinQuery",
        Query::ParentId { .. } => "TermQuery",
        Query::Joined(_) => "GlobalOrdinalsQuery",
        Query::Span(_) => "SpanQuery",
        Query::Intervals { .. } => "IntervalQuery",
        Query::CombinedFields { .. } => "CombinedFieldQuery",
        Query::Pinned { .. } => "DisjunctionMaxQuery",
        Query::MoreLikeThis(_) => "MoreLikeThisQuery",
        _ => "BooleanQuery",
    }
}
