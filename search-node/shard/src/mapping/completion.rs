//! Inputs of the completion suggester: how they are found by what they begin with, alone or within contexts.
//!
//! Each input is a term of its own: `[context \u{1D}] form \0 weight surface`. The form is what the analyzer makes of the input, its words
//! with a separator between them; the surface is the input as it was written. So the dictionary of a segment has them in the order of
//! their beginnings, and the terms that begin alike lie next to each other.

use serde_json::{Map, Value};
use serde_json_borrow::Value as Json;

use super::error::MappingError;
use super::fields::FieldMapping;
use super::geo_points::{Point, geohash_of};
use super::structured::number;
use super::values::ValueFault;
use crate::analysis::{Analysis, Analyzer};
use crate::json_values::plain;

use std::collections::BTreeMap;
use std::sync::Arc;

const ARGUMENT: &str = "illegal_argument_exception";
/// The analyzer of inputs where the mapping names none.
const ANALYZER: &str = "simple";
/// How long an input may be where the mapping does not say.
const INPUT_MAX: usize = 50;
/// No term of the index is longer.
const TERM_BYTES_MAX: usize = 32_766;
/// So many ways to read an input, at most, where an analyzer has several words at one place.
const FORMS_MAX: usize = 1000;
/// What stands between the words of a form.
const SEPARATOR: char = '\u{1f}';
/// What stands for a word that was left out.
const HOLE: char = '\u{1e}';
/// What ends a context.
pub(crate) const CONTEXT_END: char = '\u{1d}';
/// What ends a form.
pub(crate) const FORM_END: char = '\0';
/// How many letters a weight has, in hexadecimal.
const WEIGHT_LETTERS: usize = 8;
/// How many contexts a field may have, as in Elasticsearch.
const CONTEXTS_MAX: usize = 10;
/// Letters that a geohash may have.
const LETTERS_MAX: usize = 12;
/// Letters of geohashes where a mapping does not say how many.
const PRECISION: usize = 6;

/// How a field keeps its inputs.
#[derive(Debug, Clone)]
pub(crate) struct Completions {
    analyzer: Arc<Analyzer>,
    separates: bool,
    keeps_holes: bool,
    input_max: usize,
    pub(crate) contexts: Vec<Context>,
}

/// A context that inputs may be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) name: String,
    pub(crate) kind: ContextKind,
    /// The field whose values are meant where an input does not say.
    path: Option<String>,
}

/// What a context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextKind {
    /// A word.
    Category,
    /// A geohash of so many letters.
    Geo { precision: usize },
}

/// An input as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept<'t> {
    /// The number of its context and the context, if it has one.
    pub(crate) context: Option<(usize, &'t str)>,
    pub(crate) weight: u32,
    pub(crate) surface: &'t str,
}

impl Context {
    /// Reads the contexts that a mapping names.
    pub(crate) fn read_all(parameters: &Map<String, Value>) -> Result<Vec<Self>, MappingError> {
        let items = match parameters.get("contexts") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(one) => vec![one],
        };
        if items.len() > CONTEXTS_MAX {
            return Err(MappingError::parsing(format!(
                "Limit of contexts reached: a completion field may have {CONTEXTS_MAX} at most, not {}",
                items.len()
            )));
        }
        let read: Vec<Self> = items.into_iter().map(Self::read).collect::<Result<_, _>>()?;
        for (at, context) in read.iter().enumerate() {
            if read[..at].iter().any(|known| known.name == context.name) {
                return Err(MappingError::argument(format!(
                    "Context name '{}' is already defined",
                    context.name
                )));
            }
        }
        Ok(read)
    }

    fn read(item: &Value) -> Result<Self, MappingError> {
        let text = |key: &str| item.get(key).map(plain);
        let missing = |what: &str| MappingError::parsing(format!("missing [{what}] in context mapping"));
        let name = text("name").ok_or_else(|| missing("name"))?;
        let kind = match text("type").ok_or_else(|| missing("type"))?.as_str() {
            "category" => ContextKind::Category,
            "geo" => ContextKind::Geo { precision: read_precision(item.get("precision"))? },
            other => return Err(MappingError::parsing(format!("unknown context type[{other}]"))),
        };
        Ok(Self { name, kind, path: text("path") })
    }

    /// The contexts that a value says; none if it is not like that.
    fn of_value(&self, value: &Json<'_>) -> Option<Vec<String>> {
        match (self.kind, value) {
            (_, Json::Null) => Some(Vec::new()),
            (ContextKind::Geo { precision }, value) => {
                if let Some(point) = Point::of_json(value) {
                    return Some(vec![geohash_of(point, precision)]);
                }
                let Json::Array(items) = value else { return None };
                let all: Option<Vec<_>> = items.iter().map(|item| self.of_value(item)).collect();
                all.map(|all| all.into_iter().flatten().collect())
            }
            (ContextKind::Category, Json::Array(items)) => {
                let all: Option<Vec<_>> = items.iter().map(|item| self.of_value(item)).collect();
                all.map(|all| all.into_iter().flatten().collect())
            }
            (ContextKind::Category, Json::Str(text)) => Some(vec![text.to_string()]),
            (ContextKind::Category, Json::Number(_) | Json::Bool(_)) => Some(vec![value.to_string()]),
            (ContextKind::Category, Json::Object(_)) => None,
        }
    }
}

