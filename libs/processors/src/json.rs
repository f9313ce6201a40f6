//! json: fields out of JSON text.

use event::{Event, FieldPath, Timestamp, Value};

use crate::options::{OptionError, field};
use crate::outcome::{Outcome, Processor};

/// The options of Logstash's json filter.
#[derive(Debug, Clone)]
pub struct JsonOptions {
    /// The field that holds the text.
    pub source: String,
    /// The field to put the value into; the event's root without one.
    pub target: Option<String>,
    /// Whether text that is not JSON is passed over without a tag.
    pub skip_on_invalid_json: bool,
    /// Tags of an event whose text is not JSON.
    pub tag_on_failure: Vec<String>,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            source: String::new(),
            target: None,
            skip_on_invalid_json: false,
            tag_on_failure: vec!["_jsonparsefailure".to_owned()],
        }
    }
}

/// A configured json filter.
#[derive(Debug)]
pub struct JsonProcessor {
    source: FieldPath,
    target: Option<FieldPath>,
    options: JsonOptions,
}

impl JsonProcessor {
    /// Checks the options.
    pub fn new(options: JsonOptions) -> Result<Self, OptionError> {
        let source = field("source", &options.source)?;
        let target = options.target.as_deref().map(|target| field("target", target)).transpose()?;
        Ok(Self { source, target, options })
    }

    fn fail(&self, event: &mut Event) -> Outcome {
        for tag in &self.options.tag_on_failure {
            event.tag(tag);
        }
        Outcome::Failed
    }
}

impl Processor for JsonProcessor {
    fn process(&self, event: &mut Event) -> Outcome {
        let parsed = match event.field(&self.source) {
            None | Some(Value::Null) => return Outcome::Skipped,
            Some(Value::String(text)) => serde_json::from_str::<Value>(text),
            Some(_) => return self.fail(event),
        };
        match (parsed, &self.target) {
            (Ok(value), Some(target)) => event.put(target, value),
            (Ok(Value::Object(mut fields)), None) => {
                if let Some(moment) = fields.shift_remove("@timestamp") {
                    match moment.as_str().and_then(Timestamp::parse) {
                        Some(moment) => event.timestamp = moment,
                        None => {
                            event.tag("_timestampparsefailure");
                            event.set("_@timestamp", moment);
                        }
                    }
                }
                if let Some(Value::Object(metadata)) = fields.shift_remove("@metadata") {
                    event.metadata.extend(metadata);
                }
                event.fields.extend(fields);
            }
            (Err(_), _) if self.options.skip_on_invalid_json => return Outcome::Skipped,
            (Ok(_) | Err(_), _) => return self.fail(event),
        }
        Outcome::Applied
    }
}
