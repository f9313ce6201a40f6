//! Real clients, as people have them, against the real binary: each does what programs do with it.
//!
//! A client that cannot be had here (no Python, no registry, no such program) is skipped, and that is said loudly.

mod install;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Program, SearchNode};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/api/clients");
/// Lines that a shipper sends.
const LINES: usize = 1000;
/// How long a shipper may take to begin and to send all of it.
const SHIPPED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_py_7() {
    with_script("elasticsearch-py 7", || python("elasticsearch-py-7", "body_style.py", &["elasticsearch"]))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_py_8() {
    with_script("elasticsearch-py 8", || python("elasticsearch-py-8", "keyword_style.py", &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_py_9() {
    with_script("elasticsearch-py 9", || python("elasticsearch-py-9", "keyword_style.py", &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opensearch_py() {
    with_script("opensearch-py", || python("opensearch-py", "body_style.py", &["opensearchpy"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_js_8() {
    with_script("@elastic/elasticsearch 8", || node("elasticsearch-js-8")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_js_9() {
    with_script("@elastic/elasticsearch 9", || node("elasticsearch-js-9")).await;
}

/// It names a type in each line of a bulk, which newer servers refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omelasticsearch() {
    let Some(rsyslogd) = program_of("rsyslogd").filter(|_| has_module("omelasticsearch.so")) else {
        println!("SKIPPED: omelasticsearch: install rsyslog and rsyslog-elasticsearch of the distribution");
        return;
    };
    let shipped = Shipped::prepare("omelasticsearch.conf").await;
    let mut command = Command::new(rsyslogd);
    command.arg("-n").arg("-f").arg(&shipped.config).arg("-i").arg(shipped.folder.path().join("pid"));
    let _rsyslogd = shipped.start("rsyslogd", command);

    let hits = shipped.wait_for("syslog-*", LINES).await;
    assert_eq!(hits["hits"]["hits"][0]["_type"], "event", "{hits}");
    assert_eq!(hits["hits"]["hits"][0]["_source"]["message"], line(0), "{hits}");
    assert!(!shipped.folder.path().join("refused").exists(), "nothing was refused");
}

/// It asks what the server is and whether it may be used, puts its template, and sends packed bulks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filebeat() {
    let Some(command) = beat("filebeat") else { return };
    let shipped = Shipped::prepare("filebeat.yml").await;
    let _filebeat = shipped.start("filebeat", shipped.with_config(command));

    let hits = shipped.wait_for("filebeat-*", LINES).await;
    assert_eq!(hits["hits"]["hits"][0]["_source"]["message"], line(0), "{hits}");
    let mapping = shipped.ask("/filebeat-*/_mapping").await;
    let (_, index) = mapping.as_object().and_then(|indices| indices.iter().next()).expect("an index");
    let id = &index["mappings"]["properties"]["agent"]["properties"]["id"];
    assert_eq!(*id, json!({"type": "keyword", "ignore_above": 1024}), "the template counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metricbeat() {
    let Some(command) = beat("metricbeat") else { return };
    let shipped = Shipped::prepare("metricbeat.yml").await;
    let _metricbeat = shipped.start("metricbeat", shipped.with_config(command));

    let hits = shipped.wait_for("metricbeat-*", 5).await;
    assert!(hits["hits"]["hits"][0]["_source"]["system"].is_object(), "{hits}");
}

async fn a_node(folder: &Path) -> SearchNode {
    SearchNode::start(folder, &folder.join("data")).await.expect("a node")
}

/// Runs a script against a node of its own; it ends well if everything was as it expects.
async fn with_script(name: &str, client: impl FnOnce() -> Result<Command, String> + Send + 'static) {
    let mut command = match tokio::task::spawn_blocking(client).await.expect("installed") {
        Ok(command) => command,
        Err(reason) => return println!("SKIPPED: {name}: {reason}"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let node = a_node(folder.path()).await;
    command.arg(node.url());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("run").expect("started");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{name}: {}", said.trim());
    assert!(output.status.success(), "{name}: {said}{wrong}");
    assert!(said.trim().ends_with(" well"), "{name} came to its end: {said}");
}

fn python(list: &str, script: &str, arguments: &[&str]) -> Result<Command, String> {
    let mut command = Command::new(install::python(list)?);
    command
        .args(["-B", "-W", "ignore::DeprecationWarning"])
        .arg(Path::new(SCRIPTS).join(script))
        .args(arguments);
    Ok(command)
}

fn node(list: &str) -> Result<Command, String> {
    let modules = install::node_modules(list)?;
    let mut command = Command::new("node");
    command.arg(Path::new(SCRIPTS).join("keyword_style.mjs")).arg(modules);
    Ok(command)
}

/// A program of the host.
fn program_of(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn has_module(name: &str) -> bool {
    let libraries = ["/usr/lib", "/usr/lib64"].map(PathBuf::from);
    let of_hosts =
        libraries.iter().flat_map(|folder| fs_err::read_dir(folder).into_iter().flatten().flatten());
    let folders = of_hosts.map(|entry| entry.path()).chain(libraries.clone());
    folders.map(|folder| folder.join("rsyslog").join(name)).any(|path| path.is_file())
}

/// What starts a real Beat, if one has been built: that takes minutes.
fn beat(name: &str) -> Option<Command> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers/beats/start");
    let built = std::env::temp_dir().join("weir-peers/beats").join(name);
    if !script.is_file() || !built.is_file() {
        println!("SKIPPED: {name} 7.17: it is not built; `make peers` does, with Go and ../shared");
        return None;
    }
    let mut command = Command::new(script);
    command.arg(name);
    Some(command)
}

fn line(number: usize) -> String {
    format!("line {number} of a log with \"quotes\" and \u{fc}n\u{ef}c\u{f6}de")
}

/// A node, and a shipper of lines on its way there.
struct Shipped {
    folder: tempfile::TempDir,
    node: SearchNode,
    config: PathBuf,
}

impl Shipped {
    async fn prepare(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let node = a_node(folder.path()).await;
        let lines: String = (0..LINES).map(|number| line(number) + "\n").collect();
        fs_err::write(folder.path().join("lines"), lines).expect("written");
        let text = fs_err::read_to_string(Path::new(SCRIPTS).join(config)).expect("a configuration");
        let text = text.replace("{folder}", &folder.path().display().to_string());
        let text = text.replace("{port}", &node.port.to_string()).replace("{url}", &node.url());
        let path = folder.path().join(config);
        fs_err::write(&path, text).expect("written");
        Self { folder, node, config: path }
    }

    fn with_config(&self, mut command: Command) -> Command {
        command.arg(&self.config).arg(self.folder.path().join("shipper"));
        command
    }

    fn start(&self, name: &str, command: Command) -> Program {
        Program::spawn(name, self.folder.path(), command).expect("started")
    }

    async fn ask(&self, path: &str) -> Value {
        let answer =
            self.node.client.send(Method::GET, path, "application/json", "").await.expect("answered");
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// The first hits of indices once there are so many documents at least.
    async fn wait_for(&self, indices: &str, count: usize) -> Value {
        let deadline = std::time::Instant::now() + SHIPPED_WITHIN;
        let search = format!("/{indices}/_search?sort=_doc&track_total_hits=true&size=1");
        loop {
            let hits = self.ask(&search).await;
            if hits["hits"]["total"]["value"].as_u64().is_some_and(|found| found >= count as u64) {
                return hits;
            }
            let waited = std::time::Instant::now() >= deadline;
            assert!(!waited, "waited in vain for {count} documents at {}: {hits}", self.node.url());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
