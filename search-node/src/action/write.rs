//! One document: index, create, update, delete, get.

use serde::Serialize;
use serde_json::{Map, Value, json};
use shard::{Condition, SourceFilter, StoredDocument, WriteRequest, Written, filter_source, uid, uid_parts};

use crate::error::ApiError;
use crate::indices::{Index, new_id};
use crate::node::Node;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 512;
/// Tries of an update whose document others change meanwhile, beyond `retry_on_conflict`.
const DEFAULT_RETRIES: usize = 0;

/// Which document.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub index: String,
    pub doc_type: String,
    pub id: Option<String>,
    pub routing: Option<String>,
}

/// What must hold and what is wanted of a write.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WriteOptions {
    pub condition: Condition,
    pub is_create: bool,
    pub retries: Option<usize>,
}

/// What a write did, for the answer.
pub struct WriteResult {
    pub index: std::sync::Arc<Index>,
    pub id: String,
    pub doc_type: String,
    pub written: Option<Written>,
    pub result: &'static str,
    pub status: u16,
    /// The document after an update, where it was asked for.
    pub source: Option<Value>,
    pub routing: Option<String>,
}

/// A write's result as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ShownResult<'a> {
    #[serde(rename = "_index")]
    index: &'a str,
    #[serde(rename = "_type")]
    doc_type: &'a str,
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_version", skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    forced_refresh: Option<bool>,
    #[serde(rename = "_shards")]
    shards: ShownShards,
    #[serde(rename = "_seq_no", skip_serializing_if = "Option::is_none")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term", skip_serializing_if = "Option::is_none")]
    primary_term: Option<u64>,
    status: u16,
}

#[derive(Debug, Serialize)]
struct ShownShards {
    total: u32,
    successful: u32,
    failed: u32,
}

impl WriteResult {
    /// The result as the API shows it; `forced` tells that a refresh was done for it.
    pub(crate) fn shown(&self, forced: bool) -> ShownResult<'_> {
        let shards = u32::from(self.result != "noop");
        ShownResult {
            index: &self.index.name,
            doc_type: &self.doc_type,
            id: &self.id,
            version: self.written.map(|written| written.version),
            result: self.result,
            forced_refresh: forced.then_some(true),
            shards: ShownShards { total: shards, successful: shards, failed: 0 },
            seq_no: self.written.map(|written| written.seq_no),
            primary_term: self.written.map(|written| written.term),
            status: self.status,
        }
    }

    /// Makes the write durable, unless its index does so by the clock.
    pub fn sync(&self) -> Result<(), ApiError> {
        match &self.written {
            Some(written) if self.index.settings.durability_request => {
                Ok(self.index.shard_of_result(self)?.sync(written)?)
            }
            _ => Ok(()),
        }
    }
}

/// Stores a document. It is not durable until the index's shard is synced.
pub(crate) fn index(
    node: &Node,
    target: &Target,
    source: &[u8],
    options: WriteOptions,
) -> Result<WriteResult, ApiError> {
    let is_new_id = target.id.is_none();
    let index = node.indices.for_write(&target.index, options.is_create || is_new_id)?;
    let now = node.clock.now_millis();
    let id = target.id.clone().unwrap_or_else(|| new_id(now));
    check_id(&id)?;
    let condition = if options.is_create && options.condition == Condition::None {
        Condition::Absent
    } else {
        options.condition
    };
    let uid = uid(&target.doc_type, &id);
    let written = index.write(&WriteRequest {
        uid: &uid,
        doc_type: typed(&target.doc_type),
        id: &id,
        routing: target.routing.as_deref(),
        source: Some(source),
        condition,
        is_new_id,
        now_millis: now,
    })?;
    let (result, status) = if written.existed { ("updated", 200) } else { ("created", 201) };
    Ok(WriteResult {
        index,
        id,
        doc_type: target.doc_type.clone(),
        written: Some(written),
        result,
        status,
        source: None,
        routing: target.routing.clone(),
    })
}

/// Deletes a document.
pub(crate) fn delete(node: &Node, target: &Target, options: WriteOptions) -> Result<WriteResult, ApiError> {
    let id = required_id(target)?;
    let index = existing(node, target)?;
    let uid = uid(&target.doc_type, id);
    let written = index.write(&WriteRequest {
        uid: &uid,
        doc_type: typed(&target.doc_type),
        id,
        routing: target.routing.as_deref(),
        source: None,
        condition: options.condition,
        is_new_id: false,
        now_millis: node.clock.now_millis(),
    })?;
    let (result, status) = if written.existed { ("deleted", 200) } else { ("not_found", 404) };
    Ok(WriteResult {
        index,
        id: id.to_owned(),
        doc_type: target.doc_type.clone(),
        written: Some(written),
        result,
        status,
        source: None,
        routing: target.routing.clone(),
    })
}

