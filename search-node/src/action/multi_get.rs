//! Many documents by id in one request; one that cannot be had costs that one only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;
use transport::{Lane, Peer};

use super::condition::{ANY_VERSION, VersionType};
use super::get::{Found, GetOptions, Seen, get, show, show_missing};
use super::home::{Home, LOOK_AGAIN, PRIMARY_WITHIN, has_copy_here, home_of};
use super::search::read_source;
use super::target::Target;
use crate::coordination::{Action, Coordinator};
use crate::error::ApiError;
use crate::node::Node;

/// One document of the request.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    target: Target,
    options: GetOptions,
}

/// Reads the body: `{"docs": [{…}]}` or `{"ids": […]}`. `default` is what the path and the parameters say.
pub(crate) fn read(body: &Value, default: &Target, options: &GetOptions) -> Result<Vec<Wanted>, ApiError> {
    let object =
        body.as_object().ok_or_else(|| malformed("the body of mget must be an object".to_owned()))?;
    let mut wanted = Vec::new();
    for (key, value) in object {
        match (key.as_str(), value) {
            ("docs", Value::Array(docs)) => {
                for doc in docs {
                    wanted.push(read_doc(doc, default, options)?);
                }
            }
            ("ids", Value::Array(ids)) => {
                for id in ids {
                    let text = plain(id)
                        .ok_or_else(|| malformed(format!("ids must be texts or numbers, not {id}")))?;
                    let target = Target { id: Some(text), ..default.clone() };
                    wanted.push(Wanted { target, options: options.clone() });
                }
            }
            ("docs" | "ids", other) => {
                return Err(malformed(format!("[{key}] must be a list, not {other}")));
            }
            (other, _) => {
                return Err(malformed(format!("unknown key [{other}] in mget, expected [docs] or [ids]")));
            }
        }
    }
    check(&wanted)?;
    Ok(wanted)
}

