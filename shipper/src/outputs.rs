//! The outputs of a pipeline: search nodes, standard output, nothing.

use std::sync::Arc;
use std::time::Duration;

use daemon::CancellationToken;
use event::{Event, Map, Value};
use processors::Template;
use search_client::{BulkAction, BulkOp, ClientError, ClientOptions, SearchClient};

use crate::condition::holds;
use crate::dead_letters::Refused;
use crate::inputs::codec_option;
use crate::language::Fault;
use crate::language::ast::{Condition, Plugin, Stage};
use crate::options::Options;
use crate::plugins::{Context, PluginCounts};
use crate::rubydebug;
use crate::stdout;

/// Where events go.
pub struct Output {
    /// The name under which it is counted.
    pub id: String,
    /// What it did so far.
    pub counts: Arc<PluginCounts>,
    kind: Kind,
}

enum Kind {
    Search(Box<SearchOutput>),
    Stdout(Print),
    Null,
}

/// How standard output looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Print {
    RubyDebug { metadata: bool },
    Json,
    Message,
    Dots,
}

/// Which outputs an event takes; the numbers are places in the list of outputs.
pub enum Way {
    /// This output.
    To(usize),
    /// A choice.
    Branch(Vec<(Condition, Vec<Way>)>, Vec<Way>),
}

/// The index of events where the pipeline names none and wants no data streams.
const DEFAULT_INDEX: &str = "ecs-logstash-%{+yyyy.MM.dd}";

enum Target {
    Index(Template),
    /// Type, dataset and namespace of events that do not say theirs.
    Stream([String; 3]),
}

struct SearchOutput {
    client: SearchClient,
    target: Target,
    op: Option<BulkOp>,
    document_id: Option<Template>,
    pipeline: Option<Template>,
}

/// Builds the outputs of a section, and the ways to them.
pub fn build(stages: &[Stage], context: &Context<'_>, outputs: &mut Vec<Output>) -> Result<Vec<Way>, Fault> {
    let mut ways = Vec::new();
    for stage in stages {
        ways.push(match stage {
            Stage::Plugin(plugin) => {
                outputs.push(output(plugin, context)?);
                Way::To(outputs.len() - 1)
            }
            Stage::Branch(branch) => {
                let mut arms = Vec::new();
                for (condition, stages) in &branch.arms {
                    arms.push((context.condition(branch, condition)?, build(stages, context, outputs)?));
                }
                Way::Branch(arms, build(&branch.otherwise, context, outputs)?)
            }
        });
    }
    Ok(ways)
}

/// Puts the event into the share of each output that it takes.
pub fn route(ways: &[Way], event: Event, shares: &mut [Vec<Event>]) {
    let mut takers = Vec::new();
    choose(ways, &event, &mut takers);
    let Some(last) = takers.pop() else { return };
    for at in takers {
        if let Some(share) = shares.get_mut(at) {
            share.push(event.clone());
        }
    }
    if let Some(share) = shares.get_mut(last) {
        share.push(event);
    }
}

fn choose(ways: &[Way], event: &Event, takers: &mut Vec<usize>) {
    for way in ways {
        match way {
            Way::To(at) => takers.push(*at),
            Way::Branch(arms, otherwise) => {
                let arm = arms
                    .iter()
                    .find(|(condition, _)| holds(condition, event))
                    .map_or(otherwise, |(_, ways)| ways);
                choose(arm, event, takers);
            }
        }
    }
}

fn output(plugin: &Plugin, context: &Context<'_>) -> Result<Output, Fault> {
    let options = Options::new(plugin, context.variables);
    let kind = match options.name() {
        "elasticsearch" => Kind::Search(Box::new(SearchOutput::new(&options)?)),
        "stdout" => Kind::Stdout(print_codec(plugin, &options, context)?),
        _ => Kind::Null,
    };
    Ok(Output { id: options.id(), counts: context.enlist("output", &options), kind })
}

fn print_codec(plugin: &Plugin, options: &Options<'_>, context: &Context<'_>) -> Result<Print, Fault> {
    Ok(match options.codec("rubydebug")?.as_str() {
        "json" | "json_lines" => Print::Json,
        "plain" | "line" => Print::Message,
        "dots" => Print::Dots,
        _ => Print::RubyDebug {
            metadata: match codec_option(plugin, "codec") {
                Some(codec) => Options::new(codec, context.variables).flag("metadata", false)?,
                None => false,
            },
        },
    })
}

