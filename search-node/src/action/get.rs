//! Reading documents by id: one, its source alone, or many at once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shard::mapping::{IGNORED, Mapping};
use shard::{SourceFilter, StoredDocument, filter_source, uid, uid_parts};

use super::target::Target;
use super::weight::Weight;
use crate::error::ApiError;
use crate::indices::Index;
use crate::memory::Reservation;
use crate::node::Node;
use crate::replication::Leading;

/// What memory is reserved for.
const WHAT: &str = "get";

/// How a document is read, and what of it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GetOptions {
    /// As the newest write left it, or as a search sees it.
    pub realtime: bool,
    /// Whether it may be older than what was acknowledged: any copy will do, and nobody is asked.
    pub may_be_old: bool,
    /// Whether to refresh first.
    pub refresh: bool,
    /// What was asked of `_source`; none to follow `stored_fields`.
    pub source: Option<SourceFilter>,
    pub stored_fields: Vec<String>,
    /// The version that the document must have; how a client counts its versions makes no difference here.
    pub version: Option<i64>,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            realtime: true,
            may_be_old: false,
            refresh: false,
            source: None,
            stored_fields: Vec::new(),
            version: None,
        }
    }
}

/// What was found: the index, and the document if there is one.
pub(crate) struct Found {
    pub index: Arc<Index>,
    pub document: Option<StoredDocument>,
    /// What has to be confirmed before anybody is told.
    pub seen: Option<Seen>,
}

/// The state of a shard that somebody has seen, as the primary has it.
#[derive(Clone)]
pub(crate) struct Seen {
    leading: Arc<Leading>,
    /// The operation that made it so, or one that is not older.
    seq_no: i64,
}

impl Seen {
    /// Returns once somebody may be told: all copies in sync have it, and nothing newer was acknowledged elsewhere before it was seen.
    pub(crate) async fn confirm(&self) -> Result<(), ApiError> {
        self.leading.confirm(self.seq_no).await
    }

    /// Whether both are of one primary.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.leading, &other.leading)
    }

    /// What confirms both, if they are of one primary.
    pub(crate) fn widen(&mut self, other: &Self) {
        self.seq_no = self.seq_no.max(other.seq_no);
    }
}

/// Reads a document.
pub(crate) fn get(node: &Node, target: &Target, options: &GetOptions) -> Result<Found, ApiError> {
    let id = target.required_id()?;
    let index = target.existing_index(node)?;
    let target = &*target.routed(node, &index)?;
    target.check_routing(&index, id)?;
    if options.refresh {
        index.refresh()?;
    }
    let (shard, leading) = index.shard_to_read(id, target.routing.as_deref(), options.may_be_old)?;
    let uid = uid(&target.doc_type, id);
    let document = if options.realtime { shard.get(&uid)? } else { shard.get_visible(&uid)? };
    let leading = leading.filter(|_| options.realtime && !options.may_be_old);
    let seen = leading.map(|leading| Seen {
        leading,
        // What has deleted it is not newer than that.
        seq_no: document.as_ref().map_or_else(|| shard.max_seq_no(), |stored| stored.seq_no as i64),
    });
    Ok(Found { index, document, seen })
}

impl Found {
    /// Whether the document has the version that it must have.
    pub(crate) fn check_version(&self, target: &Target, options: &GetOptions) -> Result<(), ApiError> {
        let (Some(stored), Some(version)) = (&self.document, options.version) else { return Ok(()) };
        if i64::try_from(stored.version) == Ok(version) {
            return Ok(());
        }
        let id = target.required_id()?;
        let reason = format!(
            "[{id}]: version conflict, current version [{}] is different than the one provided [{version}]",
            stored.version
        );
        let error = ApiError::new(409, "version_conflict_engine_exception", reason);
        Err(self.index.name_in(error, id, target.routing.as_deref()))
    }

    /// Promises what it takes to show the document, if that is a large one.
    pub(crate) fn reserve(&self, node: &Node) -> Result<Option<Reservation>, ApiError> {
        let Some(weight) = self.document.as_ref().and_then(|stored| Weight::of_heavy(&stored.source)) else {
            return Ok(None);
        };
        node.memory.reserve_now(weight.to_read(), WHAT).map(Some)
    }
}

