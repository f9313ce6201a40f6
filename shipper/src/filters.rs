//! The filters of a pipeline: branches, processors, and the options that every filter has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::clock::Clock;
use event::{Event, FieldPath, Timestamp, Value};
use processors::{
    DateOptions, DateProcessor, GrokOptions, GrokProcessor, JsonOptions, JsonProcessor, MutateOptions,
    MutateProcessor, OptionError, Outcome, Patterns, Processor, Template, reference,
};

use crate::condition::holds;
use crate::language::Fault;
use crate::language::ast::{Condition, Plugin, Stage};
use crate::options::Options;
use crate::plugins::{Context, PluginCounts};

/// One step.
pub enum Filter {
    /// A processor and what follows its success.
    Step(Box<Step>),
    /// A choice.
    Branch(Vec<(Condition, Vec<Filter>)>, Vec<Filter>),
}

/// A processor with its common options.
pub struct Step {
    processor: Box<dyn Processor>,
    add_field: Vec<(Template, Template)>,
    remove_field: Vec<Template>,
    add_tag: Vec<Template>,
    remove_tag: Vec<Template>,
    counts: Arc<PluginCounts>,
}

struct DropAll;

impl Processor for DropAll {
    fn process(&self, _event: &mut Event) -> Outcome {
        Outcome::Dropped
    }
}

/// Builds the filters of a section.
pub fn build(stages: &[Stage], context: &Context<'_>) -> Result<Vec<Filter>, Fault> {
    let mut filters = Vec::new();
    for stage in stages {
        filters.push(match stage {
            Stage::Plugin(plugin) => Filter::Step(Box::new(step(plugin, context)?)),
            Stage::Branch(branch) => {
                let mut arms = Vec::new();
                for (condition, stages) in &branch.arms {
                    arms.push((context.condition(branch, condition)?, build(stages, context)?));
                }
                Filter::Branch(arms, build(&branch.otherwise, context)?)
            }
        });
    }
    Ok(filters)
}

/// Runs an event through; false if it was dropped on purpose.
pub fn run(filters: &[Filter], event: &mut Event) -> bool {
    for filter in filters {
        let keeps = match filter {
            Filter::Step(step) => step.run(event),
            Filter::Branch(arms, otherwise) => {
                let arm = arms
                    .iter()
                    .find(|(condition, _)| holds(condition, event))
                    .map_or(otherwise, |(_, filters)| filters);
                run(arm, event)
            }
        };
        if !keeps {
            return false;
        }
    }
    true
}

impl Step {
    fn run(&self, event: &mut Event) -> bool {
        let started = Instant::now();
        self.counts.entered(1);
        match self.processor.process(event) {
            Outcome::Dropped => return false,
            Outcome::Applied => self.decorate(event),
            Outcome::Skipped => {}
            Outcome::Failed => self.counts.failed(1),
        }
        self.counts.left(1, started.elapsed());
        true
    }

    fn decorate(&self, event: &mut Event) {
        for (name, value) in &self.add_field {
            let value = Value::String(value.render(event));
            if let Ok(path) = reference(&name.render(event)) {
                add(event, &path, value);
            }
        }
        for name in &self.remove_field {
            if let Ok(path) = reference(&name.render(event)) {
                event.remove(&path);
            }
        }
        for tag in &self.add_tag {
            let tag = tag.render(event);
            event.tag(&tag);
        }
        let removed: Vec<String> = self.remove_tag.iter().map(|tag| tag.render(event)).collect();
        if !removed.is_empty()
            && let Some(Value::Array(tags)) = event.fields.get_mut("tags")
        {
            tags.retain(|tag| !removed.iter().any(|gone| tag == gone));
        }
    }
}

/// A field that is there already becomes a list, as in Logstash.
pub(crate) fn add(event: &mut Event, path: &FieldPath, value: Value) {
    let joined = match event.get(path) {
        None | Some(Value::Null) => value,
        Some(Value::Array(mut items)) => {
            items.push(value);
            Value::Array(items)
        }
        Some(before) => Value::Array(vec![before, value]),
    };
    event.put(path, joined);
}

