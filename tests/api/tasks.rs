//! Tasks by query while they run: braked, looked at, hurried, ended, and remembered.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Program, SearchNode, free_port};

async fn node_with_documents(folder: &tempfile::TempDir, count: usize) -> SearchNode {
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let lines: String =
        (0..count).map(|n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n}}}\n")).collect();
    let answer = node.client.send(Method::POST, "/i/_bulk?refresh=true", "application/x-ndjson", lines).await;
    assert!(answer.expect("answered").is_success());
    node
}

async fn call(node: &SearchNode, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = node.client.send(method, path, "application/json", body).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

async fn start(node: &SearchNode, path: &str, body: Value) -> String {
    let (status, answer) = call(node, Method::POST, path, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["task"].as_str().expect("a task").to_owned()
}

#[tokio::test]
async fn a_braked_task_can_be_looked_at_hurried_and_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_documents(&folder, 20).await;
    let body = json!({"source": {"index": "i", "size": 5}, "dest": {"index": "copy"}});
    let task = start(&node, "/_reindex?wait_for_completion=false&requests_per_second=0.1", body).await;

    let path = format!("/_tasks/{task}");
    let status = loop {
        let (_, shown) = call(&node, Method::GET, &path, Value::Null).await;
        assert_eq!(shown["completed"], json!(false), "{shown}");
        if shown["task"]["status"]["created"] == json!(5) {
            break shown["task"]["status"].clone();
        }
    };
    assert_eq!((&status["total"], &status["batches"]), (&json!(20), &json!(1)), "{status}");
    assert_eq!(status["requests_per_second"], json!(0.1), "{status}");
    let (_, listed) =
        call(&node, Method::GET, "/_tasks?actions=*reindex&detailed&group_by=none", Value::Null).await;
    assert_eq!(listed["tasks"][0]["description"], json!("reindex from [i] to [copy]"), "{listed}");

    let hurry = format!("/_reindex/{task}/_rethrottle?requests_per_second=-1");
    let begun = Instant::now();
    let (_, answer) = call(&node, Method::POST, &hurry, Value::Null).await;
    assert!(answer["nodes"].as_object().is_some_and(|nodes| nodes.len() == 1), "{answer}");
    let (status, done) =
        call(&node, Method::GET, &format!("{path}?wait_for_completion=true&timeout=30s"), Value::Null).await;

    assert_eq!((status, &done["completed"]), (200, &json!(true)), "{done}");
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
    assert_eq!(done["response"]["created"], json!(20), "{done}");
    assert_eq!(done["response"]["failures"], json!([]), "{done}");
    assert_eq!(call(&node, Method::GET, &path, Value::Null).await.1, done, "it stays as it ended");
}

#[tokio::test]
async fn a_cancelled_task_ends_after_its_batch_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_documents(&folder, 20).await;
    let path = "/i/_delete_by_query?wait_for_completion=false&scroll_size=2&requests_per_second=0.1&slices=2";
    let task = start(&node, path, json!({"query": {"match_all": {}}})).await;
    let (_, tree) = call(&node, Method::GET, "/_tasks?group_by=parents&actions=*byquery", Value::Null).await;
    assert_eq!(tree["tasks"][&task]["children"].as_array().map(Vec::len), Some(2), "{tree}");

    let cancel = format!("/_tasks/{task}/_cancel?wait_for_completion=true");
    let (status, answer) = call(&node, Method::POST, &cancel, Value::Null).await;
    assert_eq!(status, 200, "{answer}");

    let (_, done) = call(&node, Method::GET, &format!("/_tasks/{task}"), Value::Null).await;
    assert_eq!(done["completed"], json!(true), "{done}");
    assert_eq!(done["response"]["canceled"], json!("by user request"), "{done}");
    assert!(done["response"]["deleted"].as_u64().is_some_and(|deleted| deleted <= 4), "{done}");
    let (_, again) = call(&node, Method::POST, &cancel, Value::Null).await;
    assert_eq!(
        again["node_failures"][0]["caused_by"]["type"],
        json!("resource_not_found_exception"),
        "{again}"
    );
}