/// A number of letters, or a distance that cells of so many letters are no larger than.
pub(crate) fn read_precision(value: Option<&Value>) -> Result<usize, MappingError> {
    let Some(value) = value else { return Ok(PRECISION) };
    let text = plain(value);
    let wrong = || {
        MappingError::argument(format!(
            "precision [{text}] must be a number of letters from 1 to 12, or a distance"
        ))
    };
    match text.parse::<usize>() {
        Ok(letters @ 1..=LETTERS_MAX) => Ok(letters),
        Ok(_) => Err(wrong()),
        Err(_) => letters_for(&text).ok_or_else(wrong),
    }
}

/// How long the equator and a meridian from pole to pole are, in metres.
const EQUATOR_METRES: f64 = 40_075_016.685_578_5;
const MERIDIAN_METRES: f64 = 19_970_326.371_122_1;

/// With how many letters the cells of geohashes are no larger than a distance, as Elasticsearch reckons it.
fn letters_for(distance: &str) -> Option<usize> {
    let metres = crate::query::read_metres(distance)?;
    if metres <= 0.0 {
        return Some(LETTERS_MAX);
    }
    let width = metres / (1.0 + MERIDIAN_METRES / EQUATOR_METRES);
    let bits = (EQUATOR_METRES / width).ceil().log2().ceil().max(0.0) as usize;
    let (full, left) = (bits / 5, bits % 5);
    let letters = 2 * full + usize::from(left > 0) + usize::from(left > 3);
    Some(letters.clamp(1, LETTERS_MAX))
}

impl Completions {
    /// As the mapping says.
    pub(crate) fn of(field: &FieldMapping, analysis: &Analysis) -> Option<Self> {
        Self::by(field, field.analysis.analyzer.as_deref().unwrap_or(ANALYZER), analysis)
    }

    /// The same for what is looked for.
    pub(crate) fn of_search(field: &FieldMapping, analysis: &Analysis, named: Option<&str>) -> Option<Self> {
        let names = &field.analysis;
        let name = named.or(names.search_analyzer.as_deref()).or(names.analyzer.as_deref());
        Self::by(field, name.unwrap_or(ANALYZER), analysis)
    }

    fn by(field: &FieldMapping, analyzer: &str, analysis: &Analysis) -> Option<Self> {
        let flag = |key: &str| field.parameters.get(key).map(plain).as_deref() != Some("false");
        let length = field.parameters.get("max_input_length").and_then(|value| plain(value).parse().ok());
        Some(Self {
            analyzer: analysis.analyzer(analyzer).ok()?,
            separates: flag("preserve_separators"),
            keeps_holes: flag("preserve_position_increments"),
            input_max: length.unwrap_or(INPUT_MAX),
            contexts: Context::read_all(&field.parameters).ok()?,
        })
    }

    /// What the analyzer makes of a text: each way to read it.
    pub(crate) fn forms(&self, text: &str) -> Vec<String> {
        let terms = self.analyzer.terms(text);
        let mut by_place: BTreeMap<usize, Vec<(usize, String)>> = BTreeMap::new();
        let mut last = 0;
        for term in terms {
            let end = term.position + term.length.max(1);
            by_place.entry(term.position).or_default().push((end, term.text));
            last = last.max(end);
        }
        let mut forms = Vec::new();
        if last > 0 {
            self.follow(&by_place, 0, last, &mut String::new(), &mut forms);
        }
        forms
    }