/// Changes a document by a partial one, or stores the `upsert`.
pub(crate) fn update(
    node: &Node,
    target: &Target,
    body: &Value,
    options: WriteOptions,
) -> Result<WriteResult, ApiError> {
    let request = UpdateRequest::read(body)?;
    let retries = options.retries.unwrap_or(DEFAULT_RETRIES);
    for turn in 0..=retries {
        match update_once(node, target, &request, options) {
            Err(error) if error.status == 409 && turn < retries => {}
            outcome => return outcome,
        }
    }
    Err(ApiError::internal("an update ended without an outcome"))
}

/// The body of an update.
struct UpdateRequest {
    doc: Option<Map<String, Value>>,
    upsert: Option<Value>,
    doc_as_upsert: bool,
    detect_noop: bool,
}

impl UpdateRequest {
    fn read(body: &Value) -> Result<Self, ApiError> {
        let object =
            body.as_object().ok_or_else(|| ApiError::parsing("the body of an update must be an object"))?;
        let mut request = Self { doc: None, upsert: None, doc_as_upsert: false, detect_noop: true };
        for (key, value) in object {
            match key.as_str() {
                "doc" => {
                    request.doc = Some(
                        value
                            .as_object()
                            .cloned()
                            .ok_or_else(|| ApiError::parsing("[doc] must be an object"))?,
                    )
                }
                "upsert" => request.upsert = Some(value.clone()),
                "doc_as_upsert" => request.doc_as_upsert = value == &json!(true),
                "detect_noop" => request.detect_noop = value != &json!(false),
                "_source" | "if_seq_no" | "if_primary_term" => {}
                "script" => {
                    return Err(ApiError::argument("[script] is not supported by updates yet; send [doc]"));
                }
                other => {
                    return Err(ApiError::new(
                        400,
                        "x_content_parse_exception",
                        format!("[UpdateRequest] unknown field [{other}]"),
                    ));
                }
            }
        }
        if request.doc.is_none() && request.upsert.is_none() {
            return Err(ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: script or doc is missing;",
            ));
        }
        Ok(request)
    }
}

fn update_once(
    node: &Node,
    target: &Target,
    request: &UpdateRequest,
    options: WriteOptions,
) -> Result<WriteResult, ApiError> {
    let id = required_id(target)?;
    let index = node.indices.for_write(&target.index, false)?;
    let uid = uid(&target.doc_type, id);
    let current = index.shard(id, target.routing.as_deref())?.get(&uid)?;
    let (source, condition, existed) = match &current {
        Some(stored) => {
            let before: Value = serde_json::from_slice(&stored.source).unwrap_or_default();
            let mut after = before.clone();
            if let Some(doc) = &request.doc {
                merge(&mut after, doc);
            }
            let unmet = matches!(options.condition, Condition::SeqNo { seq_no, term } if seq_no != stored.seq_no || term != stored.term);
            if request.detect_noop && after == before && !unmet {
                return Ok(noop(index, target, id, stored, after));
            }
            let unchanged = Condition::SeqNo { seq_no: stored.seq_no, term: stored.term };
            let condition = if options.condition == Condition::None { unchanged } else { options.condition };
            (after, condition, true)
        }
        None => {
            let doc = request.doc.clone().map(Value::Object);
            let source = request.upsert.clone().or(doc.filter(|_| request.doc_as_upsert));
            let source = source.ok_or_else(|| {
                ApiError::new(
                    404,
                    "document_missing_exception",
                    format!("[{}][{id}]: document missing", target.doc_type),
                )
                .with("index", index.name.as_str())
            })?;
            (source, Condition::Absent, false)
        }
    };
    let bytes = source.to_string().into_bytes();
    let written = index.write(&WriteRequest {
        uid: &uid,
        doc_type: typed(&target.doc_type),
        id,
        routing: target.routing.as_deref(),
        source: Some(&bytes),
        condition,
        is_new_id: false,
        now_millis: node.clock.now_millis(),
    })?;
    let (result, status) = if existed { ("updated", 200) } else { ("created", 201) };
    Ok(WriteResult {
        index,
        id: id.to_owned(),
        doc_type: target.doc_type.clone(),
        written: Some(written),
        result,
        status,
        source: Some(source),
        routing: target.routing.clone(),
    })
}

