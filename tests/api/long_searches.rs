//! Searches that take long: they end when their time is up, when somebody ends them, and when nobody waits for them.

use std::time::{Duration, Instant};

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{
    LONG_SEARCH_DOCUMENTS, SearchNode, free_port, long_search, long_search_bodies, long_search_mapping,
};

/// How long a search may go on that nobody wants. Without an end it takes several times as long.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
const LISTED: &str = "/_tasks?actions=indices:data/read/search&detailed&group_by=none";

async fn call(client: &SearchClient, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let answer = client.send(method, path, "application/json", body.to_string()).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn client_of(node: &SearchNode) -> SearchClient {
    SearchClient::new(ClientOptions { hosts: vec![node.url()], ..ClientOptions::default() })
        .expect("an address")
}

async fn node_with_documents(folder: &tempfile::TempDir) -> SearchNode {
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let index = json!({"settings": {"number_of_shards": 1}, "mappings": long_search_mapping()});
    assert_eq!(call(&node.client, Method::PUT, "/long", &index).await.0, 200);
    for body in long_search_bodies() {
        let sent = node.client.send(Method::POST, "/long/_bulk", "application/x-ndjson", body).await;
        assert!(sent.expect("answered").is_success());
    }
    assert_eq!(call(&node.client, Method::POST, "/long/_refresh", &json!({})).await.0, 200);
    node
}

/// Searches that are listed.
async fn listed(node: &SearchNode) -> Vec<Value> {
    let (_, listed) = call(&node.client, Method::GET, LISTED, &json!({})).await;
    listed["tasks"].as_array().cloned().unwrap_or_default()
}

/// Starts the search and waits until it is listed.
async fn start(node: &SearchNode) -> (tokio::task::JoinHandle<(u16, Value)>, Value) {
    started(node, "/long/_search", long_search()).await
}

async fn started(
    node: &SearchNode,
    path: &'static str,
    body: Value,
) -> (tokio::task::JoinHandle<(u16, Value)>, Value) {
    let client = client_of(node);
    let running = tokio::spawn(async move { call(&client, Method::POST, path, &body).await });
    loop {
        if let Some(task) = listed(node).await.pop() {
            return (running, task);
        }
        assert!(!running.is_finished(), "it takes long");
    }
}

async fn wait_none_is_listed(node: &SearchNode) {
    let begun = Instant::now();
    while !listed(node).await.is_empty() {
        assert!(begun.elapsed() < ENDS_WITHIN, "it goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_search_ends_when_it_is_cancelled_when_its_client_goes_and_when_its_time_is_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_documents(&folder).await;

    let (running, task) = start(&node).await;
    assert_eq!((&task["cancellable"], &task["cancelled"]), (&json!(true), &json!(false)), "{task}");
    let description = task["description"].as_str().expect("a text");
    assert!(
        description.starts_with("indices[long], types[], search_type[QUERY_THEN_FETCH], source[{"),
        "{task}"
    );
    assert!(description.contains(r#""range":{"n":{"gte":0}}"#), "{task}");
    let id = format!("{}:{}", task["node"].as_str().expect("a node"), task["id"]);
    let begun = Instant::now();
    let cancel = format!("/_tasks/{id}/_cancel?wait_for_completion=true");
    let (status, answer) = call(&node.client, Method::POST, &cancel, &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert!(begun.elapsed() < ENDS_WITHIN, "took {:?}", begun.elapsed());
    assert_eq!(listed(&node).await, Vec::<Value>::new());
    let (status, answer) = running.await.expect("answered");
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("task_cancelled_exception")), "{answer}");
    assert_eq!(answer["error"]["reason"], json!("task cancelled [by user request]"), "{answer}");
    let (status, kept) = call(&node.client, Method::GET, &format!("/_tasks/{id}"), &json!({})).await;
    assert_eq!(status, 404, "no result is kept: {kept}");

    let (running, _) = start(&node).await;
    running.abort();
    wait_none_is_listed(&node).await;

    let (status, part) =
        call(&node.client, Method::POST, "/long/_search?timeout=200ms", &long_search()).await;
    assert_eq!((status, &part["timed_out"]), (200, &json!(true)), "{part}");
    assert_eq!(part["_shards"]["successful"], json!(1), "{part}");
    let total = part["hits"]["total"]["value"].as_u64().expect("a number");
    assert!(total < LONG_SEARCH_DOCUMENTS as u64, "{part}");
    assert_eq!(
        part["aggregations"]["words"]["buckets"][0]["doc_count"].as_u64().unwrap_or(0),
        total,
        "{part}"
    );

    let path = "/long/_search?timeout=200ms&allow_partial_search_results=false";
    let (status, refused) = call(&node.client, Method::POST, path, &long_search()).await;
    assert_eq!(status, 500, "{refused}");
    assert_eq!(refused["error"]["type"], json!("search_phase_execution_exception"), "{refused}");
    assert_eq!(refused["error"]["caused_by"]["reason"], json!("Time exceeded"), "{refused}");

    let (status, whole) = call(&node.client, Method::POST, "/long/_search?timeout=1h", &json!({})).await;
    assert_eq!((status, &whole["timed_out"]), (200, &json!(false)), "{whole}");
}

/// Searches that waited for the values that another one read used to keep every place of the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_that_wait_for_the_same_values_leave_room_for_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let settings = ["thread_pool.search.size=2"];
    let node = SearchNode::start_with(folder.path(), &folder.path().join("data"), port, &settings).await;
    let node = node.expect("a node");
    let index = json!({
        "settings": {"number_of_shards": 1},
        "mappings": {"dynamic": false, "properties": {"n": {"type": "long"}}, "runtime": {"slow": {"type": "keyword"}}}
    });
    assert_eq!(call(&node.client, Method::PUT, "/slow", &index).await.0, 200);
    let fill = "x".repeat(500);
    for from in (0..40_000).step_by(10_000) {
        let lines: String = (from..from + 10_000)
            .map(|n| {
                format!("{{\"index\":{{}}}}\n{{\"n\":{n},\"slow\":\"value {n}\",\"fill\":\"{fill}\"}}\n")
            })
            .collect();
        let sent = node.client.send(Method::POST, "/slow/_bulk", "application/x-ndjson", lines).await;
        assert!(sent.expect("answered").is_success());
    }
    assert_eq!(call(&node.client, Method::POST, "/slow/_refresh", &json!({})).await.0, 200);

    let waiting: Vec<_> = (0..6)
        .map(|_| {
            let client = client_of(&node);
            let query = json!({"size": 0, "track_total_hits": true, "query": {"prefix": {"slow": "value"}}});
            tokio::spawn(async move { call(&client, Method::POST, "/slow/_search", &query).await })
        })
        .collect();
    while listed(&node).await.len() < waiting.len() {
        assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished), "they take long");
    }
    let (_, cheap) = call(&node.client, Method::GET, "/slow/_count?q=n:7", &json!({})).await;

    assert_eq!(cheap["count"], json!(1), "{cheap}");
    assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished), "it did not have to wait for them");
    for search in waiting {
        let (status, found) = search.await.expect("no panic");
        assert_eq!((status, &found["hits"]["total"]["value"]), (200, &json!(40_000)), "{found}");
    }
}

