//! mutate: the small changes, in Logstash's fixed order whatever the order in the file.

use event::{Event, FieldPath, Value};
use regex::Regex;

use crate::convert::Conversion;
use crate::options::{OptionError, field};
use crate::outcome::{Outcome, Processor};
use crate::template::Template;

/// The longest text that a change may make of a field. The regex crate's own work is linear in the text.
const TEXT_BYTES_MAX: usize = 16 << 20;

/// An option that changes texts: its name, its fields, and how.
type TextStep<'a> = (&'static str, &'a Vec<String>, fn(&str) -> String);

/// The options of Logstash's mutate filter.
#[derive(Debug, Clone, Default)]
pub struct MutateOptions {
    /// Values for fields that are there but null.
    pub coerce: Vec<(String, String)>,
    /// Old name and new name.
    pub rename: Vec<(String, String)>,
    /// New values for fields that exist.
    pub update: Vec<(String, String)>,
    /// New values, whether the field exists or not.
    pub replace: Vec<(String, String)>,
    /// Field and type.
    pub convert: Vec<(String, String)>,
    /// Field, regular expression, replacement.
    pub gsub: Vec<(String, String, String)>,
    /// Fields to put in upper case.
    pub uppercase: Vec<String>,
    /// Fields whose first letter becomes large and the rest small.
    pub capitalize: Vec<String>,
    /// Fields to put in lower case.
    pub lowercase: Vec<String>,
    /// Fields to take white space off both ends.
    pub strip: Vec<String>,
    /// Field and separator.
    pub split: Vec<(String, String)>,
    /// Field and separator.
    pub join: Vec<(String, String)>,
    /// Field that takes in, and field that is taken in.
    pub merge: Vec<(String, String)>,
    /// Source and destination.
    pub copy: Vec<(String, String)>,
    /// The tag of an event on which an operation failed; the operations after it are not done.
    pub tag_on_failure: String,
}

enum Step {
    Coerce(FieldPath, Template),
    Rename(FieldPath, Target),
    Update(FieldPath, Template),
    Replace(FieldPath, Template),
    Convert(FieldPath, Conversion),
    Gsub(FieldPath, Regex, String),
    Text(FieldPath, fn(&str) -> String),
    Split(FieldPath, String),
    Join(FieldPath, String),
    Merge(FieldPath, FieldPath),
    Copy(FieldPath, Target),
}

/// A destination whose name may hold `%{field}`.
type Target = Template;

/// A configured mutate.
pub struct MutateProcessor {
    steps: Vec<Step>,
    tag_on_failure: String,
}

struct Failed;

impl MutateProcessor {
    /// Checks the options and puts them in order.
    pub fn new(options: MutateOptions) -> Result<Self, OptionError> {
        let mut steps = Vec::new();
        for (name, value) in &options.coerce {
            steps.push(Step::Coerce(field("coerce", name)?, Template::new(value)));
        }
        for (from, to) in &options.rename {
            steps.push(Step::Rename(field("rename", from)?, Template::new(to)));
        }
        for (name, value) in &options.update {
            steps.push(Step::Update(field("update", name)?, Template::new(value)));
        }
        for (name, value) in &options.replace {
            steps.push(Step::Replace(field("replace", name)?, Template::new(value)));
        }
        for (name, kind) in &options.convert {
            let conversion = Conversion::named(kind).ok_or_else(|| {
                OptionError::new(
                    "convert",
                    format!("knows no type `{kind}`; write one of {}", Conversion::NAMES.join(", ")),
                )
            })?;
            steps.push(Step::Convert(field("convert", name)?, conversion));
        }
        for (name, pattern, replacement) in &options.gsub {
            let regex = Regex::new(pattern).map_err(|error| {
                OptionError::new("gsub", format!("holds a wrong regular expression `{pattern}`: {error}"))
            })?;
            steps.push(Step::Gsub(field("gsub", name)?, regex, ruby_replacement(replacement)));
        }
        let texts: [TextStep<'_>; 4] = [
            ("uppercase", &options.uppercase, |text| text.to_uppercase()),
            ("capitalize", &options.capitalize, capitalize),
            ("lowercase", &options.lowercase, |text| text.to_lowercase()),
            ("strip", &options.strip, |text| text.trim().to_owned()),
        ];
        for (option, names, act) in texts {
            for name in names {
                steps.push(Step::Text(field(option, name)?, act));
            }
        }
        for (name, by) in &options.split {
            steps.push(Step::Split(field("split", name)?, by.clone()));
        }
        for (name, by) in &options.join {
            steps.push(Step::Join(field("join", name)?, by.clone()));
        }
        for (into, from) in &options.merge {
            steps.push(Step::Merge(field("merge", into)?, field("merge", from)?));
        }
        for (from, to) in &options.copy {
            steps.push(Step::Copy(field("copy", from)?, Template::new(to)));
        }
        let tag_on_failure = if options.tag_on_failure.is_empty() {
            "_mutate_error".to_owned()
        } else {
            options.tag_on_failure
        };
        Ok(Self { steps, tag_on_failure })
    }
}