fn noop(
    index: std::sync::Arc<Index>,
    target: &Target,
    id: &str,
    stored: &StoredDocument,
    source: Value,
) -> WriteResult {
    let written = Written::unchanged(stored.seq_no, stored.term, stored.version);
    WriteResult {
        index,
        id: id.to_owned(),
        doc_type: target.doc_type.clone(),
        written: Some(written),
        result: "noop",
        status: 200,
        source: Some(source),
        routing: target.routing.clone(),
    }
}

/// Objects merge, anything else is replaced.
fn merge(target: &mut Value, doc: &Map<String, Value>) {
    let Value::Object(members) = target else {
        *target = Value::Object(doc.clone());
        return;
    };
    for (key, value) in doc {
        match (members.get_mut(key), value) {
            (Some(known @ Value::Object(_)), Value::Object(inner)) => merge(known, inner),
            _ => {
                members.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Reads a document as the newest write left it, or as a search sees it.
pub(crate) fn get(
    node: &Node,
    target: &Target,
    realtime: bool,
) -> Result<(std::sync::Arc<Index>, Option<StoredDocument>), ApiError> {
    let id = required_id(target)?;
    let index = existing(node, target)?;
    let shard = index.shard(id, target.routing.as_deref())?;
    let uid = uid(&target.doc_type, id);
    let found = if realtime { shard.get(&uid)? } else { shard.get_visible(&uid)? };
    Ok((index, found))
}

/// A document as GET shows it.
pub(crate) fn show(index: &str, stored: &StoredDocument, filter: &SourceFilter) -> Value {
    let (doc_type, id) = uid_parts(&stored.uid);
    let mut body = Map::new();
    body.insert("_index".to_owned(), json!(index));
    body.insert("_type".to_owned(), json!(doc_type));
    body.insert("_id".to_owned(), json!(id));
    body.insert("_version".to_owned(), json!(stored.version));
    body.insert("_seq_no".to_owned(), json!(stored.seq_no));
    body.insert("_primary_term".to_owned(), json!(stored.term));
    if let Some(routing) = &stored.routing {
        body.insert("_routing".to_owned(), json!(routing));
    }
    body.insert("found".to_owned(), json!(true));
    if let Some(source) = shown_source(&stored.source, filter) {
        body.insert("_source".to_owned(), source);
    }
    Value::Object(body)
}

/// `_source` as a filter leaves it.
pub(crate) fn shown_source(source: &[u8], filter: &SourceFilter) -> Option<Value> {
    let parsed = || serde_json::from_slice::<Value>(source).unwrap_or_default();
    match filter {
        SourceFilter::None => None,
        SourceFilter::All => Some(parsed()),
        SourceFilter::Fields { includes, excludes } => Some(filter_source(&parsed(), includes, excludes)),
    }
}

fn existing(node: &Node, target: &Target) -> Result<std::sync::Arc<Index>, ApiError> {
    let found = node.indices.resolve(&target.index, Default::default())?;
    match found.as_slice() {
        [only] => Ok(std::sync::Arc::clone(only)),
        [] => Err(ApiError::no_index(&target.index)),
        several => Err(ApiError::argument(format!(
            "alias [{}] has more than one index associated with it [{}], can't execute a single index op",
            target.index,
            several.iter().map(|index| index.name.as_str()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn required_id(target: &Target) -> Result<&str, ApiError> {
    let id = target.id.as_deref().ok_or_else(|| ApiError::argument("an id is missing"))?;
    check_id(id)?;
    Ok(id)
}

fn check_id(id: &str) -> Result<(), ApiError> {
    let validation = |reason: String| {
        ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {reason};"))
    };
    if id.is_empty() {
        return Err(ApiError::argument("if _id is specified it must not be empty"));
    }
    if id.contains('\0') {
        return Err(validation(format!("id [{}] must not contain a zero byte", id.escape_default())));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(validation(format!(
            "id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}",
            id.len()
        )));
    }
    Ok(())
}

/// `_doc` is the type of typeless calls and is not written down.
fn typed(doc_type: &str) -> Option<&str> {
    Some(doc_type).filter(|doc_type| *doc_type != "_doc")
}
