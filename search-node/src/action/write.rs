//! Writing one document: index, create, delete. What was done is durable once it was synced.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use shard::{Condition, SourceFilter, WriteRequest, Written, uid};

use super::get::shown_source;
use super::target::{Target, check_id, typed};
use super::writes::Writes;
use crate::error::ApiError;
use crate::indices::Place;
use crate::json::with_whole_letters;
use crate::node::Node;
use crate::replication::Acknowledged;

/// What must hold and what is wanted of a write.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    pub condition: Condition,
    pub is_create: bool,
    /// Whether the id was made for this write, on whichever node.
    pub is_new_id: bool,
    pub require_alias: bool,
    /// Whether its index is named as it is already, whatever the request said.
    pub is_resolved: bool,
    /// The ingest pipeline that the document shall go through first.
    pub pipeline: Option<String>,
}

/// What a write did, for the answer.
pub(crate) struct WriteResult {
    pub place: Arc<Place>,
    pub id: String,
    pub doc_type: Arc<str>,
    pub written: Option<Written>,
    pub result: &'static str,
    pub status: u16,
    pub routing: Option<String>,
    /// The document after an update, where it was asked for.
    pub get: Option<Value>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    get: Option<&'a Value>,
    /// Items of a bulk answer have a status of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

#[derive(Debug, Serialize)]
struct ShownShards {
    total: u32,
    successful: u32,
    failed: u32,
}

impl WriteResult {
    /// The result as the API shows it; `forced` tells that a refresh was done for it.
    pub(crate) fn shown(&self, forced: bool, is_item: bool) -> ShownResult<'_> {
        let shards = self.shards();
        ShownResult {
            index: &self.place.index.name,
            doc_type: &self.doc_type,
            id: &self.id,
            version: self.written.map(|written| written.version),
            result: self.result,
            forced_refresh: forced.then_some(true),
            shards,
            seq_no: self.written.map(|written| written.seq_no),
            primary_term: self.written.map(|written| written.term),
            get: self.get.as_ref(),
            status: is_item.then_some(self.status),
        }
    }

    /// Appends the result to a bulk answer, as [`Self::shown`] has it. The usual one is put together from its parts: there are
    /// thousands of them, and the names of the members are the same in all.
    pub(crate) fn append_item(&self, forced: bool, items: &mut Vec<u8>) {
        let Some(written) = self.written.filter(|_| self.get.is_none() && self.result != "noop") else {
            return append_json(items, &self.shown(forced, true));
        };
        let mut part = |before: &[u8], value: &dyn Fn(&mut Vec<u8>)| {
            items.extend_from_slice(before);
            value(items);
        };
        part(b"{\"_index\":", &|items| append_json(items, &self.place.index.name));
        part(b",\"_type\":", &|items| append_json(items, &*self.doc_type));
        part(b",\"_id\":", &|items| append_json(items, &self.id));
        part(b",\"_version\":", &|items| append_json(items, &written.version));
        part(b",\"result\":", &|items| append_json(items, &self.result));
        part(if forced { b",\"forced_refresh\":true" } else { b"" }, &|_| {});
        part(b",\"_shards\":", &|items| append_json(items, &self.shards()));
        part(b",\"_seq_no\":", &|items| append_json(items, &written.seq_no));
        part(b",\"_primary_term\":", &|items| append_json(items, &written.term));
        part(b",\"status\":", &|items| append_json(items, &self.status));
        part(b"}", &|_| {});
    }

    /// Whether there was nothing to do.
    pub(crate) fn is_noop(&self) -> bool {
        self.result == "noop"
    }

    /// How many copies have it; what did nothing is on none.
    fn shards(&self) -> ShownShards {
        let Acknowledged { total, successful } = match self.result {
            "noop" => Acknowledged { total: 0, successful: 0 },
            _ => self.place.acknowledged(),
        };
        ShownShards { total, successful, failed: 0 }
    }

    /// Keeps the document for the answer, as the filter leaves it.
    pub(super) fn keep_source(&mut self, source: &[u8], filter: &SourceFilter) {
        let Some(shown) = shown_source(source, filter) else { return };
        let mut get = Map::new();
        if let Some(written) = self.written {
            get.insert("_seq_no".to_owned(), json!(written.seq_no));
            get.insert("_primary_term".to_owned(), json!(written.term));
        }
        get.insert("found".to_owned(), json!(true));
        if let Some(routing) = &self.routing {
            get.insert("_routing".to_owned(), json!(routing));
        }
        get.insert("_source".to_owned(), shown);
        self.get = Some(Value::Object(get));
    }
}

/// Appends a value as JSON. Writing plain values to memory cannot fail; should it all the same, it is null rather than the
/// answer broken.
pub(super) fn append_json(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let before = bytes.len();
    if serde_json::to_writer(&mut *bytes, value).is_err() {
        bytes.truncate(before);
        bytes.extend_from_slice(b"null");
    }
}

