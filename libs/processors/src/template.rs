//! Templates: `%{field}`, `%{[a][b]}`, `%{+yyyy.MM.dd}`, `%{+%s}`; what cannot be resolved stays as it is written.

use event::{Event, FieldPath, Value};

use crate::date::JodaFormat;
use crate::options::reference;

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Field { path: FieldPath, written: String },
    Moment(JodaFormat),
    Epoch,
}

impl Template {
    /// Parses; text that is no reference stays text.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("%{") {
            let Some(end) = rest[at..].find('}').map(|end| at + end) else {
                break;
            };
            // `%{{java.time}}` closes with two braces.
            let double = rest[at + 2..end].starts_with('{') && rest[end + 1..].starts_with('}');
            let inside = &rest[at + 2..end];
            let end = end + 1 + usize::from(double);
            push_text(&mut parts, &rest[..at]);
            parts.push(part(inside, double, &rest[at..end]));
            rest = &rest[end..];
        }
        push_text(&mut parts, rest);
        Self { parts }
    }

    /// The text for this event.
    pub fn render(&self, event: &Event) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { path, written } => match event.get(path) {
                    Some(value) => out.push_str(&plain(&value)),
                    None => out.push_str(written),
                },
                Part::Moment(format) => out.push_str(&format.format(event.timestamp)),
                Part::Epoch => {
                    out.push_str(&event.timestamp.as_nanos().div_euclid(1_000_000_000).to_string())
                }
            }
        }
        out
    }

    /// Whether every field that it names is there.
    pub fn resolves(&self, event: &Event) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Field { path, .. } => event.get(path).is_some(),
            Part::Text(_) | Part::Moment(_) | Part::Epoch => true,
        })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn part(inside: &str, double: bool, written: &str) -> Part {
    let literal = || Part::Text(written.to_owned());
    if double {
        return JodaFormat::parse(&inside[1..]).map_or_else(|_| literal(), Part::Moment);
    }
    match inside.strip_prefix('+') {
        Some("%s") => Part::Epoch,
        Some(format) => JodaFormat::parse(format).map_or_else(|_| literal(), Part::Moment),
        None => reference(inside)
            .map_or_else(|_| literal(), |path| Part::Field { path, written: written.to_owned() }),
    }
}

/// A value as text: texts as they are, lists joined by commas, the rest as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
