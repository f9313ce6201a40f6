//! What `_analyze` is asked, and its answer.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::chain::{Analyzer, Before};
use super::error::{AnalysisError, Result};
use super::registry::Analysis;
use super::token::{End, Token};
use super::units::Units;
use crate::json_values::json_kind;

/// How a field analyzes, for a request that names one.
#[derive(Debug, Clone)]
pub enum FieldAnalysis {
    /// By an analyzer, if the field names one, with a gap between values.
    Analyzer(Option<String>, Option<u32>),
    /// By a normalizer.
    Normalizer(String),
    /// Its values are terms as they are.
    Whole,
}

/// A request to analyze texts.
#[derive(Debug, Clone, Default)]
pub struct AnalyzeRequest {
    texts: Vec<String>,
    analyzer: Option<String>,
    normalizer: Option<String>,
    tokenizer: Option<Value>,
    filters: Vec<Value>,
    char_filters: Vec<Value>,
    /// The field whose analyzer is meant.
    pub field: Option<String>,
    explain: bool,
    attributes: Vec<String>,
}

/// The attributes of a token that an explanation shows, by their names.
const ATTRIBUTES: [&str; 4] = ["bytes", "keyword", "positionLength", "termFrequency"];

fn validation(reason: &str) -> AnalysisError {
    AnalysisError {
        kind: "action_request_validation_exception",
        reason: format!("Validation Failed: 1: {reason};"),
        lacks_dictionary: false,
    }
}

