//! Any node answers: changes of indices through one are seen by all once they are acknowledged, and documents are written
//! and found through any as they are on a node that is alone.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{AccessLog, Cluster, SearchNode, access_log_mapping};

const GREEN_WITHIN: Duration = Duration::from_secs(60);
/// More than the second that a request may wait, and less than two such waits and what else takes time.
const WAITED_ONCE: Duration = Duration::from_millis(2_800);

/// How often each kind of change is made, each time through another node.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_through_one_node_is_there_on_all_once_it_is_acknowledged() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    change_and_look(&cluster).await;
}

/// Changes through each node in turn, each of which all nodes must know at once.
pub(crate) async fn change_and_look(cluster: &Cluster) {
    for round in 0..ROUNDS {
        let node = |step: usize| (round + step) % 3;
        let path = format!("/index-{round}");
        let created = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
        change(cluster, node(0), Method::PUT, &path, &created).await;
        for at in 0..3 {
            see(cluster, at, &path, "", "/settings/index/number_of_shards", &json!("2")).await;
        }

        let mapping = json!({"properties": {"field": {"type": "keyword"}}});
        change(cluster, node(1), Method::PUT, &format!("{path}/_mapping"), &mapping).await;
        for at in 0..3 {
            see(cluster, at, &path, "/_mapping", "/mappings/properties/field/type", &json!("keyword")).await;
        }

        let settings = json!({"index": {"refresh_interval": format!("{}s", 10 + round)}});
        change(cluster, node(2), Method::PUT, &format!("{path}/_settings"), &settings).await;
        for at in 0..3 {
            let wanted = json!(format!("{}s", 10 + round));
            see(cluster, at, &path, "/_settings", "/settings/index/refresh_interval", &wanted).await;
        }

        // An index that a write makes is there for all once the write is acknowledged.
        let made = format!("/made-{round}/_doc/1");
        cluster.done(node(0), Method::PUT, &made, Some(&json!({"round": round}))).await.expect("written");
        for step in 1..3 {
            let (status, answer) = cluster.ask(node(step), Method::GET, &made, None).await.expect("answered");
            assert_eq!((status, &answer["_source"]["round"]), (200, &json!(round)), "{made}: {answer}");
        }

        change(cluster, node(1), Method::DELETE, &path, &Value::Null).await;
        for at in 0..3 {
            let (status, answer) = cluster.ask(at, Method::GET, &path, None).await.expect("answered");
            assert_eq!(status, 404, "round {round}: node {at}: {answer}");
        }
    }
}

async fn change(cluster: &Cluster, at: usize, method: Method, path: &str, body: &Value) {
    let body = (!body.is_null()).then_some(body);
    let answer = cluster.done(at, method, path, body).await.expect("done");
    assert_eq!(answer["acknowledged"], json!(true), "{path}: {answer}");
}

async fn see(cluster: &Cluster, at: usize, path: &str, page: &str, pointer: &str, wanted: &Value) {
    let whole = format!("{path}{page}");
    let (status, answer) = cluster.ask(at, Method::GET, &whole, None).await.expect("answered");
    let seen = answer[path.trim_start_matches('/')].pointer(pointer);
    assert_eq!((status, seen), (200, Some(wanted)), "node {at}: {whole}: {answer}");
}

const DOCUMENTS: usize = 600;

/// The same requests to a node that is alone, and to the nodes of a cluster in turn.
struct Both {
    alone: SearchNode,
    cluster: Cluster,
    turn: usize,
}

impl Both {
    async fn send(&mut self, method: Method, path: &str, body: &str) -> [(u16, Value); 2] {
        let kind = if path.ends_with("_bulk") { "application/x-ndjson" } else { "application/json" };
        self.turn += 1;
        let other = self.cluster.member(self.turn % self.cluster.len()).client();
        let mut answers = Vec::new();
        for client in [&self.alone.client, other] {
            let answer = client.send(method.clone(), path, kind, body.to_owned()).await.expect("answered");
            answers.push((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()));
        }
        answers.try_into().expect("two answers")
    }

    /// Sends it to both; what counts of the answers must be equal.
    async fn same(&mut self, method: Method, path: &str, body: &str, counts: impl Fn(&Value) -> Value) {
        let [(status, one), (other_status, other)] = self.send(method.clone(), path, body).await;
        let what = format!("{method} {path} {body:.300}");
        assert_eq!(status, other_status, "{what}: alone {one}, cluster {other}");
        assert_eq!(counts(&one), counts(&other), "{what}: alone {one}, cluster {other}");
    }
}