/// A document as GET shows it.
pub(crate) fn show(index: &Index, stored: &StoredDocument, options: &GetOptions) -> Result<Value, ApiError> {
    let (doc_type, id) = uid_parts(&stored.uid);
    let mut body = Map::new();
    body.insert("_index".to_owned(), json!(index.name));
    body.insert("_type".to_owned(), json!(doc_type));
    body.insert("_id".to_owned(), json!(id));
    body.insert("_version".to_owned(), json!(stored.version));
    body.insert("_seq_no".to_owned(), json!(stored.seq_no));
    body.insert("_primary_term".to_owned(), json!(stored.term));
    if let Some(routing) = &stored.routing {
        body.insert("_routing".to_owned(), json!(routing));
    }
    if !stored.ignored.is_empty() {
        body.insert(IGNORED.to_owned(), json!(stored.ignored));
    }
    body.insert("found".to_owned(), json!(true));
    let wants_source =
        options.stored_fields.is_empty() || options.stored_fields.iter().any(|f| f == "_source");
    let default = if wants_source { SourceFilter::All } else { SourceFilter::None };
    if let Some(source) = shown_source(&stored.source, options.source.as_ref().unwrap_or(&default)) {
        body.insert("_source".to_owned(), source);
    }
    let fields = stored_fields(&index.mapping(), &stored.source, &options.stored_fields)?;
    if !fields.is_empty() {
        body.insert("fields".to_owned(), Value::Object(fields));
    }
    Ok(Value::Object(body))
}

/// What is answered when there is no such document.
pub(crate) fn show_missing(index: &str, target: &Target) -> Value {
    json!({"_index": index, "_type": &*target.doc_type, "_id": target.id, "found": false})
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

/// The values of fields that the mapping says to store. The document's JSON holds them all, so they are taken from there.
pub(crate) fn stored_fields(
    mapping: &Mapping,
    source: &[u8],
    names: &[String],
) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    if names.is_empty() {
        return Ok(fields);
    }
    let source: Value = serde_json::from_slice(source).unwrap_or_default();
    for name in names {
        if mapping.object(name).is_some() {
            return Err(ApiError::argument(format!("field [{name}] isn't a leaf field")));
        }
        let is_stored = mapping.leaf(name).is_some_and(|field| {
            field
                .parameters
                .get("store")
                .is_some_and(|store| store == &json!(true) || store == &json!("true"))
        });
        let mut values = Vec::new();
        if is_stored {
            collect(&source, name, &mut values);
        }
        if !values.is_empty() {
            fields.insert(name.clone(), Value::Array(values));
        }
    }
    Ok(fields)
}

/// Every value at a path, through arrays and names with dots.
fn collect(value: &Value, path: &str, values: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, values)),
        Value::Object(members) => {
            for (name, child) in members {
                if name == path {
                    match child {
                        Value::Array(items) => values.extend(items.iter().cloned()),
                        other => values.push(other.clone()),
                    }
                } else if let Some(rest) =
                    path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'))
                {
                    collect(child, rest, values);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_fields_come_from_the_source_through_objects_and_lists() {
        let mapping = shard::mapping::parse_mapping(&json!({"properties": {
            "count": {"type": "integer", "store": true}, "plain": {"type": "keyword"},
            "a": {"properties": {"b": {"type": "keyword", "store": true}}}
        }}))
        .expect("valid");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let source = br#"{"count": 1, "plain": "x", "a": [{"b": "p"}, {"b": ["q", "r"]}]}"#;

        let fields =
            stored_fields(&mapping, source, &names(&["count", "plain", "a.b", "no"])).expect("fields");

        assert_eq!(Value::Object(fields), json!({"count": [1], "a.b": ["p", "q", "r"]}));
        let error = stored_fields(&mapping, source, &names(&["a"])).expect_err("an object");
        assert_eq!(error.reason, "field [a] isn't a leaf field");
    }
}