    fn follow(
        &self,
        words: &BTreeMap<usize, Vec<(usize, String)>>,
        at: usize,
        last: usize,
        form: &mut String,
        forms: &mut Vec<String>,
    ) {
        if forms.len() >= FORMS_MAX {
            return;
        }
        if at >= last {
            forms.push(form.clone());
            return;
        }
        let begun = form.len();
        let hole = [(at + 1, HOLE.to_string())];
        let here = words.get(&at).map_or(&hole[..], Vec::as_slice);
        for (end, word) in here {
            let is_hole = !words.contains_key(&at);
            if !is_hole || self.keeps_holes {
                if self.separates && !form.is_empty() {
                    form.push(SEPARATOR);
                }
                form.push_str(word);
            }
            self.follow(words, *end, last, form, forms);
            form.truncate(begun);
        }
    }

    /// The terms of a value of a document.
    pub(super) fn terms(&self, value: &Json<'_>, source: &Json<'_>) -> Result<Vec<String>, ValueFault> {
        let (inputs, weight, said) = parts_of(value);
        let mut contexts = Vec::new();
        for (at, context) in self.contexts.iter().enumerate() {
            let given = said.and_then(|said| member(said, &context.name));
            let values = match (given, &context.path) {
                (Some(given), _) => context.of_value(given).ok_or_else(|| {
                    let kind = match context.kind {
                        ContextKind::Category => "must be a string, number or boolean or a list of these",
                        ContextKind::Geo { .. } => "must be a point, a geohash or a list of these",
                    };
                    (ARGUMENT, format!("context [{}] {kind}", context.name))
                })?,
                (None, Some(path)) => {
                    let mut found = Vec::new();
                    values_at(source, path, &mut |value| {
                        found.extend(context.of_value(value).into_iter().flatten());
                    });
                    found
                }
                (None, None) => Vec::new(),
            };
            let prefix = context_prefix(at);
            contexts.extend(values.iter().map(|value| format!("{prefix}{value}{CONTEXT_END}")));
        }
        if self.contexts.is_empty() {
            contexts.push(String::new());
        }
        let mut terms = Vec::new();
        for input in inputs.into_iter().filter(|input| !input.trim().is_empty()) {
            let surface = cut(input, self.input_max);
            for form in self.forms(surface) {
                for context in &contexts {
                    terms.push(format!("{context}{form}{FORM_END}{weight:08x}{surface}"));
                }
            }
        }
        terms.retain(|term| term.len() <= TERM_BYTES_MAX);
        Ok(terms)
    }

    /// Refuses inputs that cannot be kept, and contexts that are not there.
    pub(super) fn check(&self, path: &str, value: &Json<'_>, terms: &[String]) -> Result<(), ValueFault> {
        let (inputs, _, said) = parts_of(value);
        let reserved = |letter: char| matches!(letter, HOLE | SEPARATOR | FORM_END);
        for input in &inputs {
            if let Some((at, letter)) = input.chars().enumerate().find(|(_, letter)| reserved(*letter)) {
                let code = u32::from(letter);
                return Err((
                    ARGUMENT,
                    format!(
                        "Illegal input [{input}] UTF-16 codepoint [0x{code:x}] at position {at} is a reserved character"
                    ),
                ));
            }
        }
        if let Some(Json::Object(said)) = said {
            let known = |name: &str| self.contexts.iter().any(|context| context.name == name);
            if let Some((name, _)) = said.iter().find(|(name, _)| !known(name)) {
                let names: Vec<&str> = self.contexts.iter().map(|context| context.name.as_str()).collect();
                let names = names.join(", ");
                return Err((ARGUMENT, format!("Unknown context name [{name}], must be one of [{names}]")));
            }
        }
        let has_inputs = inputs.iter().any(|input| !self.forms(cut(input, self.input_max)).is_empty());
        if !self.contexts.is_empty() && has_inputs && terms.is_empty() {
            let reason = format!("Contexts are mandatory in context enabled completion field [{path}]");
            return Err((ARGUMENT, reason));
        }
        Ok(())
    }
}

/// What a context's terms begin with, by its number.
pub(crate) fn context_prefix(at: usize) -> char {
    char::from(u8::try_from(at + 1).unwrap_or(u8::MAX))
}

/// Reads a term.
pub(crate) fn read_kept(term: &str) -> Option<Kept<'_>> {
    let (key, rest) = term.split_once(FORM_END)?;
    let context = key.split_once(CONTEXT_END).and_then(|(context, _)| {
        let first = context.chars().next()?;
        Some(((u32::from(first) as usize).checked_sub(1)?, &context[first.len_utf8()..]))
    });
    let weight = u32::from_str_radix(rest.get(..WEIGHT_LETTERS)?, 16).ok()?;
    Some(Kept { context, weight, surface: rest.get(WEIGHT_LETTERS..)? })
}

