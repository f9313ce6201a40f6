//! Updating one document: a partial one merged into it, a script run over it, or an `upsert` stored where there is none.

use std::sync::Arc;

use serde_json::{Map, Value};
use shard::{Condition, SourceFilter, StoredDocument, WriteRequest, Written, uid};

use super::search::read_source;
use super::target::{Target, typed};
use super::weight::Weight;
use super::write::{WriteOptions, WriteResult, check_demands, done};
use super::writes::Writes;
use crate::error::ApiError;
use crate::indices::Index;
use crate::memory::Memory;
use crate::node::Node;
use crate::script::{Context, Op, Script};

/// What memory is reserved for.
const WHAT: &str = "update";

/// The body of an update, and what its address adds.
pub(crate) struct UpdateRequest {
    doc: Option<Map<String, Value>>,
    script: Option<Script>,
    upsert: Option<Value>,
    doc_as_upsert: bool,
    scripted_upsert: bool,
    detect_noop: bool,
    /// Which parts of the new document the answer shall hold.
    pub source: Option<SourceFilter>,
    /// Tries beyond the first, when somebody else changes the document meanwhile.
    pub retries: usize,
    /// `if_seq_no` and `if_primary_term`, where the body has them.
    pub seq_no: Option<i64>,
    pub term: Option<i64>,
}