/// Takes some tenths of a second, whatever document it is asked for.
const SLOW_SCRIPT: &str = "def x = 0; for (int i = 0; i < 900000; i++) { x = x + i; } return 1";
/// So many of them take several times as long as anything may go on that nobody wants.
const SLOW_DOCUMENTS: usize = 300;

/// Searches whose hits are found at once, and of which what is made of these takes long.
fn slow_to_show() -> Vec<(&'static str, Value)> {
    let all = json!({"match_all": {}});
    let group = json!({"name": "best", "sort": [{"_script": {"type": "number", "script": SLOW_SCRIPT}}]});
    vec![
        (
            "script_fields",
            json!({"size": SLOW_DOCUMENTS, "query": all, "script_fields": {"x": {"script": SLOW_SCRIPT}}}),
        ),
        (
            "rescore",
            json!({"size": SLOW_DOCUMENTS, "query": all, "rescore": {"window_size": SLOW_DOCUMENTS, "query": {
                "rescore_query": {"script_score": {"query": all, "script": {"source": SLOW_SCRIPT}}}}}}),
        ),
        (
            "collapse",
            json!({"size": SLOW_DOCUMENTS, "query": all, "collapse": {"field": "k", "inner_hits": group}}),
        ),
        (
            "sort",
            json!({"size": 1, "query": all, "sort": [{"_script": {"type": "number", "script": SLOW_SCRIPT}}]}),
        ),
    ]
}

