//! Copies of a shard on several nodes: what was acknowledged is on every copy in sync, whoever fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, free_port};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How long a cluster may take to be what it should be: a node that is gone is noticed after some seconds, on a busy host.
const PATIENCE: Duration = Duration::from_secs(90);

/// Three nodes of one cluster.
struct Cluster {
    folder: TempDir,
    ports: Vec<u16>,
    nodes: Vec<Option<SearchNode>>,
}

/// A copy as its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Copy {
    shard: u64,
    role: String,
    documents: u64,
    max_seq_no: i64,
    global: i64,
    digest: String,
}

impl Cluster {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ports: Vec<u16> = (0..3).map(|_| free_port().expect("a port")).collect();
        let mut cluster = Self { folder, ports, nodes: Vec::new() };
        for number in 0..3 {
            let node = cluster.begin(number).await;
            cluster.nodes.push(Some(node));
        }
        cluster
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("n{number}"))
    }

    async fn begin(&self, number: usize) -> SearchNode {
        let registry = format!("discovery.registry={}", self.folder.path().join("registry").display());
        let name = format!("node.name=n{number}");
        // Its own folder, so that each has a log of its own.
        let logs = self.folder.path().join(format!("log-{number}"));
        fs_err::create_dir_all(&logs).expect("made");
        let settings = [registry.as_str(), name.as_str()];
        let data = self.data(number);
        let node = SearchNode::start_with(&logs, &data, self.ports[number], &settings);
        node.await.expect("a node")
    }

    async fn restart(&mut self, number: usize) {
        let node = self.begin(number).await;
        self.nodes[number] = Some(node);
    }

    fn kill(&mut self, number: usize) {
        if let Some(mut node) = self.nodes[number].take() {
            node.program.kill().expect("killed");
        }
    }

    fn node(&self, number: usize) -> &SearchNode {
        self.nodes[number].as_ref().expect("the node runs")
    }

    async fn ask(&self, number: usize, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.node(number).client.json(method, path, body).await;
        answer.unwrap_or_else(|error| panic!("{path} on n{number}: {error}"))
    }

    /// The copies on every node that runs, by node.
    async fn copies(&self, index: &str) -> BTreeMap<usize, Vec<Copy>> {
        let mut all = BTreeMap::new();
        for number in 0..3 {
            let Some(node) = &self.nodes[number] else { continue };
            // A node that has just started does not know the index yet.
            let Ok(answer) = node.client.json(Method::GET, &format!("/{index}/_copies"), None).await else {
                continue;
            };
            let copies = answer["copies"].as_array().into_iter().flatten().map(Copy::read).collect();
            all.insert(number, copies);
        }
        all
    }

    /// Waits until every shard has so many copies that hold the same, all of it equal for good.
    async fn wait_equal(&self, index: &str, shards: usize, copies: usize) -> Vec<Copy> {
        let began = Instant::now();
        loop {
            let all = self.copies(index).await;
            let mut by_shard: BTreeMap<u64, Vec<Copy>> = BTreeMap::new();
            for copy in all.values().flatten().filter(|copy| copy.role != "none") {
                by_shard.entry(copy.shard).or_default().push(copy.clone());
            }
            let is_equal = |found: &Vec<Copy>| {
                found.len() == copies
                    && found.iter().filter(|copy| copy.role == "primary").count() == 1
                    && found.iter().all(|copy| {
                        (copy.documents, &copy.digest, copy.global)
                            == (found[0].documents, &found[0].digest, copy.max_seq_no)
                    })
            };
            if by_shard.len() == shards && by_shard.values().all(is_equal) {
                return by_shard.into_values().map(|mut found| found.swap_remove(0)).collect();
            }
            assert!(began.elapsed() < PATIENCE, "the copies do not become equal: {all:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn primary_of(&self, index: &str, shard: u64) -> usize {
        let began = Instant::now();
        loop {
            let is_primary = |copy: &Copy| copy.shard == shard && copy.role == "primary";
            let all = self.copies(index).await;
            if let Some((number, _)) = all.iter().find(|(_, copies)| copies.iter().any(is_primary)) {
                return *number;
            }
            assert!(began.elapsed() < PATIENCE, "shard {shard} has no primary: {all:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until all nodes vote, so that any of them may go: a node votes once it has been there for some seconds.
    async fn wait_steady(&self) {
        let began = Instant::now();
        let is_told = |node: &SearchNode| node.program.output().contains("the nodes that vote changed");
        while !self.nodes.iter().flatten().any(is_told) {
            assert!(began.elapsed() < PATIENCE, "the nodes do not vote");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn create(&self, index: &str, shards: usize, replicas: usize) {
        let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": replicas}});
        self.ask(0, Method::PUT, &format!("/{index}"), Some(&settings)).await;
    }
}

impl Copy {
    fn read(shown: &Value) -> Self {
        Self {
            shard: shown["shard"].as_u64().expect("a shard"),
            role: shown["role"].as_str().expect("a role").to_owned(),
            documents: shown["docs"].as_u64().expect("documents"),
            max_seq_no: shown["max_seq_no"].as_i64().expect("a number"),
            global: shown["global"].as_i64().expect("a checkpoint"),
            digest: shown["digest"].as_str().expect("a digest").to_owned(),
        }
    }
}

/// Writers that go on until they are told to stop.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    acknowledged: AtomicUsize,
}

impl Load {
    /// Waits until so many more documents were acknowledged.
    async fn wait_for(&self, more: usize) {
        let (began, wanted) = (Instant::now(), self.acknowledged.load(Ordering::Acquire) + more);
        while self.acknowledged.load(Ordering::Acquire) < wanted {
            assert!(began.elapsed() < PATIENCE, "nothing is acknowledged any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Writes documents one after the other through one node, until it is told to stop; gives those that were acknowledged.
fn write_on(port: u16, name: &'static str, load: Arc<Load>) -> JoinHandle<BTreeSet<String>> {
    tokio::spawn(async move {
        let client = search_client::SearchClient::new(search_client::ClientOptions {
            hosts: vec![format!("127.0.0.1:{port}")],
            timeout: Duration::from_secs(60),
            ..search_client::ClientOptions::default()
        });
        let client = client.expect("a client");
        let mut acknowledged = BTreeSet::new();
        let mut number = 0;
        while !load.is_over.load(Ordering::Acquire) {
            let id = format!("{name}-{number}");
            let document = json!({"name": id, format!("field_{}", number % 7): number});
            number += 1;
            // What is not acknowledged may be there or not.
            if client.json(Method::PUT, &format!("/load/_doc/{id}"), Some(&document)).await.is_ok() {
                acknowledged.insert(id);
                load.acknowledged.fetch_add(1, Ordering::AcqRel);
            }
        }
        acknowledged
    })
}

async fn is_there(node: &SearchNode, index: &str, id: &str) -> bool {
    node.client.json(Method::GET, &format!("/{index}/_doc/{id}"), None).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_holds_what_was_written_through_any_node() {
    let cluster = Cluster::start().await;
    for (index, replicas) in [("one", 1), ("two", 2)] {
        cluster.create(index, 2, replicas).await;
        for number in 0..60 {
            let document = json!({"number": number, format!("new_{}", number % 5): "text"});
            let path = format!("/{index}/_doc/{number}");
            cluster.ask(number % 3, Method::PUT, &path, Some(&document)).await;
        }
        cluster.ask(1, Method::DELETE, &format!("/{index}/_doc/7"), None).await;

        let copies = cluster.wait_equal(index, 2, replicas + 1).await;

        assert_eq!(copies.iter().map(|copy| copy.documents).sum::<u64>(), 59, "{index}: {copies:?}");
        let last = cluster.ask(2, Method::PUT, &format!("/{index}/_doc/last"), Some(&json!({"a": 1}))).await;
        let all = json!({"total": replicas + 1, "successful": replicas + 1, "failed": 0});
        assert_eq!(last["_shards"], all, "{index}");
    }
}

/// A primary's node dies under load: writes go on, nothing acknowledged is lost, and the node that returns gets what it lacks as
/// operations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_node_of_a_primary() {
    let mut cluster = Cluster::start().await;
    cluster.wait_steady().await;
    cluster.create("load", 1, 1).await;
    cluster.ask(0, Method::PUT, "/load/_doc/first", Some(&json!({"name": "first"}))).await;
    cluster.wait_equal("load", 1, 2).await;
    let doomed = cluster.primary_of("load", 0).await;
    let others: Vec<usize> = (0..3).filter(|number| *number != doomed).collect();
    let load = Arc::new(Load::default());
    let writers = [
        write_on(cluster.ports[others[0]], "a", Arc::clone(&load)),
        write_on(cluster.ports[others[1]], "b", Arc::clone(&load)),
    ];
    load.wait_for(100).await;

    cluster.kill(doomed);

    let next = cluster.primary_of("load", 0).await;
    let resumed = cluster.ask(next, Method::PUT, "/load/_doc/resumed", Some(&json!({"name": "r"}))).await;
    assert_eq!(resumed["result"], "created");
    load.wait_for(50).await;
    cluster.restart(doomed).await;
    load.wait_for(50).await;
    load.is_over.store(true, Ordering::Release);
    let mut acknowledged = BTreeSet::from(["first".to_owned(), "resumed".to_owned()]);
    for writer in writers {
        acknowledged.extend(writer.await.expect("the writer ended"));
    }
    let copies = cluster.wait_equal("load", 1, 2).await;

    assert!(
        copies[0].documents >= acknowledged.len() as u64,
        "{copies:?}, {} acknowledged",
        acknowledged.len()
    );
    for id in &acknowledged {
        assert!(is_there(cluster.node(others[0]), "load", id).await, "{id} was acknowledged and is gone");
    }
}

/// A copy that begins when the operations are no longer kept gets the files, and the operations since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_comes_late_is_filled_from_files() {
    let cluster = Cluster::start().await;
    cluster.create("late", 1, 0).await;
    for number in 0..40 {
        let path = format!("/late/_doc/{number}");
        cluster.ask(number % 3, Method::PUT, &path, Some(&json!({"number": number}))).await;
    }
    cluster.ask(0, Method::POST, "/late/_flush", None).await;
    cluster.ask(0, Method::PUT, "/late/_doc/after", Some(&json!({"number": 41}))).await;

    let replicas = json!({"index": {"number_of_replicas": 1}});
    cluster.ask(1, Method::PUT, "/late/_settings", Some(&replicas)).await;

    let copies = cluster.wait_equal("late", 1, 2).await;
    assert_eq!(copies[0].documents, 41, "{copies:?}");
    let mut kinds = BTreeSet::new();
    for number in 0..3 {
        let shown = cluster.ask(number, Method::GET, "/late/_copies", None).await;
        for recovery in shown["recoveries"].as_array().into_iter().flatten() {
            kinds.insert((recovery["is_by_files"].as_bool(), recovery["files"]["total"].as_u64() > Some(0)));
        }
    }
    assert_eq!(kinds, BTreeSet::from([(Some(true), true)]));
}

/// Where fewer copies are in sync than an index asks for, nothing is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_may_ask_for_copies_in_sync_before_anything_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let settings = json!({"settings": {"number_of_replicas": 1}});
    node.client.json(Method::PUT, "/least", Some(&settings)).await.expect("made");
    let asks = |number: u32| json!({"index": {"write.min_in_sync": number}});
    node.client.json(Method::PUT, "/least/_settings", Some(&asks(2))).await.expect("set");

    let refused = node.client.json(Method::PUT, "/least/_doc/1", Some(&json!({"a": 1}))).await;
    let refused = refused.expect_err("one copy is there").to_string();

    assert!(refused.contains("min_in_sync"), "{refused}");
    node.client.json(Method::PUT, "/least/_settings", Some(&asks(1))).await.expect("set");
    let done = node.client.json(Method::PUT, "/least/_doc/1", Some(&json!({"a": 1}))).await.expect("done");
    assert_eq!(done["_shards"], json!({"total": 2, "successful": 1, "failed": 0}));
}