/// What an answer to a write holds, but for who and where.
fn written(answer: &Value) -> Value {
    match answer["items"].as_array() {
        Some(items) => {
            items.iter().map(|item| written(&item.as_object().expect("an item")["index"])).collect()
        }
        None => json!([answer["_id"], answer["result"], answer["_version"], answer["error"]["type"]]),
    }
}

fn found(answer: &Value) -> Value {
    let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
    let hits: Vec<Value> = hits.iter().map(|hit| json!([hit["_id"], hit["_source"], hit["sort"]])).collect();
    json!([answer["hits"]["total"], hits, answer["aggregations"], answer["error"]["type"]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_through_any_node_are_as_on_a_node_that_is_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let mut both = Both { alone, cluster, turn: 0 };
    let index = json!({
        "settings": {"number_of_shards": 5, "number_of_replicas": 0},
        "mappings": access_log_mapping()
    });
    both.same(Method::PUT, "/logs", &index.to_string(), |answer| answer["acknowledged"].clone()).await;

    write(&mut both).await;

    both.same(Method::POST, "/logs/_refresh", "", |answer| answer["_shards"]["failed"].clone()).await;
    look(&mut both).await;
}

/// Documents in bulk, and changes of some by themselves, some of which are refused.
async fn write(both: &mut Both) {
    let mut log = AccessLog::new(7);
    for chunk in 0..DOCUMENTS / 100 {
        let lines: String = (0..100)
            .map(|line| {
                let id = chunk * 100 + line;
                format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{}\n", log.document())
            })
            .collect();
        both.same(Method::POST, "/logs/_bulk", &lines, written).await;
    }
    for id in (0..DOCUMENTS).step_by(29) {
        let document = log.document().to_string();
        both.same(Method::PUT, &format!("/logs/_doc/{id}"), &document, written).await;
        both.same(Method::PUT, &format!("/logs/_create/{id}"), &document, written).await;
        let update = json!({"doc": {"response": 418}}).to_string();
        both.same(Method::POST, &format!("/logs/_update/{}", id + 1), &update, written).await;
        both.same(Method::POST, &format!("/logs/_update/none-{id}"), &update, written).await;
        both.same(Method::DELETE, &format!("/logs/_doc/{}", id + 2), "", written).await;
        both.same(Method::DELETE, &format!("/logs/_doc/{}", id + 2), "", written).await;
        both.same(Method::PUT, &format!("/logs/_doc/bad-{id}"), "{\"response\":\"teapot\"}", written).await;
    }
    for id in (0..DOCUMENTS).step_by(13) {
        let source = |answer: &Value| json!([answer["found"], answer["_version"], answer["_source"]]);
        both.same(Method::GET, &format!("/logs/_doc/{id}"), "", source).await;
    }
    let ids: Vec<String> = (0..DOCUMENTS).step_by(7).map(|id| id.to_string()).collect();
    let many = |answer: &Value| -> Value {
        let documents = answer["docs"].as_array().expect("documents");
        documents.iter().map(|document| json!([document["_id"], document["_source"]])).collect()
    };
    both.same(Method::POST, "/logs/_mget", &json!({"ids": ids}).to_string(), many).await;
}

/// Searches whose answers do not hang on how documents lie on shards.
async fn look(both: &mut Both) {
    let sorted = json!([{"@timestamp": "desc"}]);
    let mut searches = vec![
        json!({"size": 0, "track_total_hits": true}),
        json!({"size": 50, "sort": sorted}),
        json!({"size": 50, "from": 100, "sort": sorted, "track_total_hits": true}),
        json!({"size": 20, "sort": [{"bytes": "asc"}, {"@timestamp": "asc"}], "query": {"term": {"verb": "GET"}}}),
        json!({"size": 20, "sort": sorted, "query": {"match": {"agent": "Firefox"}}}),
        json!({"size": 20, "sort": sorted, "query": {"range": {"response": {"gte": 404, "lt": 500}}}}),
        json!({"size": 20, "sort": sorted, "query": {"bool": {
            "must": [{"term": {"geo.country": "DE"}}], "must_not": [{"term": {"response": 500}}]}}}),
        json!({"size": 0, "aggs": {
            "verbs": {"terms": {"field": "verb"}, "aggs": {"bytes": {"stats": {"field": "bytes"}}}},
            "countries": {"terms": {"field": "geo.country", "size": 3, "shard_size": 100}},
            "hours": {"date_histogram": {"field": "@timestamp", "fixed_interval": "10m"}},
            "responses": {"cardinality": {"field": "response"}}
        }}),
        json!({"query": {"nonsense": {}}}),
    ];
    for page in 0..4 {
        searches
            .push(json!({"size": 7, "from": page * 7, "sort": sorted, "query": {"term": {"response": 418}}}));
    }
    for search in searches {
        // Each node once.
        for _ in 0..3 {
            both.same(Method::POST, "/logs/_search", &search.to_string(), found).await;
        }
    }
    page_through(both, &sorted).await;
}

/// All documents, by where the last page ended.
async fn page_through(both: &mut Both, sorted: &Value) {
    let mut after = Value::Null;
    let mut seen = 0;
    loop {
        let mut search = json!({"size": 90, "sort": sorted});
        if !after.is_null() {
            search["search_after"] = after;
        }
        let search = search.to_string();
        let [(_, one), (_, other)] = both.send(Method::POST, "/logs/_search", &search).await;
        assert_eq!(found(&one), found(&other), "{search}");
        let hits = one["hits"]["hits"].as_array().expect("hits");
        let Some(last) = hits.last() else { break };
        seen += hits.len();
        after = last["sort"].clone();
    }
    assert!(seen > DOCUMENTS / 2, "only {seen} documents were paged through");
}

/// Copies that are not there are waited for once, and nothing was written: any node says so, for one document and for many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_are_missing_are_waited_for_once_on_any_node() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let created = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 1}});
    change(&cluster, 0, Method::PUT, "/a", &created).await;
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    let reason = "[a][0] Not enough active copies to meet shard count of [3] (have 2, needed 3).";
    let is_refused = |error: &Value| {
        assert_eq!(error["type"], "unavailable_shards_exception", "{error}");
        assert!(error["reason"].as_str().is_some_and(|text| text.starts_with(reason)), "{error}");
        assert_eq!(error["index"], "a", "{error}");
    };

    for at in 0..3 {
        let asked = Instant::now();
        let path = "/a/_doc/1?wait_for_active_shards=3&timeout=1s";
        let (status, answer) = cluster.ask(at, Method::PUT, path, Some(&json!({}))).await.expect("answered");
        let took = asked.elapsed();
        assert_eq!(status, 503, "node {at}: {answer}");
        is_refused(&answer["error"]);
        assert!(took < WAITED_ONCE, "node {at}: {took:?}");

        let body: String = (0..20).map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{}}\n")).collect();
        let asked = Instant::now();
        let path = "/a/_bulk?wait_for_active_shards=3&timeout=1s";
        let (status, answer) = cluster.bulk(at, path, body).await.expect("answered");
        let took = asked.elapsed();
        assert_eq!(status, 200, "node {at}: {answer}");
        let items = answer["items"].as_array().expect("items");
        assert_eq!(items.len(), 20, "node {at}: {answer}");
        items.iter().for_each(|item| is_refused(&item["index"]["error"]));
        assert!(took < WAITED_ONCE, "node {at}: {took:?}");
    }

    cluster.done(0, Method::POST, "/a/_refresh", None).await.expect("refreshed");
    let counted = cluster.done(0, Method::GET, "/a/_count", None).await.expect("counted");
    assert_eq!(counted["count"], 0, "{counted}");
    let body = "{\"index\":{}}\n{}\n".to_owned();
    let (_, answer) = cluster.bulk(2, "/new/_bulk?wait_for_active_shards=all", body).await.expect("answered");
    assert_eq!(answer["errors"], false, "{answer}");
}

/// Every node tells the same of all nodes, also what only they themselves know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_described_alike_by_all() {
    let cluster = Cluster::start(2, &["thread_pool.write.queue_size=77"]).await.expect("a cluster");
    cluster.wait_nodes(2).await.expect("both there");

    let one = cluster.done(0, Method::GET, "/_nodes/thread_pool", None).await.expect("told");
    let other = cluster.done(1, Method::GET, "/_nodes/thread_pool", None).await.expect("told");

    assert_eq!(one["nodes"], other["nodes"]);
    let nodes = one["nodes"].as_object().expect("nodes");
    assert_eq!(nodes.len(), 2, "{one}");
    for (id, node) in nodes {
        assert_eq!(node["thread_pool"]["write"]["queue_size"], 77, "{id}: {node}");
    }
}
