//! Shards in which nothing can match are left out, and nobody can tell but by `_shards.skipped`.

use search_client::Method;
use serde_json::{Value, json};
use system_tests::SearchNode;

const DAYS: u64 = 5;
const PER_DAY: u64 = 24;
/// More shards than there are: none is left out.
const SKIP_NONE: &str = "pre_filter_shard_size=1000";

async fn call(node: &SearchNode, method: Method, path: &str, body: &Value) -> Value {
    let answer =
        node.client.send(method, path, "application/json", body.to_string()).await.expect("answered");
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// An index a day of two shards each, an hour a document; some have no date, and some were deleted. One index has never had one.
async fn node_with_days(folder: &tempfile::TempDir) -> SearchNode {
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let index = json!({
        "settings": {"number_of_shards": 2},
        "mappings": {"properties": {
            "@timestamp": {"type": "date"},
            "n": {"type": "long"},
            "x": {"type": "double"},
            "kind": {"type": "keyword"}
        }}
    });
    let names = (1..=DAYS).map(|day| day.to_string()).chain(["empty".to_owned()]);
    for name in names {
        let made = call(&node, Method::PUT, &format!("/day-{name}"), &index).await;
        assert_eq!(made["acknowledged"], json!(true), "{made}");
    }
    let mut lines = String::new();
    for day in 0..DAYS {
        for hour in 0..PER_DAY {
            let n = day * PER_DAY + hour;
            let mut document = json!({"n": n, "x": n as f64 / 4.0, "kind": format!("k{}", n % 3)});
            if hour % 7 != 3 {
                document["@timestamp"] = json!(format!("2026-11-{:02}T{hour:02}:00:00Z", day + 1));
            }
            let action = json!({"index": {"_index": format!("day-{}", day + 1), "_id": n.to_string()}});
            lines.push_str(&format!("{action}\n{document}\n"));
        }
    }
    for n in [0, 1, 2, 23, 24, 47, 119] {
        lines.push_str(&format!(
            "{}\n",
            json!({"delete": {"_index": format!("day-{}", n / PER_DAY + 1), "_id": n.to_string()}})
        ));
    }
    let sent = node.client.send(Method::POST, "/_bulk?refresh=true", "application/x-ndjson", lines).await;
    assert!(sent.expect("answered").is_success());
    node
}

/// What counts of an answer.
fn found(answer: &Value) -> Value {
    json!([answer["hits"], answer["aggregations"], answer["error"]["type"], answer["count"]])
}

#[tokio::test]
async fn leaving_shards_out_changes_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_days(&folder).await;
    let time = |range: Value| json!({"range": {"@timestamp": range}});
    let last = json!({"range": {"n": {"gte": 119}}});
    let mut skipped_somewhere = 0;
    for (query, skips) in [
        (time(json!({"gte": "2026-11-02", "lt": "2026-11-03"})), true),
        (time(json!({"gt": "2026-11-02T22:00:00Z", "lte": "2026-11-03T00:00:00Z"})), true),
        (time(json!({"gte": "2026-11-04||/d", "time_zone": "+02:00"})), true),
        (time(json!({"lte": "01.11.2026", "format": "dd.MM.yyyy"})), true),
        (time(json!({"lt": "2026-11-01T03:00:00Z"})), true),
        (time(json!({"gte": "2027"})), true),
        (time(json!({})), true),
        (json!({"bool": {"filter": [time(json!({"gte": "2026-11-05"})), {"term": {"kind": "k1"}}]}}), true),
        (json!({"bool": {"must": [last], "filter": [time(json!({"lt": "2026-11-02"}))]}}), true),
        (json!({"constant_score": {"filter": {"range": {"x": {"gt": 29.5}}}}}), true),
        (json!({"bool": {"should": [time(json!({"gte": "2026-11-05"})), {"term": {"kind": "k1"}}]}}), false),
        (json!({"bool": {"must_not": [time(json!({"gte": "2026-11-05"}))]}}), false),
        (json!({"range": {"missing": {"gte": 1}}}), true),
        (time(json!({"gte": "nonsense"})), false),
    ] {
        for rest in [
            json!({"size": 200, "sort": [{"@timestamp": "desc"}, "n"]}),
            json!({"size": 3, "sort": "n", "track_total_hits": true}),
            json!({"size": 0, "aggs": {"kinds": {"terms": {"field": "kind"}, "aggs": {"x": {"stats": {"field": "x"}}}},
                "days": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}}}}),
        ] {
            let mut body = rest;
            body["query"] = query.clone();
            let all = call(&node, Method::POST, &format!("/day-*/_search?{SKIP_NONE}"), &body).await;
            let some = call(&node, Method::POST, "/day-*/_search", &body).await;
            assert_eq!(found(&some), found(&all), "{body}");
            if all["error"].is_null() {
                let shards = (DAYS + 1) * 2;
                assert_eq!(
                    all["_shards"],
                    json!({"total": shards, "successful": shards, "skipped": 0, "failed": 0})
                );
                let skipped = some["_shards"]["skipped"].as_u64().expect("a number");
                assert_eq!(
                    (&some["_shards"]["total"], &some["_shards"]["successful"]),
                    (&json!(shards), &json!(shards))
                );
                assert_eq!(skipped > 0, skips, "{body}: {}", some["_shards"]);
                assert!(skipped < shards, "one is searched in any case: {body}");
                skipped_somewhere += skipped;
            }
        }
        let counted = call(&node, Method::POST, "/day-*/_count", &json!({"query": query})).await;
        let body = json!({"query": query, "track_total_hits": true});
        let all = call(&node, Method::POST, &format!("/day-*/_search?{SKIP_NONE}"), &body).await;
        assert_eq!(counted["count"], all["hits"]["total"]["value"], "{query}");
    }
    assert!(skipped_somewhere > 100, "{skipped_somewhere} were left out");

    // A document counts as soon as it is visible.
    let later = json!({"query": time(json!({"gte": "2027"}))});
    let path = "/day-1/_doc/new?refresh=true";
    call(&node, Method::PUT, path, &json!({"@timestamp": "2027-01-01T00:00:00Z"})).await;
    let answer = call(&node, Method::POST, "/day-*/_search", &later).await;
    assert_eq!(answer["hits"]["total"]["value"], json!(1), "{answer}");
    assert_eq!(answer["_shards"]["skipped"], json!((DAYS + 1) * 2 - 1), "{answer}");
}