/// Stores a document. It is not durable until `writes` are synced.
pub(crate) fn index(
    node: &Node,
    writes: &mut Writes,
    target: &Target,
    source: &[u8],
    options: &WriteOptions,
) -> Result<WriteResult, ApiError> {
    check_demands(node, target, options)?;
    let is_new_id = options.is_new_id || target.id.is_none();
    let now = writes.now_millis;
    let id = target.id.clone().unwrap_or_else(|| writes.ids.id());
    let is_create = options.is_create;
    let run = writes.run_for(node, &target.index, is_create)?;
    check_id(&id)?;
    if !options.is_resolved {
        node.indices.check_direct(&target.index, run.index(), is_create, options.condition)?;
        node.indices.check_stream_routing(&target.index, target.routing.as_deref())?;
    }
    let target = &*target.routed(node, run.index())?;
    target.check_routing(run.index(), &id)?;
    let request = WriteRequest {
        uid: &uid(&target.doc_type, &id),
        doc_type: typed(&target.doc_type),
        id: &id,
        routing: target.routing.as_deref(),
        source: Some(source),
        condition: options.condition,
        is_new_id,
        now_millis: now,
    };
    let (written, place) = match run.write(&request) {
        Err(error) => match whole_letters(source, &error) {
            Some(mended) => run.write(&WriteRequest { source: Some(&mended), ..request })?,
            None => return Err(error),
        },
        done => done?,
    };
    let (result, status) = if written.existed { ("updated", 200) } else { ("created", 201) };
    Ok(done(place, target, id, written, result, status))
}

/// The document without halves of letters, if they are what it was refused for.
fn whole_letters(source: &[u8], error: &ApiError) -> Option<Vec<u8>> {
    let (kind, reason) = error.cause.as_ref()?;
    if kind == "json_parse_exception" { with_whole_letters(source, reason) } else { None }
}

/// Deletes a document. That is not durable until `writes` are synced.
pub(crate) fn delete(
    node: &Node,
    writes: &mut Writes,
    target: &Target,
    options: &WriteOptions,
) -> Result<WriteResult, ApiError> {
    let id = target.required_id()?.to_owned();
    let now_millis = writes.now_millis;
    // The tombstone of a version that the client keeps must have a place, even where no index is yet.
    let run = match target.index_to_delete(node) {
        Err(error) if error.status == 404 && matches!(options.condition, Condition::External { .. }) => {
            writes.run_for(node, &target.index, false)?
        }
        found => writes.run_of(&found?),
    };
    let target = &*target.routed(node, run.index())?;
    target.check_routing(run.index(), &id)?;
    let request = WriteRequest {
        uid: &uid(&target.doc_type, &id),
        doc_type: typed(&target.doc_type),
        id: &id,
        routing: target.routing.as_deref(),
        source: None,
        condition: options.condition,
        is_new_id: false,
        now_millis,
    };
    let (written, place) = run.write(&request)?;
    let (result, status) = if written.existed { ("deleted", 200) } else { ("not_found", 404) };
    Ok(done(place, target, id, written, result, status))
}

pub(super) fn done(
    place: Arc<Place>,
    target: &Target,
    id: String,
    written: Written,
    result: &'static str,
    status: u16,
) -> WriteResult {
    WriteResult {
        place,
        id,
        doc_type: Arc::clone(&target.doc_type),
        written: Some(written),
        result,
        status,
        routing: target.routing.clone(),
        get: None,
    }
}

/// What a write demands beside the document: an alias, a pipeline.
pub(super) fn check_demands(node: &Node, target: &Target, options: &WriteOptions) -> Result<(), ApiError> {
    if options.require_alias && !node.indices.is_alias(&target.index) {
        let name = &target.index;
        let mut error = ApiError::no_index(name);
        error.reason = format!(
            "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
        );
        return Err(error);
    }
    match options.pipeline.as_deref() {
        None | Some("_none") => Ok(()),
        Some(name) => Err(ApiError::argument(format!("pipeline with id [{name}] does not exist"))),
    }
}

#[cfg(test)]
mod tests {
    use shard::HostDisk;

    use super::*;
    use crate::indices::{AutoCreate, IndexRun, Indices, resources};

    /// The item that is put together and the one that a serializer writes are the same, letter by letter.
    #[test]
    fn an_item_is_what_the_result_shows() {
        let folder = tempfile::tempdir().expect("a folder");
        let indices =
            Indices::open(folder.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
        let index = indices.create("logs", &Value::Null).expect("made");
        for (id, doc_type) in [("a", "_doc"), ("\"\u{1}é", "a \\type")] {
            let mut run = IndexRun::new(Arc::clone(&index));
            let request = WriteRequest {
                uid: id,
                doc_type: None,
                id,
                routing: None,
                source: Some(b"{}"),
                condition: Condition::None,
                is_new_id: false,
                now_millis: 0,
            };
            let (written, place) = run.write(&request).expect("written");
            let target = Target { doc_type: doc_type.into(), ..Target::default() };
            let mut result = done(place, &target, id.to_owned(), written, "created", 201);
            for word in ["created", "noop"] {
                result.result = word;
                for forced in [false, true] {
                    let mut items = Vec::new();

                    result.append_item(forced, &mut items);

                    let shown = serde_json::to_string(&result.shown(forced, true)).expect("JSON");
                    assert_eq!(String::from_utf8_lossy(&items), shown);
                }
            }
        }
    }
}
