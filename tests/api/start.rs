//! Starting: fast, with overrides, refusing what is wrong in words that help.

use std::process::Command;
use std::time::{Duration, Instant};

use system_tests::{SearchNode, binary};

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

/// What is promised. The fastest of some starts, for the others may have had to wait for a core.
#[tokio::test]
async fn a_node_is_ready_within_300_ms_and_stops_when_asked() {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        let mut node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
        fastest = fastest.min(started.elapsed());

        let status = node.program.terminate(Duration::from_secs(20)).expect("stops");

        assert_eq!(status, Some(0), "{}", node.program.output());
    }

    assert!(fastest < Duration::from_millis(300), "took {fastest:?} at best");
}