#[tokio::test]
async fn a_task_that_cannot_begin_is_remembered_with_its_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_documents(&folder, 1).await;
    let path = "/nothing/_update_by_query?wait_for_completion=false";
    let task = start(&node, path, Value::Null).await;

    let (status, done) = call(&node, Method::GET, &format!("/_tasks/{task}"), Value::Null).await;
    assert_eq!((status, &done["completed"]), (200, &json!(true)), "{done}");
    assert_eq!(done["error"]["type"], json!("index_not_found_exception"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_braked_tasks_and_waiting_writers_stops_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = node_with_documents(&folder, 10).await;
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=1&requests_per_second=0.01";
    start(&node, path, Value::Null).await;
    let body = json!({"settings": {"refresh_interval": -1}});
    assert_eq!(call(&node, Method::PUT, "/quiet", body).await.0, 200);
    let url = node.url();
    let waiting = tokio::spawn(async move {
        let options = search_client::ClientOptions { hosts: vec![url], ..Default::default() };
        let client = search_client::SearchClient::new(options).expect("an address");
        client.send(Method::PUT, "/quiet/_doc/1?refresh=wait_for", "application/json", "{}").await
    });
    loop {
        let (status, _) = call(&node, Method::GET, "/quiet/_doc/1", Value::Null).await;
        if status == 200 {
            break;
        }
    }

    let status =
        tokio::task::block_in_place(|| node.program.terminate(Duration::from_secs(20))).expect("stops");

    assert_eq!(status, Some(0), "{}", node.program.output());
    assert_eq!(waiting.await.expect("ran").expect("answered").status, 201, "the writer was answered");
}

#[tokio::test]
async fn more_operations_than_there_are_places_for_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let settings = [
        format!("path.data={}", folder.path().join("data").display()),
        format!("discovery.registry={}", folder.path().join("registry").display()),
        "transport.port=0".to_owned(),
        format!("http.port={port}"),
        "thread_pool.by_query.size=1".to_owned(),
        "thread_pool.by_query.queue_size=1".to_owned(),
        "tasks.results_max=1".to_owned(),
        "cluster.routing.allocation.disk.threshold_enabled=false".to_owned(),
    ];
    let arguments: Vec<String> =
        settings.into_iter().flat_map(|setting| ["-E".to_owned(), setting]).collect();
    let program = Program::start("search-node", folder.path(), &arguments).expect("a node");
    let hosts = vec![format!("127.0.0.1:{port}")];
    let client =
        search_client::SearchClient::new(search_client::ClientOptions { hosts, ..Default::default() });
    let node = SearchNode { program, port, client: client.expect("an address") };
    while node.client.json(Method::GET, "/", None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for n in 0..2 {
        let path = format!("/i/_doc/{n}?refresh=true");
        assert_eq!(call(&node, Method::PUT, &path, json!({})).await.0, 201);
    }
    // Both meet the same documents: what the other one changed must not end them.
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=1&requests_per_second=0.01&conflicts=proceed";
    let tasks = [start(&node, path, Value::Null).await, start(&node, path, Value::Null).await];

    let (status, answer) = call(&node, Method::POST, path, Value::Null).await;

    assert_eq!(
        (status, &answer["error"]["type"]),
        (429, &json!("es_rejected_execution_exception")),
        "{answer}"
    );
    assert!(answer.to_string().contains("thread_pool.by_query.queue_size"), "{answer}");
    for task in &tasks {
        let cancel = format!("/_tasks/{task}/_cancel?wait_for_completion=true");
        assert_eq!(call(&node, Method::POST, &cancel, Value::Null).await.0, 200);
    }
    let statuses = [
        call(&node, Method::GET, &format!("/_tasks/{}", tasks[0]), Value::Null).await.0,
        call(&node, Method::GET, &format!("/_tasks/{}", tasks[1]), Value::Null).await.0,
    ];
    assert_eq!(statuses, [404, 200], "one outcome is kept, the last");
}
