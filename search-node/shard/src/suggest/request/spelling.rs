//! What words are looked for to correct one, as the request says.

use serde_json::Value;

use super::members::{not_negative, read_float, read_text, read_whole};
use crate::query::QueryError;
use crate::suggest::distances::StringDistance;

/// For which words there are suggestions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::suggest) enum SuggestMode {
    /// Those that no document has.
    Missing,
    /// All, by words that more documents have.
    Popular,
    /// All.
    Always,
}

/// What counts first of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::suggest) enum Order {
    /// How alike it is.
    Score,
    /// In how many documents it is.
    Frequency,
}

/// How words are found that one may have been meant to be.
#[derive(Debug, Clone)]
pub(in crate::suggest) struct Spelling {
    pub(in crate::suggest) mode: SuggestMode,
    pub(in crate::suggest) order: Order,
    pub(in crate::suggest) distance: StringDistance,
    pub(in crate::suggest) accuracy: f32,
    pub(in crate::suggest) max_edits: u8,
    pub(in crate::suggest) max_inspections: usize,
    pub(in crate::suggest) max_term_freq: f32,
    pub(in crate::suggest) prefix_length: usize,
    pub(in crate::suggest) min_word_length: usize,
    pub(in crate::suggest) min_doc_freq: f32,
}

impl Default for Spelling {
    fn default() -> Self {
        Self {
            mode: SuggestMode::Missing,
            order: Order::Score,
            distance: StringDistance::Internal,
            accuracy: 0.5,
            max_edits: 2,
            max_inspections: 5,
            max_term_freq: 0.01,
            prefix_length: 1,
            min_word_length: 4,
            min_doc_freq: 0.0,
        }
    }
}

impl Spelling {
    /// Takes a member; whether it is one of its own.
    pub(super) fn member(&mut self, key: &str, value: &Value) -> Result<bool, QueryError> {
        match key {
            "suggest_mode" => self.mode = read_mode(&read_text(value))?,
            "sort" => {
                let name = read_text(value).to_uppercase();
                self.order = match name.as_str() {
                    "SCORE" => Order::Score,
                    "FREQUENCY" => Order::Frequency,
                    _ => return Err(no_constant("SortBy", &name)),
                };
            }
            "string_distance" => {
                let name = read_text(value);
                let wrong = || QueryError::argument(format!("Illegal distance option {name}"));
                self.distance = StringDistance::parse(&name).ok_or_else(wrong)?;
            }
            "accuracy" => {
                let accuracy = read_float(value)?;
                if !(0.0..=1.0).contains(&accuracy) {
                    return Err(QueryError::argument("accuracy must be between 0 and 1"));
                }
                self.accuracy = accuracy;
            }
            "max_edits" => match read_whole(value)? {
                1 => self.max_edits = 1,
                2 => self.max_edits = 2,
                _ => return Err(QueryError::argument("maxEdits must be between 1 and 2")),
            },
            "max_inspections" => self.max_inspections = not_negative("maxInspections", read_whole(value)?)?,
            "max_term_freq" => self.max_term_freq = share_or_count("maxTermFreq", read_float(value)?)?,
            "prefix_length" | "prefix_len" => {
                self.prefix_length = not_negative("prefixLength", read_whole(value)?)?;
            }
            "min_word_length" | "min_word_len" => {
                let length = read_whole(value)?;
                let wrong = || QueryError::argument("minWordLength must be greater or equal to 1");
                self.min_word_length =
                    usize::try_from(length).ok().filter(|length| *length > 0).ok_or_else(wrong)?;
            }
            "min_doc_freq" => self.min_doc_freq = share_or_count("minDocFreq", read_float(value)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

pub(super) fn read_mode(name: &str) -> Result<SuggestMode, QueryError> {
    let name = name.to_uppercase();
    Ok(match name.as_str() {
        "MISSING" => SuggestMode::Missing,
        "POPULAR" => SuggestMode::Popular,
        "ALWAYS" => SuggestMode::Always,
        _ => return Err(no_constant("term.TermSuggestionBuilder.SuggestMode", &name)),
    })
}

fn no_constant(kind: &str, name: &str) -> QueryError {
    QueryError::argument(format!("No enum constant org.elasticsearch.search.suggest.{kind}.{name}"))
}

/// A share below 1, or so many documents.
fn share_or_count(name: &str, number: f32) -> Result<f32, QueryError> {
    if number < 0.0 {
        return Err(QueryError::argument(format!("{name} must be positive")));
    }
    if number > 1.0 && number.fract() != 0.0 {
        return Err(QueryError::argument(format!("if {name} is greater than 1, it must not be a fraction")));
    }
    Ok(number)
}
