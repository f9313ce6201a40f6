//! What completions are looked for, as the request says.

use serde_json::{Map, Value};

use super::in_field;
use super::members::{read_flag, read_text, read_whole};
use crate::query::QueryError;

/// What is asked of the completion suggester.
#[derive(Debug, Clone, Default)]
pub(in crate::suggest) struct CompletionAsked {
    pub(in crate::suggest) skips_duplicates: bool,
    pub(in crate::suggest) fuzzy: Option<FuzzyAsked>,
    /// The flags of a pattern, as they are named.
    pub(in crate::suggest) flags: Option<String>,
    /// What the automaton of a pattern may cost.
    pub(in crate::suggest) effort: Option<u32>,
    /// The contexts, by their names, as the mapping reads them.
    pub(in crate::suggest) contexts: Option<Map<String, Value>>,
}

/// So many edits where nobody says, and for `AUTO`, as in Elasticsearch.
const EDITS_USUAL: u8 = 1;

/// How inputs may differ from what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FuzzyAsked {
    pub(in crate::suggest) edits: u8,
    pub(in crate::suggest) transpositions: bool,
    pub(in crate::suggest) min_length: usize,
    pub(in crate::suggest) prefix_length: usize,
    pub(in crate::suggest) unicode_aware: bool,
}

impl Default for FuzzyAsked {
    fn default() -> Self {
        Self {
            edits: EDITS_USUAL,
            transpositions: true,
            min_length: 3,
            prefix_length: 1,
            unicode_aware: false,
        }
    }
}

impl CompletionAsked {
    pub(super) fn member(&mut self, key: &str, value: &Value) -> Result<(), QueryError> {
        let failed = |_| in_field("completion", key);
        match (key, value) {
            ("skip_duplicates", value) => self.skips_duplicates = read_flag(value).map_err(failed)?,
            ("fuzzy", Value::Object(members)) => self.fuzzy = Some(FuzzyAsked::parse(members)?),
            ("fuzzy", value) => {
                self.fuzzy = read_flag(value).map_err(failed)?.then(FuzzyAsked::default);
            }
            ("regex", Value::Object(members)) => {
                for (key, value) in members {
                    match key.as_str() {
                        "flags" => self.flags = Some(read_text(value)),
                        "max_determinized_states" => {
                            let most = read_whole(value)?;
                            self.effort = Some(u32::try_from(most).map_err(|_| in_field("regex", key))?);
                        }
                        other => return Err(unknown("regex", other)),
                    }
                }
            }
            ("contexts" | "context", Value::Object(members)) => self.contexts = Some(members.clone()),
            (other, _) => return Err(unknown("completion", other)),
        }
        Ok(())
    }
}

fn unknown(object: &str, key: &str) -> QueryError {
    QueryError { kind: "x_content_parse_exception", reason: format!("[{object}] unknown field [{key}]") }
}

impl FuzzyAsked {
    fn parse(members: &Map<String, Value>) -> Result<Self, QueryError> {
        let mut fuzzy = Self::default();
        for (key, value) in members {
            let length = || {
                let number = read_whole(value)?;
                usize::try_from(number).map_err(|_| in_field("fuzzy", key))
            };
            match key.as_str() {
                "fuzziness" => fuzzy.edits = read_edits(&read_text(value))?,
                "transpositions" => fuzzy.transpositions = read_flag(value)?,
                "min_length" => fuzzy.min_length = length()?,
                "prefix_length" => fuzzy.prefix_length = length()?,
                "unicode_aware" => fuzzy.unicode_aware = read_flag(value)?,
                // What is within a few edits of a text is found without a table of all states.
                "max_determinized_states" => drop(length()?),
                other => return Err(unknown("fuzzy", other)),
            }
        }
        Ok(fuzzy)
    }
}

fn read_edits(text: &str) -> Result<u8, QueryError> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(EDITS_USUAL);
    }
    match text.parse::<f64>() {
        Ok(edits) if [0.0, 1.0, 2.0].contains(&edits) => Ok(edits as u8),
        Ok(_) => {
            Err(QueryError::argument(format!("fuzziness must be one of [0, 1, 2, AUTO], but was [{text}]")))
        }
        Err(_) => Err(in_field("fuzzy", "fuzziness")),
    }
}
