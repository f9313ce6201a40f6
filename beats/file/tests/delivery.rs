//! From files to a node that misbehaves, through the real program: nothing is missing and nothing is there twice,
//! whatever happens to the files, the node and the program.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use beat_core::fake_node::{FakeNode, Fault, Faults};
use fs_err as fs;

const GOOD: Faults = |_| None;
const AWAY: Faults = |_| Some(Fault::Unavailable);
const BAD: Faults = |n| match n % 7 {
    2 => Some(Fault::Unavailable),
    4 => Some(Fault::HalfBusy),
    5 => Some(Fault::LostAnswer),
    _ => None,
};

struct Host {
    folder: tempfile::TempDir,
    node: FakeNode,
    /// What the inputs read, below the folder.
    paths: &'static str,
    /// More lines of the settings.
    more: &'static str,
}

/// A running file-beat; killed when the test ends early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Running {
    fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("reaped");
    }

    /// Waits until it has so many files of the folder open, whatever their names are by now.
    async fn opens(&self, folder: &Path, files: usize) {
        let links = format!("/proc/{}/fd", self.0.id());
        let began = std::time::Instant::now();
        let open = || {
            let links = fs::read_dir(&links).into_iter().flatten().flatten();
            links.filter(|link| fs::read_link(link.path()).is_ok_and(|to| to.starts_with(folder))).count()
        };
        while open() != files {
            assert!(began.elapsed() < Duration::from_secs(20), "{} of {files} files are open", open());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn stop(mut self) {
        let sent =
            Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        assert!(self.0.wait().expect("reaped").success(), "a stop is no failure");
    }
}

impl Host {
    async fn new(faults: Faults) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("logs")).expect("made");
        let node = FakeNode::start(0, faults).await.expect("a port");
        Self { folder, node, paths: "logs/**/*.log*", more: "" }
    }

    fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn beat(&self) -> Running {
        let config = self.folder.path().join("file-beat.yml");
        let text = format!(
            "path.data: {root}/data\nfile-beat.inputs:\n  - paths: ['{root}/{paths}']\n    prospector.scanner.check_interval: 200ms\n\
             output.elasticsearch:\n  hosts: ['{host}']\n  bulk_max_size: 400\n  backoff.init: 10ms\n  backoff.max: 100ms\n\
             queue.mem.flush.timeout: 20ms\nshutdown_timeout: 10s\nlogging.level: error\n{more}\n",
            paths = self.paths,
            more = self.more,
            root = self.folder.path().display(),
            host = self.node.host(),
        );
        fs::write(&config, text).expect("written");
        let child = Command::new(env!("CARGO_BIN_EXE_file-beat"))
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .spawn();
        Running(child.expect("started"))
    }

    /// Every expected line is there once.
    async fn expect(&self, expected: impl IntoIterator<Item = String>) {
        let expected: Vec<String> = expected.into_iter().collect();
        let in_time = self.node.holds(expected.len()).await;
        let mut counts: HashMap<String, i64> = HashMap::new();
        for (_, document) in self.node.documents() {
            *counts.entry(document["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        for line in &expected {
            *counts.entry(line.clone()).or_default() -= 1;
        }
        let missing = counts.values().filter(|count| **count < 0).count();
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).take(5).collect();
        assert!(
            in_time && missing == 0 && twice.is_empty(),
            "missing {missing}, too many {twice:?} of {}",
            expected.len()
        );
    }
}

fn append(path: &Path, lines: impl IntoIterator<Item = String>) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("opened");
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    file.write_all(text.as_bytes()).expect("written");
}

