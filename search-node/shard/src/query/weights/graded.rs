//! Documents that count by one number of theirs: a feature, or how near something is.

use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, Searcher};

use super::explained::matched;
use super::join::{JoinedIds, Joining};
use super::numbers::{Origin, distances};
use super::walked::Walked;
use crate::mapping::{feature_of, keyed_term};
use crate::query::ast::FeatureFunction;
use crate::query::doc_values::{ValueField, Values};
use crate::query::faults::{Faults, Looks};

/// Documents that count by a number.
#[derive(Debug, Clone)]
pub(in crate::query) struct Graded {
    pub(in crate::query) by: Grade,
    pub(in crate::query) faults: Faults,
}

/// What documents count by.
#[derive(Debug, Clone)]
pub(in crate::query) enum Grade {
    Feature {
        column: FeatureColumn,
        function: FeatureFunction,
    },
    /// The nearest value counts; one at the pivot half.
    Near {
        field: ValueField,
        origin: Origin,
        pivot: f64,
    },
    /// What is joined with others, by what these score.
    Joined(Arc<Joining>),
}

/// Where a feature is kept.
#[derive(Debug, Clone)]
pub(in crate::query) enum FeatureColumn {
    /// In a column of its own.
    Own(String),
    /// In a column of several, under its name.
    Named(String, String),
}

impl Query for Graded {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let pivot = match (&self.by, scoring.searcher().filter(|_| scoring.is_scoring_enabled())) {
            (Grade::Feature { column, function: FeatureFunction::Saturation(None) }, Some(searcher)) => {
                column.usual_pivot(searcher, self.faults.looks())?
            }
            _ => 1.0,
        };
        Ok(Box::new(GradedWeight { of: self.clone(), pivot }))
    }
}

struct GradedWeight {
    of: Graded,
    /// That of a feature, where the request says none.
    pivot: f64,
}

impl GradedWeight {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<Grades>> {
        Ok(match &self.of.by {
            Grade::Feature { column, function } => column.open(reader)?.map(|features| Grades::Feature {
                features,
                function: *function,
                pivot: self.pivot,
            }),
            Grade::Near { field, origin, pivot } => match field.open(reader)? {
                Values::None => None,
                values => Some(Grades::Near { values, origin: *origin, pivot: *pivot, numbers: Vec::new() }),
            },
            Grade::Joined(joining) => joining.in_segment(reader, self.of.faults.looks())?.map(Grades::Joined),
        })
    }
}

impl Weight for GradedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(mut grades) = self.open(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let look = move |document| Some((f64::from(boost) * grades.of(document)?) as Score);
        Ok(Box::new(Walked::new(reader.max_doc(), &self.of.faults, look)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "by a number of the document")
    }
}

enum Grades {
    Feature { features: Features, function: FeatureFunction, pivot: f64 },
    Near { values: Values, origin: Origin, pivot: f64, numbers: Vec<f64> },
    Joined(JoinedIds),
}

impl Grades {
    /// What a document counts by; none if it has nothing of it.
    fn of(&mut self, document: DocId) -> Option<f64> {
        match self {
            Self::Feature { features, function, pivot } => {
                let feature = f64::from(feature_of(features.kept(document)?));
                Some(match function {
                    FeatureFunction::Saturation(said) => {
                        let pivot = said.map_or(*pivot, f64::from);
                        1.0 - pivot / (feature + pivot)
                    }
                    FeatureFunction::Log(more) => (f64::from(*more) + feature).ln(),
                    FeatureFunction::Sigmoid { pivot, exponent } => {
                        let exponent = f64::from(*exponent);
                        let pivot = f64::from(*pivot).powf(exponent);
                        1.0 - pivot / (feature.powf(exponent) + pivot)
                    }
                    FeatureFunction::Linear => feature,
                })
            }
            Self::Near { values, origin, pivot, numbers } => {
                distances(values, *origin, document, numbers);
                let nearest = numbers.iter().copied().min_by(f64::total_cmp)?;
                Some(*pivot / (*pivot + nearest))
            }
            Self::Joined(ids) => ids.score(document).map(f64::from),
        }
    }
}

/// A feature in a segment.
enum Features {
    Own(Column<u64>),
    /// The numbers of its terms begin at the first, and each has its weight.
    Named {
        column: StrColumn,
        first: u64,
        kept: Vec<u32>,
    },
}

impl Features {
    fn kept(&self, document: DocId) -> Option<u32> {
        match self {
            Self::Own(column) => column.first(document).map(|kept| kept as u32),
            Self::Named { column, first, kept } => column.term_ords(document).find_map(|ordinal| {
                let place = usize::try_from(ordinal.checked_sub(*first)?).ok()?;
                kept.get(place).copied()
            }),
        }
    }
}

impl FeatureColumn {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<Features>> {
        match self {
            Self::Own(name) => Ok(reader.fast_fields().column_opt::<u64>(name)?.map(Features::Own)),
            Self::Named(name, feature) => {
                let Some(column) = reader.fast_fields().str(name)? else { return Ok(None) };
                let (before, behind) = (keyed_term(feature, ""), format!("{feature}\u{1}"));
                let mut terms =
                    column.dictionary().range().ge(before.as_bytes()).lt(behind.as_bytes()).into_stream()?;
                let (mut first, mut kept) = (None, Vec::new());
                while terms.advance() {
                    first.get_or_insert(terms.term_ord());
                    let digits =
                        terms.key().get(before.len()..).and_then(|digits| std::str::from_utf8(digits).ok());
                    kept.push(digits.and_then(|digits| digits.parse().ok()).unwrap_or_default());
                }
                drop(terms);
                Ok(first.map(|first| Features::Named { column, first, kept }))
            }
        }
    }

    /// About the average of the feature, as Lucene counts it: of what is kept of each. Deleted documents count until a merge.
    fn usual_pivot(&self, searcher: &Searcher, mut looks: Looks) -> tantivy::Result<f64> {
        let (mut sum, mut documents) = (0u64, 0u64);
        for reader in searcher.segment_readers() {
            let Some(features) = self.open(reader)? else { continue };
            let all = (0..reader.max_doc()).take_while(|_| !looks.is_over_after(1));
            for kept in all.filter_map(|document| features.kept(document)) {
                sum += u64::from(kept);
                documents += 1;
            }
        }
        Ok(if documents == 0 { 1.0 } else { f64::from(feature_of((sum as f64 / documents as f64) as u32)) })
    }
}
