//! `pattern_capture`: the groups of expressions as tokens at the place of the token they were found in.

use super::{InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::java_regex::Pattern;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct PatternCapture {
    patterns: Vec<Pattern>,
    keeps_original: bool,
}

impl PatternCapture {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let patterns = params.rules("patterns").ok_or_else(|| {
            AnalysisError::argument(format!(
                "required setting 'patterns' is missing for token filter [{}]",
                params.name
            ))
        })?;
        let patterns = patterns.iter().map(|text| Pattern::new(text, "")).collect::<Result<_>>()?;
        Ok(Self { patterns, keeps_original: params.flag("preserve_original", true)? })
    }

    /// The places of groups within a text, in order; none twice in a row.
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (number, pattern) in self.patterns.iter().enumerate() {
            for captures in pattern.captures(text) {
                let groups = (1..=pattern.groups()).filter_map(|group| captures.get(group));
                places.extend(groups.map(|found| (found.start(), number, found.end())));
            }
        }
        places.sort_by_key(|(start, number, _)| (*start, *number));
        let is_whole = |place: &(usize, usize)| *place == (0, text.len());
        let places = places.into_iter().map(|(start, _, end)| (start, end));
        places.filter(|place| place.0 < place.1 && !(self.keeps_original && is_whole(place))).collect()
    }
}

impl TokenFilter for PatternCapture {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.flat_map(|token| {
            let places = self.places(&token.text);
            if places.is_empty() {
                return vec![token];
            }
            let mut made: Vec<Token> = if self.keeps_original { vec![token.clone()] } else { Vec::new() };
            for (from, to) in places {
                let mut part = token.with_text(&token.text[from..to]);
                part.increment = if made.is_empty() { token.increment } else { 0 };
                made.push(part);
            }
            made
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
