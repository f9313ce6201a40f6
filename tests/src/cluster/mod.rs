//! Several nodes on this host, or on hosts in namespaces, as one cluster: each a process with its own folder and ports, which it
//! keeps over restarts.
//!
//! On one host they find one another in a registry of their own, below a folder that goes with the cluster, and every process is ended by its
//! id when the cluster goes, frozen ones too. When a test fails, the end of each log is shown.

mod member;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use member::Member;

use crate::hosts::Hosts;
use crate::links::Links;
use crate::program::{binary, kept_port};
use crate::ways::Ways;
use search_client::{Answer, Method};

/// How long a node may take to be there. A debug build on a busy host is slow; only a test that fails waits that long.
pub const START_WITHIN: Duration = Duration::from_secs(60);
/// How long a node may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Pause before a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// The ports of a node on a host of its own.
const HTTP_PORT: u16 = 9200;
const TRANSPORT_PORT: u16 = 9300;
/// The last lines of each log are shown when a test fails.
const LINES_SHOWN: usize = 60;

/// Nodes that are one cluster, or are to become one.
pub struct Cluster {
    members: Vec<Member>,
    ways: Ways,
    settings: Vec<String>,
    bug: Option<String>,
    // Goes last: who still runs would make its folder again.
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts so many nodes at once and waits until each of them answers and sees all. `settings` are of every node, each as
    /// `key=value`.
    pub async fn start(count: usize, settings: &[&str]) -> anyhow::Result<Self> {
        let mut cluster = Self::prepare(settings)?;
        for _ in 0..count {
            cluster.add()?;
        }
        for at in 0..count {
            cluster.spawn(at)?;
        }
        cluster.wait_ready().await?;
        Ok(cluster)
    }

