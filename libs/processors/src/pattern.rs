//! A grok expression: expanded, compiled, and matched within a bound of time.

use std::time::Duration;

use event::{FieldPath, Value};
use onig::{MatchParam, Regex, Region, SearchOptions};

use crate::convert::Conversion;
use crate::options::reference;
use crate::stock::Patterns;

/// Nested `%{NAME}`s that one expression may open, so that a pattern that names itself ends.
const DEPTH_MAX: usize = 64;
/// The longest expanded expression; the longest stock one has about 40,000 bytes.
const EXPANDED_BYTES_MAX: usize = 1 << 20;
/// Steps back that Oniguruma takes in a millisecond, about.
const RETRIES_PER_MILLI: u128 = 20_000;
/// The least steps back that a start position may take, whatever the length of the text.
const RETRIES_MIN: u128 = 2_000;

/// What a group captured: its field, the field as written, and the text if the group took part.
pub(crate) type Capture<'a> = (&'a FieldPath, &'a str, Option<Value>);

/// A compiled expression.
#[derive(Debug)]
pub struct Grok {
    regex: Regex,
    /// What each group is; index 0 is the first group.
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    number: usize,
    field: FieldPath,
    name: String,
    conversion: Option<Conversion>,
}

/// A match took too long and was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;

struct Expansion<'a> {
    patterns: &'a Patterns,
    own: &'a Patterns,
    named_only: bool,
    out: String,
    fields: Vec<(String, Option<Conversion>)>,
}

impl Grok {
    /// Expands and compiles; the error is a reason for people.
    pub fn new(
        expression: &str,
        patterns: &Patterns,
        own: &Patterns,
        named_only: bool,
    ) -> Result<Self, String> {
        let mut expansion = Expansion { patterns, own, named_only, out: String::new(), fields: Vec::new() };
        expansion.expand(expression, 0)?;
        let regex = Regex::new(&expansion.out).map_err(|error| {
            format!("`{expression}` is not a regular expression: {}", error.description())
        })?;
        let mut groups = Vec::new();
        let mut fault = None;
        regex.foreach_name(|name, numbers| {
            let own = name
                .strip_prefix("weir")
                .and_then(|at| at.parse::<usize>().ok())
                .and_then(|at| expansion.fields.get(at));
            let (name, conversion) =
                own.map_or((name.to_owned(), None), |(name, conversion)| (name.clone(), *conversion));
            // A stock pattern of ECS writes a `?` behind one of its names.
            match reference(name.trim_end_matches('?')) {
                Ok(field) => groups.extend(numbers.iter().map(|number| Group {
                    number: *number as usize,
                    field: field.clone(),
                    name: name.clone(),
                    conversion,
                })),
                Err(error) => fault = Some(error.to_string()),
            }
            true
        });
        groups.sort_by_key(|group| group.number);
        match fault {
            Some(reason) => Err(reason),
            None => Ok(Self { regex, groups }),
        }
    }

    /// Whether `text` matches at all; given up after `limit`.
    pub fn is_match(&self, text: &str, limit: Duration) -> bool {
        matches!(self.search(text, limit), Ok(Some(_)))
    }

    /// The captures of the first match: field, its name as written, and value, if `text` matches.
    pub(crate) fn captures<'a>(
        &'a self,
        text: &str,
        limit: Duration,
    ) -> Result<Option<Vec<Capture<'a>>>, TimedOut> {
        let Some(region) = self.search(text, limit)? else {
            return Ok(None);
        };
        let found = self.groups.iter().map(|group| {
            let value = region.pos(group.number).and_then(|(start, end)| text.get(start..end));
            let value = value.map(|value| {
                let value = Value::String(value.to_owned());
                match group.conversion {
                    Some(conversion) => conversion.apply(&value).unwrap_or(value),
                    None => value,
                }
            });
            (&group.field, group.name.as_str(), value)
        });
        Ok(Some(found.collect()))
    }

    /// Oniguruma bounds the steps back of each start position; so the time allowed is shared out over the positions.
    fn search(&self, text: &str, limit: Duration) -> Result<Option<Region>, TimedOut> {
        let share = limit.as_millis() * RETRIES_PER_MILLI / (text.len() as u128 + 1);
        let mut bound = MatchParam::default();
        bound.set_retry_limit_in_match(u32::try_from(share.max(RETRIES_MIN)).unwrap_or(u32::MAX));
        let mut region = Region::new();
        let options = SearchOptions::SEARCH_OPTION_NONE;
        match self.regex.search_with_param(text, 0, text.len(), options, Some(&mut region), bound) {
            Ok(Some(_)) => Ok(Some(region)),
            Ok(None) => Ok(None),
            Err(_) => Err(TimedOut),
        }
    }
}

impl Expansion<'_> {
    fn expand(&mut self, expression: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX || self.out.len() > EXPANDED_BYTES_MAX {
            return Err(format!(
                "`{}` expands without end; a pattern must not name itself",
                shorten(expression)
            ));
        }
        let mut rest = expression;
        while let Some(at) = rest.find("%{").into_iter().chain(rest.find("(?<[")).min() {
            self.out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(inside) = rest.strip_prefix("(?<") {
                let end = inside
                    .find('>')
                    .ok_or_else(|| format!("`{}`: a group's name is not closed", shorten(rest)))?;
                self.open_group(&inside[..end], None);
                rest = &inside[end + 1..];
            } else {
                let end =
                    rest.find('}').ok_or_else(|| format!("`{}`: `%{{` is not closed", shorten(rest)))?;
                self.reference(&rest[2..end], depth)?;
                rest = &rest[end + 1..];
            }
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// `NAME`, `NAME:field`, `NAME:field:type`, or any of them with `=definition` behind.
    fn reference(&mut self, inside: &str, depth: usize) -> Result<(), String> {
        let mut parts = inside.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let field = parts.next().filter(|field| !field.is_empty());
        let conversion = match parts.next() {
            None | Some("string") => None,
            Some(kind @ ("int" | "float")) => Conversion::named(kind),
            Some(other) => {
                return Err(format!("`%{{{inside}}}`: unknown type `{other}`; write int or float"));
            }
        };
        let definition = self.own.get(name).or_else(|| self.patterns.get(name)).ok_or_else(|| {
            format!("pattern `%{{{inside}}}` is not defined; add `{name}` to `pattern_definitions`, or correct its name")
        })?;
        match field.or((!self.named_only).then_some(name)) {
            Some(field) => self.open_group(field, conversion),
            None => self.out.push_str("(?:"),
        }
        let definition = definition.to_owned();
        self.expand(&definition, depth + 1)?;
        self.out.push(')');
        Ok(())
    }

    fn open_group(&mut self, field: &str, conversion: Option<Conversion>) {
        self.out.push_str(&format!("(?<weir{}>", self.fields.len()));
        self.fields.push((field.to_owned(), conversion));
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
