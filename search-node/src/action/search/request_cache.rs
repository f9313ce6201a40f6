//! The request cache: what a shard has answered is told to who asks the same again. Here is decided what is the same, and what may be kept.
//!
//! A name tells answers apart: all of the body that a shard's answer depends on, and what of the index is meant. Times that are rounded
//! stand in it as what they come to; what depends on the very moment, or on chance, is not kept.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shard::{AggPartial, Hit, SearchAnswer, SearchError, Stop, Suggested};

use super::SearchBody;
use super::budget::Budget;
use super::query::{Part, Question, ShardAsked};

/// A search that is said in more is not kept: to tell it from others would take too long, and much of what is kept would be names.
const NAME_BYTES_MAX: usize = 64 << 10;

/// Members of a body that are about how hits are shown, or how long it takes.
const BESIDE: [&str; 13] = [
    "_source",
    "docvalue_fields",
    "explain",
    "fields",
    "from",
    "highlight",
    "script_fields",
    "seq_no_primary_term",
    "size",
    "stats",
    "stored_fields",
    "timeout",
    "version",
];

/// Members in which the order of what is said is that of the answer, or of what counts first.
const ORDERED: [&str; 5] = ["aggregations", "aggs", "indices_boost", "sort", "suggest"];

/// What a shard found and computed, before its place among others is known.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub answer: SearchAnswer,
    pub suggested: Suggested,
}

/// The same as it is kept. Nothing is that has ended early.
#[derive(Serialize, Deserialize)]
struct Kept {
    total: u64,
    max_score: Option<f32>,
    hits: Vec<Hit>,
    aggs: AggPartial,
    suggested: Suggested,
}

/// Searches in the parts of a node, the answers of which may be kept.
pub(super) struct RequestCache {
    /// What is asked, as far as it is the same in all parts.
    name: String,
    /// Whether the request says so, or else the index.
    is_asked: bool,
    now_millis: i64,
}

impl RequestCache {
    /// None for a search whose answers are of the moment, or for once.
    pub(super) fn of(question: &Question, body: &SearchBody, json: &Value) -> Option<Self> {
        let is_asked = question.request_cache.unwrap_or(false);
        let may_be = question.request_cache.unwrap_or(question.hits == 0);
        if !may_be || question.held.is_some() || body.profile {
            return None;
        }
        let now_millis = question.now_millis;
        let mut naming = Naming { name: String::new(), now_millis, begins: day_begins(json) };
        let doc_type = question.doc_type.as_deref().unwrap_or_default();
        write!(naming.name, "{} {doc_type:?} ", question.hits).ok()?;
        naming.body(json)?;
        Some(Self { name: naming.end()?, is_asked, now_millis })
    }

    /// What a part answers, which is kept if the index allows that; `look` looks there.
    pub(super) fn answer(
        &self,
        part: &Part,
        asked: Option<&ShardAsked>,
        budget: &Budget,
        look: impl FnOnce() -> Result<Found, SearchError>,
    ) -> Result<Found, SearchError> {
        let is_wanted = self.is_asked || part.index.settings().keeps_answers;
        let Some(name) = Some(()).filter(|()| is_wanted).and_then(|()| self.name_in(part, asked)) else {
            return look();
        };
        let kept = part.reader.kept_answer(&name, self.now_millis);
        if let Some(kept) = kept {
            match budget.take_kept(kept.bytes()) {
                Ok(()) => {}
                Err(Stop::TimeIsUp) => return Ok(Found::late()),
                Err(stop) => return Err(stop.into()),
            }
            if let Some(found) = read(kept.bytes()) {
                return Ok(found);
            }
        }
        let (mut look, mut found) = (Some(look), Found::default());
        part.reader.keep_answer::<SearchError>(&name, self.now_millis, || {
            let Some(look) = look.take() else { return Ok(None) };
            found = look()?;
            Ok(written(&mut found, budget))
        })?;
        Ok(found)
    }

