//! The two servers.

use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::{Map, Value, json};
use system_tests::{OpenSearch, Peer, SearchNode};
use tempfile::TempDir;

use crate::requests::Request;

/// Enough for some thousands of small documents; more would take memory from other tests.
const HEAP: &str = "1g";
/// So long an answer is waited for; the slowest take less than one second.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is sent in one bulk request at most.
const BULK_DOCUMENTS: usize = 500;

/// Our node and a real OpenSearch, both new.
pub(crate) struct Sides {
    node: SearchNode,
    peer: OpenSearch,
    /// Asks the peer, which never answers where it fails at writing a sort value.
    impatient: SearchClient,
    _folder: TempDir,
}

/// What came of the attempt to start both.
pub(crate) enum Started {
    Both(Box<Sides>),
    /// What this host lacks.
    Absent(String),
}

/// What one server answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// A document to be put on both sides.
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) routing: Option<String>,
    pub(crate) source: Value,
}

/// How an index is made: mappings may have other names over there.
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) ours: Value,
    pub(crate) theirs: Value,
}

/// Mappings as OpenSearch has to be told them: one type has another name, and a keyword only has its BM25 when asked for.
pub(crate) fn as_theirs(mappings: &Value) -> Value {
    match mappings {
        Value::Object(members) => {
            let mut members: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), as_theirs(value))).collect();
            match members.get("type").and_then(Value::as_str) {
                Some("flattened") => drop(members.insert("type".to_owned(), json!("flat_object"))),
                Some("keyword") => drop(members.insert("use_similarity".to_owned(), json!(true))),
                _ => {}
            }
            Value::Object(members)
        }
        other => other.clone(),
    }
}

impl Sides {
    pub(crate) async fn start() -> anyhow::Result<Started> {
        let folder = tempfile::tempdir()?;
        let peer = match OpenSearch::start(folder.path(), HEAP).await? {
            Peer::Started(peer) => peer,
            Peer::Absent(why) => return Ok(Started::Absent(why)),
        };
        let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
        let impatient = SearchClient::new(ClientOptions {
            hosts: vec![peer.client.hosts()],
            timeout: PATIENCE,
            ..ClientOptions::default()
        })?;
        Ok(Started::Both(Box::new(Self { node, peer, impatient, _folder: folder })))
    }

    /// The version of the other server.
    pub(crate) fn version(&self) -> &str {
        &self.peer.version
    }

    /// The client of the other server.
    pub(crate) fn theirs(&self) -> &SearchClient {
        &self.peer.client
    }

    /// The answers of both, ours first. Whoever does not answer has status 0.
    pub(crate) async fn ask(&self, request: &Request) -> anyhow::Result<[Reply; 2]> {
        let (ours, theirs) = tokio::join!(send(&self.node.client, request), send(&self.impatient, request));
        if theirs.status == 0 {
            let still_there = self.peer.client.json(Method::GET, "/", None).await;
            anyhow::ensure!(still_there.is_ok(), "OpenSearch is gone after {}", request.shown());
        }
        if ours.status == 0 {
            let still_there = self.node.client.json(Method::GET, "/", None).await;
            anyhow::ensure!(still_there.is_ok(), "search-node is gone: {}", self.node.program.output());
        }
        Ok([ours, theirs])
    }

    /// Makes an index on both sides, with the same documents in the same order, as one segment.
    pub(crate) async fn fill(&self, index: &Index, documents: &[Document]) -> anyhow::Result<()> {
        for (client, body) in [(&self.node.client, &index.ours), (&self.peer.client, &index.theirs)] {
            client.json(Method::PUT, &format!("/{}", index.name), Some(body)).await?;
            for documents in documents.chunks(BULK_DOCUMENTS) {
                bulk(client, &index.name, documents).await?;
            }
            client.json(Method::POST, &format!("/{}/_refresh", index.name), None).await?;
            let merge = format!("/{}/_forcemerge?max_num_segments=1", index.name);
            client.json(Method::POST, &merge, None).await?;
            client.json(Method::POST, &format!("/{}/_refresh", index.name), None).await?;
        }
        Ok(())
    }
}

async fn send(client: &SearchClient, request: &Request) -> Reply {
    let (kind, body) = (request.media_type(), request.text());
    match client.send(request.method.clone(), &request.path, kind, body).await {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let json = serde_json::from_slice(&answer.body).unwrap_or(Value::String(text));
            Reply { status: answer.status, json }
        }
        Err(error) => Reply { status: 0, json: Value::String(error.to_string()) },
    }
}

/// Every document must be taken.
async fn bulk(client: &SearchClient, index: &str, documents: &[Document]) -> anyhow::Result<()> {
    let mut lines = String::new();
    for document in documents {
        let mut action = json!({"_id": document.id});
        if let Some(routing) = &document.routing {
            action["routing"] = json!(routing);
        }
        lines.push_str(&format!("{}\n{}\n", json!({"index": action}), document.source));
    }
    let path = format!("/{index}/_bulk");
    let answer = client.send(Method::POST, &path, "application/x-ndjson", lines).await?;
    let json: Value = serde_json::from_slice(&answer.body)?;
    let items = json["items"].as_array().cloned().unwrap_or_default();
    let refused = items.iter().find(|item| !item["index"]["error"].is_null());
    anyhow::ensure!(
        answer.is_success() && refused.is_none() && items.len() == documents.len(),
        "{}: a document of {index} was refused: {}",
        client.hosts(),
        refused.unwrap_or(&json)
    );
    Ok(())
}
