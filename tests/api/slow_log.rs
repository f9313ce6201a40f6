//! Slow logs: what took longer than an index says is told in the node's log, each phase of a search by itself.

use search_client::Method;
use serde_json::{Value, json};
use system_tests::SearchNode;

/// The lines of the slow log, which are written before the answer.
fn told(node: &SearchNode) -> Vec<Value> {
    let output = node.program.output_since_start();
    let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "search_node::slow_log").collect()
}

#[tokio::test]
async fn what_is_slow_is_told_at_its_level() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["logging.format=json", "logging.level=warn"];
    let node = SearchNode::start_with(
        folder.path(),
        &folder.path().join("data"),
        system_tests::free_port().expect("a port"),
        &settings,
    )
    .await
    .expect("a node");
    let ask = async |method, path: &str, body: Value| {
        node.client.json(method, path, Some(&body)).await.expect(path)
    };
    let mut expected = Vec::new();

    ask(Method::PUT, "/i", json!({"settings": {"number_of_replicas": 0}})).await;
    ask(Method::PUT, "/i/_doc/1?refresh=true", json!({"a": "quick"})).await;
    ask(Method::POST, "/i/_search", json!({})).await;
    assert_eq!(told(&node), Vec::<Value>::new(), "nobody has asked for it");

    let thresholds = json!({"index": {
        "search.slowlog.threshold": {"query": {"warn": "1h", "debug": "0ms"}, "fetch.trace": "0ms"},
        "indexing.slowlog": {"threshold.index.info": "0ms", "source": 8}}});
    ask(Method::PUT, "/i/_settings", thresholds).await;
    ask(Method::PUT, "/i/_doc/2?routing=r&refresh=true", json!({"a": "brown fox"})).await;
    expected.push(json!(["INFO", "i", null, null, "2", "r", null, r#"{"a":"br"#]));
    ask(Method::POST, "/i/_search", json!({"query": {"match": {"a": "fox"}}})).await;
    let source = r#"{"query":{"match":{"a":"fox"}}}"#;
    expected.push(json!(["DEBUG", "i", 0, "query", null, null, 1, source]));
    expected.push(json!(["TRACE", "i", 0, "fetch", null, null, null, source]));

    ask(Method::PUT, "/i/_settings", json!({"index.search.slowlog.level": "info"})).await;
    ask(Method::POST, "/i/_search", json!({})).await;

    let told: Vec<Value> = told(&node)
        .into_iter()
        .map(|line| {
            assert!(line["took_ms"].is_u64(), "{line}");
            let fields = ["level", "index", "shard", "phase", "id", "routing", "total_hits", "source"];
            fields.into_iter().map(|field| line[field].clone()).collect()
        })
        .collect();
    assert_eq!(told, expected);
}
