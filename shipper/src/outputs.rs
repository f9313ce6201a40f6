//! The outputs of a pipeline: search nodes, standard output, nothing.

use std::io::Write;
use std::time::Duration;

use daemon::CancellationToken;
use event::{Event, Value};
use processors::Template;
use search_client::{BulkAction, BulkOp, ClientError, ClientOptions, SearchClient};
use tracing::error;

use crate::condition::holds;
use crate::language::Fault;
use crate::language::ast::{Condition, Plugin, Stage};
use crate::options::{Options, Variables};

/// Where events go.
pub enum Output {
    /// A cluster of search nodes.
    Search(Box<SearchOutput>),
    /// Standard output, with this codec.
    Stdout(String),
    /// Nowhere.
    Null,
}

/// Which outputs an event takes; the numbers are places in the list of outputs.
pub enum Way {
    /// This output.
    To(usize),
    /// A choice.
    Branch(Vec<(Condition, Vec<Way>)>, Vec<Way>),
}

/// The output to search nodes.
pub struct SearchOutput {
    client: SearchClient,
    index: Option<Template>,
    data_stream: [Template; 3],
    op: Option<BulkOp>,
    document_id: Option<Template>,
    pipeline: Option<Template>,
}

/// Builds the outputs of a section, and the ways to them.
pub fn build(stages: &[Stage], variables: Variables<'_>, outputs: &mut Vec<Output>) -> Result<Vec<Way>, Fault> {
    let mut ways = Vec::new();
    for stage in stages {
        ways.push(match stage {
            Stage::Plugin(plugin) => {
                outputs.push(output(plugin, variables)?);
                Way::To(outputs.len() - 1)
            }
            Stage::Branch(branch) => {
                let mut arms = Vec::new();
                for (condition, stages) in &branch.arms {
                    arms.push((condition.clone(), build(stages, variables, outputs)?));
                }
                Way::Branch(arms, build(&branch.otherwise, variables, outputs)?)
            }
        });
    }
    Ok(ways)
}

/// Puts a copy of the event into the share of each output that it takes.
pub fn route(ways: &[Way], event: &Event, shares: &mut [Vec<Event>]) {
    for way in ways {
        match way {
            Way::To(at) => {
                if let Some(share) = shares.get_mut(*at) {
                    share.push(event.clone());
                }
            }
            Way::Branch(arms, otherwise) => {
                let arm = arms.iter().find(|(condition, _)| holds(condition, event)).map_or(otherwise, |(_, ways)| ways);
                route(arm, event, shares);
            }
        }
    }
}

fn output(plugin: &Plugin, variables: Variables<'_>) -> Result<Output, Fault> {
    let options = Options::new(plugin, variables);
    match options.name() {
        "elasticsearch" => Ok(Output::Search(Box::new(SearchOutput::new(&options)?))),
        "stdout" => Ok(Output::Stdout(options.codec("rubydebug")?)),
        _ => Ok(Output::Null),
    }
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
            Some(other) => return Err(options.fault("action", format!("`action` is `{other}`, but must be index or create"))),
        };
        let template = |option: &str| -> Result<Option<Template>, Fault> { Ok(options.text(option)?.map(|text| Template::new(&text))) };
        let part = |option: &str, field: &str, default: &str| -> Result<Template, Fault> {
            let _ = default;
            Ok(template(option)?.unwrap_or_else(|| Template::new(field)))
        };
        Ok(Self {
            client,
            index: if options.text("data_stream")?.as_deref() == Some("true") { None } else { template("index")? },
            data_stream: [
                part("data_stream_type", "%{[data_stream][type]}", "logs")?,
                part("data_stream_dataset", "%{[data_stream][dataset]}", "generic")?,
                part("data_stream_namespace", "%{[data_stream][namespace]}", "default")?,
            ],
            op,
            document_id: template("document_id")?,
            pipeline: template("pipeline")?,
        })
    }

    fn action(&self, event: &Event) -> BulkAction {
        let (index, op) = match &self.index {
            Some(index) => (index.render(event), BulkOp::Index),
            None => {
                let defaults = ["logs", "generic", "default"];
                let parts = self.data_stream.iter().zip(defaults).map(|(part, default)| if part.resolves(event) { part.render(event) } else { default.to_owned() });
                (parts.collect::<Vec<_>>().join("-"), BulkOp::Create)
            }
        };
        let resolved = |template: &Option<Template>| template.as_ref().filter(|template| template.resolves(event)).map(|template| template.render(event));
        BulkAction {
            op: self.op.unwrap_or(op),
            index,
            id: resolved(&self.document_id),
            pipeline: resolved(&self.pipeline),
            document: Value::Object(event.to_document()).to_string(),
        }
    }
}

impl Output {
    /// Brings events to their end; returns how many were refused for good. An error means that they must be sent again.
    pub async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Result<u64, ClientError> {
        match self {
            Self::Null => Ok(0),
            Self::Stdout(codec) => {
                print(codec, events);
                Ok(0)
            }
            Self::Search(output) => {
                let actions = events.iter().map(|event| output.action(event)).collect();
                let refused = output.client.deliver(actions, stop).await?;
                for (action, rejection) in &refused {
                    error!(index = action.index, id = action.id, status = rejection.status, kind = rejection.kind, reason = rejection.reason, "document refused");
                }
                Ok(refused.len() as u64)
            }
        }
    }
}

fn print(codec: &str, events: &[Event]) {
    let mut text = String::new();
    for event in events {
        let document = Value::Object(event.to_document());
        match codec {
            "dots" => text.push('.'),
            "json" | "json_lines" => text.push_str(&format!("{document}\n")),
            "plain" | "line" => text.push_str(&format!("{}\n", event.fields.get("message").and_then(Value::as_str).unwrap_or_default())),
            _ => text.push_str(&format!("{document:#}\n")),
        }
    }
    let mut out = std::io::stdout().lock();
    // A closed standard output is where the events were asked to go: there is nobody left to tell.
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
