//! A text in Lucene's query language, with how it is read.

use super::{Fuzziness, Matching, MultiMatchKind, RegexpSyntax, Rewrite};
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::rules::QueryRules;

/// A text in Lucene's query language.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryString {
    /// The text.
    pub text: String,
    /// Field names or patterns with their boosts; empty for the fields that an index says.
    pub fields: Vec<(String, f32)>,
    /// Whether they were listed as `fields`: a word such as `>5` is a range in one field, or in every field, and a word in those of a list.
    pub are_listed: bool,
    /// How its texts are asked for, and how clauses without an operator are joined.
    pub matching: Matching,
    /// Whether values that do not fit match nothing; where nothing is said they do if every field is asked.
    pub lenient: Option<bool>,
    /// How its fields are joined.
    pub kind: MultiMatchKind,
    /// How much of the scores of other fields than the best one is added; what is usual for the kind if none is given.
    pub tie_breaker: Option<f32>,
    /// How words with edits are looked for that say no number of them.
    pub fuzziness: Fuzziness,
    /// How the terms of patterns count.
    pub rewrite: Rewrite,
    /// How regular expressions are read.
    pub regexp: RegexpSyntax,
    /// Whether beginnings are cut into words.
    pub analyze_wildcard: bool,
    /// Whether a pattern may begin with a `*` or a `?`.
    pub allow_leading_wildcard: bool,
    /// The analyzer of phrases; none for that of other texts.
    pub quote_analyzer: Option<String>,
    /// What the names of fields end with that phrases are looked for in.
    pub quote_field_suffix: Option<String>,
    /// The zone of dates without an offset.
    pub time_zone: Option<String>,
    /// How many of its optional clauses must match.
    pub minimum_should_match: Option<MinimumShouldMatch>,
}

impl QueryString {
    /// Whether clauses that name no field are of one, or of every field.
    pub(in crate::query) fn has_field(&self, rules: &QueryRules) -> bool {
        !self.are_listed && (!self.fields.is_empty() || rules.default_fields.is_empty())
    }
}