impl Processor for MutateProcessor {
    fn process(&self, event: &mut Event) -> Outcome {
        for step in &self.steps {
            if step.act(event).is_err() {
                event.tag(&self.tag_on_failure);
                return Outcome::Failed;
            }
        }
        Outcome::Applied
    }
}

impl Step {
    fn act(&self, event: &mut Event) -> Result<(), Failed> {
        match self {
            Self::Coerce(path, value) => {
                if event.field(path) == Some(&Value::Null) {
                    event.put(path, Value::String(value.render(event)));
                }
            }
            Self::Rename(from, to) => {
                let target = destination(to, event)?;
                if let Some(value) = event.get(from) {
                    event.remove(from);
                    event.put(&target, value);
                }
            }
            Self::Update(path, value) => {
                if event.get(path).is_some() {
                    event.put(path, Value::String(value.render(event)));
                }
            }
            Self::Replace(path, value) => event.put(path, Value::String(value.render(event))),
            Self::Convert(path, conversion) => {
                if let Some(value) = event.field(path).filter(|value| !value.is_null()) {
                    // A boolean that no word names stays as it is, as in Logstash.
                    if let Some(converted) = conversion.apply(value) {
                        event.put(path, converted);
                    } else if !matches!(conversion, Conversion::Boolean) {
                        return Err(Failed);
                    }
                }
            }
            Self::Gsub(path, regex, replacement) => {
                change_texts(event, path, |text| regex.replace_all(text, replacement.as_str()).into_owned())?;
            }
            Self::Text(path, act) => change_texts(event, path, act)?,
            Self::Split(path, by) => {
                if let Some(text) = event.text(path) {
                    let mut parts: Vec<&str> =
                        if by.is_empty() { vec![text] } else { text.split(by.as_str()).collect() };
                    while parts.last() == Some(&"") {
                        parts.pop();
                    }
                    let parts = parts.into_iter().map(Value::from).collect();
                    event.put(path, Value::Array(parts));
                }
            }
            Self::Join(path, by) => {
                if let Some(Value::Array(items)) = event.field(path) {
                    let texts: Vec<String> = items
                        .iter()
                        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                        .collect();
                    event.put(path, Value::String(texts.join(by)));
                }
            }
            Self::Merge(into, from) => merge(event, into, from)?,
            Self::Copy(from, to) => {
                if let Some(value) = event.get(from) {
                    let target = destination(to, event)?;
                    event.put(&target, value);
                }
            }
        }
        Ok(())
    }
}

fn destination(to: &Template, event: &Event) -> Result<FieldPath, Failed> {
    crate::options::reference(&to.render(event)).map_err(|_| Failed)
}

fn merge(event: &mut Event, into: &FieldPath, from: &FieldPath) -> Result<(), Failed> {
    let Some(added) = event.get(from) else {
        return Ok(());
    };
    let merged = match (event.get(into), added) {
        (None | Some(Value::Null), added) => added,
        (Some(Value::Object(mut left)), Value::Object(right)) => {
            left.extend(right);
            Value::Object(left)
        }
        (Some(Value::Object(_)), _) | (Some(_), Value::Object(_)) => return Err(Failed),
        (Some(left), right) => {
            let list = |value| match value {
                Value::Array(items) => items,
                single => vec![single],
            };
            let mut items = list(left);
            items.extend(list(right));
            Value::Array(items)
        }
    };
    event.put(into, merged);
    Ok(())
}

fn change_texts(event: &mut Event, path: &FieldPath, act: impl Fn(&str) -> String) -> Result<(), Failed> {
    let changed = match event.field(path) {
        Some(Value::String(text)) => Value::String(act(text)),
        Some(Value::Array(items)) => {
            let change =
                |item: &Value| item.as_str().map_or_else(|| item.clone(), |text| Value::String(act(text)));
            Value::Array(items.iter().map(change).collect())
        }
        _ => return Ok(()),
    };
    if changed.as_str().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(Failed);
    }
    event.put(path, changed);
    Ok(())
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &chars.as_str().to_lowercase()
}

/// `\1` of Ruby as `${1}` of the regex crate; a `$` of the text stays one.
fn ruby_replacement(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.replace('$', "$$").chars().collect::<Vec<_>>().into_iter().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str(&format!("${{{digit}}}"));
                chars.next();
            }
            ('\\', Some('\\')) => {
                out.push('\\');
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}
