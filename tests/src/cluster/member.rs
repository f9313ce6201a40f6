//! One node of a cluster: its folder, the ports that it keeps, and its process while it runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use search_client::{ClientOptions, SearchClient};

use crate::program::Program;
use crate::sockets;

/// How long a request of a test may take. A node that is frozen keeps a client that long.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A node that runs, or has run, or will.
pub struct Member {
    pub name: String,
    pub data: PathBuf,
    /// The settings that it is started with, each as `key=value`.
    pub settings: Vec<String>,
    pub(super) program: Option<Program>,
    pub(super) is_frozen: bool,
    /// The bug that is planted in it.
    pub(super) bug: Option<String>,
    transport: Option<u16>,
    /// Where it answered last, if its port is not set.
    http: Option<u16>,
    client: Option<SearchClient>,
}

/// Names the bug of a node that was built with the feature `planted`.
const PLANTED: &str = "WEIR_PLANTED";
/// What a node says once it answers.
const READY: &str = "search-node is ready";
/// What it says when it begins to lead, and in other words when that ends.
const LEADS: &str = "this node leads the cluster";

impl Member {
    /// A node that was never started. `ports` are those of its REST API and for other nodes, if they are set.
    pub(super) fn new(name: &str, data: PathBuf, settings: Vec<String>, ports: Option<(u16, u16)>) -> Self {
        let mut member = Self {
            name: name.to_owned(),
            data,
            settings,
            program: None,
            is_frozen: false,
            bug: None,
            transport: ports.map(|(_, transport)| transport),
            http: None,
            client: None,
        };
        if let Some((http, _)) = ports {
            member.answers_at(http);
        }
        member
    }

    /// Starts its process with what is still without arguments, and does not wait for it.
    pub(super) fn spawn(&mut self, folder: &Path, mut command: Command) -> anyhow::Result<()> {
        let settings = self.settings.iter().flat_map(|setting| ["-E", setting]);
        command.args(settings).current_dir(folder);
        if let Some(bug) = &self.bug {
            command.env(PLANTED, bug);
        }
        self.program = Some(Program::spawn(&self.name, folder, command)?);
        self.is_frozen = false;
        Ok(())
    }

    /// Whether its process is there and not frozen.
    pub fn is_up(&self) -> bool {
        self.program.is_some() && !self.is_frozen
    }

    /// The id of its process.
    pub fn process(&self) -> Option<u32> {
        self.program.as_ref().map(Program::id)
    }

    /// CPU time of its process so far.
    pub fn cpu_seconds(&self) -> f64 {
        self.program.as_ref().map_or(0.0, Program::cpu_seconds)
    }

    /// Resident memory of its process, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.program.as_ref().map_or(0, Program::resident_bytes)
    }

    /// Whether it has both its ports, which it has before it is in its cluster.
    pub(super) fn listens(&self) -> bool {
        self.program.as_ref().is_some_and(|program| sockets::listening(program.id()) == 2)
    }

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        let output = self.program.as_ref().map(Program::output_since_start).unwrap_or_default();
        let last = output.lines().rev().find(|line| line.contains(LEADS));
        last.is_some_and(|line| !line.contains("no longer"))
    }

    /// The port for other nodes that it was given.
    pub fn transport_port(&self) -> u16 {
        self.transport.expect("a node with ports of its own")
    }

    /// What it has written in all its lives.
    pub fn output(&self) -> String {
        self.program.as_ref().map(Program::output).unwrap_or_default()
    }

    /// Where it answers, once it has said that it does: what it wrote since its start tells the port, if that is not set.
    pub(super) fn learn_port(&mut self) -> Option<u16> {
        let output = self.program.as_ref()?.output_since_start();
        let line = output.lines().rev().find(|line| line.contains(READY))?;
        if self.transport.is_some() {
            return self.http;
        }
        let (_, address) = line.split_once("address=127.0.0.1:")?;
        let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
        let port = digits.parse().ok()?;
        if self.http != Some(port) {
            self.answers_at(port);
        }
        Some(port)
    }

    fn answers_at(&mut self, port: u16) {
        let options = ClientOptions {
            hosts: vec![format!("127.0.0.1:{port}")],
            timeout: ANSWER_WITHIN,
            ..ClientOptions::default()
        };
        self.http = Some(port);
        self.client = SearchClient::new(options).ok();
    }

    /// The port of its REST API, as far as that is known.
    pub fn http_port(&self) -> Option<u16> {
        self.http
    }

    /// Asks this node alone.
    pub fn client(&self) -> &SearchClient {
        self.client.as_ref().expect("a node that was started")
    }
}