/// A text that is no longer than so many of Java's letters.
fn cut(text: &str, most: usize) -> &str {
    let mut units = 0;
    for (at, letter) in text.char_indices() {
        units += letter.len_utf16();
        if units > most {
            return &text[..at];
        }
    }
    text
}

fn member<'v, 'a>(value: &'v Json<'a>, name: &str) -> Option<&'v Json<'a>> {
    match value {
        Json::Object(object) => object.iter().find(|(key, _)| *key == name).map(|(_, value)| value),
        _ => None,
    }
}

/// The inputs of a value, their weight and their contexts.
fn parts_of<'v, 'a>(value: &'v Json<'a>) -> (Vec<&'v str>, u32, Option<&'v Json<'a>>) {
    let text = |value: &'v Json<'a>| match value {
        Json::Str(text) => Some(&**text),
        _ => None,
    };
    match value {
        Json::Object(_) => {
            let inputs = match member(value, "input") {
                Some(Json::Array(items)) => items.iter().filter_map(text).collect(),
                one => one.and_then(text).into_iter().collect(),
            };
            let weight = member(value, "weight").and_then(number).map_or(1, |weight| weight as u32);
            (inputs, weight, member(value, "contexts"))
        }
        one => (text(one).into_iter().collect(), 1, None),
    }
}

/// Visits what stands at a path of a document.
fn values_at<'v, 'a>(value: &'v Json<'a>, path: &str, visit: &mut dyn FnMut(&'v Json<'a>)) {
    match value {
        _ if path.is_empty() => visit(value),
        Json::Array(items) => items.iter().for_each(|item| values_at(item, path, visit)),
        Json::Object(object) => {
            for (name, child) in object.iter() {
                match path.strip_prefix(name) {
                    Some("") => visit(child),
                    Some(rest) => {
                        if let Some(rest) = rest.strip_prefix('.') {
                            values_at(child, rest, visit);
                        }
                    }
                    None => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::parse_mapping;

    fn completions(parameters: Value) -> Completions {
        let mapping = parse_mapping(&json!({"properties": {"c": parameters}})).expect("valid");
        Completions::of(mapping.leaf("c").expect("there"), &Analysis::plain()).expect("an analyzer")
    }

    fn terms(completions: &Completions, json: &str) -> Vec<String> {
        let value: Json<'_> = serde_json::from_str(json).expect("JSON");
        completions.terms(&value, &Json::Null).expect("taken")
    }

    #[test]
    fn inputs_are_kept_by_what_their_analyzer_makes_of_them() {
        let plain = completions(json!({"type": "completion"}));
        assert_eq!(terms(&plain, r#""Foo Bar""#), ["foo\u{1f}bar\u{0}00000001Foo Bar"]);
        assert_eq!(terms(&plain, r#"{"input": ["a", " "], "weight": 255}"#), ["a\u{0}000000ffa"]);
        let joined = completions(json!({"type": "completion", "preserve_separators": false}));
        assert_eq!(joined.forms("foo bar"), ["foobar"]);
        let stop = completions(json!({"type": "completion", "analyzer": "stop"}));
        assert_eq!(stop.forms("the fox"), ["\u{1e}\u{1f}fox"]);
        let short = completions(json!({"type": "completion", "max_input_length": 3}));
        assert_eq!(terms(&short, r#""abcde""#), ["abc\u{0}00000001abc"]);
    }

    #[test]
    fn inputs_are_kept_for_each_of_their_contexts_and_read_back() {
        let contexts =
            json!([{"name": "cat", "type": "category"}, {"name": "loc", "type": "geo", "precision": 4}]);
        let with = completions(json!({"type": "completion", "contexts": contexts}));
        let said = r#"{"input": "a", "contexts": {"cat": ["x", 3], "loc": {"lat": 52.37, "lon": 4.89}}}"#;

        let kept = terms(&with, said);

        let read: Vec<_> = kept.iter().map(|term| read_kept(term).expect("a term").context).collect();
        assert_eq!(read, [Some((0, "x")), Some((0, "3")), Some((1, "u173"))]);
        let value: Json<'_> = serde_json::from_str(r#""a""#).expect("JSON");
        assert!(with.check("c", &value, &[]).is_err(), "contexts are mandatory");
    }

    #[test]
    fn a_distance_is_as_many_letters_as_its_cells_need() {
        for (distance, letters) in [("5000km", 2), ("5km", 6), ("1m", 11), ("6", 6)] {
            assert_eq!(read_precision(Some(&json!(distance))).expect("valid"), letters, "{distance}");
        }
        assert!(read_precision(Some(&json!(13))).is_err() && read_precision(Some(&json!("far"))).is_err());
    }
}