async fn cancel(node: &SearchNode, task: &Value) {
    let id = format!("{}:{}", task["node"].as_str().expect("a node"), task["id"]);
    let path = format!("/_tasks/{id}/_cancel");
    assert_eq!(call(&node.client, Method::POST, &path, &json!({})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_of_hits_ends_when_it_is_cancelled_when_its_client_goes_and_when_its_time_is_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let fields = json!({"k": {"type": "keyword"}});
    let index = json!({"settings": {"number_of_shards": 1}, "mappings": {"properties": fields}});
    assert_eq!(call(&node.client, Method::PUT, "/slow", &index).await.0, 200);
    let lines: String =
        (0..SLOW_DOCUMENTS).map(|n| format!("{{\"index\":{{}}}}\n{{\"k\":\"{n:04}\"}}\n")).collect();
    let sent =
        node.client.send(Method::POST, "/slow/_bulk?refresh=true", "application/x-ndjson", lines).await;
    assert!(sent.expect("answered").is_success());

    for (what, search) in slow_to_show() {
        let (running, task) = started(&node, "/slow/_search", search.clone()).await;
        let begun = Instant::now();
        cancel(&node, &task).await;
        let (status, answer) = running.await.expect("answered");
        assert!(begun.elapsed() < ENDS_WITHIN, "{what} took {:?}", begun.elapsed());
        let error = &answer["error"]["type"];
        assert_eq!((status, error), (400, &json!("task_cancelled_exception")), "{what}: {answer}");
        wait_none_is_listed(&node).await;

        let (running, _) = started(&node, "/slow/_search", search.clone()).await;
        running.abort();
        wait_none_is_listed(&node).await;

        // Documents are read however long the search has taken, as in Elasticsearch.
        if what == "script_fields" {
            continue;
        }
        let begun = Instant::now();
        let (status, part) = call(&node.client, Method::POST, "/slow/_search?timeout=500ms", &search).await;
        assert!(begun.elapsed() < ENDS_WITHIN, "{what} took {:?}", begun.elapsed());
        assert_eq!((status, &part["timed_out"]), (200, &json!(true)), "{what}: {part}");
        let hits = part["hits"]["hits"].as_array().expect("hits");
        if what != "sort" {
            assert_eq!(hits.len(), SLOW_DOCUMENTS, "{what}");
            assert!(
                hits.iter().all(|hit| hit["_score"] == json!(1.0)),
                "{what}: they are as they were found"
            );
        }
        if what == "collapse" {
            let nothing = json!({"total": {"value": 0, "relation": "gte"}, "max_score": null, "hits": []});
            assert_eq!(hits[SLOW_DOCUMENTS - 1]["inner_hits"]["best"]["hits"], nothing);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phrases_of_thousands_of_words_end_when_their_time_is_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let fields = json!({"t": {"type": "text"}, "m": {"type": "match_only_text"}});
    let index = json!({"settings": {"number_of_shards": 1}, "mappings": {"properties": fields}});
    assert_eq!(call(&node.client, Method::PUT, "/words", &index).await.0, 200);
    let long = vec!["row"; 40_000].join(" ");
    let document = json!({"t": long, "m": long});
    assert_eq!(call(&node.client, Method::PUT, "/words/_doc/1?refresh=true", &document).await.0, 201);
    let words = vec!["row"; 10_000].join(" ");
    let quoted = format!("\"{words}\"~3");
    for query in [
        json!({"match_phrase": {"t": {"query": words, "slop": 3}}}),
        json!({"match_phrase": {"m": {"query": words, "slop": 3}}}),
        json!({"multi_match": {"query": words, "fields": ["t", "m"], "type": "phrase", "slop": 3}}),
        json!({"query_string": {"query": quoted, "fields": ["t"]}}),
        json!({"simple_query_string": {"query": quoted, "fields": ["t"]}}),
        json!({"bool": {"filter": [{"match_phrase": {"t": {"query": words, "slop": 3}}}]}}),
    ] {
        let what = query.to_string().chars().take(30).collect::<String>();
        let (begun, search) = (Instant::now(), json!({"query": query}));
        let (status, part) = call(&node.client, Method::POST, "/words/_search?timeout=300ms", &search).await;
        assert!(begun.elapsed() < ENDS_WITHIN, "{what} took {:?}", begun.elapsed());
        assert_eq!((status, &part["timed_out"]), (200, &json!(true)), "{what}: {part}");

        let (running, task) = started(&node, "/words/_search", search).await;
        cancel(&node, &task).await;
        let (status, answer) = running.await.expect("answered");
        let error = &answer["error"]["type"];
        assert_eq!((status, error), (400, &json!("task_cancelled_exception")), "{what}: {answer}");
        wait_none_is_listed(&node).await;
    }
}