    /// A cluster without a node.
    pub fn prepare(settings: &[&str]) -> anyhow::Result<Self> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Ok(Self {
            folder: tempfile::tempdir()?,
            settings,
            members: Vec::new(),
            ways: Ways::Links(Links::default()),
            bug: None,
        })
    }

    /// The same, with a bug in each node that will be added; they must have been built with the feature `planted`.
    pub fn plant(settings: &[&str], bug: Option<&str>) -> anyhow::Result<Self> {
        let mut cluster = Self::prepare(settings)?;
        cluster.bug = bug.map(str::to_owned);
        Ok(cluster)
    }

    /// Nodes on hosts of their own that know one another's names and addresses, none of which is started. The first one listens on
    /// all its addresses.
    pub fn on_hosts(count: usize, settings: &[&str], bug: Option<&str>) -> anyhow::Result<Self> {
        let mut hosts = Hosts::new()?;
        for _ in 0..count {
            hosts.add()?;
        }
        let addresses: Vec<String> = (0..count).map(|at| hosts.address(at).to_string()).collect();
        let names: Vec<String> = (0..count).map(|at| format!("node-{at}")).collect();
        let mut cluster = Self::plant(settings, bug)?;
        for (at, address) in addresses.iter().enumerate() {
            let http = kept_port()?;
            hosts.open_door(at, http, HTTP_PORT)?;
            let listens = if at == 0 { "0.0.0.0" } else { address };
            let own = vec![
                format!("network.host={listens}"),
                "security.enabled=false".to_owned(),
                format!("discovery.seed_hosts=[{}]", addresses.join(", ")),
                format!("cluster.initial_master_nodes=[{}]", names.join(", ")),
            ];
            cluster.add_with(Some((http, TRANSPORT_PORT)), own);
        }
        cluster.ways = Ways::Hosts(hosts);
        Ok(cluster)
    }

    /// One more node, with ports of its own; it is not started.
    pub fn add(&mut self) -> anyhow::Result<usize> {
        let (http, transport) = (kept_port()?, kept_port()?);
        let ports = [format!("http.port={http}"), format!("transport.port={transport}")];
        Ok(self.add_with(Some((http, transport)), ports.to_vec()))
    }

    /// The same behind a link of ours to each other node.
    pub fn add_linked(&mut self) -> anyhow::Result<usize> {
        let (http, transport, published) = (kept_port()?, kept_port()?, kept_port()?);
        let ports = [
            format!("http.port={http}"),
            format!("transport.port={transport}"),
            format!("transport.publish_port={published}"),
        ];
        let at = self.add_with(Some((http, transport)), ports.to_vec());
        match &mut self.ways {
            Ways::Links(links) => links.add(at, published, transport)?,
            Ways::Hosts(_) => anyhow::bail!("nodes on hosts of their own need no links"),
        }
        Ok(at)
    }

    /// The ways between the nodes that were added behind links, or are on hosts of their own.
    pub fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The same without ports: it takes those that are free when it starts.
    pub fn add_without_ports(&mut self) -> usize {
        self.add_with(None, Vec::new())
    }

    fn add_with(&mut self, ports: Option<(u16, u16)>, own: Vec<String>) -> usize {
        let at = self.members.len();
        let (name, data) = (format!("node-{at}"), self.folder.path().join(format!("data-{at}")));
        let mut settings = vec![
            format!("path.data={}", data.display()),
            format!("node.name={name}"),
            format!("discovery.registry={}", self.registry().display()),
            // How full the disk of this machine is says nothing about the node.
            "cluster.routing.allocation.disk.threshold_enabled=false".to_owned(),
        ];
        settings.extend(own);
        settings.extend(self.settings.iter().cloned());
        let mut member = Member::new(&name, data, settings, ports);
        member.bug.clone_from(&self.bug);
        self.members.push(member);
        at
    }

    /// Starts a node's process, and does not wait for it.
    pub fn spawn(&mut self, at: usize) -> anyhow::Result<()> {
        let (folder, command) = (self.folder.path().to_owned(), self.command(at)?);
        self.members[at].spawn(&folder, command)?;
        self.note_process(at);
        Ok(())
    }

    /// The program of a node, where it is to run.
    fn command(&self, at: usize) -> anyhow::Result<Command> {
        let program = binary("search-node")?;
        Ok(match &self.ways {
            Ways::Links(_) => Command::new(program),
            Ways::Hosts(hosts) => hosts.command(at, &program),
        })
    }

    fn note_process(&self, at: usize) {
        if let (Ways::Links(links), Some(process)) = (&self.ways, self.members[at].process()) {
            links.note_process(at, process);
        }
    }

    /// Starts the processes of all nodes at the same moment.
    pub fn spawn_all(&mut self) -> anyhow::Result<()> {
        let commands =
            (0..self.members.len()).map(|at| self.command(at)).collect::<anyhow::Result<Vec<_>>>()?;
        let (folder, gate) = (self.folder.path(), &Barrier::new(self.members.len()));
        std::thread::scope(|scope| {
            let starts: Vec<_> = self
                .members
                .iter_mut()
                .zip(commands)
                .map(|(member, command)| {
                    scope.spawn(move || {
                        gate.wait();
                        member.spawn(folder, command)
                    })
                })
                .collect();
            starts.into_iter().try_for_each(|start| {
                start.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread that starts a node broke")))
            })
        })?;
        (0..self.members.len()).for_each(|at| self.note_process(at));
        Ok(())
    }

    /// Starts a node again, or for the first time, and waits until it answers.
    pub async fn restart(&mut self, at: usize) -> anyhow::Result<()> {
        self.spawn(at)?;
        self.wait_answers(at).await
    }

    /// Ends a node without warning.
    pub fn kill(&mut self, at: usize) -> anyhow::Result<()> {
        let member = &mut self.members[at];
        member.is_frozen = false;
        member.program.take().map_or(Ok(()), |mut program| program.kill())
    }

    /// Asks a node to stop and waits until it has; its exit status.
    pub fn stop(&mut self, at: usize) -> anyhow::Result<Option<i32>> {
        let program = self.members[at].program.take();
        program.map_or(Ok(None), |mut program| program.terminate(STOP_WITHIN))
    }

    /// Stops a node where it stands.
    pub fn freeze(&mut self, at: usize) -> anyhow::Result<()> {
        let member = &mut self.members[at];
        member.is_frozen = true;
        member.program.as_mut().map_or(Ok(()), |program| program.freeze())
    }

    /// Lets a frozen node go on.
    pub fn thaw(&mut self, at: usize) -> anyhow::Result<()> {
        let member = &mut self.members[at];
        member.is_frozen = false;
        member.program.as_mut().map_or(Ok(()), |program| program.thaw())
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn member(&self, at: usize) -> &Member {
        &self.members[at]
    }

    pub fn member_mut(&mut self, at: usize) -> &mut Member {
        &mut self.members[at]
    }

    /// The nodes whose processes are there and not frozen.
    pub fn up(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|at| self.members[*at].is_up())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn registry(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    /// Asks one node; the status and the JSON of its answer.
    pub async fn ask(
        &self,
        at: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let answer = self.members[at].client().send(method, path, "application/json", bytes).await?;
        Ok(read(&answer))
    }

    /// Asks one node for something that it must do.
    pub async fn done(
        &self,
        at: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, answer) = self.ask(at, method.clone(), path, body).await?;
        let name = &self.members[at].name;
        anyhow::ensure!((200..300).contains(&status), "{name}: {method} {path}: {status} {answer}");
        Ok(answer)
    }

    /// Sends lines of a bulk request to one node.
    pub async fn bulk(&self, at: usize, path: &str, body: String) -> anyhow::Result<(u16, Value)> {
        let client = self.members[at].client();
        Ok(read(&client.send(Method::POST, path, "application/x-ndjson", body).await?))
    }

    /// Waits until a condition gives something, or tells what was waited for in vain.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut condition: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = condition().await {
                return Ok(found);
            }
            anyhow::ensure!(Instant::now() < deadline, "waited {limit:?} in vain for {what}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until every node that is up answers and sees as many nodes as are up.
    pub async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let up: Vec<usize> = self.up().collect();
        for at in &up {
            self.wait_answers(*at).await?;
        }
        self.wait_nodes(up.len()).await
    }

    /// Waits until every node that is up sees so many nodes.
    pub async fn wait_nodes(&self, count: usize) -> anyhow::Result<()> {
        for at in self.up() {
            let what = format!("{} to see {count} nodes", self.members[at].name);
            self.wait_for(&what, START_WITHIN, async || {
                let health = self.health(at).await?;
                (health["number_of_nodes"].as_u64() == Some(count as u64)).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    /// Whether a node's process is there: it may have ended by itself.
    pub fn runs(&mut self, at: usize) -> bool {
        self.members[at].program.as_mut().is_some_and(|program| program.is_running())
    }

    /// Waits until every node answers and sees all.
    pub async fn wait_whole(&self, limit: Duration) -> anyhow::Result<()> {
        let count = self.members.len() as u64;
        self.wait_for("all nodes to see one another", limit, async || {
            for at in 0..self.members.len() {
                if self.health(at).await?["number_of_nodes"].as_u64() != Some(count) {
                    return None;
                }
            }
            Some(())
        })
        .await
    }

    /// Waits until one node says that all copies are there.
    pub async fn wait_green(&self, at: usize, limit: Duration) -> anyhow::Result<()> {
        self.wait_for("all copies to be there", limit, async || {
            let health = self.health(at).await?;
            (health["status"].as_str() == Some("green")).then_some(())
        })
        .await
    }

    /// Waits until a node answers, and fails at once if it ended.
    pub async fn wait_answers(&mut self, at: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            let member = &mut self.members[at];
            let Some(program) = member.program.as_mut() else {
                anyhow::bail!("{} was not started", member.name)
            };
            anyhow::ensure!(program.is_running(), "{} ended: {}", member.name, tail(&member.output()));
            if member.learn_port().is_some() && self.uuid(at).await.is_some() {
                return Ok(());
            }
            let member = &self.members[at];
            anyhow::ensure!(
                Instant::now() < deadline,
                "{} does not answer after {START_WITHIN:?}: {}",
                member.name,
                tail(&member.output())
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a node listens, which it does before it is in its cluster.
    pub async fn wait_listens(&self, at: usize) -> anyhow::Result<()> {
        let what = format!("{} to listen", self.members[at].name);
        self.wait_for(&what, START_WITHIN, async || self.members[at].listens().then_some(())).await
    }

    /// Waits until one of the nodes that are up leads, and no other.
    pub async fn wait_leader(&self) -> anyhow::Result<usize> {
        self.wait_for("one node to lead", START_WITHIN, async || {
            let leaders: Vec<usize> = self.up().filter(|at| self.members[*at].leads()).collect();
            match leaders[..] {
                [leader] => Some(leader),
                _ => None,
            }
        })
        .await
    }

    /// Waits until so many nodes vote and every node knows: until then the loss of one that voted before may be too much.
    pub async fn wait_voters(&self, count: usize) -> anyhow::Result<()> {
        self.wait_for(&format!("{count} nodes to vote"), START_WITHIN, async || {
            for at in self.up() {
                let path = "/_cluster/state/metadata?local=true";
                let (_, state) = self.ask(at, Method::GET, path, None).await.ok()?;
                let voters = &state["metadata"]["cluster_coordination"]["last_committed_config"];
                if voters.as_array()?.len() != count {
                    return None;
                }
            }
            Some(())
        })
        .await
    }

    /// What a node knows of the cluster's health, if it answers.
    pub async fn health(&self, at: usize) -> Option<Value> {
        let (status, health) = self.ask(at, Method::GET, "/_cluster/health?local=true", None).await.ok()?;
        (status == 200).then_some(health)
    }

    /// The cluster that a node says it is of.
    pub async fn uuid(&self, at: usize) -> Option<String> {
        let (_, home) = self.ask(at, Method::GET, "/", None).await.ok()?;
        home["cluster_uuid"].as_str().map(str::to_owned)
    }
}

fn read(answer: &Answer) -> (u16, Value) {
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// The end of a log.
pub fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for member in &self.members {
                let log = self.folder.path().join(format!("{}.log", member.name));
                let output = fs_err::read_to_string(log).unwrap_or_default();
                eprintln!("--- the end of the log of {}:\n{}", member.name, tail(&output));
            }
        }
    }
}
