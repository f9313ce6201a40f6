//! `make up`: one command starts everything, documents of every kind arrive, a second start says what runs, and
//! Ctrl-C leaves nothing behind.
//!
//! The script runs in a folder of its own, on copies of the scripts and the configuration in which free ports stand
//! for the usual ones.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use system_tests::{binary, free_port, wait_until};

use crate::browser::look;

const LIMIT: Duration = Duration::from_secs(120);
const USUAL: [&str; 4] = ["9200", "5044", "9600", "5601"];

struct Place {
    folder: tempfile::TempDir,
    /// In the order of [`USUAL`].
    ports: Vec<u16>,
    profile: String,
}

/// `scripts/up.sh`, told to stop when the test ends early.
struct Up {
    child: Child,
    log: PathBuf,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _stopped_already = self.interrupt();
    }
}

impl Place {
    fn new() -> Self {
        let built = binary("search-node").expect("built").parent().expect("a folder").to_owned();
        let place = Self::without_programs(&built.file_name().expect("a profile").to_string_lossy());
        symlink(&built, place.programs()).expect("linked");
        place
    }

    /// With scripts for programs: each says that it is ready and goes on until it is told to stop, but for those whose
    /// script is given.
    fn with_scripts(scripts: &[(&str, &str)]) -> Self {
        const GOOD: &str = "trap 'exit 0' TERM; echo \"$name is ready\"; while :; do sleep 0.05; done";
        let place = Self::without_programs("scripted");
        fs_err::create_dir(place.programs()).expect("made");
        for name in
            ["search-node", "shipper", "dashboard", "file-beat", "metric-beat", "packet-beat", "heartbeat"]
        {
            let script = scripts.iter().find(|(given, _)| *given == name).map_or(GOOD, |(_, script)| script);
            let path = place.programs().join(name);
            fs_err::write(&path, format!("#!/bin/sh\nname={name}\n{script}\n")).expect("written");
            fs_err::set_permissions(&path, Permissions::from_mode(0o755)).expect("set");
        }
        place
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join("target").join(&self.profile)
    }

    fn without_programs(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ports: Vec<u16> = USUAL.iter().map(|_| free_port().expect("a port")).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout");
        for part in ["scripts", "config", "config/pipelines"] {
            copy(&root.join(part), &folder.path().join(part), &ports);
        }
        fs_err::create_dir(folder.path().join("target")).expect("made");
        Self { folder, ports, profile: profile.to_owned() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.folder.path().join("scripts/up.sh"));
        command.env("PROFILE", &self.profile).env("BUILD", "0").stdin(Stdio::null());
        command
    }

    fn start(&self) -> Up {
        let log = self.folder.path().join("up.log");
        let out = fs_err::File::create(&log).expect("a log").into_parts().0;
        let both = out.try_clone().expect("twice");
        Up { child: self.command().stdout(out).stderr(both).spawn().expect("starts"), log }
    }

    fn run(&self) -> Output {
        self.command().output().expect("runs")
    }

    /// Processes that still run in this folder.
    fn leftovers(&self) -> Vec<String> {
        let folder = fs_err::canonicalize(self.folder.path()).expect("there");
        let processes = fs_err::read_dir("/proc").expect("Linux").flatten();
        let inside = processes.filter(|process| {
            fs_err::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        });
        let name = |process: fs_err::DirEntry| fs_err::read_to_string(process.path().join("comm")).ok();
        inside.filter_map(name).map(|name| name.trim().to_owned()).collect()
    }
}

fn copy(from: &Path, to: &Path, ports: &[u16]) {
    fs_err::create_dir_all(to).expect("made");
    for entry in fs_err::read_dir(from).expect("listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_file() {
            let text = fs_err::read_to_string(entry.path()).expect("a text");
            let text = USUAL
                .iter()
                .zip(ports)
                .fold(text, |text, (usual, port)| text.replace(usual, &port.to_string()));
            fs_err::write(&target, text).expect("written");
            let mode = fs_err::metadata(entry.path()).expect("there").permissions();
            fs_err::set_permissions(&target, mode).expect("set");
        }
    }
}

impl Up {
    fn said(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }

    fn says(&mut self, text: &str) {
        let found = wait_until(text, LIMIT, || {
            let ended = self.child.try_wait().ok().flatten().is_some();
            (self.said().contains(text) || ended).then_some(())
        });
        assert!(found.is_ok() && self.said().contains(text), "`{text}` is not in:\n{}", self.said());
    }

