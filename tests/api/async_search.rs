//! Asynchronous searches that take long: they are tasks, tell that they run, and end with whoever wants them no more.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, long_search, long_search_bodies, long_search_mapping};

/// How long a search may go on that nobody wants. Without an end it takes several times as long.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
const LISTED: &str = "/_tasks?actions=indices:data/read/async_search*&detailed&group_by=none";
const SUBMIT: &str = "/long/_async_search?wait_for_completion_timeout=10ms";

async fn call(node: &SearchNode, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let answer =
        node.client.send(method, path, "application/json", body.to_string()).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

async fn listed(node: &SearchNode) -> Vec<Value> {
    let (_, listed) = call(node, Method::GET, LISTED, &json!({})).await;
    listed["tasks"].as_array().cloned().unwrap_or_default()
}

async fn wait_none_is_listed(node: &SearchNode) {
    let begun = Instant::now();
    while !listed(node).await.is_empty() {
        assert!(begun.elapsed() < ENDS_WITHIN, "it goes on");
    }
}

async fn submitted(node: &SearchNode, more: &str) -> String {
    let (status, answer) = call(node, Method::POST, &format!("{SUBMIT}{more}"), &long_search()).await;
    assert_eq!((status, &answer["is_running"], &answer["is_partial"]), (200, &json!(true), &json!(true)));
    assert_eq!(answer["response"]["_shards"]["total"], json!(1), "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_search_is_looked_at_and_ends_with_whoever_wants_it_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let index = json!({"settings": {"number_of_shards": 1}, "mappings": long_search_mapping()});
    assert_eq!(call(&node, Method::PUT, "/long", &index).await.0, 200);
    for body in long_search_bodies() {
        let sent = node.client.send(Method::POST, "/long/_bulk", "application/x-ndjson", body).await;
        assert!(sent.expect("answered").is_success());
    }
    assert_eq!(call(&node, Method::POST, "/long/_refresh", &json!({})).await.0, 200);

    let id = submitted(&node, "").await;
    let task = listed(&node).await.pop().expect("a task");
    assert_eq!(task["action"], json!("indices:data/read/async_search/submit"), "{task}");
    let (_, status) = call(&node, Method::GET, &format!("/_async_search/status/{id}"), &json!({})).await;
    assert_eq!(
        (&status["is_running"], &status["completion_status"]),
        (&json!(true), &Value::Null),
        "{status}"
    );
    let (code, answer) = call(&node, Method::DELETE, &format!("/_async_search/{id}"), &json!({})).await;
    assert_eq!((code, answer), (200, json!({"acknowledged": true})));
    wait_none_is_listed(&node).await;
    assert_eq!(call(&node, Method::GET, &format!("/_async_search/{id}"), &json!({})).await.0, 404);

    let id = submitted(&node, "").await;
    let task = listed(&node).await.pop().expect("a task");
    let path = format!("/_tasks/{}:{}/_cancel", task["node"].as_str().expect("a node"), task["id"]);
    assert_eq!(call(&node, Method::POST, &path, &json!({})).await.0, 200);
    let path = format!("/_async_search/{id}?wait_for_completion_timeout=30s");
    let (code, answer) = call(&node, Method::GET, &path, &json!({})).await;
    assert_eq!((code, &answer["error"]["type"]), (400, &json!("task_cancelled_exception")), "{answer}");
    wait_none_is_listed(&node).await;

    // Who waits for longer than it is kept is told an id that can be used.
    let path = "/long/_async_search?wait_for_completion_timeout=2s&keep_alive=1s";
    let (code, answer) = call(&node, Method::POST, path, &long_search()).await;
    assert_eq!((code, &answer["is_running"]), (200, &json!(true)), "{answer}");
    let path = format!("/_async_search/{}", answer["id"].as_str().expect("an id"));
    assert_eq!(call(&node, Method::GET, &path, &json!({})).await.0, 200);
    wait_none_is_listed(&node).await;

    let id = submitted(&node, "&keep_alive=1s").await;
    wait_none_is_listed(&node).await;
    let (code, _) = call(&node, Method::GET, &format!("/_async_search/{id}"), &json!({})).await;
    assert_eq!(code, 404, "its time is up");
}
