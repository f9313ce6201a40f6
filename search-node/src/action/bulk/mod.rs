//! The bulk request: one pass over its lines, one outcome per action, one sync for all.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use shard::{Condition, Shard, Written};

use super::document::{self, Target, WriteOptions, WriteResult};
use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// What a bulk request takes from its path and parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct BulkOptions {
    pub index: Option<String>,
    pub doc_type: Option<String>,
    pub routing: Option<String>,
    pub refresh: bool,
    /// Whether every action must name an alias, which the node refuses while it cannot know.
    pub require_alias: bool,
}

/// The outcome of a bulk request.
pub(crate) struct BulkAnswer {
    /// The items as JSON, joined by commas: a thousand items are written once and never built as a tree.
    pub(crate) items: Vec<u8>,
    pub(crate) errors: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Index,
    Create,
    Update,
    Delete,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Op::Index => "index",
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

struct Action<'a> {
    op: Op,
    target: Target,
    options: WriteOptions,
    require_alias: bool,
    source: &'a [u8],
}

/// The newest write of each shard, which is synced once all are done.
#[derive(Default)]
struct Newest {
    by_shard: HashMap<usize, (Arc<Shard>, Written, Arc<Index>)>,
}

/// Does every action. A line that cannot be read ends the request with an error before anything was done.
pub(crate) fn bulk(node: &Node, body: &[u8], options: &BulkOptions) -> Result<BulkAnswer, ApiError> {
    let actions = read(body, options)?;
    if actions.is_empty() {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no requests added;",
        ));
    }
    let mut newest = Newest::default();
    let mut outcomes = Vec::with_capacity(actions.len());
    for action in &actions {
        let outcome = act(node, action);
        if let Ok(result) = &outcome {
            newest.note(result);
        }
        outcomes.push(outcome);
    }
    let synced = newest.sync(options.refresh);
    let mut answer = BulkAnswer { items: Vec::with_capacity(actions.len() * 220), errors: false };
    for (action, outcome) in actions.iter().zip(outcomes) {
        // Nothing is acknowledged unless it is durable.
        let outcome = match &synced {
            Ok(()) => outcome,
            Err(error) => outcome.and(Err(error.clone())),
        };
        answer.push(node, action, outcome);
    }
    Ok(answer)
}

impl BulkAnswer {
    fn push(&mut self, node: &Node, action: &Action<'_>, outcome: Result<WriteResult, ApiError>) {
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        self.items.extend_from_slice(b"{\"");
        self.items.extend_from_slice(action.op.name().as_bytes());
        self.items.extend_from_slice(b"\":");
        match outcome {
            Ok(result) => {
                node.counters.documents_written.inc();
                write_json(&mut self.items, &result.shown(false));
            }
            Err(error) => {
                self.errors = true;
                node.counters.bulk_items_failed.inc();
                let target = &action.target;
                write_json(
                    &mut self.items,
                    &json!({
                        "_index": target.index, "_type": target.doc_type, "_id": target.id,
                        "status": error.status, "error": error.to_item()
                    }),
                );
            }
        }
        self.items.push(b'}');
    }
}

/// Writing plain values to memory cannot fail; should it all the same, the item is null rather than the answer broken.
fn write_json(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let before = bytes.len();
    if serde_json::to_writer(&mut *bytes, value).is_err() {
        bytes.truncate(before);
        bytes.extend_from_slice(b"null");
    }
}

impl Newest {
    fn note(&mut self, result: &WriteResult) {
        let Some(written) = result.written else { return };
        let Ok(shard) = result.index.shard_of_result(result) else { return };
        let key = Arc::as_ptr(&shard) as usize;
        let entry = self.by_shard.entry(key).or_insert_with(|| (shard, written, Arc::clone(&result.index)));
        if written.seq_no > entry.1.seq_no || !entry.1.is_logged() {
            entry.1 = written;
        }
    }

    fn sync(&self, refresh: bool) -> Result<(), ApiError> {
        for (shard, written, index) in self.by_shard.values() {
            if index.settings.durability_request {
                shard.sync(written)?;
            }
            if refresh {
                index.refresh()?;
            }
        }
        Ok(())
    }
}

fn act(node: &Node, action: &Action<'_>) -> Result<WriteResult, ApiError> {
    if action.require_alias {
        return Err(ApiError::new(
            404,
            "index_not_found_exception",
            format!(
                "no such index [{}] and [require_alias] request flag is [true] and [{}] is not an alias",
                action.target.index, action.target.index
            ),
        ));
    }
    match action.op {
        Op::Index | Op::Create => document::index(node, &action.target, action.source, action.options),
        Op::Delete => document::delete(node, &action.target, action.options),
        Op::Update => {
            let body: Value = serde_json::from_slice(action.source).map_err(|error| {
                ApiError::parsing(format!("the source of an update cannot be read: {error}"))
            })?;
            document::update(node, &action.target, &body, action.options)
        }
    }
}