impl SearchOutput {
    fn new(options: &Options<'_>) -> Result<Self, Fault> {
        let hosts = options.list("hosts")?;
        let user = options.text("user")?;
        let client = SearchClient::new(ClientOptions {
            hosts: if hosts.is_empty() { vec!["http://127.0.0.1:9200".to_owned()] } else { hosts },
            timeout: Duration::from_secs(options.number("timeout", 60)?),
            backoff_init: Duration::from_secs(options.number("retry_initial_interval", 2)?),
            backoff_max: Duration::from_secs(options.number("retry_max_interval", 64)?),
            credentials: user.zip(options.text("password")?),
            api_key: options.text("api_key")?,
        })
        .map_err(|error| options.fault("hosts", error.to_string()))?;
        let op = match options.text("action")?.as_deref() {
            None => None,
            Some("index") => Some(BulkOp::Index),
            Some("create") => Some(BulkOp::Create),
            Some(other) => {
                return Err(
                    options.fault("action", format!("`action` is `{other}`, but must be index or create"))
                );
            }
        };
        let template = |option: &str| -> Result<Option<Template>, Fault> {
            Ok(options.text(option)?.map(|text| Template::new(&text)))
        };
        let index = template("index")?;
        let mode = options.text("data_stream")?;
        let streams = match mode.as_deref() {
            None | Some("auto") => index.is_none() && op != Some(BulkOp::Index),
            Some("true") if index.is_some() => {
                return Err(
                    options.fault("index", "`index` and `data_stream => true` exclude each other; keep one")
                );
            }
            Some("true") if op == Some(BulkOp::Index) => {
                return Err(options.fault("action", "data streams take `action => create` alone"));
            }
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                return Err(options.fault(
                    "data_stream",
                    format!("`data_stream` is `{other}`, but must be true, false or auto"),
                ));
            }
        };
        let part = |option: &str, default: &str| -> Result<String, Fault> {
            Ok(options.text(option)?.unwrap_or_else(|| default.to_owned()))
        };
        let stream = [
            part("data_stream_type", "logs")?,
            part("data_stream_dataset", "generic")?,
            part("data_stream_namespace", "default")?,
        ];
        Ok(Self {
            client,
            target: if streams {
                Target::Stream(stream)
            } else {
                Target::Index(index.unwrap_or_else(|| Template::new(DEFAULT_INDEX)))
            },
            op,
            document_id: template("document_id")?,
            pipeline: template("pipeline")?,
        })
    }

    fn action(&self, event: &Event) -> BulkAction {
        let mut document = event.to_document();
        let (index, op) = match &self.target {
            Target::Index(index) => (index.render(event), BulkOp::Index),
            Target::Stream(defaults) => (stream(&mut document, defaults), BulkOp::Create),
        };
        let resolved = |template: &Option<Template>| {
            template
                .as_ref()
                .filter(|template| template.resolves(event))
                .map(|template| template.render(event))
        };
        BulkAction {
            op: self.op.unwrap_or(op),
            index,
            id: resolved(&self.document_id),
            pipeline: resolved(&self.pipeline),
            document: Value::Object(document).to_string(),
        }
    }
}

/// The name of the document's data stream: its own `data_stream` fields, completed from `defaults`; both then agree.
fn stream(document: &mut Map<String, Value>, defaults: &[String; 3]) -> String {
    let own = document.entry("data_stream").or_insert_with(|| Value::Object(Map::new()));
    if !own.is_object() {
        *own = Value::Object(Map::new());
    }
    let mut name = Vec::with_capacity(3);
    if let Value::Object(own) = own {
        for (field, default) in ["type", "dataset", "namespace"].into_iter().zip(defaults) {
            let part = own
                .get(field)
                .and_then(Value::as_str)
                .filter(|part| !part.is_empty())
                .unwrap_or(default)
                .to_owned();
            own.insert(field.to_owned(), Value::String(part.clone()));
            name.push(part);
        }
    }
    name.join("-")
}

impl Output {
    /// Brings events to their end; returns what was refused for good. An error means that they must be sent again.
    pub async fn deliver(
        &self,
        events: &[Event],
        stop: &CancellationToken,
    ) -> Result<Vec<Refused>, ClientError> {
        match &self.kind {
            Kind::Null => Ok(Vec::new()),
            Kind::Stdout(codec) => {
                stdout::write(&text_of(*codec, events), stop).await?;
                Ok(Vec::new())
            }
            Kind::Search(output) => {
                let actions = events.iter().map(|event| output.action(event)).collect();
                output.client.deliver(actions, stop).await
            }
        }
    }
}

fn text_of(codec: Print, events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        match codec {
            Print::Dots => text.push('.'),
            Print::Json => text.push_str(&format!("{}\n", Value::Object(event.to_document()))),
            Print::Message => text.push_str(&format!(
                "{}\n",
                event.fields.get("message").and_then(Value::as_str).unwrap_or_default()
            )),
            Print::RubyDebug { metadata } => text.push_str(&rubydebug::render(event, metadata)),
        }
    }
    text
}
