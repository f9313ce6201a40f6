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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_computed_of_the_shards_that_have_answered_is_shown_while_the_others_search() {
    const SHARDS: u64 = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let index = json!({"settings": {"number_of_shards": SHARDS}, "mappings": {"properties": {"n": {"type": "long"}}}});
    assert_eq!(call(&node, Method::PUT, "/many", &index).await.0, 200);
    let lines: String = (0..64).map(|n| format!("{{\"index\":{{}}}}\n{{\"n\":{n}}}\n")).collect();
    let sent =
        node.client.send(Method::POST, "/many/_bulk?refresh=true", "application/x-ndjson", lines).await;
    assert!(sent.expect("answered").is_success());
    let slow = "def x = 0; for (int i = 0; i < 500000; i++) { x = x + i; } return true";
    let search = json!({
        "query": {"script": {"script": slow}}, "track_total_hits": true,
        "aggs": {"numbers": {"value_count": {"field": "n"}}, "each": {"terms": {"field": "n"}}}
    });

    let path = "/many/_async_search?wait_for_completion_timeout=10ms&batched_reduce_size=2";
    let (status, begun) = call(&node, Method::POST, path, &search).await;
    assert_eq!((status, &begun["is_running"]), (200, &json!(true)), "{begun}");
    let path = format!("/_async_search/{}", begun["id"].as_str().expect("an id"));
    let shown = loop {
        let (status, shown) = call(&node, Method::GET, &path, &json!({})).await;
        assert_eq!((status, &shown["is_running"]), (200, &json!(true)), "it takes long: {shown}");
        if shown["response"]["aggregations"].is_object() {
            break shown;
        }
    };
    let response = &shown["response"];
    let answered = response["_shards"]["successful"].as_u64().expect("a number");
    assert!((2..SHARDS).contains(&answered) && answered.is_multiple_of(2), "{response}");
    assert_eq!((&shown["is_partial"], &response["hits"]["hits"]), (&json!(true), &json!([])), "{shown}");
    let total = &response["hits"]["total"]["value"];
    assert!(total.as_u64().is_some_and(|total| (1..64).contains(&total)), "{response}");
    assert_eq!(&response["aggregations"]["numbers"]["value"], total, "{response}");
    assert!(
        response["aggregations"]["each"]["buckets"].as_array().is_some_and(|buckets| !buckets.is_empty())
    );

    // What was known when it ended stays beside why it did.
    let task = listed(&node).await.pop().expect("a task");
    let cancel = format!("/_tasks/{}:{}/_cancel", task["node"].as_str().expect("a node"), task["id"]);
    assert_eq!(call(&node, Method::POST, &cancel, &json!({})).await.0, 200);
    let path = format!("{path}?wait_for_completion_timeout=30s");
    let (status, ended) = call(&node, Method::GET, &path, &json!({})).await;
    assert_eq!((status, &ended["is_running"]), (400, &json!(false)), "{ended}");
    assert!(ended["response"]["aggregations"]["numbers"]["value"].as_u64() >= total.as_u64(), "{ended}");
    let (status, refused) =
        call(&node, Method::POST, "/many/_async_search?batched_reduce_size=1", &json!({})).await;
    assert_eq!(
        (status, &refused["error"]["reason"]),
        (400, &json!("batchedReduceSize must be >= 2")),
        "{refused}"
    );
}
