//! Damage on the disk: found when a shard is opened, reported, never served, and no business of the other indices.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, binary};

/// A node with two indices of a hundred documents each, stopped in order; the folder of the first one's shard.
async fn two_indices(folder: &Path, data: &Path) -> PathBuf {
    let mut node = SearchNode::start(folder, data).await.expect("a node");
    let mut shard = PathBuf::new();
    for name in ["damaged", "sound"] {
        let mut body = String::new();
        for n in 0..100 {
            body.push_str(&format!(
                "{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n},\"text\":\"word{n} common\"}}\n"
            ));
        }
        let path = format!("/{name}/_bulk");
        let answer =
            node.client.send(Method::POST, &path, "application/x-ndjson", body).await.expect("answered");
        assert!(answer.is_success());
        if name == "damaged" {
            let indices = fs_err::read_dir(data.join("indices")).expect("indices");
            shard = indices.map(|entry| entry.expect("an entry").path()).next().expect("an index").join("0");
        }
    }
    assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
    shard
}

fn flip_a_byte_in_the_middle(path: &Path) {
    let mut bytes = fs_err::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs_err::write(path, bytes).expect("written");
}

fn a_file_of(shard: &Path, extension: &str) -> PathBuf {
    fs_err::read_dir(shard.join("index"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .expect("a file of that kind")
}

async fn ask(node: &SearchNode, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let text = body.map(Value::to_string).unwrap_or_default();
    let answer = node.client.send(method, path, "application/json", text).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_of_any_kind_is_reported_and_never_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shard = two_indices(folder.path(), &data).await;

    for extension in ["store", "idx", "term", "pos", "fast", "fieldnorm", "uid"] {
        let path = a_file_of(&shard, extension);
        flip_a_byte_in_the_middle(&path);
        let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");

        for (method, path, body) in [
            (Method::POST, "/damaged/_search", Some(json!({"query": {"match": {"text": "common"}}}))),
            (Method::GET, "/damaged/_doc/7", None),
            (Method::PUT, "/damaged/_doc/7", Some(json!({"n": 1}))),
        ] {
            let (status, answer) = ask(&node, method, path, body.as_ref()).await;
            assert_eq!(
                (status, &answer["error"]["root_cause"][0]["type"]),
                (500, &json!("corrupt_index_exception")),
                "{extension}: {answer}"
            );
            assert!(
                answer["error"]["root_cause"][0]["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains(extension)),
                "{answer}"
            );
        }
        let (_, health) = ask(&node, Method::GET, "/_cluster/health", None).await;
        assert_eq!((&health["status"], &health["unassigned_shards"]), (&json!("red"), &json!(3)), "{health}");
        let (status, _) = ask(&node, Method::PUT, "/damaged", None).await;
        assert_eq!(status, 400, "the name stays taken");
        let (_, sound) = ask(&node, Method::GET, "/sound/_count", None).await;
        assert_eq!(sound["count"], json!(100));

        assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
        flip_a_byte_in_the_middle(&path);
    }

    let node = SearchNode::start(folder.path(), &data).await.expect("a node");
    let (_, whole) = ask(&node, Method::GET, "/damaged/_count", None).await;
    assert_eq!(whole["count"], json!(100), "restored, it serves again");
}

/// As a disk does it that goes bad under a node: the file stays where it is.
fn overwrite_in_place(path: &Path) {
    let length = fs_err::metadata(path).expect("a file").len() as usize;
    let mut file = fs_err::OpenOptions::new().write(true).open(path).expect("opened");
    // Behind the length of the first block, which is believed before it is unpacked.
    file.seek(SeekFrom::Start(8)).expect("a place");
    file.write_all(&vec![0xFF; length / 2]).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_cannot_be_read_cost_their_shard_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shard = two_indices(folder.path(), &data).await;
    let node = SearchNode::start(folder.path(), &data).await.expect("a node");
    let (_, whole) = ask(&node, Method::GET, "/damaged/_count", None).await;
    assert_eq!(whole["count"], json!(100), "it is open");
    overwrite_in_place(&a_file_of(&shard, "store"));

    let both = "/damaged,sound/_search?size=200";
    let (status, part) = ask(&node, Method::POST, both, None).await;
    assert_eq!((status, &part["_shards"]["failed"]), (200, &json!(1)), "{part}");
    assert_eq!(part["_shards"]["successful"], json!(1), "{part}");
    assert_eq!(part["_shards"]["failures"][0]["index"], "damaged", "{part}");
    let hits = part["hits"]["hits"].as_array().expect("hits");
    assert_eq!(hits.len(), 100);
    assert!(hits.iter().all(|hit| hit["_index"] == "sound"), "{part}");

    let path = format!("{both}&allow_partial_search_results=false");
    let (status, answer) = ask(&node, Method::POST, &path, None).await;
    assert_eq!((status, &answer["error"]["reason"]), (500, &json!("Partial shards failure")), "{answer}");
    assert_eq!(answer["error"]["failed_shards"][0]["index"], "damaged", "{answer}");
    let (status, answer) = ask(&node, Method::POST, "/damaged/_search", None).await;
    assert_eq!(status, 500, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_shard_is_not_an_empty_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shard = two_indices(folder.path(), &data).await;
    fs_err::rename(&shard, folder.path().join("taken-away")).expect("moved");

    let node = SearchNode::start(folder.path(), &data).await.expect("a node");

    let (status, answer) = ask(&node, Method::GET, "/damaged/_count", None).await;
    // The map may have given the copy up already, and says why.
    assert!(status >= 500 && answer.to_string().contains("folder of the shard is missing"), "{answer}");
    let (_, health) = ask(&node, Method::GET, "/_cluster/health", None).await;
    assert_eq!(health["status"], json!("red"));
}

/// What is left of an index may still be saved: no write makes another one of its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_state_is_damaged_keeps_its_name_until_it_is_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shard = two_indices(folder.path(), &data).await;
    let file = shard.with_file_name("index.state");
    flip_a_byte_in_the_middle(&file);

    let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");

    let document = json!({"n": 1});
    for (method, path, body) in [
        (Method::PUT, "/damaged/_doc/7", Some(&document)),
        (Method::PUT, "/damaged", None),
        (Method::GET, "/damaged/_doc/7", None),
        (Method::GET, "/damaged/_search", None),
        (Method::GET, "/dam*/_count", None),
    ] {
        let (status, answer) = ask(&node, method, path, body).await;
        assert_eq!((status, &answer["error"]["type"]), (500, &json!("corrupt_index_exception")), "{answer}");
        let reason = answer["error"]["reason"].as_str().unwrap_or_default();
        assert!(
            reason.contains(&file.display().to_string()) && reason.contains("DELETE /damaged"),
            "{reason}"
        );
    }
    let lines = "{\"index\":{}}\n{}\n".to_owned();
    let bulk = node.client.send(Method::POST, "/damaged/_bulk", "application/x-ndjson", lines).await;
    let bulk: Value = serde_json::from_slice(&bulk.expect("answered").body).expect("JSON");
    assert_eq!(bulk["items"][0]["index"]["status"], json!(500), "{bulk}");
    let (_, health) = ask(&node, Method::GET, "/_cluster/health/damaged", None).await;
    assert_eq!((&health["status"], &health["unassigned_shards"]), (&json!("red"), &json!(2)), "{health}");
    let (_, rows) = ask(&node, Method::GET, "/_cat/indices?format=json", None).await;
    assert_eq!((&rows[0]["index"], &rows[0]["health"]), (&json!("damaged"), &json!("red")), "{rows}");
    let (_, sound) = ask(&node, Method::GET, "/sound/_count", None).await;
    assert_eq!(sound["count"], json!(100));

    assert_eq!(ask(&node, Method::DELETE, "/d*", None).await.0, 200);
    assert!(file.exists(), "wildcards do not give up what may be saved");
    assert_eq!(ask(&node, Method::DELETE, "/damaged", None).await.0, 200);
    assert!(!file.exists());
    assert_eq!(ask(&node, Method::PUT, "/damaged/_doc/7", Some(&document)).await.0, 201);
    let (_, health) = ask(&node, Method::GET, "/_cluster/health", None).await;
    assert_eq!(health["status"], json!("yellow"), "a lone node has no place for replicas");
    assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
}

fn translog(words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("search-node").expect("built"));
    let done = command.arg("translog").args(words).output().expect("runs");
    let text = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// A damaged translog is refused by the node, and what verifies in it can be saved while the node is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_translog_is_verified_and_salvaged_offline() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");
    for n in 0..20 {
        let (status, _) = ask(&node, Method::PUT, &format!("/i/_doc/{n}"), Some(&json!({"n": n}))).await;
        assert_eq!(status, 201);
    }
    let index =
        fs_err::read_dir(data.join("indices")).expect("indices").next().expect("one").expect("an entry");
    let shard = index.path().join("0");
    let shard_text = shard.display().to_string();
    let (status, text) = translog(&["verify", &shard_text]);
    assert_eq!(status, Some(1), "a running node is not looked at: {text}");
    assert!(text.contains("held by process"), "{text}");
    node.program.kill().expect("killed");
    assert_eq!(translog(&["verify", &shard_text]).0, Some(0));
    assert!(translog(&["show", &shard_text]).1.contains("\"_id\":\"19\""));
    let file = fs_err::read_dir(shard.join("translog"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tlog"))
        .expect("a generation");
    flip_a_byte_in_the_middle(&file);

    let (status, text) = translog(&["verify", &shard_text]);
    assert_eq!(status, Some(2), "{text}");
    let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");
    let (status, answer) = ask(&node, Method::GET, "/i/_count", None).await;
    assert!(status >= 500, "{answer}");
    assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
    let (status, text) = translog(&["salvage", &shard_text]);
    assert_eq!(status, Some(2), "something was lost: {text}");
    assert!(text.contains("lost sequence numbers"), "{text}");

    let node = SearchNode::start(folder.path(), &data).await.expect("a node");
    let (_, found) = ask(&node, Method::GET, "/i/_count", None).await;
    assert_eq!(found["count"], json!(19), "all but the damaged one");
}
