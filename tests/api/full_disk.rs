//! A node on a disk that is fuller than it shall be: it reads, it deletes indices, and it adds nothing.

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, free_port, wait_until};

async fn ask(node: &SearchNode, method: Method, path: &str, body: &str) -> (u16, Value) {
    let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
    let answer = node.client.send(method, path, kind, body.to_owned()).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_above_the_flood_stage_reads_and_deletes_and_adds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");
    assert_eq!(ask(&node, Method::PUT, "/logs/_doc/1", "{\"n\":1}").await.0, 201);
    assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
    // More than any disk has.
    let marks = "cluster.routing.allocation.disk.watermark";
    let settings = [format!("{marks}.high=1000000tb"), format!("{marks}.flood_stage=1000000tb")];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let port = free_port().expect("a port");

    let node = SearchNode::start_with(folder.path(), &data, port, &settings).await.expect("a node");

    for (method, path, body) in [
        (Method::PUT, "/logs/_doc/2", "{\"n\":1}"),
        (Method::PUT, "/others/_doc/1", "{}"),
        (Method::DELETE, "/logs/_doc/1", ""),
        (Method::POST, "/logs/_update/1", "{\"doc\":{\"n\":1}}"),
        (Method::PUT, "/logs/_mapping", "{\"properties\":{\"x\":{\"type\":\"long\"}}}"),
        (Method::POST, "/logs/_forcemerge?max_num_segments=1", ""),
    ] {
        let (status, answer) = ask(&node, method, path, body).await;
        assert_eq!((status, &answer["error"]["type"]), (429, &json!("cluster_block_exception")), "{answer}");
        let reason = answer["error"]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("disk usage exceeded flood-stage watermark"), "{path}: {reason}");
    }
    let (status, bulk) = ask(&node, Method::POST, "/logs/_bulk", "{\"index\":{}}\n{}\n").await;
    assert_eq!((status, &bulk["items"][0]["index"]["status"]), (200, &json!(429)), "{bulk}");
    for path in ["/logs/_doc/1", "/logs/_search"] {
        assert_eq!(ask(&node, Method::GET, path, "").await.0, 200, "{path}");
    }
    for path in ["/logs/_refresh", "/logs/_flush"] {
        assert_eq!(ask(&node, Method::POST, path, "").await.0, 200, "{path}");
    }
    assert_eq!(ask(&node, Method::GET, "/others", "").await.0, 404, "a refused write leaves no index");
    // An empty index is no data, as in Elasticsearch.
    for path in ["/empty", "/_data_stream/logs-app-default"] {
        let (status, answer) = ask(&node, Method::PUT, path, "").await;
        assert_eq!(status, 200, "{answer}");
    }
    let (status, answer) = ask(&node, Method::PUT, "/empty/_doc/1", "{}").await;
    assert_eq!(status, 429, "{answer}");
    fills_a_clone_once_there_is_room(&node).await;
    assert_eq!(ask(&node, Method::DELETE, "/logs", "").await.0, 200);
    let told = node.program.output().matches("disk usage exceeded the flood stage").count();
    assert_eq!(told, 1, "{}", node.program.output());
}

/// A shard that begins with the documents of another index waits for room, and needs nobody to ask for it again.
async fn fills_a_clone_once_there_is_room(node: &SearchNode) {
    let (status, answer) = ask(node, Method::PUT, "/logs/_settings", "{\"index.blocks.write\":true}").await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = ask(node, Method::POST, "/logs/_clone/copy?wait_for_active_shards=0", "").await;
    assert_eq!(status, 200, "{answer}");
    let told = "tried=4";
    let is_told = || node.program.output().contains(told).then_some(());
    wait_until("the clone is tried", Duration::from_secs(20), is_told).expect("it is tried");
    let (status, answer) = ask(node, Method::GET, "/_cluster/health/copy", "").await;
    assert_eq!((status, &answer["active_primary_shards"]), (200, &json!(0)), "{answer}");

    let unwatched = json!({"persistent": {"cluster.routing.allocation.disk.threshold_enabled": false}});
    let (status, answer) = ask(node, Method::PUT, "/_cluster/settings", &unwatched.to_string()).await;
    assert_eq!(status, 200, "{answer}");

    let (status, answer) =
        ask(node, Method::GET, "/_cluster/health/copy?wait_for_active_shards=1&timeout=60s", "").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(ask(node, Method::GET, "/copy/_count", "").await.1["count"], 1);
}