fn numbered(name: &'static str, range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(move |n| format!("{name} line {n} with some more text as a log has"))
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_several_files_arrive_once_with_their_fields() {
    let host = Host::new(BAD).await;
    append(&host.log("a.log"), numbered("same", 0..3000));
    append(&host.log("b.log"), numbered("same", 0..3000));
    append(&host.log("short.log"), ["x".to_owned()]);
    let _beat = host.beat();

    host.expect(numbered("same", 0..3000).chain(numbered("same", 0..3000)).chain(["x".to_owned()])).await;

    let (index, document) =
        host.node.documents().into_iter().find(|(_, d)| d["message"] == "x").expect("there");
    assert_eq!(index, "logs-generic-default");
    assert_eq!(document["log"]["file"]["path"].as_str(), host.log("short.log").to_str());
    assert_eq!(document["log"]["offset"], 0);
    for member in ["type", "version", "name", "id", "ephemeral_id"] {
        assert!(document["agent"][member].is_string(), "{member}: {document}");
    }
    assert!(document["host"]["name"].is_string() && document["ecs"]["version"].is_string());
    assert!(host.node.items() > 6001, "nothing was repeated, so nothing was tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_waits_for_its_newline() {
    let host = Host::new(GOOD).await;
    fs::write(host.log("a.log"), "whole\npart").expect("written");
    let _beat = host.beat();
    host.expect(["whole".to_owned()]).await;

    append(&host.log("a.log"), ["ial".to_owned()]);

    host.expect(["whole".to_owned(), "partial".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_any_bytes_is_read_and_holds_up_no_other_file() {
    let host = Host::new(GOOD).await;
    let odd = std::ffi::OsStr::from_bytes(b"\xff.log");
    append(&host.folder.path().join("logs").join(odd), ["odd".to_owned()]);
    append(&host.log("a.log"), ["even".to_owned()]);

    let beat = host.beat();

    host.expect(["odd".to_owned(), "even".to_owned()]).await;
    beat.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_by_rename_under_load_loses_and_repeats_nothing() {
    let host = Host::new(BAD).await;
    let beat = host.beat();
    for round in 0..20 {
        append(&host.log("app.log"), numbered("app", round * 500..round * 500 + 400));
        if round % 3 == 1 {
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        append(&host.log("app.log"), numbered("app", round * 500 + 400..round * 500 + 500));
        for n in (1..25).rev() {
            let from = host.log(&format!("app.log.{n}"));
            if from.exists() {
                fs::rename(&from, host.log(&format!("app.log.{}", n + 1))).expect("renamed");
            }
        }
        fs::rename(host.log("app.log"), host.log("app.log.1")).expect("renamed");
    }

    host.expect(numbered("app", 0..10_000)).await;
    beat.stop();
}

/// A path without a wildcard never matches the rotated names, so a file must be open before it is renamed, however
/// long the node is away.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rotated_out_of_the_paths_while_the_node_is_away_arrives() {
    let host = Host { paths: "logs/app.log", ..Host::new(AWAY).await }.with("queue.mem.events: 10");
    append(&host.log("app.log"), numbered("a", 0..100));
    let beat = host.beat();
    assert!(host.node.is_asked(1).await);

    for (open, next) in [(2, "b"), (3, "c")] {
        fs::rename(host.log("app.log"), host.log("app.log.1")).expect("renamed");
        append(&host.log("app.log"), numbered(next, 0..100));
        beat.opens(&host.log(""), open).await;
    }
    host.node.becomes(GOOD);

    host.expect(numbered("a", 0..100).chain(numbered("b", 0..100)).chain(numbered("c", 0..100))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copytruncate_loses_and_repeats_nothing() {
    let host = Host::new(GOOD).await;
    let _beat = host.beat();
    let mut written = 0;
    for round in 1..=8 {
        append(&host.log("app.log"), numbered("app", written..written + 300));
        if round % 2 == 0 {
            // Half of the rounds truncate what was not read yet: the copy must give the rest.
            assert!(host.node.holds(written + 300).await);
        }
        written += 300;
        fs::copy(host.log("app.log"), host.log(&format!("app.log.{round}"))).expect("copied");
        fs::OpenOptions::new().write(true).truncate(true).open(host.log("app.log")).expect("truncated");
    }
    append(&host.log("app.log"), numbered("app", written..written + 10));

    host.expect(numbered("app", 0..written + 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_is_read_from_its_start_even_with_the_same_size() {
    let host = Host::new(GOOD).await;
    let _beat = host.beat();
    fs::write(host.log("a.log"), "first 1\nfirst 2\n").expect("written");
    assert!(host.node.holds(2).await);

    fs::write(host.log("a.log"), "other 1\nother 2\n").expect("written");
    assert!(host.node.holds(4).await);
    fs::write(host.log("a.log"), "s\n").expect("written");

    host.expect(["first 1", "first 2", "other 1", "other 2", "s"].map(str::to_owned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_deleted_and_made_anew_is_a_new_file() {
    let host = Host::new(GOOD).await;
    let _beat = host.beat();
    append(&host.log("a.log"), numbered("old", 0..100));
    assert!(host.node.holds(100).await);

    fs::remove_file(host.log("a.log")).expect("removed");
    append(&host.log("a.log"), numbered("new", 0..200));

    host.expect(numbered("old", 0..100).chain(numbered("new", 0..200))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_closed_once_its_lines_are_acked() {
    let host = Host::new(AWAY).await;
    append(&host.log("a.log"), ["x".to_owned()]);
    let beat = host.beat();
    assert!(host.node.is_asked(1).await);

    fs::remove_file(host.log("a.log")).expect("removed");
    beat.opens(&host.log(""), 1).await;
    host.node.becomes(GOOD);

    beat.opens(&host.log(""), 0).await;
    host.expect(["x".to_owned()]).await;
}

/// Runs of a job often begin alike; the inode tells that this is another file.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_begins_like_a_deleted_one_is_read_from_its_start() {
    let host = Host::new(GOOD).await;
    let _beat = host.beat();
    append(&host.log("run-001.log"), ["OK".to_owned()]);
    assert!(host.node.holds(1).await);
    // Made before the other is removed, so that it cannot have the same inode.
    let beside = host.folder.path().join("run-002");
    append(&beside, ["OK".to_owned()]);

    fs::remove_file(host.log("run-001.log")).expect("removed");
    fs::rename(beside, host.log("run-002.log")).expect("renamed");

    host.expect(["OK".to_owned(), "OK".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_looks_like_a_copy_is_read_after_its_wait() {
    let host = Host::new(GOOD).await.with("file-beat.copy_wait: 1s");
    let _beat = host.beat();
    append(&host.log("app.log"), ["started".to_owned()]);
    assert!(host.node.holds(1).await);

    append(&host.log("app-error.log"), ["started".to_owned()]);
    append(&host.log("app.2.log"), ["started".to_owned()]);

    host.expect(["started".to_owned(), "started".to_owned(), "started".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_repeats_nothing_and_reads_what_came_meanwhile() {
    let host = Host::new(GOOD).await;
    append(&host.log("a.log"), numbered("a", 0..1000));
    let beat = host.beat();
    assert!(host.node.holds(1000).await);
    beat.stop();
    append(&host.log("a.log"), numbered("a", 1000..1500));
    fs::rename(host.log("a.log"), host.log("a.log.1")).expect("renamed");
    append(&host.log("a.log"), numbered("a", 1500..1700));

    let _beat = host.beat();

    host.expect(numbered("a", 0..1700)).await;
    assert_eq!(host.node.items(), 1700, "a clean restart sends nothing again");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_moment_loses_nothing_and_ids_hide_what_is_repeated() {
    let host = Host::new(BAD).await;
    let mut written = 0;
    for round in 0..20_u64 {
        append(&host.log("a.log"), numbered("a", written..written + 1000));
        append(&host.log("b.log"), numbered("b", written..written + 1000));
        written += 1000;
        if round % 4 == 3 {
            fs::rename(host.log("b.log"), host.log(&format!("b.log.{round}"))).expect("renamed");
        }
        let asked = host.node.requests();
        let beat = host.beat();
        assert!(host.node.is_asked(asked + 1 + round % 4).await, "no progress, so no moment to kill at");
        beat.kill();
    }

    let _beat = host.beat();

    host.expect(numbered("a", 0..written).chain(numbered("b", 0..written))).await;
    assert!(host.node.items() > 2 * written, "nothing was repeated, so nothing was tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_is_refused() {
    let host = Host::new(GOOD).await;
    append(&host.log("a.log"), ["x".to_owned()]);
    let beat = host.beat();
    assert!(host.node.holds(1).await);

    let config = host.folder.path().join("file-beat.yml");
    let second = Command::new(env!("CARGO_BIN_EXE_file-beat")).arg("-c").arg(&config).output().expect("ran");

    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains(&format!("process {}", beat.0.id())), "{said}");
}

/// A supervisor sees only the status: a beat whose output is gone must not end as if all were well.
#[test]
fn a_dead_output_ends_the_beat_with_a_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("file-beat.yml");
    append(&folder.path().join("a.log"), numbered("a", 0..10));
    let root = folder.path().display();
    fs::write(
        &config,
        format!("path.data: {root}/data\nfile-beat.inputs:\n  - paths: ['{root}/a.log']\noutput.console.enabled: true\nqueue.mem.flush.timeout: 10ms\n"),
    )
    .expect("written");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);

    let mut command = Command::new(env!("CARGO_BIN_EXE_file-beat"));
    let child =
        command.arg("-c").arg(&config).stdout(writer).stderr(Stdio::piped()).spawn().expect("started");
    let mut running = Running(child);
    let began = std::time::Instant::now();
    let status = loop {
        // A beat that lives on with a dead output notices when it next has lines.
        append(&folder.path().join("a.log"), numbered("b", 0..10));
        if let Some(status) = running.0.try_wait().expect("asked") {
            break status;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the beat lives on");
        std::thread::sleep(Duration::from_millis(20));
    };

    let mut said = String::new();
    std::io::Read::read_to_string(&mut running.0.stderr.take().expect("piped"), &mut said).expect("read");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the output to standard output has ended"), "{said}");
}