    /// As Ctrl-C does; its status once it has ended.
    fn interrupt(&mut self) -> anyhow::Result<Option<i32>> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status.code());
        }
        Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status()?;
        let child = &mut self.child;
        Ok(wait_until("the end of up.sh", LIMIT, || child.try_wait().ok().flatten())?.code())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_starts_everything_and_ctrl_c_leaves_nothing_behind() {
    let place = Place::new();
    let mut up = place.start();
    up.says("the dashboard is at");
    let said = up.said();
    for program in ["search-node", "shipper", "dashboard", "file-beat", "metric-beat", "heartbeat"] {
        assert!(said.contains(&format!("✓ {program} is ready")), "{program}:\n{said}");
    }
    let captures = said.contains("✓ packet-beat is ready");
    assert!(captures || (said.contains("✗ packet-beat") && said.contains("setcap")), "{said}");
    if !captures {
        println!("SKIPPED: packets were not looked at: capture is not permitted here");
    }

    let client = SearchClient::new(ClientOptions {
        hosts: vec![format!("127.0.0.1:{}", place.ports[0])],
        ..ClientOptions::default()
    })
    .expect("a client");
    for (kind, is_expected) in [("logs", true), ("metrics", true), ("uptime", true), ("packets", captures)] {
        if is_expected {
            arrives(&client, kind, &up).await;
        }
    }

    let cards = if captures { "ingest,logs,monitors,hosts,flows" } else { "ingest,logs,monitors,hosts" };
    let url = format!("http://127.0.0.1:{}", place.ports[3]);
    look(&url, &["--only", "home shows what arrives", "--filled", cards]);

    let second = place.run();
    let text = String::from_utf8_lossy(&second.stdout).into_owned();
    assert_eq!(second.status.code(), Some(1), "{text}");
    assert!(text.contains("already running") && text.contains("search-node (process"), "{text}");

    assert_eq!(up.interrupt().expect("ends"), Some(0), "{}", up.said());
    assert!(!up.said().contains("did not stop"), "{}", up.said());
    // What a script waited with, `sleep`, ends on its own.
    let gone = wait_until("the end of what was left", LIMIT, || place.leftovers().is_empty().then_some(()));
    assert!(gone.is_ok(), "{:?}", place.leftovers());
    for port in &place.ports {
        TcpListener::bind(("127.0.0.1", *port)).expect("nobody listens any more");
    }
}

async fn arrives(client: &SearchClient, kind: &str, up: &Up) {
    let deadline = std::time::Instant::now() + LIMIT;
    let mut last = String::new();
    while std::time::Instant::now() < deadline {
        match client.json(Method::GET, &format!("/{kind}-*/_count"), None).await {
            Ok(answer) if answer["count"].as_u64() > Some(0) => return,
            other => last = format!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing arrived in {kind}-*: {last}\n{}", up.said());
}

/// Whoever is on the node's port would be fed by everything else, if the node took another one.
#[test]
fn a_taken_port_of_the_node_is_refused_with_its_setting() {
    let place = Place::new();
    let stranger = TcpListener::bind(("127.0.0.1", place.ports[0])).expect("a port");

    let output = place.run();

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("✗ search-node") && said.contains("http.port"), "{said}");
    assert!(!said.contains("shipper is ready"), "{said}");
    assert_eq!(place.leftovers(), Vec::<String>::new());
    drop(stranger);
}

/// A line of an earlier run stood in the log while the program of this one had not emptied it yet.
#[test]
fn a_ready_line_is_believed_of_this_start_and_a_live_program_only() {
    let place = Place::with_scripts(&[
        ("file-beat", "exit 3"),
        ("metric-beat", "echo \"$name is ready\"; exit 4"),
        ("heartbeat", "echo 'heartbeat: `monitors` is empty; list one'; exit 1"),
    ]);
    let logs = place.folder.path().join("data/log");
    fs_err::create_dir_all(&logs).expect("made");
    fs_err::write(logs.join("file-beat.log"), "file-beat is ready STALE-LINE\n").expect("written");

    let mut up = place.start();
    up.says("Ctrl-C stops everything");

    let said = up.said();
    assert!(!said.contains("STALE-LINE"), "{said}");
    assert!(said.contains("✗ file-beat ended (exit status 3): see data/log/file-beat.log"), "{said}");
    assert!(said.contains("✗ metric-beat ended (exit status 4)"), "{said}");
    assert!(said.contains("✗ heartbeat ended (exit status 1): `monitors` is empty; list one"), "{said}");
    assert_eq!(up.interrupt().expect("ends"), Some(0), "{}", up.said());
}

#[test]
fn a_dashboard_that_did_not_start_has_no_address() {
    let refusal = "echo 'dashboard: its port is taken; choose another'; exit 1";
    let place = Place::with_scripts(&[("dashboard", refusal)]);

    let mut up = place.start();
    up.says("Ctrl-C stops everything");

    let said = up.said();
    assert!(said.contains("✗ dashboard ended (exit status 1): its port is taken; choose another"), "{said}");
    assert!(said.contains("✓ heartbeat is ready") && said.contains("the dashboard did not start"), "{said}");
    assert!(!said.contains("the dashboard is at"), "{said}");
    assert_eq!(up.interrupt().expect("ends"), Some(0), "{}", up.said());
}

#[test]
fn a_killed_program_is_named_with_its_signal() {
    let place = Place::with_scripts(&[]);
    let mut up = place.start();
    up.says("the dashboard is at");

    let node = fs_err::read_to_string(place.folder.path().join("data/search-node.pid")).expect("a pid");
    Command::new("kill").args(["-9", node.trim()]).status().expect("killed");

    up.says("✗ search-node ended (killed by signal 9)");
    assert!(!up.said().contains("signal 9): search-node is ready"), "{}", up.said());
    assert!(!up.said().contains("up.sh: line"), "the shell speaks of its own: {}", up.said());
    assert_eq!(up.interrupt().expect("ends"), Some(0), "{}", up.said());
}

#[test]
fn what_a_killed_start_left_behind_is_named_with_the_command_that_ends_it() {
    let place = Place::with_scripts(&[]);
    let mut up = place.start();
    up.says("the dashboard is at");
    up.child.kill().expect("killed");
    up.child.wait().expect("ended");

    let second = place.run();

    let said = String::from_utf8_lossy(&second.stdout).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    let remedy = said.split('`').find(|part| part.starts_with("kill ")).unwrap_or_else(|| panic!("{said}"));
    Command::new("sh").args(["-c", remedy]).status().expect("runs");
    let gone = wait_until("the end of what was left", LIMIT, || place.leftovers().is_empty().then_some(()));
    assert!(gone.is_ok(), "{said}\n{:?}", place.leftovers());
}