    /// The name in one part; none where what is meant of it changes with the moment.
    fn name_in(&self, part: &Part, asked: Option<&ShardAsked>) -> Option<String> {
        let (name, now_millis) = (self.name.clone(), self.now_millis);
        let mut naming = Naming { name, now_millis, begins: QUARTER };
        if let Some(filter) = asked.and_then(|asked| asked.filter.as_deref()) {
            let filter = serde_json::from_str(filter).ok()?;
            naming.begins = day_begins(&filter);
            naming.value(&filter, true)?;
        }
        let (boost, rules) = part.weighing();
        write!(naming.name, " {} {rules:?}", boost.to_bits()).ok()?;
        naming.end()
    }
}

impl Found {
    /// The time was up before there was memory for more.
    fn late() -> Self {
        Self { answer: SearchAnswer { is_partial: true, ..SearchAnswer::default() }, ..Self::default() }
    }
}

impl Kept {
    fn written(&self, budget: &Budget) -> Option<Vec<u8>> {
        let size = postcard::experimental::serialized_size(self).ok()?;
        let mut room = budget.spare(size as u64)?;
        let bytes = postcard::to_extend(self, Vec::with_capacity(size)).ok()?;
        room.fill(size as u64);
        Some(bytes)
    }
}

fn read(bytes: &[u8]) -> Option<Found> {
    let Kept { total, max_score, hits, aggs, suggested } = postcard::from_bytes(bytes).ok()?;
    let answer = SearchAnswer { total, max_score, hits, aggs, ..SearchAnswer::default() };
    Some(Found { answer, suggested })
}

/// What is kept of an answer, which is whole again afterwards; none of one that is not all there is, or where there is no memory for it.
fn written(found: &mut Found, budget: &Budget) -> Option<Vec<u8>> {
    let Found { answer, suggested } = found;
    if answer.is_partial || answer.is_terminated {
        return None;
    }
    let kept = Kept {
        total: answer.total,
        max_score: answer.max_score,
        hits: std::mem::take(&mut answer.hits),
        aggs: std::mem::take(&mut answer.aggs),
        suggested: std::mem::take(suggested),
    };
    let bytes = kept.written(budget);
    (answer.hits, answer.aggs, *suggested) = (kept.hits, kept.aggs, kept.suggested);
    bytes
}

/// A name that is written.
struct Naming {
    name: String,
    now_millis: i64,
    /// At which multiples of milliseconds hours and days may begin.
    begins: i64,
}

impl Naming {
    /// What a body asks of a shard; none where the answer is not the same for all who ask.
    fn body(&mut self, json: &Value) -> Option<()> {
        let empty = Map::new();
        let members = json.as_object().unwrap_or(&empty);
        let mut names: Vec<&String> =
            members.keys().filter(|name| !BESIDE.contains(&name.as_str())).collect();
        names.sort_unstable();
        for name in names {
            write!(self.name, "{name:?}:").ok()?;
            self.value(&members[name], !ORDERED.contains(&name.as_str()))?;
        }
        Some(())
    }

    /// A value; `is_sorted` says that the order of members means nothing.
    fn value(&mut self, value: &Value, is_sorted: bool) -> Option<()> {
        if self.name.len() > NAME_BYTES_MAX {
            return None;
        }
        match value {
            Value::Object(members) => {
                let mut names: Vec<&String> = members.keys().collect();
                if is_sorted {
                    names.sort_unstable();
                }
                self.name.push('{');
                for name in names {
                    let value = &members[name];
                    if is_of_chance(name, value) || is_of_moment(name, value) || is_wrapped(name) {
                        return None;
                    }
                    write!(self.name, "{name:?}:").ok()?;
                    self.value(value, is_sorted)?;
                    self.name.push(',');
                }
                self.name.push('}');
            }
            Value::Array(items) => {
                self.name.push('[');
                for item in items {
                    self.value(item, is_sorted)?;
                    self.name.push(',');
                }
                self.name.push(']');
            }
            Value::String(text) => {
                if text.contains("Math.random") {
                    return None;
                }
                write!(self.name, "{text:?}").ok()?;
                match moment_in(text, self.begins) {
                    Moment::None => {}
                    Moment::Rounded(span) => {
                        write!(self.name, "@{}", self.now_millis.div_euclid(span) * span).ok()?;
                    }
                    Moment::Very => return None,
                }
            }
            other => write!(self.name, "{other}").ok()?,
        }
        Some(())
    }

