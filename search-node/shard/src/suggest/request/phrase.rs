//! How the phrase suggester is to correct a text, as the request says.

use serde_json::{Map, Value};

use super::in_field;
use super::members::{positive, read_decimal, read_flag, read_float, read_text, read_whole};
use super::spelling::Spelling;
use crate::query::QueryError;

/// So many words of a text are corrected at most: each is looked at below those before it.
const TOKEN_LIMIT_MAX: usize = 200;

/// What is asked of the phrase suggester.
#[derive(Debug, Clone)]
pub(in crate::suggest) struct PhraseAsked {
    /// Words that stand together are looked up so many at a time; as the field's shingles have it where nobody says.
    pub(in crate::suggest) gram_size: Option<usize>,
    pub(in crate::suggest) max_errors: f32,
    pub(in crate::suggest) real_word_error_likelihood: f64,
    pub(in crate::suggest) confidence: f64,
    pub(in crate::suggest) separator: String,
    pub(in crate::suggest) force_unigrams: bool,
    pub(in crate::suggest) token_limit: usize,
    /// What is put around what was changed.
    pub(in crate::suggest) highlight: Option<(String, String)>,
    pub(in crate::suggest) smoothing: Smoothing,
    pub(in crate::suggest) generators: Vec<Generator>,
    pub(in crate::suggest) collate: Option<Collate>,
}

/// How likely words are that were never seen together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::suggest) enum Smoothing {
    StupidBackoff { discount: f64 },
    Laplace { alpha: f64 },
    LinearInterpolation { trigram: f64, bigram: f64, unigram: f64 },
}

/// Where words are looked for that may have been meant.
#[derive(Debug, Clone)]
pub(in crate::suggest) struct Generator {
    pub(in crate::suggest) field: String,
    pub(in crate::suggest) size: usize,
    pub(in crate::suggest) spelling: Spelling,
    pub(in crate::suggest) pre_filter: Option<String>,
    pub(in crate::suggest) post_filter: Option<String>,
}

/// A query that tells whether a phrase finds anything.
#[derive(Debug, Clone)]
pub(in crate::suggest) struct Collate {
    /// As JSON with `{{names}}` in it.
    pub(in crate::suggest) template: String,
    pub(in crate::suggest) params: Map<String, Value>,
    /// Whether phrases that find nothing are shown too.
    pub(in crate::suggest) prune: bool,
}

impl Default for PhraseAsked {
    fn default() -> Self {
        Self {
            gram_size: None,
            max_errors: 0.5,
            // Single precision, as the request's own number has.
            real_word_error_likelihood: f64::from(0.95_f32),
            confidence: 1.0,
            separator: " ".to_owned(),
            force_unigrams: true,
            token_limit: 10,
            highlight: None,
            smoothing: Smoothing::StupidBackoff { discount: 0.4 },
            generators: Vec::new(),
            collate: None,
        }
    }
}

impl Generator {
    /// The one that looks in a field as usual.
    pub(in crate::suggest) fn of(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            size: super::SIZE_DEFAULT,
            spelling: Spelling::default(),
            pre_filter: None,
            post_filter: None,
        }
    }

    fn parse(value: &Value) -> Result<Self, QueryError> {
        let Value::Object(members) = value else {
            return Err(in_field("phrase", "direct_generator"));
        };
        let mut generator = Self::of("");
        for (key, value) in members {
            match key.as_str() {
                "field" => generator.field = read_text(value),
                "size" => generator.size = positive("size", read_whole(value)?)?,
                "pre_filter" => generator.pre_filter = Some(read_text(value)),
                "post_filter" => generator.post_filter = Some(read_text(value)),
                key if generator.spelling.member(key, value)? => {}
                other => {
                    return Err(QueryError {
                        kind: "x_content_parse_exception",
                        reason: format!("[direct_generator] unknown field [{other}]"),
                    });
                }
            }
        }
        match generator.field.is_empty() {
            true => Err(QueryError::argument("Required [field]")),
            false => Ok(generator),
        }
    }
}