impl UpdateRequest {
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let object =
            body.as_object().ok_or_else(|| ApiError::parsing("the body of an update must be an object"))?;
        let mut request = Self {
            doc: None,
            script: None,
            upsert: None,
            doc_as_upsert: false,
            scripted_upsert: false,
            detect_noop: true,
            source: None,
            retries: 0,
            seq_no: None,
            term: None,
        };
        for (key, value) in object {
            request.member(key, value)?;
        }
        request.check()?;
        Ok(request)
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<(), ApiError> {
        let wrong = |expected: &str| {
            ApiError::malformed(format!(
                "[UpdateRequest] {key} doesn't support values of this type; it must be {expected}"
            ))
        };
        let flag = || match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => Err(wrong("true or false")),
        };
        match key {
            "doc" => self.doc = Some(value.as_object().cloned().ok_or_else(|| wrong("an object"))?),
            "upsert" if value.is_object() => self.upsert = Some(value.clone()),
            "upsert" => return Err(wrong("an object")),
            "script" => self.script = Some(Script::read(value)?),
            "doc_as_upsert" => self.doc_as_upsert = flag()?,
            "scripted_upsert" => self.scripted_upsert = flag()?,
            "detect_noop" => self.detect_noop = flag()?,
            "_source" => self.source = Some(read_source(value)?),
            "if_seq_no" => self.seq_no = Some(value.as_i64().ok_or_else(|| wrong("a number"))?),
            "if_primary_term" => self.term = Some(value.as_i64().ok_or_else(|| wrong("a number"))?),
            other => {
                return Err(ApiError::malformed(format!("[UpdateRequest] unknown field [{other}]")));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ApiError> {
        let mut faults = Vec::new();
        if self.doc.is_none() && self.script.is_none() {
            if self.doc_as_upsert {
                faults.push("doc must be specified if doc_as_upsert is enabled".to_owned());
            }
            faults.push("script or doc is missing".to_owned());
        }
        if self.doc.is_some() && self.script.is_some() {
            faults.push("can't provide both script and doc".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(ApiError::validations(&faults)) }
    }

    fn check_condition(&self, condition: Condition) -> Result<(), ApiError> {
        let mut faults = Vec::new();
        if condition != Condition::None {
            if self.retries > 0 {
                faults.push("compare and write operations can not be retried".to_owned());
            }
            if self.doc_as_upsert {
                faults.push("compare and write operations can not be used with upsert".to_owned());
            }
            if self.upsert.is_some() {
                faults.push("upsert requests don't support `if_seq_no` and `if_primary_term`".to_owned());
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(ApiError::validations(&faults)) }
    }
}

/// Changes a document, or stores the `upsert`. That is not durable until `writes` are synced.
pub(crate) fn update(
    node: &Node,
    writes: &mut Writes,
    target: &Target,
    request: &UpdateRequest,
    options: &WriteOptions,
) -> Result<WriteResult, ApiError> {
    request.check_condition(options.condition)?;
    check_demands(node, target, options)?;
    let mut turn = 0;
    loop {
        match update_once(node, writes, target, request, options) {
            Err(error) if error.status == 409 && turn < request.retries => turn += 1,
            outcome => return outcome,
        }
    }
}

/// What an update leads to.
enum Change {
    Store { source: Value, condition: Condition, existed: bool },
    Delete(Condition),
    Nothing(Value),
}

fn update_once(
    node: &Node,
    writes: &mut Writes,
    target: &Target,
    request: &UpdateRequest,
    options: &WriteOptions,
) -> Result<WriteResult, ApiError> {
    let id = target.required_id()?;
    let now_millis = writes.now_millis;
    let run = writes.run_for(node, &target.index, false)?;
    // Also an update that would change nothing is refused, so that whether it is does not depend on the document.
    run.index().check_room()?;
    if !options.is_resolved {
        node.indices.check_direct(&target.index, run.index(), false, options.condition)?;
    }
    let target = &*target.routed(node, run.index())?;
    target.check_routing(run.index(), id)?;
    let uid = uid(&target.doc_type, id);
    let place = run.place(id, target.routing.as_deref())?;
    let current = place.shard.get(&uid)?;
    // It may be much larger than what the request says of it.
    let _reserved = match current.as_ref().and_then(|stored| Weight::of_heavy(&stored.source)) {
        Some(weight) => Some(node.memory.reserve_now(weight.to_change(), WHAT)?),
        None => None,
    };
    // A document keeps the routing that it was stored with.
    let target = &Target {
        routing: target.routing.clone().or_else(|| current.as_ref()?.routing.clone()),
        ..target.clone()
    };
    let change = match &current {
        Some(stored) => {
            changed((&place.index, &node.memory), target, id, stored, request, options, now_millis)
        }
        None => inserted((&place.index, &node.memory), target, id, request, now_millis),
    };
    if !matches!(change, Ok(Change::Store { .. } | Change::Delete(_))) {
        // It is told how the document is, and nothing is written.
        run.tell(&uid, id, target.routing.as_deref())?;
    }
    let change = change?;
    let mut write = WriteRequest {
        uid: &uid,
        doc_type: typed(&target.doc_type),
        id,
        routing: target.routing.as_deref(),
        source: None,
        condition: Condition::None,
        is_new_id: false,
        now_millis,
    };
    match change {
        Change::Nothing(source) => {
            place.shard.note_noop();
            let written =
                current.map(|stored| Written::unchanged(stored.seq_no, stored.term, stored.version));
            let mut result = WriteResult {
                place,
                id: id.to_owned(),
                doc_type: Arc::clone(&target.doc_type),
                written,
                result: "noop",
                status: 200,
                routing: target.routing.clone(),
                get: None,
            };
            keep(&mut result, request, source.to_string().as_bytes());
            Ok(result)
        }
        Change::Delete(condition) => {
            write.condition = condition;
            let (written, place) = run.write(&write)?;
            Ok(done(place, target, id.to_owned(), written, "deleted", 200))
        }
        Change::Store { source, condition, existed } => {
            let bytes = source.to_string().into_bytes();
            write.source = Some(&bytes);
            write.condition = condition;
            let (written, place) = run.write(&write)?;
            let (word, status) = if existed { ("updated", 200) } else { ("created", 201) };
            let mut result = done(place, target, id.to_owned(), written, word, status);
            keep(&mut result, request, &bytes);
            Ok(result)
        }
    }
}

fn keep(result: &mut WriteResult, request: &UpdateRequest, source: &[u8]) {
    if let Some(filter) = &request.source {
        result.keep_source(source, filter);
    }
}

/// What becomes of a document that is there.
fn changed(
    (index, memory): (&Index, &Memory),
    target: &Target,
    id: &str,
    stored: &StoredDocument,
    request: &UpdateRequest,
    options: &WriteOptions,
    now_millis: i64,
) -> Result<Change, ApiError> {
    let before: Value = serde_json::from_slice(&stored.source)
        .map_err(|error| ApiError::internal(format!("the source of [{id}] cannot be read: {error}")))?;
    let unchanged = Condition::SeqNo { seq_no: stored.seq_no, term: stored.term };
    if options.condition != Condition::None && options.condition != unchanged {
        return Err(index.name_in(unmet(id, stored, options.condition), id, target.routing.as_deref()));
    }
    if let Some(script) = &request.script {
        let mut context = Context::of(&index.name, &target.doc_type, id, before, now_millis);
        context.version = Some(stored.version);
        context.routing = stored.routing.clone();
        script.run(&mut context, index.settings().query.script, memory)?;
        return Ok(match context.op {
            Op::Index => Change::Store { source: context.source, condition: unchanged, existed: true },
            Op::Delete => Change::Delete(unchanged),
            Op::None => Change::Nothing(context.source),
        });
    }
    let mut after = before.clone();
    if let Some(doc) = &request.doc {
        merge(&mut after, doc);
    }
    if request.detect_noop && after == before {
        return Ok(Change::Nothing(after));
    }
    Ok(Change::Store { source: after, condition: unchanged, existed: true })
}

fn unmet(id: &str, stored: &StoredDocument, condition: Condition) -> ApiError {
    let wanted = match condition {
        Condition::SeqNo { seq_no, term } => format!("required seqNo [{seq_no}], primary term [{term}]"),
        other => format!("required {other:?}"),
    };
    let (seq_no, term) = (stored.seq_no, stored.term);
    ApiError::new(
        409,
        "version_conflict_engine_exception",
        format!(
            "[{id}]: version conflict, {wanted}. current document has seqNo [{seq_no}] and primary term [{term}]"
        ),
    )
}

/// What is stored where no document is.
fn inserted(
    (index, memory): (&Arc<Index>, &Memory),
    target: &Target,
    id: &str,
    request: &UpdateRequest,
    now_millis: i64,
) -> Result<Change, ApiError> {
    let missing = || {
        let error = ApiError::new(
            404,
            "document_missing_exception",
            format!("[{}][{id}]: document missing", target.doc_type),
        );
        index.name_in(error, id, target.routing.as_deref())
    };
    if request.doc_as_upsert
        && let Some(doc) = &request.doc
    {
        let source = Value::Object(doc.clone());
        return Ok(Change::Store { source, condition: Condition::Absent, existed: false });
    }
    let upsert = request.upsert.clone().ok_or_else(missing)?;
    let Some(script) = request.script.as_ref().filter(|_| request.scripted_upsert) else {
        return Ok(Change::Store { source: upsert, condition: Condition::Absent, existed: false });
    };
    let mut context = Context::of(&index.name, &target.doc_type, id, upsert, now_millis);
    context.is_new = true;
    script.run(&mut context, index.settings().query.script, memory)?;
    Ok(match context.op {
        Op::Index => Change::Store { source: context.source, condition: Condition::Absent, existed: false },
        // There is nothing to delete and nothing to leave as it is.
        Op::Delete | Op::None => Change::Nothing(context.source),
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_and_the_rest_is_replaced() {
        let mut document = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        let doc = json!({"a": {"c": [3], "e": null}, "d": {"f": 1}});

        merge(&mut document, doc.as_object().expect("an object"));

        assert_eq!(document, json!({"a": {"b": 1, "c": [3], "e": null}, "d": {"f": 1}}));
    }

    #[test]
    fn bodies_that_no_update_has_are_refused() {
        for (body, reason) in [
            (json!([]), "must be an object"),
            (json!({}), "script or doc is missing"),
            (json!({"doc": 1}), "[UpdateRequest] doc doesn't support values of this type"),
            (json!({"doc": {}, "color": 1}), "[UpdateRequest] unknown field [color]"),
            (json!({"doc": {}, "script": "ctx.op = 'none'"}), "can't provide both script and doc"),
            (json!({"doc": {}, "detect_noop": "maybe"}), "it must be true or false"),
        ] {
            let error = UpdateRequest::read(&body).err().expect("refused");
            assert!(error.status == 400 && error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
