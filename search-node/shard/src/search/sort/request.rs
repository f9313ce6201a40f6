//! The order that a request asks for.

use super::SortValue;
use crate::mapping::dates::DateFormats;
use crate::query::{GeoDistance, Query, ScriptSort};

/// What a key sorts by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortField {
    /// The score.
    Score,
    /// The order in the index, the cheapest one.
    Doc,
    /// The order in the index, after the number of the shard in the search (`_shard_doc`): no two hits have the same place, and each
    /// keeps its own for as long as a point in time is kept.
    ShardDoc(u32),
    /// The order of operations in the shard.
    SeqNo,
    /// How far points are from others (`_geo_distance`).
    Distance(GeoDistance),
    /// What a script computes (`_script`).
    Script(ScriptSort),
    /// A field.
    Field(String),
}

/// Where documents without a value go.
#[derive(Debug, Clone, PartialEq)]
pub enum Missing {
    /// Behind all others.
    Last,
    /// Before all others.
    First,
    /// Where those with this value are.
    Value(SortValue),
}

/// What of several values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortMode {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// All of them together.
    Sum,
    /// Their mean.
    Avg,
    /// The one in the middle.
    Median,
}

impl SortMode {
    /// Whether it takes one of the values as it is.
    pub(super) fn takes_one(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }
}

/// As what the numbers of a field count (`numeric_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericType {
    /// Whole numbers.
    Long,
    /// Decimal numbers.
    Double,
    /// Moments in milliseconds.
    Date,
    /// Moments in nanoseconds.
    DateNanos,
}

/// The nested objects whose values count.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedSort {
    /// Where they are.
    pub path: String,
    /// Which of them; all if not said.
    pub filter: Option<Query>,
    /// So many of a document at most.
    pub max_children: usize,
    /// The objects further inside whose values count instead.
    pub nested: Option<Box<NestedSort>>,
}

impl NestedSort {
    /// All levels, the outermost first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.nested.as_deref())
    }
}

/// One key of the order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What it sorts by.
    pub field: SortField,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Where documents without a value go.
    pub missing: Missing,
    /// What of several values counts; the least when ascending, the greatest when descending, if not said.
    pub mode: Option<SortMode>,
    /// How dates are shown and read (`format`).
    pub format: Option<DateFormats>,
    /// As what its numbers count, if not as what they are.
    pub numeric_type: Option<NumericType>,
    /// The nested objects whose values count; those of the document itself if not said.
    pub nested: Option<NestedSort>,
    /// The type that a field counts as having which the mapping lacks; without, it is refused.
    pub unmapped_type: Option<String>,
}

impl SortKey {
    /// The least first, and nothing else said.
    pub fn of(field: SortField) -> Self {
        Self {
            field,
            descending: false,
            missing: Missing::Last,
            mode: None,
            format: None,
            numeric_type: None,
            nested: None,
            unmapped_type: None,
        }
    }

    /// Whether scores are looked at for it, whether they are shown or not.
    pub(in crate::search) fn needs_score(&self) -> bool {
        match &self.field {
            SortField::Score => true,
            SortField::Script(script) => script.needs_score(),
            _ => false,
        }
    }

    /// Whether it sorts by the order in the index, as that is.
    pub(in crate::search) fn is_index_order(&self) -> bool {
        matches!(self.field, SortField::Doc | SortField::ShardDoc(_)) && !self.descending
    }

    pub(super) fn mode(&self) -> SortMode {
        self.mode.unwrap_or(if self.descending { SortMode::Max } else { SortMode::Min })
    }
}
