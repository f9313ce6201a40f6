//! grok: fields out of text, by named patterns.

use std::time::Duration;

use event::{Event, FieldPath, Value};

use crate::options::{OptionError, field, reference};
use crate::outcome::{Outcome, Processor};
use crate::pattern::Grok;
use crate::stock::Patterns;

/// The options of Logstash's grok filter.
#[derive(Debug, Clone)]
pub struct GrokOptions {
    /// The field and the expressions to try on it, in order.
    pub matches: Vec<(String, Vec<String>)>,
    /// Definitions of one's own; they win over stock ones.
    pub definitions: Patterns,
    /// Stock patterns with ECS names, or those of old.
    pub ecs: bool,
    /// Whether the first match ends the search.
    pub break_on_match: bool,
    /// Fields that a capture replaces instead of joining.
    pub overwrite: Vec<String>,
    /// Whether captures that are empty are kept.
    pub keep_empty_captures: bool,
    /// Whether `%{NAME}` without a field captures nothing.
    pub named_captures_only: bool,
    /// The field below which captures are put.
    pub target: Option<String>,
    /// Tags of an event that nothing matched.
    pub tag_on_failure: Vec<String>,
    /// The tag of an event that took too long.
    pub tag_on_timeout: String,
    /// How long one expression may take on one text.
    pub timeout: Duration,
}

impl Default for GrokOptions {
    fn default() -> Self {
        Self {
            matches: Vec::new(),
            definitions: Patterns::default(),
            ecs: true,
            break_on_match: true,
            overwrite: Vec::new(),
            keep_empty_captures: false,
            named_captures_only: true,
            target: None,
            tag_on_failure: vec!["_grokparsefailure".to_owned()],
            tag_on_timeout: "_groktimeout".to_owned(),
            timeout: Duration::from_secs(30),
        }
    }
}

/// A compiled grok.
#[derive(Debug)]
pub struct GrokProcessor {
    matches: Vec<(FieldPath, Vec<Grok>)>,
    target: Vec<String>,
    options: GrokOptions,
}

impl GrokProcessor {
    /// Expands and compiles all expressions.
    pub fn new(options: GrokOptions) -> Result<Self, OptionError> {
        let stock = if options.ecs { Patterns::ecs() } else { Patterns::legacy() };
        let mut matches = Vec::new();
        for (source, expressions) in &options.matches {
            let compile =
                |text: &String| Grok::new(text, &stock, &options.definitions, options.named_captures_only);
            let compiled: Result<Vec<_>, _> = expressions.iter().map(compile).collect();
            matches.push((
                field("match", source)?,
                compiled.map_err(|reason| {
                    OptionError::new("match", format!("holds a wrong pattern: {reason}"))
                })?,
            ));
        }
        if matches.is_empty() {
            return Err(OptionError::new(
                "match",
                "is empty, so nothing would be read; write match => { \"message\" => \"%{PATTERN:field}\" }",
            ));
        }
        let target = match &options.target {
            Some(target) => field("target", target)?.segments().to_vec(),
            None => Vec::new(),
        };
        Ok(Self { matches, target, options })
    }

    fn try_texts(&self, event: &mut Event, source: &FieldPath, expressions: &[Grok]) -> (bool, bool) {
        let texts = match event.get(source) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(value) => text(&value).into_iter().collect::<Vec<_>>(),
            None => return (false, false),
        };
        let (mut matched, mut late) = (false, false);
        for text in texts {
            for expression in expressions {
                match expression.captures(&text, self.options.timeout) {
                    Ok(Some(captures)) => {
                        for (path, name, value) in captures {
                            self.capture(event, path, name, value);
                        }
                        matched = true;
                        if self.options.break_on_match {
                            return (true, late);
                        }
                    }
                    Ok(None) => {}
                    Err(_) => late = true,
                }
            }
        }
        (matched, late)
    }

    fn capture(&self, event: &mut Event, path: &FieldPath, name: &str, value: Option<Value>) {
        let empty = match &value {
            None => true,
            Some(value) => value.as_str() == Some(""),
        };
        if empty && !self.options.keep_empty_captures {
            return;
        }
        let value = value.unwrap_or(Value::Null);
        let below;
        let path = if self.target.is_empty() {
            path
        } else {
            let joined: String =
                self.target.iter().chain(path.segments()).map(|segment| format!("[{segment}]")).collect();
            let Ok(joined) = reference(&joined) else { return };
            below = joined;
            &below
        };
        if self.options.overwrite.iter().any(|field| field == name) {
            event.put(path, value);
            return;
        }
        match event.field(path).cloned() {
            None | Some(Value::Null) => event.put(path, value),
            Some(Value::Array(mut items)) => {
                items.push(value);
                event.put(path, Value::Array(items));
            }
            Some(before @ Value::String(_)) => event.put(path, Value::Array(vec![before, value])),
            Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {}
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Processor for GrokProcessor {
    fn process(&self, event: &mut Event) -> Outcome {
        let (mut matched, mut late) = (false, false);
        for (source, expressions) in &self.matches {
            let (hit, slow) = self.try_texts(event, source, expressions);
            matched |= hit;
            late |= slow;
            if matched && self.options.break_on_match {
                break;
            }
        }
        if matched {
            return Outcome::Applied;
        }
        if late {
            event.tag(&self.options.tag_on_timeout);
        } else {
            for tag in &self.options.tag_on_failure {
                event.tag(tag);
            }
        }
        Outcome::Failed
    }
}