fn step(plugin: &Plugin, context: &Context<'_>) -> Result<Step, Fault> {
    let options = Options::new(plugin, context.variables);
    let templates = |option: &str| -> Result<Vec<Template>, Fault> {
        Ok(options.list(option)?.iter().map(|text| Template::new(text)).collect())
    };
    let add_field = options.pairs("add_field")?;
    Ok(Step {
        processor: processor(&options, context.clock)?,
        add_field: add_field
            .iter()
            .map(|(name, value)| (Template::new(name), Template::new(value)))
            .collect(),
        remove_field: templates("remove_field")?,
        add_tag: templates("add_tag")?,
        remove_tag: templates("remove_tag")?,
        counts: context.enlist("filter", &options),
    })
}

fn processor(options: &Options<'_>, clock: &Clock) -> Result<Box<dyn Processor>, Fault> {
    let wrong = |error: OptionError| options.fault(error.option, error.to_string());
    let tags = |default: &str| -> Result<Vec<String>, Fault> {
        let tags = options.list("tag_on_failure")?;
        Ok(if tags.is_empty() { vec![default.to_owned()] } else { tags })
    };
    Ok(match options.name() {
        "grok" => {
            let mut definitions = Patterns::default();
            for (name, regexp) in options.pairs("pattern_definitions")? {
                definitions.define(&name, &regexp);
            }
            let grok = GrokOptions {
                matches: options.lists("match")?,
                definitions,
                ecs: options.text("ecs_compatibility")?.as_deref() != Some("disabled"),
                break_on_match: options.flag("break_on_match", true)?,
                overwrite: options.list("overwrite")?,
                keep_empty_captures: options.flag("keep_empty_captures", false)?,
                named_captures_only: options.flag("named_captures_only", true)?,
                target: options.text("target")?,
                tag_on_failure: tags("_grokparsefailure")?,
                tag_on_timeout: options.text("tag_on_timeout")?.unwrap_or_else(|| "_groktimeout".to_owned()),
                timeout: Duration::from_millis(options.number("timeout_millis", 30_000)?),
            };
            Box::new(GrokProcessor::new(grok).map_err(wrong)?)
        }
        "date" => {
            let mut formats = options.list("match")?;
            if formats.len() < 2 {
                return Err(options.fault(
                    "match",
                    "`match` must name a field and at least one format, e.g. [\"timestamp\", \"ISO8601\"]",
                ));
            }
            let clock = clock.clone();
            let date = DateOptions {
                source: formats.remove(0),
                formats,
                timezone: options.text("timezone")?,
                target: options.text("target")?.unwrap_or_else(|| "@timestamp".to_owned()),
                tag_on_failure: tags("_dateparsefailure")?,
                now: Arc::new(move || Timestamp::from_nanos(i128::from(clock.now_nanos()))),
            };
            Box::new(DateProcessor::new(date).map_err(wrong)?)
        }
        "json" => {
            let json = JsonOptions {
                source: options.text("source")?.ok_or_else(|| {
                    options.fault("source", "`source` is missing; name the field that holds the JSON text")
                })?,
                target: options.text("target")?,
                skip_on_invalid_json: options.flag("skip_on_invalid_json", false)?,
                tag_on_failure: tags("_jsonparsefailure")?,
            };
            Box::new(JsonProcessor::new(json).map_err(wrong)?)
        }
        "mutate" => Box::new(MutateProcessor::new(mutate(options)?).map_err(wrong)?),
        _ => Box::new(DropAll),
    })
}

fn mutate(options: &Options<'_>) -> Result<MutateOptions, Fault> {
    let gsub = options.list("gsub")?;
    if gsub.len() % 3 != 0 {
        return Err(options.fault("gsub", "`gsub` must hold triples: field, regular expression, replacement"));
    }
    Ok(MutateOptions {
        coerce: options.pairs("coerce")?,
        rename: options.pairs("rename")?,
        update: options.pairs("update")?,
        replace: options.pairs("replace")?,
        convert: options.pairs("convert")?,
        gsub: gsub
            .chunks(3)
            .map(|triple| (triple[0].clone(), triple[1].clone(), triple[2].clone()))
            .collect(),
        uppercase: options.list("uppercase")?,
        capitalize: options.list("capitalize")?,
        lowercase: options.list("lowercase")?,
        strip: options.list("strip")?,
        split: options.pairs("split")?,
        join: options.pairs("join")?,
        merge: options.pairs("merge")?,
        copy: options.pairs("copy")?,
        tag_on_failure: options.text("tag_on_failure")?.unwrap_or_default(),
    })
}
