//! The nodes of a cluster as clients meet them: each by itself, not always there, and what an answer says of a request's fate.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use search_client::{ClientError, ClientOptions, Method, SearchClient};
use serde_json::Value;

use super::history::Fate;

/// How long a client waits for an answer. What comes later is as good as nothing.
const PATIENCE: Duration = Duration::from_secs(8);

/// Clients of the nodes, one each.
pub(crate) struct Doors {
    clients: Vec<SearchClient>,
}

/// An answer, or what the lack of one says.
pub(crate) enum Reply {
    Answer(u16, Value),
    None(Fate),
}

impl Doors {
    pub(crate) fn new(ports: &[u16]) -> Self {
        let client = |port: &u16| {
            SearchClient::new(ClientOptions {
                hosts: vec![format!("127.0.0.1:{port}")],
                timeout: PATIENCE,
                ..ClientOptions::default()
            })
            .expect("a client")
        };
        Self { clients: ports.iter().map(client).collect() }
    }

    /// Asks a node by chance.
    pub(crate) async fn ask(
        &self,
        random: &mut StdRng,
        method: Method,
        path: &str,
        body: impl Into<String>,
    ) -> Reply {
        let at = random.random_range(0..self.clients.len());
        let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        match self.clients[at].send(method, path, kind, body.into()).await {
            Ok(answer) => match serde_json::from_slice(&answer.body) {
                Ok(body) => Reply::Answer(answer.status, body),
                Err(_) => Reply::None(Fate::Unknown),
            },
            // Nobody has heard it.
            Err(ClientError::Unreachable { reason, .. }) if reason.contains("Connection refused") => {
                Reply::None(Fate::Refused)
            }
            Err(_) => Reply::None(Fate::Unknown),
        }
    }
}

/// What an answer says of the fate of a write. `body` is the answer, or the part of it that is about one action of many.
pub(crate) fn fate_of(status: u16, body: &Value) -> Fate {
    let is_unknown = || body["error"]["outcome"] == "unknown";
    match status {
        200..300 => Fate::Done,
        _ if is_unknown() => Fate::Unknown,
        // What the node cannot say is never taken for a refusal, but where it says that nothing was done.
        500 | 502 | 504 => Fate::Unknown,
        _ => Fate::Refused,
    }
}
