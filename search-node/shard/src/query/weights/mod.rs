//! Queries that tantivy does not have: how each finds and scores its documents in a segment.

pub(in crate::query) mod any_of;
pub(in crate::query) mod blended;
pub(in crate::query) mod bm25;
pub(in crate::query) mod column_terms;
pub(in crate::query) mod combined;
pub(in crate::query) mod constant;
pub(in crate::query) mod counting;
pub(in crate::query) mod covering;
pub(in crate::query) mod demoted;
pub(in crate::query) mod function_score;
pub(in crate::query) mod fuzzy;
pub(in crate::query) mod graded;
pub(in crate::query) mod has_norm;
pub(in crate::query) mod has_uid;
pub(in crate::query) mod in_level;
pub(in crate::query) mod join;
pub(in crate::query) mod located;
pub(in crate::query) mod numbers;
pub(crate) mod passes;
pub(in crate::query) mod phrase;
pub(in crate::query) mod range_match;
pub(in crate::query) mod scripted;
pub(in crate::query) mod sloppy;
pub(in crate::query) mod source_phrase;
pub(in crate::query) mod synonyms;
pub(in crate::query) mod walked;
pub(in crate::query) mod weighed;