impl AnalyzeRequest {
    /// Reads a body.
    pub fn read(body: &Value) -> Result<Self> {
        let parse = |reason: String| AnalysisError {
            kind: "x_content_parse_exception",
            reason,
            lacks_dictionary: false,
        };
        let Some(members) = body.as_object() else {
            return Err(parse("[analyze_request] Expected START_OBJECT".to_owned()));
        };
        let mut request = Self::default();
        for (key, value) in members {
            let wrong = || {
                parse(format!("[analyze_request] {key} doesn't support values of type: {}", json_kind(value)))
            };
            let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
            match key.as_str() {
                "text" => request.texts = texts(value).ok_or_else(wrong)?,
                "analyzer" => request.analyzer = Some(text()?),
                "normalizer" => request.normalizer = Some(text()?),
                "field" => request.field = Some(text()?),
                "tokenizer" if value.is_string() || value.is_object() => {
                    request.tokenizer = Some(value.clone())
                }
                "filter" => request.filters = components(value).ok_or_else(wrong)?,
                "char_filter" => request.char_filters = components(value).ok_or_else(wrong)?,
                "explain" => request.explain = value.as_bool().ok_or_else(wrong)?,
                "attributes" => request.attributes = texts(value).ok_or_else(wrong)?,
                "tokenizer" => return Err(wrong()),
                _ => return Err(parse(format!("[analyze_request] unknown field [{key}]"))),
            }
        }
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<()> {
        let has_parts = self.tokenizer.is_some() || !self.filters.is_empty() || !self.char_filters.is_empty();
        if self.texts.is_empty() {
            return Err(validation("text is missing"));
        }
        if self.analyzer.is_some() && has_parts {
            return Err(validation("cannot define extra components on a named analyzer"));
        }
        if self.normalizer.is_some() && (self.tokenizer.is_some() || self.analyzer.is_some()) {
            return Err(validation("tokenizer/analyze should be null if normalizer is specified"));
        }
        if self.normalizer.is_some() && has_parts {
            return Err(validation("cannot define extra components on a named normalizer"));
        }
        if self.field.is_some() && has_parts {
            return Err(validation("cannot define extra components on a field-specific analyzer"));
        }
        Ok(())
    }

    /// Whether it asks for something that only an index has.
    pub fn needs_index(&self) -> Result<()> {
        if self.normalizer.is_some() {
            return Err(validation("index is required if normalizer is specified"));
        }
        match &self.field {
            Some(_) => Err(AnalysisError::argument("analysis based on a specific field requires an index")),
            None => Ok(()),
        }
    }

    /// The answer, with no more tokens than so many.
    pub fn answer(
        &self,
        analysis: &Analysis,
        field: Option<&FieldAnalysis>,
        tokens_max: usize,
    ) -> Result<Value> {
        let meant = self.analyzer(analysis, field)?;
        if !self.explain {
            let chain = &meant.analyzer.chain;
            let tokens = self.tokens(&meant, chain.filters.len(), tokens_max)?;
            return Ok(json!({"tokens": tokens.iter().map(Shown::plain).collect::<Vec<_>>()}));
        }
        self.explained(&meant, tokens_max)
    }

    /// Which analyzer is asked for.
    fn analyzer(&self, analysis: &Analysis, field: Option<&FieldAnalysis>) -> Result<Meant> {
        let named = |analyzer: Arc<Analyzer>, gap: Option<u32>| {
            let gap = gap.or(analyzer.position_increment_gap).unwrap_or_default();
            Meant { analyzer, gap }
        };
        if let Some(name) = &self.analyzer {
            return Ok(named(analysis.analyzer(name)?, None));
        }
        if let Some(name) = &self.normalizer {
            return Ok(named(analysis.normalizer(name)?, None));
        }
        if self.tokenizer.is_some() || !self.filters.is_empty() || !self.char_filters.is_empty() {
            return self.assembled(analysis);
        }
        let default =
            || analysis.analyzer(if analysis.defines("default") { "default" } else { super::STANDARD });
        match field {
            Some(FieldAnalysis::Analyzer(Some(name), gap)) if name != "default" => {
                Ok(named(analysis.analyzer(name)?, *gap))
            }
            Some(FieldAnalysis::Normalizer(name)) => Ok(named(analysis.normalizer(name)?, None)),
            Some(FieldAnalysis::Whole) => Ok(named(analysis.analyzer("keyword")?, Some(0))),
            Some(FieldAnalysis::Analyzer(_, gap)) => Ok(named(default()?, *gap)),
            None => Ok(named(default()?, None)),
        }
    }

    fn assembled(&self, analysis: &Analysis) -> Result<Meant> {
        let mut chain = Before::default();
        for wanted in &self.char_filters {
            let found = match Wanted::read("char_filter", wanted)? {
                Wanted::Named(name) => (name.to_owned(), analysis.find_char_filter(name)?),
                Wanted::Defined(kind, values) => {
                    (anonymous("char_filter"), analysis.made_char_filter(kind, kind, values)?)
                }
            };
            chain.char_filters.push(there("char_filter", analysis, wanted, found)?);
        }
        if let Some(wanted) = &self.tokenizer {
            let found = match Wanted::read("tokenizer", wanted)? {
                Wanted::Named(name) => (name.to_owned(), analysis.find_tokenizer(name)?),
                Wanted::Defined(kind, values) => {
                    (anonymous("tokenizer"), analysis.made_tokenizer(kind, kind, values)?)
                }
            };
            chain.tokenizer = there("tokenizer", analysis, wanted, found)?;
        }
        for wanted in &self.filters {
            let found = match Wanted::read("filter", wanted)? {
                Wanted::Named(name) => (name.to_owned(), analysis.find_filter(name, &chain, 0)?),
                Wanted::Defined(kind, values) => {
                    (anonymous("filter"), analysis.made_filter(kind, kind, values, &chain, 0)?)
                }
            };
            chain.filters.push(there("filter", analysis, wanted, found)?);
        }
        let gap = super::POSITION_INCREMENT_GAP;
        let analyzer = Analyzer { is_custom: true, ..Analyzer::new("custom", chain) };
        Ok(Meant { analyzer: Arc::new(analyzer), gap })
    }

    /// The tokens of all texts after the first filters.
    fn tokens(&self, meant: &Meant, filters: usize, tokens_max: usize) -> Result<Vec<Shown>> {
        let mut shown = Vec::new();
        let mut counted = Counted { left: tokens_max, max: tokens_max };
        let (mut position, mut offset) = (-1_i64, 0);
        for text in &self.texts {
            let filtered = meant.analyzer.chain.filtered(text);
            let units = Units::of(text);
            let end = End::of(text);
            for token in meant.analyzer.chain.up_to(&filtered, filters, &end) {
                counted.count()?;
                position = (position + i64::from(token.increment)).max(0);
                let (start, end) = (offset + units.at(token.start), offset + units.at(token.end));
                shown.push(Shown { token, position, start, end });
            }
            position += i64::from(end.places()) + i64::from(meant.gap);
            offset += units.at(text.len()) + 1;
        }
        Ok(shown)
    }

    fn explained(&self, meant: &Meant, tokens_max: usize) -> Result<Value> {
        let chain = &meant.analyzer.chain;
        let knows_keywords =
            |filters: usize| chain.filters.iter().take(filters).any(|(_, filter)| filter.knows_keywords());
        if !meant.analyzer.is_custom {
            let tokens = self.tokens(meant, chain.filters.len(), tokens_max)?;
            let tokens = self.with_attributes(&tokens, knows_keywords(chain.filters.len()));
            let analyzer = json!({"name": meant.analyzer.name, "tokens": tokens});
            return Ok(json!({"detail": {"custom_analyzer": false, "analyzer": analyzer}}));
        }
        let mut char_filters = Vec::new();
        let mut texts = self.texts.clone();
        for (name, filter) in &chain.char_filters {
            texts.iter_mut().for_each(|text| *text = filter.filter(text).0);
            char_filters.push(json!({"name": name, "filtered_text": texts}));
        }
        // Here the gap is the one that the analyzer itself was given, of which one that nobody defined has none.
        let gap = meant.analyzer.position_increment_gap.unwrap_or_default();
        let meant = &Meant { analyzer: Arc::clone(&meant.analyzer), gap };
        let step = |name: &str, filters: usize| {
            let tokens = self.tokens(meant, filters, tokens_max)?;
            Ok(json!({"name": name, "tokens": self.with_attributes(&tokens, knows_keywords(filters))}))
        };
        let cut = step(&chain.tokenizer.0, 0)?;
        let mut filters = Vec::new();
        for (at, (name, _)) in chain.filters.iter().enumerate() {
            filters.push(step(name, at + 1)?);
        }
        Ok(json!({"detail": {
            "custom_analyzer": true, "charfilters": char_filters, "tokenizer": cut, "tokenfilters": filters
        }}))
    }

    fn with_attributes(&self, tokens: &[Shown], knows_keywords: bool) -> Vec<Value> {
        let is_wanted = |name: &str| {
            (name != "keyword" || knows_keywords)
                && (self.attributes.is_empty()
                    || self.attributes.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
        };
        let shown = tokens.iter().map(|shown| {
            let mut json = shown.plain();
            for name in ATTRIBUTES.into_iter().filter(|name| is_wanted(name)) {
                json[name] = shown.attribute(name);
            }
            json
        });
        shown.collect()
    }
}

/// What a request means.
struct Meant {
    analyzer: Arc<Analyzer>,
    /// How far its texts are apart.
    gap: u32,
}

/// A component by name, or with its parameters.
enum Wanted<'a> {
    Named(&'a str),
    Defined(&'a str, &'a Map<String, Value>),
}

impl<'a> Wanted<'a> {
    fn read(what: &str, value: &'a Value) -> Result<Self> {
        match value {
            Value::Object(values) => match values.get("type").and_then(Value::as_str) {
                Some(kind) => Ok(Self::Defined(kind, values)),
                None => Err(AnalysisError::argument(format!(
                    "Missing [type] setting for anonymous {what}: {value}"
                ))),
            },
            other => Ok(Self::Named(other.as_str().unwrap_or_default())),
        }
    }
}

fn anonymous(what: &str) -> String {
    format!("__anonymous__{what}")
}

fn there<T>(
    what: &str,
    analysis: &Analysis,
    wanted: &Value,
    (name, found): (String, Option<T>),
) -> Result<(String, T)> {
    let asked = wanted.as_str().or_else(|| wanted["type"].as_str()).unwrap_or_default();
    let found = found.ok_or_else(|| {
        AnalysisError::argument(format!("failed to find {}{what} under [{asked}]", analysis.whose()))
    })?;
    let name = if name.starts_with("__anonymous__") { format!("__anonymous__{asked}") } else { name };
    Ok((name, found))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn components(value: &Value) -> Option<Vec<Value>> {
    let items = match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    items.iter().all(|item| item.is_string() || item.is_object()).then_some(items)
}

/// Counts tokens down.
struct Counted {
    left: usize,
    max: usize,
}

impl Counted {
    fn count(&mut self) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            AnalysisError::state(format!(
                "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{}]. This limit can be set by changing the [index.analyze.max_token_count] index level setting.",
                self.max
            ))
        })?;
        Ok(())
    }
}

/// A token as it is shown.
struct Shown {
    token: Token,
    position: i64,
    start: usize,
    end: usize,
}

impl Shown {
    fn plain(&self) -> Value {
        let mut json = json!({
            "token": self.token.text, "start_offset": self.start, "end_offset": self.end,
            "type": self.token.kind, "position": self.position
        });
        if self.token.length > 1 {
            json["positionLength"] = json!(self.token.length);
        }
        json
    }

    fn attribute(&self, name: &str) -> Value {
        match name {
            "bytes" => {
                let bytes: Vec<String> = self.token.text.bytes().map(|byte| format!("{byte:x}")).collect();
                json!(format!("[{}]", bytes.join(" ")))
            }
            "keyword" => json!(self.token.is_keyword),
            "positionLength" => json!(self.token.length),
            _ => json!(1),
        }
    }
}
