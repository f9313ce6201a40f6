//! The JSON of `suggest`, read; with the words of Elasticsearch for what is wrong.

mod completion;
mod members;
mod phrase;
mod spelling;

use serde_json::{Map, Value};

pub(super) use completion::CompletionAsked;
pub(super) use phrase::{Collate, Generator, PhraseAsked, Smoothing};
pub(super) use spelling::{Order, Spelling, SuggestMode};

use self::members::{positive, read_text, read_whole};
use crate::json_values::json_kind;
use crate::query::QueryError;

/// So many suggestions where the request does not say.
const SIZE_DEFAULT: usize = 5;

/// What a search wants to be suggested.
#[derive(Debug, Clone, Default)]
pub struct SuggestRequest {
    pub(super) suggestions: Vec<Asked>,
}

/// So many options of a suggestion are made at most, as many as a search may have hits where nobody says otherwise.
const SIZE_MAX: usize = 10_000;

/// One suggestion that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) name: String,
    /// What was typed.
    pub(super) text: String,
    /// What is to be understood as a pattern.
    pub(super) regex: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) field: String,
    pub(super) analyzer: Option<String>,
    pub(super) size: usize,
    pub(super) shard_size: Option<i64>,
    pub(super) suggester: Suggester,
}

/// Who suggests.
#[derive(Debug, Clone)]
pub(super) enum Suggester {
    /// Words.
    Term(Spelling),
    /// Texts.
    Phrase(Box<PhraseAsked>),
    /// Inputs that begin like a text.
    Completion(Box<CompletionAsked>),
}

impl Suggester {
    fn name(&self) -> &'static str {
        match self {
            Self::Term(_) => "term",
            Self::Phrase(_) => "phrase",
            Self::Completion(_) => "completion",
        }
    }
}

impl SuggestRequest {
    /// Reads what is asked.
    pub fn parse(value: &Value) -> Result<Self, QueryError> {
        let Value::Object(members) = value else {
            return Err(QueryError::parsing(format!("Unknown key for a {} in [suggest].", json_kind(value))));
        };
        let mut global = None;
        let mut asked = Vec::new();
        for (name, value) in members {
            match value {
                Value::Object(body) => asked.push((name, body)),
                Value::Array(_) => {
                    return Err(QueryError::parsing(format!(
                        "unexpected token [{}] after [{name}]",
                        json_kind(value)
                    )));
                }
                plain if name == "text" => global = Some(read_text(plain)),
                _ => return Err(QueryError::argument(format!("[suggest] does not support [{name}]"))),
            }
        }
        let read = asked.into_iter().map(|(name, body)| Asked::parse(name, body, global.as_deref()));
        Ok(Self { suggestions: read.collect::<Result<_, _>>()? })
    }

    /// The names of what is asked, each with the kind of its suggester.
    pub fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.suggestions.iter().map(|asked| (asked.name.as_str(), asked.suggester.name()))
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.suggestions.is_empty()
    }

    /// Whether documents are suggested.
    pub fn has_completions(&self) -> bool {
        self.suggestions.iter().any(|asked| matches!(asked.suggester, Suggester::Completion(_)))
    }
}

