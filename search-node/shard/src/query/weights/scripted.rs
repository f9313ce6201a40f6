//! Numbers that scripts compute of documents.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use script::{Host, Limits};
use serde_json::{Value, json};
use tantivy::index::SegmentReader;
use tantivy::{DocId, Score};

use super::function_score::{DocumentNumber, NumberInSegment};
use super::lent::Lent;
use super::numbers::{chance, mix, murmur};
use crate::engine::{Layout, SEQ_NO};
use crate::json_values::plain;
use crate::mapping::Point;
use crate::mapping::dates::{DateFormats, Resolution};
use crate::query::QueryError;
use crate::query::ast::{DecayShape, ScoreScript};
use crate::query::distance::{Falling, metres_between, read_time};
use crate::query::doc_values::{ValueField, Values};
use crate::query::dsl::{read_distance, read_point};
use crate::query::faults::{Faults, Looks};

/// What some hundred rounds of a loop take, beside a look at a document.
const LOOPING: u32 = 256;

/// A script for the documents of one index.
#[derive(Clone)]
pub(in crate::query) struct Scripted {
    pub(in crate::query) script: ScoreScript,
    pub(in crate::query) layout: Arc<Layout>,
    pub(in crate::query) now_millis: i64,
    /// What makes chance that of the index.
    pub(in crate::query) salt: u32,
    pub(in crate::query) limits: Limits,
    /// What its runs hold at the same time.
    pub(in crate::query) lent: Lent,
    pub(in crate::query) purpose: Purpose,
    /// Where it is looked whether anybody still wants to know.
    pub(in crate::query) faults: Faults,
}

/// What a script's number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Purpose {
    /// The score of a `script_score` query.
    Score,
    /// That of a function of `function_score`.
    Function,
    /// How many terms there must be.
    Count,
    /// Whether the document is a match: 1 or 0.
    Filter,
    /// What hits are sorted by, or shown with.
    Sort,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Scripted({})", self.script.source)
    }
}

impl Scripted {
    pub(in crate::query) fn in_segment(&self, reader: &SegmentReader) -> ScriptInSegment {
        ScriptInSegment {
            of: self.clone(),
            host: Document {
                of: self.clone(),
                reader: reader.clone(),
                opened: HashMap::new(),
                document: 0,
                score: 0.0,
                looks: self.faults.looks(),
            },
        }
    }
}

impl DocumentNumber for Scripted {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>> {
        Ok(Box::new(self.in_segment(reader)))
    }

    fn needs_score(&self) -> bool {
        self.script.program.needs_score()
    }
}

pub(in crate::query) struct ScriptInSegment {
    of: Scripted,
    host: Document,
}

impl ScriptInSegment {
    /// Whether it was broken off as the search ends: what it says then is no fault.
    pub(in crate::query) fn has_ended(&self) -> bool {
        self.host.looks.has_ended()
    }

    /// What it says of a document.
    pub(in crate::query) fn value(&mut self, document: DocId, score: Score) -> Result<Value, QueryError> {
        (self.host.document, self.host.score) = (document, score);
        let Scripted { script, limits, .. } = &self.of;
        let value = script.program.value(&script.params, &mut self.host, *limits);
        value.map_err(|fault| self.failed(&fault))
    }

    /// The same, with the document among the parameters of a script that looks at it.
    pub(in crate::query) fn value_beside(
        &mut self,
        document: DocId,
        score: Score,
        source: &Value,
    ) -> Result<Value, QueryError> {
        let script = &mut self.of.script;
        if script.source.contains("_source") {
            let mut params = Value::clone(&script.params);
            params["_source"] = source.clone();
            script.params = Arc::new(params);
        }
        self.value(document, score)
    }

    /// The same as a number.
    pub(in crate::query) fn number(&mut self, document: DocId, score: Score) -> Result<f64, QueryError> {
        match self.value(document, score)? {
            Value::Number(number) => Ok(number.as_f64().unwrap_or(f64::NAN)),
            Value::Null => Ok(0.0),
            other => Err(self.failed(&format!("Cannot cast from [{other}] to [double]."))),
        }
    }

    /// The same as whether the document is a match.
    fn is_match(&mut self, document: DocId) -> Result<bool, QueryError> {
        match self.value(document, 0.0)? {
            Value::Bool(is_match) => Ok(is_match),
            other => Err(self.failed(&format!("Cannot cast from [{other}] to [boolean]."))),
        }
    }

    /// Borrows so many bytes of the memory of the search; whether there were any.
    pub(in crate::query) fn lend(&self, bytes: usize) -> bool {
        self.of.faults.lend(bytes)
    }

    pub(in crate::query) fn failed(&self, fault: &str) -> QueryError {
        QueryError {
            kind: "script_exception",
            reason: format!("runtime error: {fault}, in script [{}]", self.of.script.source),
        }
    }
}

