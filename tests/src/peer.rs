//! Real peers, to compare with: programs that are not part of this repository, but may lie beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::Value;

use crate::program::{Program, free_port};

/// Collecting its packages for the first time takes minutes, starting it seconds.
const START_SECONDS: u64 = 600;

/// A real OpenSearch of one node, on loopback.
pub struct OpenSearch {
    pub program: Program,
    pub client: SearchClient,
    /// Its version, as it tells it.
    pub version: String,
    folder: PathBuf,
}

/// What came of an attempt to start a peer.
pub enum Peer<T> {
    Started(T),
    /// What this host lacks for it.
    Absent(String),
}

impl OpenSearch {
    /// Starts it with a folder of its own, and waits until it answers.
    pub async fn start(folder: &Path, heap: &str) -> anyhow::Result<Peer<Self>> {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers");
        let peers = std::env::var_os("PEERS_FOLDER").map_or_else(beside, PathBuf::from);
        let script = peers.join("opensearch/start");
        if !script.exists() {
            return Ok(Peer::Absent(
                "../shared/peers/opensearch is not beside this checkout, nor in PEERS_FOLDER".to_owned(),
            ));
        }
        let java = Command::new(peers.join("find-java")).arg("21").output()?;
        if !java.status.success() {
            return Ok(Peer::Absent(String::from_utf8_lossy(&java.stderr).trim().to_owned()));
        }
        let port = free_port_pair()?;
        let folder = folder.join("opensearch");
        fs_err::create_dir_all(&folder)?;
        let mut command = Command::new(script);
        command.arg(port.to_string()).arg(&folder).env("PEER_HEAP", heap);
        let program = Program::spawn("opensearch", &folder, command)?;
        let client = SearchClient::new(ClientOptions {
            hosts: vec![format!("127.0.0.1:{port}")],
            timeout: Duration::from_secs(120),
            ..ClientOptions::default()
        })?;
        let mut peer = Self { program, client, version: String::new(), folder };
        let Some(about) = peer.answers().await? else {
            let output = peer.program.output();
            let last = output.lines().last().unwrap_or_default();
            return Ok(Peer::Absent(format!("OpenSearch ended before it answered: {last}")));
        };
        peer.version = about["version"]["number"].as_str().unwrap_or_default().to_owned();
        Ok(Peer::Started(peer))
    }

    /// The answer of `GET /`, or none if the program has ended.
    async fn answers(&mut self) -> anyhow::Result<Option<Value>> {
        let pause = Duration::from_millis(200);
        for _ in 0..START_SECONDS * 5 {
            if let Ok(about) = self.client.json(Method::GET, "/", None).await {
                return Ok(Some(about));
            }
            if !self.program.is_running() {
                return Ok(None);
            }
            tokio::time::sleep(pause).await;
        }
        anyhow::bail!("OpenSearch does not answer: {}", self.program.output())
    }

    /// The folder of its indices.
    pub fn indices(&self) -> PathBuf {
        self.folder.join("node_1/data/nodes/0/indices")
    }
}

/// A port that nobody listens on, whose hundredth successor, which the nodes talk over, is free too.
fn free_port_pair() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let port = free_port()?;
        let transport = port.checked_add(100);
        if transport.is_some_and(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(port);
        }
    }
    anyhow::bail!("no two free ports at a distance of 100")
}