fn read<'a>(body: &'a [u8], options: &BulkOptions) -> Result<Vec<Action<'a>>, ApiError> {
    if body.last().is_some_and(|last| *last != b'\n') {
        return Err(ApiError::argument("The bulk request must be terminated by a newline [\\n]"));
    }
    let mut lines = body.split(|byte| *byte == b'\n').enumerate();
    let mut actions = Vec::new();
    while let Some((at, line)) = lines.next() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let mut action = read_action(line, at + 1, options)?;
        if action.op != Op::Delete {
            let (_, source) = lines.next().ok_or_else(|| {
                ApiError::argument(format!("action on line [{}] has no source line after it", at + 1))
            })?;
            action.source = source;
        }
        actions.push(action);
    }
    Ok(actions)
}

fn read_action<'a>(line: &[u8], number: usize, options: &BulkOptions) -> Result<Action<'a>, ApiError> {
    let malformed =
        |reason: String| ApiError::argument(format!("Malformed action/metadata line [{number}], {reason}"));
    let value: Value =
        serde_json::from_slice(line).map_err(|error| malformed(format!("it is not JSON: {error}")))?;
    let object = value.as_object().ok_or_else(|| malformed("expected START_OBJECT".to_owned()))?;
    let mut entries = object.iter();
    let (Some((name, metadata)), None) = (entries.next(), entries.next()) else {
        return Err(malformed("expected one action and nothing else".to_owned()));
    };
    let op = match name.as_str() {
        "index" => Op::Index,
        "create" => Op::Create,
        "update" => Op::Update,
        "delete" => Op::Delete,
        other => {
            return Err(malformed(format!(
                "expected field [create], [delete], [index] or [update] but found [{other}]"
            )));
        }
    };
    let metadata =
        metadata.as_object().ok_or_else(|| malformed("expected an object after the action".to_owned()))?;
    let mut action = Action {
        op,
        target: Target {
            index: options.index.clone().unwrap_or_default(),
            doc_type: options.doc_type.clone().unwrap_or_else(|| "_doc".to_owned()),
            id: None,
            routing: options.routing.clone(),
        },
        options: WriteOptions { is_create: op == Op::Create, ..WriteOptions::default() },
        require_alias: options.require_alias,
        source: &[],
    };
    read_metadata(metadata, &mut action).map_err(malformed)?;
    if action.target.index.is_empty() {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: index is missing;",
        ));
    }
    if matches!(op, Op::Update | Op::Delete) && action.target.id.is_none() {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: id is missing;",
        ));
    }
    Ok(action)
}

fn read_metadata(metadata: &Map<String, Value>, action: &mut Action<'_>) -> Result<(), String> {
    let (mut seq_no, mut term, mut version, mut version_type) = (None, None, None, None);
    for (key, value) in metadata {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = || {
            value
                .as_u64()
                .or_else(|| value.as_str()?.parse().ok())
                .ok_or(format!("[{key}] must be a number, not [{value}]"))
        };
        match key.as_str() {
            "_index" => action.target.index = text(),
            "_type" => action.target.doc_type = text(),
            "_id" => action.target.id = (!value.is_null()).then(text),
            "routing" | "_routing" => action.target.routing = Some(text()),
            "if_seq_no" => seq_no = Some(number()?),
            "if_primary_term" => term = Some(number()?),
            "version" | "_version" => version = Some(number()?),
            "version_type" | "_version_type" => version_type = Some(text()),
            "retry_on_conflict" | "_retry_on_conflict" => action.options.retries = Some(number()? as usize),
            "op_type" if text() == "create" => action.options.is_create = true,
            "op_type" | "_source" | "dynamic_templates" | "list_executed_pipelines" => {}
            "require_alias" => action.require_alias = value == &json!(true),
            "pipeline" => {
                return Err(
                    "[pipeline] names an ingest pipeline, which this node does not have yet".to_owned()
                );
            }
            other => {
                return Err(format!("Action/metadata line contains an unknown parameter [{other}]"));
            }
        }
    }
    action.options.condition = condition(seq_no, term, version, version_type.as_deref())?;
    Ok(())
}

/// The condition that `if_seq_no`, `if_primary_term`, `version` and `version_type` stand for.
pub(crate) fn condition(
    seq_no: Option<u64>,
    term: Option<u64>,
    version: Option<u64>,
    version_type: Option<&str>,
) -> Result<Condition, String> {
    match (seq_no, term, version, version_type) {
        (None, None, None, None | Some("internal")) => Ok(Condition::None),
        (Some(seq_no), Some(term), None, _) => Ok(Condition::SeqNo { seq_no, term }),
        (None, None, Some(version), Some("external" | "external_gt")) => Ok(Condition::External { version, or_equal: false }),
        (None, None, Some(version), Some("external_gte")) => Ok(Condition::External { version, or_equal: true }),
        (Some(_), None, ..) | (None, Some(_), ..) => Err("if_seq_no and if_primary_term go together".to_owned()),
        (_, _, Some(_), None | Some("internal")) => {
            Err("internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead".to_owned())
        }
        _ => Err(format!("version type [{}] needs a version, or does not exist", version_type.unwrap_or("internal"))),
    }
}
