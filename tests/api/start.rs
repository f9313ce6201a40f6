//! Starting: fast, with overrides, refusing what is wrong in words that help.

use std::process::Command;
use std::time::Instant;

use system_tests::{Program, SearchNode, binary, free_port};

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary("search-node").expect("built")).args(arguments).output().expect("runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_known_one() {
    let (status, text) = run(&["-E", "http.prot=9200"]);

    assert_eq!(status, Some(78));
    assert_eq!(text.trim(), "search-node: -E: unknown setting [http.prot]: did you mean [http.port]?");
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wrong.yml");
    fs_err::write(&file, "cluster.name: c\nhttp:\n  port: ninety\n").expect("written");

    let (status, text) = run(&["-c", file.to_str().expect("UTF-8")]);

    assert_eq!(status, Some(78));
    assert!(text.contains("wrong.yml:3: [http.port] is `ninety`, but must be a port"), "{text}");
}

#[test]
fn an_address_that_others_reach_is_refused_without_a_word_on_security() {
    let (status, text) = run(&["-E", "network.host=0.0.0.0"]);

    assert_eq!(status, Some(78));
    assert!(text.contains("[security.enabled]"), "{text}");
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused_and_names_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let node = SearchNode::start(folder.path(), &data).await.expect("a node");

    let (status, text) = run(&["-E", &format!("path.data={}", data.display()), "-E", "http.port=0"]);

    assert_eq!(status, Some(1));
    assert!(
        text.contains(&format!("held by process {}", node.program.id())) && text.contains("path.data"),
        "{text}"
    );
}

#[tokio::test]
async fn a_taken_port_names_the_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let other = folder.path().join("other");

    let (status, text) =
        run(&["-E", &format!("path.data={}", other.display()), "-E", &format!("http.port={}", node.port)]);

    assert_eq!(status, Some(1));
    assert!(text.contains("-E http.port=PORT"), "{text}");
}

/// Ready well under a second; the number that is promised for release builds is checked by the benchmark.
#[tokio::test]
async fn a_node_is_ready_soon_and_stops_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let started = Instant::now();
    let mut node =
        SearchNode::start_on(folder.path(), &folder.path().join("data"), port).await.expect("a node");
    let took = started.elapsed();

    let status = node.program.terminate(std::time::Duration::from_secs(20)).expect("stops");

    assert_eq!(status, Some(0), "{}", node.program.output());
    assert!(took.as_millis() < 3_000, "took {took:?}");
    let _: &Program = &node.program;
}