    fn end(self) -> Option<String> {
        (self.name.len() <= NAME_BYTES_MAX).then_some(self.name)
    }
}

/// Scores by chance, of which nobody has said by which.
fn is_of_chance(name: &str, value: &Value) -> bool {
    name == "random_score" && value.get("seed").is_none_or(Value::is_null)
}

/// What falls off with the distance to a moment, which is the present where nothing is said.
fn is_of_moment(name: &str, value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    matches!(name, "gauss" | "exp" | "linear")
        && members.values().any(|field| field.is_object() && field.get("origin").is_none())
}

/// A query that stands there as Base64, and may be of any moment.
fn is_wrapped(name: &str) -> bool {
    name == "wrapper"
}

/// What a text says about the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    None,
    /// It is the same for so many milliseconds from such a multiple on.
    Rounded(i64),
    /// It is another one each time.
    Very,
}

/// The parts of an hour by which times of day begin in the zones of this world.
const QUARTER: i64 = 15 * 60 * 1000;
const MINUTE: i64 = 60 * 1000;

/// At which multiples of milliseconds hours and days begin in the zones that are named: at any minute in one that requests make up.
fn day_begins(json: &Value) -> i64 {
    let of_member = |(name, value): (&String, &Value)| match value {
        Value::String(zone) if name == "time_zone" && !is_by_quarters(zone) => MINUTE,
        other => day_begins(other),
    };
    let least = match json {
        Value::Object(members) => members.iter().map(of_member).min(),
        Value::Array(items) => items.iter().map(day_begins).min(),
        _ => None,
    };
    least.unwrap_or(QUARTER)
}

/// Whether a zone is so many quarters of an hour from Greenwich, as all are that have names.
fn is_by_quarters(zone: &str) -> bool {
    let Some((_, offset)) = zone.split_once(['+', '-']) else { return true };
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    match digits.get(2..) {
        None | Some("") => true,
        Some(minutes) => minutes.parse().is_ok_and(|minutes: u32| minutes.is_multiple_of(15)),
    }
}

/// What a text says about the present, wherever in it that stands: it may be a query by itself.
fn moment_in(text: &str, begins: i64) -> Moment {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut moment = Moment::None;
    for (at, now) in text.match_indices("now") {
        let rest = &text[at + now.len()..];
        if text[..at].ends_with(is_word) || rest.starts_with(is_word) {
            continue;
        }
        moment = match (rounded(rest, begins), moment) {
            (Some(span), Moment::Rounded(other)) => Moment::Rounded(span.min(other)),
            (Some(span), _) => Moment::Rounded(span),
            (None, _) => return Moment::Very,
        };
    }
    moment
}

/// For how long date math that stands behind the present comes to the same: as long as its finest unit, if it is rounded anywhere.
fn rounded(math: &str, begins: i64) -> Option<i64> {
    let (mut span, mut is_rounded) = (begins, false);
    let mut letters = math.chars().peekable();
    while let Some(sign) = letters.next_if(|letter| matches!(letter, '+' | '-' | '/')) {
        is_rounded |= sign == '/';
        while letters.next_if(char::is_ascii_digit).is_some() {}
        span = span.min(match letters.next()? {
            'y' | 'M' | 'w' | 'd' | 'h' | 'H' => begins,
            'm' => MINUTE,
            's' => 1000,
            _ => return None,
        });
    }
    is_rounded.then_some(span)
}

#[cfg(test)]
mod tests;