fn malformed(reason: String) -> ApiError {
    ApiError::new(400, "parse_exception", reason)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read_doc(doc: &Value, default: &Target, options: &GetOptions) -> Result<Wanted, ApiError> {
    let object = doc.as_object().ok_or_else(|| {
        ApiError::argument(format!("docs array element should include an object, not {doc}"))
    })?;
    let mut wanted = Wanted { target: default.clone(), options: options.clone() };
    for (key, value) in object {
        let text = || plain(value).ok_or_else(|| malformed(format!("[{key}] must be a text, not {value}")));
        match key.as_str() {
            "_index" => wanted.target.index = text()?.into(),
            "_type" => wanted.target.doc_type = text()?.into(),
            "_id" => wanted.target.id = Some(text()?),
            "routing" | "_routing" => wanted.target.routing = Some(text()?),
            "_source" => wanted.options.source = Some(read_source(value)?),
            "stored_fields" => wanted.options.stored_fields = names(value)?,
            "version" | "_version" => {
                let version = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                let version =
                    version.ok_or_else(|| malformed(format!("[{key}] must be a number, not {value}")))?;
                wanted.options.version = Some(version).filter(|version| *version != ANY_VERSION);
            }
            "version_type" | "_version_type" => {
                VersionType::read(Some(&text()?))?;
            }
            other => {
                return Err(malformed(format!("failed to parse multi get request. unknown field [{other}]")));
            }
        }
    }
    Ok(wanted)
}

fn names(value: &Value) -> Result<Vec<String>, ApiError> {
    match value {
        Value::String(text) => Ok(text.split(',').map(str::to_owned).collect()),
        Value::Array(items) => {
            let names = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>();
            names.ok_or_else(|| malformed(format!("[stored_fields] must hold texts, not {value}")))
        }
        other => Err(malformed(format!("[stored_fields] must be a list of names, not {other}"))),
    }
}

fn check(wanted: &[Wanted]) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    if wanted.is_empty() {
        faults.push("no documents to get".to_owned());
    }
    for (number, one) in wanted.iter().enumerate() {
        if one.target.index.is_empty() {
            faults.push(format!("index is missing for doc {number}"));
        }
        if one.target.id.is_none() {
            faults.push(format!("id is missing for doc {number}"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::validations(&faults)) }
}

/// Reads them all, each where the primary of its shard is.
pub(crate) fn multi_get(node: &Node, wanted: &[Wanted]) -> Value {
    let docs = match node.others() {
        Some(coordinator) => spread(node, coordinator, wanted),
        None => {
            let all: Vec<&Wanted> = wanted.iter().collect();
            let read = read_here(node, &all).into_iter().zip(wanted);
            read.map(|(read, one)| read.unwrap_or_else(|| one.failed(&no_primary(one)))).collect()
        }
    };
    // Put in by hand: `json!` would copy them all.
    Value::Object(Map::from_iter([("docs".to_owned(), Value::Array(docs))]))
}

/// Reads documents whose primaries are here; none where another copy is primary since.
fn read_here(node: &Node, wanted: &[&Wanted]) -> Vec<Option<Value>> {
    let read: Vec<(Value, Option<Seen>)> = wanted.iter().map(|one| one.read(node)).collect();
    // Each primary confirms once, with the newest of what was seen.
    let mut primaries: Vec<Seen> = Vec::new();
    for seen in read.iter().filter_map(|(_, seen)| seen.as_ref()) {
        match primaries.iter_mut().find(|other| other.is_of_same(seen)) {
            Some(other) => other.widen(seen),
            None => primaries.push(seen.clone()),
        }
    }
    let confirmed = Handle::current().block_on(join_all(primaries.iter().map(Seen::confirm)));
    let refusal = |seen: &Seen| {
        let of = primaries.iter().zip(&confirmed).find(|(primary, _)| primary.is_of_same(seen));
        of.and_then(|(_, confirmed)| confirmed.as_ref().err())
    };
    let told =
        read.into_iter().zip(wanted).map(|((shown, seen), one)| match seen.as_ref().and_then(refusal) {
            None => Some(shown),
            Some(error) if error.is_not_primary() => None,
            Some(error) => Some(one.failed(error)),
        });
    told.collect()
}

/// A document as it is asked for elsewhere. Its index is named as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    index: String,
    doc_type: String,
    id: String,
    routing: Option<String>,
    options: GetOptions,
}

impl Carried {
    fn wanted(self) -> Wanted {
        let target = Target {
            index: self.index.into(),
            doc_type: self.doc_type.into(),
            id: Some(self.id),
            routing: self.routing,
        };
        Wanted { target, options: self.options }
    }
}

/// What came of one, as JSON; none if its primary is on another node.
type Answer = Option<Vec<u8>>;

fn spread(node: &Node, coordinator: &Arc<Coordinator>, wanted: &[Wanted]) -> Vec<Value> {
    let runtime = Handle::current();
    let deadline = Instant::now() + PRIMARY_WITHIN;
    let mut docs: Vec<Option<Value>> = vec![None; wanted.len()];
    let mut left: Vec<usize> = (0..wanted.len()).collect();
    let mut changes = coordinator.changes();
    while !left.is_empty() && Instant::now() < deadline && !node.stopping.is_cancelled() {
        changes.borrow_and_update();
        let mut there: HashMap<Peer, Vec<(usize, Carried)>> = HashMap::new();
        let (mut here, mut later) = (Vec::new(), Vec::new());
        for at in left.drain(..) {
            match wanted[at].home(node, coordinator) {
                (Home::There(peer), Some(carried)) => there.entry(peer).or_default().push((at, carried)),
                (Home::Nowhere, _) => later.push(at),
                // What is wrong with it is found here too.
                _ => here.push(at),
            }
        }
        let calls: Vec<_> = there
            .into_iter()
            .map(|(peer, group)| {
                let (ats, carried): (Vec<usize>, Vec<Carried>) = group.into_iter().unzip();
                let message = postcard::to_allocvec(&carried).unwrap_or_default();
                let coordinator = Arc::clone(coordinator);
                let call = async move {
                    coordinator
                        .call(&peer, Lane::Data, Action::MultiGet, message.into(), PRIMARY_WITHIN)
                        .await
                };
                (ats, runtime.spawn(call))
            })
            .collect();
        let of_here: Vec<&Wanted> = here.iter().map(|at| &wanted[*at]).collect();
        for (at, read) in here.into_iter().zip(read_here(node, &of_here)) {
            match read {
                Some(read) => docs[at] = Some(read),
                None => later.push(at),
            }
        }
        for (ats, call) in calls {
            // Reading again does no harm, whatever became of the call.
            let answer = runtime.block_on(call).ok().and_then(Result::ok);
            let answers = answer.and_then(|answer| postcard::from_bytes::<Vec<Answer>>(&answer).ok());
            let answers = answers.unwrap_or_else(|| vec![None; ats.len()]);
            for (at, answer) in ats.into_iter().zip(answers) {
                docs[at] = answer.and_then(|answer| serde_json::from_slice(&answer).ok());
                if docs[at].is_none() {
                    later.push(at);
                }
            }
        }
        left = later;
        if !left.is_empty() {
            drop(runtime.block_on(async { timeout(LOOK_AGAIN, changes.changed()).await }));
        }
    }
    let shown = docs.into_iter().zip(wanted);
    shown.map(|(doc, one)| doc.unwrap_or_else(|| one.failed(&no_primary(one)))).collect()
}

/// Reads documents that another node wants.
pub(crate) fn answer_multi_get(node: &Node, message: &[u8]) -> Result<Bytes, ApiError> {
    let unreadable = |error: postcard::Error| {
        ApiError::internal(format!(
            "a message of another node cannot be read: {error}; do both run the same build?"
        ))
    };
    let carried: Vec<Carried> = postcard::from_bytes(message).map_err(unreadable)?;
    let Some(coordinator) = &node.coordinator else {
        return Err(ApiError::internal("a node without others was asked by one"));
    };
    let wanted: Vec<Wanted> = carried.into_iter().map(Carried::wanted).collect();
    let mut answers: Vec<Answer> = vec![None; wanted.len()];
    let is_here = |at: &usize| matches!(wanted[*at].home(node, coordinator).0, Home::Here);
    let here: Vec<usize> = (0..wanted.len()).filter(is_here).collect();
    let of_here: Vec<&Wanted> = here.iter().map(|at| &wanted[*at]).collect();
    for (at, read) in here.into_iter().zip(read_here(node, &of_here)) {
        answers[at] = read.map(|read| read.to_string().into_bytes());
    }
    Ok(postcard::to_allocvec(&answers).map_err(unreadable)?.into())
}

fn no_primary(one: &Wanted) -> ApiError {
    let id = one.target.id.as_deref().unwrap_or_default();
    let reason =
        format!("No shard available for [get [{}][{}][{id}]]", one.target.index, one.target.doc_type);
    ApiError::new(503, "no_shard_available_action_exception", reason)
}

impl Wanted {
    /// Where it is read, and how it is asked for there. An error is one that whoever reads it finds too.
    fn home(&self, node: &Node, coordinator: &Coordinator) -> (Home, Option<Carried>) {
        let Target { doc_type, id: Some(id), routing, .. } = &self.target else { return (Home::Here, None) };
        let Ok(index) = self.target.existing_index(node) else { return (Home::Here, None) };
        if self.target.check_routing(&index, id).is_err() {
            return (Home::Here, None);
        }
        let carried = Carried {
            index: index.name.clone(),
            doc_type: doc_type.to_string(),
            id: id.clone(),
            routing: routing.clone(),
            options: self.options.clone(),
        };
        if self.options.may_be_old && has_copy_here(coordinator, &index, id, routing.as_deref()) {
            return (Home::Here, None);
        }
        (home_of(coordinator, &index, id, routing.as_deref()), Some(carried))
    }

    fn failed(&self, error: &ApiError) -> Value {
        let (target, body) = (&self.target, error.to_body());
        json!({"_index": &*target.index, "_type": &*target.doc_type, "_id": target.id, "error": body["error"]})
    }

    /// The document as it is shown, or what is wrong; with what has to be confirmed before.
    fn read(&self, node: &Node) -> (Value, Option<Seen>) {
        let found = match get(node, &self.target, &self.options) {
            Ok(found) => found,
            Err(error) => return (self.failed(&error), None),
        };
        let shown = self.shown(node, &found).unwrap_or_else(|error| self.failed(&error));
        (shown, found.seen)
    }

    fn shown(&self, node: &Node, found: &Found) -> Result<Value, ApiError> {
        found.check_version(&self.target, &self.options)?;
        let reserved = found.reserve(node)?;
        let shown = match &found.document {
            Some(stored) => show(&found.index, stored, &self.options)?,
            None => show_missing(&found.index.name, &self.target),
        };
        // It stays in memory until the answer is sent.
        if let Some(mut reserved) = reserved {
            reserved.fill(reserved.bytes());
        }
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_faults_are_named() {
        let default = Target { index: "i".into(), doc_type: "_doc".into(), ..Target::default() };
        let none = Target { doc_type: "_doc".into(), ..Target::default() };
        let options = GetOptions::default();

        let wanted = read(&json!({"ids": ["a", 2]}), &default, &options).expect("ids");
        assert_eq!(wanted.iter().filter_map(|one| one.target.id.clone()).collect::<Vec<_>>(), ["a", "2"]);
        let docs =
            json!({"docs": [{"_id": "a", "_index": "j", "routing": "r", "_source": false, "version": 3}]});
        let one = read(&docs, &default, &options).expect("docs").remove(0);
        assert_eq!((&*one.target.index, one.target.routing.as_deref()), ("j", Some("r")));
        assert_eq!((one.options.source, one.options.version), (Some(shard::SourceFilter::None), Some(3)));

        for (body, reason) in [
            (json!({"docs": []}), "no documents to get"),
            (json!({"ids": 1}), "[ids] must be a list"),
            (json!({"docs": [1]}), "docs array element should include an object"),
            (json!({"docs": [{"_id": "1", "color": 1}]}), "unknown field [color]"),
            (json!({"docs": [{"_index": "i"}]}), "1: id is missing for doc 0;"),
            (json!({"ids": ["1"]}), "1: index is missing for doc 0;"),
            (json!({"keys": []}), "unknown key [keys]"),
        ] {
            let error = read(&body, &none, &options).expect_err("refused");
            assert!(error.status == 400 && error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
