//! What a node takes when it has little to do, and what it refuses when it has too much.

use std::time::Duration;

use search_client::Method;
use serde_json::json;
use system_tests::{SearchNode, free_port, wait_until};

fn maps_segments(node: &SearchNode) -> bool {
    fs_err::read_to_string(format!("/proc/{}/maps", node.program.id()))
        .is_ok_and(|maps| maps.contains(".store"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_shard_is_closed_and_opens_again_when_it_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = free_port().expect("a port");
    let settings = ["indices.shards.idle_after=1s"];
    let node = SearchNode::start_with(folder.path(), &data, port, &settings).await.expect("a node");
    let document = json!({"text": "still here"});
    node.client.json(Method::PUT, "/i/_doc/1?refresh=true", Some(&document)).await.expect("stored");
    assert!(maps_segments(&node), "an open shard maps its segments");

    wait_until("the shard to be closed", Duration::from_secs(20), || (!maps_segments(&node)).then_some(()))
        .expect("closed");

    let stats = node.client.json(Method::GET, "/_cat/indices?format=json", None).await.expect("listed");
    assert_eq!(stats[0]["docs.count"], json!("1"), "its figures are known all the same: {stats}");
    assert!(!maps_segments(&node), "and telling them does not open it");
    let found = node.client.json(Method::GET, "/i/_search?q=text:still", None).await.expect("searched");
    assert_eq!(found["hits"]["total"]["value"], json!(1));
    let updated = json!({"doc": {"n": 1}});
    let updated = node.client.json(Method::POST, "/i/_update/1", Some(&updated)).await.expect("updated");
    assert_eq!(updated["_version"], json!(2), "versions go on");
}

/// As in Elasticsearch, a search that comes after a while waits for a refresh, so that it sees what was written before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_search_of_an_index_sees_what_was_written_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    for n in 0..3 {
        let index = format!("/i{n}");
        node.client
            .json(Method::PUT, &format!("{index}/_doc/1"), Some(&json!({"n": n})))
            .await
            .expect("stored");

        let found = node.client.json(Method::GET, &format!("{index}/_count"), None).await.expect("counted");

        assert_eq!(found["count"], json!(1));
    }
    node.client.json(Method::PUT, "/listed/_doc/1", Some(&json!({"n": 1}))).await.expect("stored");
    let listed =
        node.client.json(Method::GET, "/_cat/indices/listed?format=json", None).await.expect("listed");
    assert_eq!(listed[0]["docs.count"], json!("1"), "and so does who asks for its figures");
}

/// Every index that is written to has a segment in memory; one with a few documents must not cost megabytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trickle_into_many_indices_takes_little_memory() {
    const INDICES: usize = 14;
    // Pages of the program do not count: how many there are tells how it was built.
    const OWN_BYTES_MAX: u64 = 82 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    for turn in 0..30 {
        let lines = (0..INDICES * 3).map(|n| {
            let document =
                json!({"n": turn, "text": format!("event {n} of turn {turn}"), "host": {"name": "a"}});
            format!("{{\"create\":{{\"_index\":\"trickle-{}\"}}}}\n{document}\n", n % INDICES)
        });
        let body: String = lines.collect();
        let answer = node.client.send(Method::POST, "/_bulk", "application/x-ndjson", body).await;
        assert!(answer.expect("answered").is_success());
        // The segments in memory are written out, and the next documents open new ones.
        node.client.json(Method::POST, "/trickle-*/_refresh", None).await.expect("refreshed");
    }

    let own = node.program.own_bytes();
    assert!(own < OWN_BYTES_MAX, "{} MiB are its own", own >> 20);
}
