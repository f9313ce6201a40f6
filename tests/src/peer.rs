//! Real peers, to compare with: programs that are not part of this repository, but may lie beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
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
        let peers = peers_folder();
        let script = peers.join("opensearch/start");
        if !script.exists() {
            return Ok(Peer::missing("opensearch"));
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
        let asked = async |client: &SearchClient| client.json(Method::GET, "/", None).await.ok();
        let Some(about) = answer(&mut peer.program, &peer.client, asked).await? else {
            return Ok(Peer::ended("OpenSearch", &peer.program));
        };
        peer.version = about["version"]["number"].as_str().unwrap_or_default().to_owned();
        Ok(Peer::Started(peer))
    }

    /// The folder of its indices.
    pub fn indices(&self) -> PathBuf {
        self.folder.join("node_1/data/nodes/0/indices")
    }
}

/// A real VictoriaLogs, on loopback.
pub struct VictoriaLogs {
    pub program: Program,
    pub client: SearchClient,
}

impl VictoriaLogs {
    /// Starts it with a folder of its own, and waits until it answers. It forgets what is older than a week.
    pub async fn start(folder: &Path) -> anyhow::Result<Peer<Self>> {
        let script = peers_folder().join("victorialogs/start");
        if !script.exists() {
            return Ok(Peer::missing("victorialogs"));
        }
        let port = free_port()?;
        let folder = folder.join("victorialogs");
        fs_err::create_dir_all(&folder)?;
        let mut command = Command::new(script);
        command.arg(port.to_string()).arg(folder.join("data"));
        let mut program = Program::spawn("victorialogs", &folder, command)?;
        let client = SearchClient::new(ClientOptions {
            hosts: vec![format!("127.0.0.1:{port}")],
            timeout: Duration::from_secs(120),
            ..ClientOptions::default()
        })?;
        let asked = async |client: &SearchClient| {
            let said = client.send(Method::GET, "/health", "text/plain", Bytes::new()).await.ok();
            said.filter(|said| said.is_success()).map(drop)
        };
        match answer(&mut program, &client, asked).await? {
            Some(()) => Ok(Peer::Started(Self { program, client })),
            None => Ok(Peer::ended("VictoriaLogs", &program)),
        }
    }

    /// The lines that it answers a query in LogsQL with.
    pub async fn query(&self, query: &str) -> anyhow::Result<Vec<Value>> {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let kind = "application/x-www-form-urlencoded";
        let said = self.client.send(Method::POST, "/select/logsql/query", kind, Bytes::from(form)).await?;
        let text = String::from_utf8_lossy(&said.body);
        anyhow::ensure!(said.is_success(), "`{query}` is answered {}: {text:.500}", said.status);
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// Where the peers are.
fn peers_folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers");
    std::env::var_os("PEERS_FOLDER").map_or_else(beside, PathBuf::from)
}

impl<T> Peer<T> {
    fn missing(name: &str) -> Self {
        Self::Absent(format!("../shared/peers/{name} is not beside this checkout, nor in PEERS_FOLDER"))
    }

    fn ended(name: &str, program: &Program) -> Self {
        let output = program.output();
        let last = output.lines().last().unwrap_or_default();
        Self::Absent(format!("{name} ended before it answered: {last}"))
    }
}

/// What a program says once it answers, or none if it has ended.
async fn answer<T>(
    program: &mut Program,
    client: &SearchClient,
    asked: impl AsyncFn(&SearchClient) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    let pause = Duration::from_millis(200);
    for _ in 0..START_SECONDS * 5 {
        if let Some(said) = asked(client).await {
            return Ok(Some(said));
        }
        if !program.is_running() {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
    }
    anyhow::bail!("a peer does not answer: {}", program.output())
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
