//! Patterns: how regular expressions are read, and how the terms count that are like a pattern.

use crate::query::QueryError;
use crate::query::regexp::{EFFORT_USUAL, Flags};

/// How a regular expression is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegexpSyntax {
    /// Which signs mean something.
    pub(in crate::query) flags: Flags,
    /// Whether the case of letters does not matter.
    pub(in crate::query) case_insensitive: bool,
    /// What its automaton may cost.
    pub(in crate::query) effort: u32,
}

impl Default for RegexpSyntax {
    fn default() -> Self {
        Self { flags: Flags::ALL, case_insensitive: false, effort: EFFORT_USUAL }
    }
}

/// How the terms count that are like a pattern, or near a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rewrite {
    /// As usual for the query: all the same for patterns, the nearest ones for words with edits.
    #[default]
    Usual,
    /// All the same.
    Constant,
    /// All the same, and there may be no more than a query may have clauses.
    ConstantBoolean,
    /// Each as if it were asked for alone, and no more than a query may have clauses.
    Scoring,
    /// The first so many, each as if it were asked for alone.
    Top(usize),
    /// The first so many, each one the same.
    TopBoost(usize),
    /// The first so many, all as frequent as the most frequent of them.
    TopBlended(usize),
}

impl Rewrite {
    /// Reads `constant_score`, `top_terms_10`.
    pub(in crate::query) fn parse(text: &str) -> Result<Self, QueryError> {
        let unknown =
            || QueryError::shard(format!("failed to create query: Failed to parse rewrite_method [{text}]"));
        match text {
            "constant_score" | "constant_score_auto" | "constant_score_blended" => return Ok(Self::Constant),
            "constant_score_boolean" => return Ok(Self::ConstantBoolean),
            "scoring_boolean" => return Ok(Self::Scoring),
            _ => {}
        }
        let (name, count) = text.rsplit_once('_').ok_or_else(unknown)?;
        let count: usize = count.parse().map_err(|_| unknown())?;
        match name {
            "top_terms" => Ok(Self::Top(count)),
            "top_terms_boost" => Ok(Self::TopBoost(count)),
            "top_terms_blended_freqs" => Ok(Self::TopBlended(count)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_name() {
        for (text, expected) in [
            ("constant_score", Rewrite::Constant),
            ("constant_score_boolean", Rewrite::ConstantBoolean),
            ("scoring_boolean", Rewrite::Scoring),
            ("top_terms_5", Rewrite::Top(5)),
            ("top_terms_boost_5", Rewrite::TopBoost(5)),
            ("top_terms_blended_freqs_7", Rewrite::TopBlended(7)),
        ] {
            assert_eq!(Rewrite::parse(text), Ok(expected));
        }
        for wrong in ["", "top_terms_", "top_terms_x", "top_5", "best"] {
            assert!(Rewrite::parse(wrong).is_err(), "{wrong}");
        }
    }
}
