//! What indices hold and have done is told by any node in the same words, wherever their copies are.

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(60);

/// Pages that say the same to whoever asks while nobody writes. What a flush or a merge in passing changes is left out.
const PAGES: [&str; 13] = [
    "/_stats/docs,indexing,get,search?level=shards",
    "/logs/_stats/docs,completion,fielddata",
    "/logs/_segments?filter_path=indices.*.shards.*.segments.*.num_docs,_shards",
    "/logs/_shard_stores?status=all",
    "/logs/_search_shards",
    "/_field_caps?fields=*",
    "/logs/_mapping/field/*",
    "/logs/_recovery?filter_path=**.type,**.stage",
    "/_cat/segments?format=json&h=index,shard,prirep,id,segment,docs.count,docs.deleted",
    "/_cat/shards?format=json&h=index,shard,prirep,state,docs,node",
    "/_cat/indices?format=json&h=health,index,docs.count",
    "/_cat/thread_pool?format=json&h=node_name,name,size,queue_size",
    "/_cat/nodes?format=json&h=name,node.role,master,cluster_manager",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_the_same_through_each_node() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({
        // Nothing is refreshed or merged between two looks.
        "settings": {"number_of_shards": 3, "number_of_replicas": 1, "refresh_interval": "-1"},
        "mappings": {"properties": {"n": {"type": "long"}, "t": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}}
    });
    cluster.done(0, Method::PUT, "/logs", Some(&index)).await.expect("made");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    for number in 0..30 {
        let path = format!("/logs/_doc/{number}");
        let document = json!({"n": number, "t": "some words"});
        cluster.done(number % 3, Method::PUT, &path, Some(&document)).await.expect("written");
    }
    cluster.done(1, Method::POST, "/logs/_refresh", None).await.expect("refreshed");

    for page in PAGES {
        let mut told: Vec<Value> = Vec::new();
        for at in 0..3 {
            let (status, answer) = cluster.ask(at, Method::GET, page, None).await.expect("answered");
            assert_eq!(status, 200, "node {at}: {page}: {answer}");
            told.push(answer);
        }
        assert_eq!(told[0], told[1], "{page}");
        assert_eq!(told[0], told[2], "{page}");
    }
    let (_, stats) = cluster.ask(2, Method::GET, "/logs/_stats/docs,indexing", None).await.expect("answered");
    let all = &stats["_all"];
    assert_eq!(
        (&all["primaries"]["docs"]["count"], &all["total"]["docs"]["count"]),
        (&json!(30), &json!(60))
    );
    assert_eq!(stats["_shards"], json!({"total": 6, "successful": 6, "failed": 0}));
    // Every node is looked at, whoever is asked.
    let path = "/_nodes/hot_threads?interval=10ms";
    let client = cluster.member(1).client();
    let answer = client.send(Method::GET, path, "application/json", String::new()).await.expect("answered");
    let threads = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(threads.matches(":::").count(), 3, "{threads}");
    assert_eq!(threads.matches("Hot threads at").count(), 3, "{threads}");
}

/// What one copy has answered is nothing of another one, which may show something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_copy_keeps_answers_of_its_own() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 1, "refresh_interval": "-1"},
        "mappings": {"properties": {"k": {"type": "keyword"}}}
    });
    cluster.done(0, Method::PUT, "/logs", Some(&index)).await.expect("made");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    cluster.done(0, Method::PUT, "/logs/_doc/1", Some(&json!({"k": "a"}))).await.expect("written");
    cluster.done(1, Method::POST, "/logs/_refresh", None).await.expect("refreshed");
    let (_, copies) = cluster
        .ask(0, Method::GET, "/_cat/shards/logs?format=json&h=prirep,id", None)
        .await
        .expect("answered");
    let nodes: Vec<_> =
        copies.as_array().into_iter().flatten().filter_map(|copy| copy["id"].as_str()).collect();
    assert_eq!(nodes.len(), 2, "{copies}");

    let body = json!({"size": 0, "aggs": {"k": {"terms": {"field": "k"}}}});
    for at in 0..3 {
        for node in &nodes {
            let path = format!("/logs/_search?preference=_only_nodes:{node}");
            let (status, answer) = cluster.ask(at, Method::POST, &path, Some(&body)).await.expect("answered");
            let bucket = &answer["aggregations"]["k"]["buckets"][0];
            assert_eq!((status, bucket), (200, &json!({"key": "a", "doc_count": 1})), "{answer}");
        }
    }

    let (_, stats) = cluster.ask(2, Method::GET, "/logs/_stats/request_cache", None).await.expect("answered");
    for (which, hits, misses) in [("primaries", 2, 1), ("total", 4, 2)] {
        let told = &stats["_all"][which]["request_cache"];
        assert_eq!(
            (&told["hit_count"], &told["miss_count"]),
            (&json!(hits), &json!(misses)),
            "{which}: {told}"
        );
    }
}