impl NumberInSegment for ScriptInSegment {
    fn of(&mut self, document: DocId, score: Score) -> Result<f64, QueryError> {
        let purpose = self.of.purpose;
        let number = match purpose {
            Purpose::Filter => f64::from(u8::from(self.is_match(document)?)),
            _ => self.number(document, score)?,
        };
        if purpose == Purpose::Function && number < 0.0 {
            return Err(QueryError::argument(format!(
                "script score function must not produce negative scores, but got: [{number:?}]"
            )));
        }
        if purpose == Purpose::Score && (number < 0.0 || number.is_nan()) {
            return Err(QueryError::argument(format!(
                "script_score script returned an invalid score [{number:?}] for doc [{document}]. Must be a non-negative score!"
            )));
        }
        Ok(number)
    }
}

/// The document that a script runs for.
struct Document {
    of: Scripted,
    reader: SegmentReader,
    opened: HashMap<String, Values>,
    document: DocId,
    score: Score,
    looks: Looks,
}

impl Document {
    fn open(&self, path: &str) -> Result<Values, String> {
        let field = ValueField::of(&self.of.layout, path).map_err(|error| error.reason)?;
        let field = field.ok_or_else(|| format!("No field found for [{path}] in mapping"))?;
        field.open(&self.reader).map_err(|error| error.to_string())
    }
}

impl Host for Document {
    fn has_field(&self, path: &str) -> bool {
        self.of.layout.mapping.leaf(path).is_some() || path == SEQ_NO
    }

    fn values(&mut self, path: &str) -> Result<Vec<Value>, String> {
        if !self.opened.contains_key(path) {
            let values = self.open(path)?;
            self.opened.insert(path.to_owned(), values);
        }
        self.opened[path].shown(self.document).map_err(|error| error.to_string())
    }

    fn score(&mut self) -> f64 {
        f64::from(self.score)
    }

    fn goes_on(&mut self) -> bool {
        !self.looks.is_over_after(LOOPING)
    }

    fn lend(&mut self, bytes: usize) -> bool {
        self.of.lent.more(bytes, |more| self.of.faults.lend(more))
    }

    fn take_back(&mut self, bytes: usize) {
        self.of.lent.less(bytes);
    }

    fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let number = match (name, arguments) {
            ("randomScore", [Value::Number(seed)]) => Ok(chance(mix(self.document ^ self.salted(seed)))),
            ("randomScore", [Value::Number(seed), Value::String(field)]) => {
                let seed = self.salted(seed);
                self.values(field).map(|values| {
                    let text = plain;
                    chance(values.first().map_or(seed, |value| murmur(text(value).as_bytes(), seed)))
                })
            }
            (decay, [origin, scale, offset, by, value]) => {
                let (of, shape) = decay_of(decay)?;
                self.decay(of, shape, [origin, scale, offset, by, value])?
            }
            _ => return None,
        };
        Some(number.map(|number| json!(number)))
    }
}

/// What is measured by a function such as `decayDateExp`, and how it falls.
fn decay_of(name: &str) -> Option<(&str, DecayShape)> {
    let name = name.strip_prefix("decay")?;
    let shapes = [("Gauss", DecayShape::Gauss), ("Linear", DecayShape::Linear), ("Exp", DecayShape::Exp)];
    shapes.into_iter().find_map(|(shown, shape)| Some((name.strip_suffix(shown)?, shape)))
}

impl Document {
    fn salted(&self, seed: &serde_json::Number) -> u32 {
        mix(seed.as_i64().unwrap_or_default() as u32 ^ self.of.salt)
    }

    /// `decayNumericGauss` and its like; none if there is no function of that name.
    fn decay(
        &self,
        of: &str,
        shape: DecayShape,
        [origin, scale, offset, by, value]: [&Value; 5],
    ) -> Option<Result<f64, String>> {
        let number = |value: &Value| value.as_f64().ok_or_else(|| format!("[{value}] is no number"));
        let text = plain;
        let told = |error: QueryError| error.reason;
        let computed = || -> Result<f64, String> {
            let by = number(by)?;
            let (distance, scale, offset) = match of {
                "Numeric" => ((number(value)? - number(origin)?).abs(), number(scale)?, number(offset)?),
                "Date" => {
                    let origin = Resolution::Millis.read_math(
                        &text(origin),
                        &DateFormats::default(),
                        self.of.now_millis,
                        &TimeZone::UTC,
                        false,
                    )?;
                    let millis = value.get("millis").and_then(Value::as_f64);
                    let millis = millis.ok_or_else(|| format!("[{value}] is no date"))?;
                    let spans =
                        (read_time(&text(scale)).map_err(told)?, read_time(&text(offset)).map_err(told)?);
                    ((millis - origin as f64).abs(), spans.0, spans.1)
                }
                _ => {
                    let origin = read_point(origin).map_err(told)?;
                    let (lat, lon) = (value.get("lat"), value.get("lon"));
                    let point = match (lat.and_then(Value::as_f64), lon.and_then(Value::as_f64)) {
                        (Some(lat), Some(lon)) => Point { lat, lon },
                        _ => return Err(format!("[{value}] is no point")),
                    };
                    let metres = |value| read_distance(&text(value), 1.0).map_err(told);
                    (metres_between(origin, point), metres(scale)?, metres(offset)?)
                }
            };
            let falling = Falling::new(shape, scale, offset, by);
            Ok(falling.at(falling.behind(distance)))
        };
        matches!(of, "Numeric" | "Date" | "Geo").then(computed)
    }
}