impl Asked {
    fn parse(name: &str, body: &Map<String, Value>, global: Option<&str>) -> Result<Self, QueryError> {
        let (mut text, mut prefix, mut regex, mut suggester) = (None, None, None, None);
        for (key, value) in body {
            match (key.as_str(), value) {
                (_, Value::Object(body)) => suggester = Some((key.as_str(), body)),
                ("text", value) => text = Some(read_text(value)),
                ("prefix", value) => prefix = Some(read_text(value)),
                ("regex", value) => regex = Some(read_text(value)),
                _ => return Err(QueryError::parsing(format!("suggestion does not support [{key}]"))),
            }
        }
        let Some((kind, body)) = suggester else {
            return Err(QueryError {
                kind: "parse_exception",
                reason: "missing suggestion object".to_owned(),
            });
        };
        let typed = text.clone().or_else(|| prefix.clone()).or_else(|| regex.clone());
        let mut asked = Self {
            name: name.to_owned(),
            text: String::new(),
            prefix: prefix.or(text),
            regex,
            field: String::new(),
            analyzer: None,
            size: SIZE_DEFAULT,
            shard_size: None,
            suggester: match kind {
                "term" => Suggester::Term(Spelling::default()),
                "phrase" => Suggester::Phrase(Box::default()),
                "completion" => Suggester::Completion(Box::default()),
                _ => {
                    return Err(QueryError {
                        kind: "named_object_not_found_exception",
                        reason: format!("unknown field [{kind}]"),
                    });
                }
            },
        };
        for (key, value) in body {
            asked.member(key, value)?;
        }
        if asked.field.is_empty() {
            return Err(QueryError {
                kind: "parse_exception",
                reason: "the required field option [field] is missing".to_owned(),
            });
        }
        let typed = typed.or_else(|| global.map(str::to_owned));
        asked.text = typed.ok_or_else(|| QueryError::argument("The required text option is missing"))?;
        if asked.prefix.is_none() && asked.regex.is_none() {
            asked.prefix = Some(asked.text.clone());
        }
        let shard_size = asked.shard_size.and_then(|size| usize::try_from(size).ok());
        for (name, said) in [("size", Some(asked.size)), ("shard_size", shard_size)] {
            if said.is_some_and(|said| said > SIZE_MAX) {
                return Err(QueryError::argument(format!(
                    "[{name}] of a suggestion must be at most [{SIZE_MAX}]"
                )));
            }
        }
        if let Suggester::Phrase(phrase) = &asked.suggester {
            phrase.check()?;
        }
        Ok(asked)
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<(), QueryError> {
        let is_completion = matches!(self.suggester, Suggester::Completion(_));
        match key {
            "field" if !value.is_object() => self.field = read_text(value),
            "analyzer" if !value.is_object() => self.analyzer = Some(read_text(value)),
            "size" if !value.is_object() => {
                let size = read_whole(value).and_then(|size| positive("size", size));
                self.size =
                    size.map_err(|error| if is_completion { in_field("completion", key) } else { error })?;
            }
            "shard_size" if !value.is_object() => self.shard_size = Some(read_whole(value)?),
            _ => match &mut self.suggester {
                Suggester::Term(spelling) => {
                    if value.is_object() || value.is_array() {
                        let reason = format!("suggester[term] parsing failed on [{key}]");
                        return Err(QueryError::parsing(reason));
                    }
                    if !spelling.member(key, value)? {
                        return Err(QueryError::parsing(format!(
                            "suggester[term] doesn't support field [{key}]"
                        )));
                    }
                }
                Suggester::Phrase(phrase) => phrase.member(key, value)?,
                Suggester::Completion(completion) => completion.member(key, value)?,
            },
        }
        Ok(())
    }

    /// How many options a shard tells.
    pub(super) fn shard_size_or(&self, default: usize) -> usize {
        self.shard_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
    }
}

/// A member of an object whose value is wrong.
fn in_field(object: &str, key: &str) -> QueryError {
    QueryError {
        kind: "x_content_parse_exception",
        reason: format!("[{object}] failed to parse field [{key}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_as_elasticsearch_says_it() {
        for (asked, kind, reason) in [
            (json!([]), "parsing_exception", "Unknown key for a START_ARRAY in [suggest]."),
            (json!({"a": 3}), "illegal_argument_exception", "[suggest] does not support [a]"),
            (json!({"a": []}), "parsing_exception", "unexpected token [START_ARRAY] after [a]"),
            (json!({"a": {"text": "x"}}), "parse_exception", "missing suggestion object"),
            (json!({"a": {"nosuch": "x"}}), "parsing_exception", "suggestion does not support [nosuch]"),
            (
                json!({"a": {"term": {"field": "t"}}}),
                "illegal_argument_exception",
                "The required text option is missing",
            ),
            (
                json!({"a": {"text": "x", "term": {}}}),
                "parse_exception",
                "the required field option [field] is missing",
            ),
            (
                json!({"a": {"text": "x", "term": {"field": "t", "foo": 1}}}),
                "parsing_exception",
                "suggester[term] doesn't support field [foo]",
            ),
            (
                json!({"a": {"text": "x", "term": {"field": "t", "size": 0}}}),
                "illegal_argument_exception",
                "size must be positive",
            ),
            (
                json!({"a": {"text": "x", "term": {"field": "t", "max_edits": 3}}}),
                "illegal_argument_exception",
                "maxEdits must be between 1 and 2",
            ),
            (
                json!({"a": {"text": "x", "term": {"field": "t", "min_doc_freq": 1.5}}}),
                "illegal_argument_exception",
                "if minDocFreq is greater than 1, it must not be a fraction",
            ),
            (
                json!({"a": {"text": "x", "phrase": {"field": "t", "gram_size": 0}}}),
                "illegal_argument_exception",
                "gramSize must be >= 1",
            ),
            (
                json!({"a": {"text": "x", "phrase": {"field": "t", "highlight": {"pre_tag": "b"}}}}),
                "illegal_argument_exception",
                "Pre and post tag must both be null or both not be null.",
            ),
            (
                json!({"a": {"text": "x", "phrase": {"field": "t", "smoothing": {"foo": {}}}}}),
                "illegal_argument_exception",
                "suggester[phrase] doesn't support object field [foo]",
            ),
            (
                json!({"a": {"text": "x", "phrase": {"field": "t", "direct_generator": [{}]}}}),
                "illegal_argument_exception",
                "Required [field]",
            ),
            (
                json!({"a": {"prefix": "x", "completion": {"field": "c", "foo": 1}}}),
                "x_content_parse_exception",
                "[completion] unknown field [foo]",
            ),
            (
                json!({"a": {"prefix": "x", "completion": {"field": "c", "size": 0}}}),
                "x_content_parse_exception",
                "[completion] failed to parse field [size]",
            ),
        ] {
            let error = SuggestRequest::parse(&asked).expect_err("refused");

            assert_eq!((error.kind, error.reason.as_str()), (kind, reason), "{asked}");
        }
    }

    #[test]
    fn a_text_is_said_once_for_all() {
        let asked = json!({"text": "all", "a": {"term": {"field": "t"}}, "b": {"text": "own", "term": {"field": "t"}}});

        let read = SuggestRequest::parse(&asked).expect("valid");

        let texts: Vec<&str> = read.suggestions.iter().map(|asked| asked.text.as_str()).collect();
        assert_eq!(texts, ["all", "own"]);
    }
}
