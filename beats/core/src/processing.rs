//! Processors of a beat's settings: changes to each event before it is queued.

use event::{Event, FieldPath, Map, Value};
use settings::Settings;

use crate::conditions::{Condition, path, plain, texts};

const KNOWN: &str = "add_fields, add_tags, drop_event, drop_fields, include_fields, rename";

/// The processors, in the order written.
#[derive(Debug, Default)]
pub(crate) struct Processing {
    steps: Vec<(Option<Condition>, Step)>,
}

#[derive(Debug)]
enum Step {
    AddFields(Option<FieldPath>, Map<String, Value>),
    AddTags(Vec<String>),
    DropEvent,
    DropFields(Vec<FieldPath>),
    IncludeFields(Vec<FieldPath>),
    Rename(Vec<(FieldPath, FieldPath)>),
}

impl Processing {
    /// Reads `processors`; a processor that is unknown or wrong refuses the start.
    pub(crate) fn of(settings: &Settings) -> Result<Self, settings::SettingsError> {
        let Some(node) = settings.node("processors") else {
            return Ok(Self::default());
        };
        let steps = node
            .elements()
            .into_iter()
            .map(|element| step(&crate::to_json(element)))
            .collect::<Result<_, _>>()
            .map_err(|reason| settings.fault("processors", format!("`processors`: {reason}")))?;
        Ok(Self { steps })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The event as the processors leave it; none if one dropped it.
    pub(crate) fn apply(&self, mut event: Event) -> Option<Event> {
        for (condition, step) in &self.steps {
            if condition.as_ref().is_none_or(|condition| condition.holds(&event)) && !step.apply(&mut event) {
                return None;
            }
        }
        Some(event)
    }
}

impl Step {
    /// False if the event is to be dropped.
    fn apply(&self, event: &mut Event) -> bool {
        match self {
            Self::AddFields(target, fields) => {
                for (key, value) in fields {
                    let place = match target {
                        Some(target) => {
                            target.segments().iter().map(|s| format!("[{s}]")).collect::<String>()
                                + &format!("[{key}]")
                        }
                        None => format!("[{key}]"),
                    };
                    event.set(&place, value.clone());
                }
            }
            Self::AddTags(tags) => tags.iter().for_each(|tag| event.tag(tag)),
            Self::DropEvent => return false,
            Self::DropFields(paths) => paths.iter().for_each(|path| {
                event.remove(path);
            }),
            Self::IncludeFields(paths) => {
                let kept: Vec<_> = paths.iter().map(|path| (path, event.field(path).cloned())).collect();
                event.fields.clear();
                for (path, value) in kept {
                    if let Some(value) = value {
                        event.put(path, value);
                    }
                }
            }
            Self::Rename(pairs) => {
                for (from, to) in pairs {
                    if event.field(to).is_none()
                        && let Some(value) = event.remove(from)
                    {
                        event.put(to, value);
                    }
                }
            }
        }
        true
    }
}

fn step(value: &Value) -> Result<(Option<Condition>, Step), String> {
    let members = value.as_object().filter(|members| members.len() == 1);
    let (name, body) = members
        .and_then(|members| members.iter().next())
        .ok_or_else(|| format!("a processor is a map with one of {KNOWN}"))?;
    let member = |key: &str| body.get(key).cloned().unwrap_or_default();
    let paths = || texts(&member("fields")).iter().map(|name| path(name)).collect::<Result<Vec<_>, _>>();
    let step = match name.as_str() {
        "add_fields" => {
            let target =
                member("target").as_str().map_or(
                    Ok(Some(FieldPath::single("fields"))),
                    |text| match text {
                        "" => Ok(None),
                        text => path(text).map(Some),
                    },
                )?;
            Step::AddFields(
                target,
                member("fields").as_object().cloned().ok_or("`add_fields` needs `fields`, a map")?,
            )
        }
        "add_tags" => Step::AddTags(texts(&member("tags"))),
        "drop_event" => Step::DropEvent,
        "drop_fields" => Step::DropFields(paths()?),
        "include_fields" => {
            // Without these the event has no way to its data stream; the original keeps @timestamp for the same reason.
            let mut kept = paths()?;
            kept.push(FieldPath::single("data_stream"));
            Step::IncludeFields(kept)
        }
        "rename" => Step::Rename(
            member("fields")
                .as_array()
                .ok_or("`rename` needs `fields`, a list of {from, to}")?
                .iter()
                .map(|pair| Ok((path(&plain(&pair["from"]))?, path(&plain(&pair["to"]))?)))
                .collect::<Result<_, String>>()?,
        ),
        other => {
            return Err(format!("`{other}` is no processor of this version; write one of {KNOWN}"));
        }
    };
    let when = body.get("when").map(Condition::parse).transpose()?;
    if matches!(step, Step::DropEvent) && when.is_none() {
        return Err("`drop_event` without `when` would drop every event; add a condition".to_owned());
    }
    Ok((when, step))
}

#[cfg(test)]
mod tests {
    use event::{Timestamp, json};

    use super::*;

    fn run(steps: Value, fields: Value) -> Option<Value> {
        let steps =
            steps.as_array().expect("a list").iter().map(step).collect::<Result<_, _>>().expect("valid");
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.fields = fields.as_object().expect("an object").clone();
        Processing { steps }.apply(event).map(|event| Value::Object(event.fields))
    }

    #[test]
    fn each_processor_does_its_work() {
        let cases = [
            (
                json!([{"add_fields": {"fields": {"a": 1}}}]),
                Some(json!({"m": "x", "n": 5, "fields": {"a": 1}})),
            ),
            (
                json!([{"add_fields": {"target": "", "fields": {"a": 1}}}]),
                Some(json!({"m": "x", "n": 5, "a": 1})),
            ),
            (json!([{"add_tags": {"tags": ["t"]}}]), Some(json!({"m": "x", "n": 5, "tags": ["t"]}))),
            (json!([{"drop_event": {"when": {"equals": {"m": "x"}}}}]), None),
            (json!([{"drop_event": {"when": {"range": {"n": {"gt": 5}}}}}]), Some(json!({"m": "x", "n": 5}))),
            (
                json!([{"drop_event": {"when": {"and": [{"regexp": {"m": "^x$"}}, {"not": {"has_fields": ["q"]}}]}}}]),
                None,
            ),
            (json!([{"drop_fields": {"fields": ["n"]}}]), Some(json!({"m": "x"}))),
            (json!([{"include_fields": {"fields": ["n"]}}]), Some(json!({"n": 5}))),
            (
                json!([{"rename": {"fields": [{"from": "m", "to": "a.b"}]}}]),
                Some(json!({"n": 5, "a": {"b": "x"}})),
            ),
        ];
        for (steps, expected) in cases {
            assert_eq!(run(steps.clone(), json!({"m": "x", "n": 5})), expected, "{steps}");
        }
    }

    #[test]
    fn a_wrong_processor_is_refused_with_a_remedy() {
        for wrong in
            [json!({"grok": {}}), json!({"drop_event": {}}), json!({"drop_event": {"when": {"like": {}}}})]
        {
            assert!(step(&wrong).is_err(), "{wrong}");
        }
    }
}
