//! The bulk request: actions out, one outcome per action back.

use serde_json::{Map, Value, json};

/// What a bulk action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkOp {
    /// Stores, replacing a document of the same id.
    Index,
    /// Stores only if the id is new; data streams take nothing else.
    Create,
}

/// One action of a bulk request.
#[derive(Debug, Clone)]
pub struct BulkAction {
    /// What to do.
    pub op: BulkOp,
    /// The index or data stream.
    pub index: String,
    /// The document's id; the node makes one if there is none.
    pub id: Option<String>,
    /// The ingest pipeline, if not the index's own.
    pub pipeline: Option<String>,
    /// The document as JSON on one line.
    pub document: String,
}

/// The fate of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// Stored.
    Stored,
    /// A `create` found its id taken: an earlier try had stored it.
    Duplicate,
    /// The node asks to send it again later.
    Again {
        /// The HTTP status of the item.
        status: u16,
        /// The reason.
        reason: String,
    },
    /// The node will never take it as it is.
    Refused(Rejection),
}

/// Why an item can never be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status of the item.
    pub status: u16,
    /// The error's type, e.g. `mapper_parsing_exception`.
    pub kind: String,
    /// The reason.
    pub reason: String,
}

/// The request's body: an action line and a source line for each action.
pub(crate) fn body(actions: &[BulkAction]) -> Vec<u8> {
    let size = actions.iter().map(|action| action.document.len() + 160).sum();
    let mut body = Vec::with_capacity(size);
    for action in actions {
        let op = match action.op {
            BulkOp::Index => "index",
            BulkOp::Create => "create",
        };
        let mut head = Map::new();
        head.insert("_index".to_owned(), json!(action.index));
        if let Some(id) = &action.id {
            head.insert("_id".to_owned(), json!(id));
        }
        if let Some(pipeline) = &action.pipeline {
            head.insert("pipeline".to_owned(), json!(pipeline));
        }
        body.extend_from_slice(json!({ op: head }).to_string().as_bytes());
        body.push(b'\n');
        body.extend_from_slice(action.document.as_bytes());
        body.push(b'\n');
    }
    body
}

/// Reads the answer's items; none if it is not a bulk answer or counts differently.
pub(crate) fn outcomes(answer: &Value, expected: usize) -> Option<Vec<ItemOutcome>> {
    let items = answer.get("items")?.as_array()?;
    if items.len() != expected {
        return None;
    }
    items.iter().map(outcome).collect()
}

fn outcome(item: &Value) -> Option<ItemOutcome> {
    let (op, result) = item.as_object()?.iter().next()?;
    let status = u16::try_from(result.get("status")?.as_u64()?).ok()?;
    let error = |member: &str| {
        result.get("error").and_then(|e| e.get(member)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Some(match status {
        200..=299 => ItemOutcome::Stored,
        409 if op == "create" => ItemOutcome::Duplicate,
        429 | 500..=599 => ItemOutcome::Again { status, reason: error("reason") },
        _ => ItemOutcome::Refused(Rejection { status, kind: error("type"), reason: error("reason") }),
    })
}