impl PhraseAsked {
    pub(super) fn member(&mut self, key: &str, value: &Value) -> Result<(), QueryError> {
        let above_zero = |number: f32, name: &str| match number > 0.0 {
            true => Ok(number),
            false => Err(QueryError::argument(format!("{name} must be > 0.0"))),
        };
        match (key, value) {
            ("highlight", Value::Object(members)) => self.highlight = read_highlight(members)?,
            ("smoothing", Value::Object(members)) => {
                for (name, value) in members {
                    self.smoothing = Smoothing::parse(name, value)?;
                }
            }
            ("collate", Value::Object(members)) => self.collate = Some(Collate::parse(members)?),
            ("direct_generator", Value::Array(items)) => {
                let read = items.iter().map(Generator::parse);
                self.generators = read.collect::<Result<_, _>>()?;
            }
            (_, Value::Object(_) | Value::Array(_)) => {
                return Err(QueryError::parsing(format!(
                    "suggester[phrase]  doesn't support array field [{key}]"
                )));
            }
            ("real_word_error_likelihood", value) => {
                let likelihood = above_zero(read_float(value)?, "real_word_error_likelihood")?;
                self.real_word_error_likelihood = f64::from(likelihood);
            }
            ("confidence", value) => {
                let confidence = read_float(value)?;
                if confidence < 0.0 {
                    return Err(QueryError::argument("confidence must be >= 0.0"));
                }
                self.confidence = f64::from(confidence);
            }
            ("max_errors", value) => self.max_errors = above_zero(read_float(value)?, "max_error")?,
            ("separator", value) => self.separator = read_text(value),
            ("gram_size", value) => self.gram_size = Some(at_least_one("gramSize", value)?),
            ("force_unigrams", value) => self.force_unigrams = read_flag(value)?,
            ("token_limit", value) => {
                self.token_limit = at_least_one("token_limit", value)?;
                if self.token_limit > TOKEN_LIMIT_MAX {
                    return Err(QueryError::argument(format!("token_limit must be <= {TOKEN_LIMIT_MAX}")));
                }
            }
            _ => {
                return Err(QueryError::parsing(format!("suggester[phrase] doesn't support field [{key}]")));
            }
        }
        Ok(())
    }

    /// Refuses what does not fit together.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        match self.smoothing {
            Smoothing::LinearInterpolation { trigram, bigram, unigram }
                if (trigram + bigram + unigram - 1.0).abs() > 0.001 =>
            {
                Err(QueryError::argument("linear smoothing lambdas must sum to 1"))
            }
            _ => Ok(()),
        }
    }
}

fn at_least_one(name: &str, value: &Value) -> Result<usize, QueryError> {
    let number = read_whole(value)?;
    let wrong = || QueryError::argument(format!("{name} must be >= 1"));
    usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(wrong)
}

fn read_highlight(members: &Map<String, Value>) -> Result<Option<(String, String)>, QueryError> {
    let (mut before, mut behind) = (None, None);
    for (key, value) in members {
        match key.as_str() {
            "pre_tag" => before = Some(read_text(value)),
            "post_tag" => behind = Some(read_text(value)),
            other => {
                return Err(QueryError::parsing(format!(
                    "suggester[phrase][highlight] doesn't support field [{other}]"
                )));
            }
        }
    }
    match (before, behind) {
        (Some(before), Some(behind)) => Ok(Some((before, behind))),
        (None, None) => Ok(None),
        _ => Err(QueryError::argument("Pre and post tag must both be null or both not be null.")),
    }
}

impl Smoothing {
    fn parse(name: &str, value: &Value) -> Result<Self, QueryError> {
        let unknown =
            || QueryError::argument(format!("suggester[phrase] doesn't support object field [{name}]"));
        let Value::Object(members) = value else { return Err(unknown()) };
        let number = |key: &str, default: f64| members.get(key).map_or(Ok(default), read_decimal);
        Ok(match name {
            "stupid_backoff" => Self::StupidBackoff { discount: number("discount", 0.4)? },
            "laplace" => Self::Laplace { alpha: number("alpha", 0.5)? },
            "linear_interpolation" | "linear" => Self::LinearInterpolation {
                trigram: number("trigram_lambda", 0.0)?,
                bigram: number("bigram_lambda", 0.0)?,
                unigram: number("unigram_lambda", 0.0)?,
            },
            _ => return Err(unknown()),
        })
    }
}

impl Collate {
    fn parse(members: &Map<String, Value>) -> Result<Self, QueryError> {
        let mut collate = Self { template: String::new(), params: Map::new(), prune: false };
        for (key, value) in members {
            match (key.as_str(), value) {
                ("query", query) => collate.template = read_template(query)?,
                ("params", Value::Object(params)) => collate.params = params.clone(),
                ("prune", value) => collate.prune = read_flag(value)?,
                (other, _) => {
                    return Err(QueryError::parsing(format!(
                        "suggester[phrase][collate] doesn't support field [{other}]"
                    )));
                }
            }
        }
        Ok(collate)
    }
}

/// A template, or a script that is one.
fn read_template(query: &Value) -> Result<String, QueryError> {
    let Value::Object(members) = query else { return Ok(read_text(query)) };
    match members.get("source").or_else(|| members.get("inline")) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(source) => Ok(source.to_string()),
        None if members.contains_key("id") => Err(QueryError::argument(
            "[collate] of suggester[phrase] takes no stored template; say it as [source]",
        )),
        None => Ok(query.to_string()),
    }
}
