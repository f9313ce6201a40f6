//! Documents with nested objects on several nodes: every copy has whole documents and nothing else, however it was filled.

use std::collections::BTreeMap;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(90);
const VALUES: u64 = 4;

/// The numbers in the objects of each document.
type Documents = BTreeMap<u64, Vec<u64>>;

/// Writes documents anew, each with other objects than before, and deletes every seventh.
async fn write(cluster: &Cluster, documents: &mut Documents, ids: std::ops::Range<u64>, round: u64) {
    let mut lines = String::new();
    for id in ids {
        if (id + round).is_multiple_of(7) {
            documents.remove(&id);
            lines += &format!("{{\"delete\":{{\"_id\":\"{id}\"}}}}\n");
            continue;
        }
        let objects: Vec<u64> = (0..(id + round) % 4).map(|at| (id * 3 + at * round + at) % VALUES).collect();
        let nested: Vec<Value> = objects.iter().map(|x| json!({"x": x})).collect();
        lines += &format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{}\n", json!({"n": id, "a": nested}));
        documents.insert(id, objects);
    }
    let (status, answer) = cluster.bulk(0, "/i/_bulk?refresh=true", lines).await.expect("answered");
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");
}

/// Asks the copy of each node that is up.
async fn check(cluster: &Cluster, documents: &Documents) {
    cluster.done(0, Method::POST, "/i/_refresh", None).await.expect("refreshed");
    let objects: usize = documents.values().map(Vec::len).sum();
    for at in cluster.up() {
        let path = "/i/_search?preference=_only_local&size=1000&sort=n";
        let all = cluster.done(at, Method::GET, path, None).await.expect("searched");
        assert_eq!(all["hits"]["total"]["value"], json!(documents.len()), "node {at}");
        for value in 0..VALUES {
            let query = json!({"query": {"nested": {
                "path": "a", "query": {"term": {"a.x": value}}, "inner_hits": {"size": 10, "sort": "_doc"}
            }}});
            let found = cluster.done(at, Method::POST, path, Some(&query)).await.expect("searched");
            assert_eq!(shown(&found), expected(documents, value), "node {at}: {value}");
        }
        let path = "/i/_stats/docs?level=shards";
        let stats = cluster.done(at, Method::GET, path, None).await.expect("told");
        assert_eq!(stats["_all"]["primaries"]["docs"]["count"], json!(documents.len() + objects));
    }
}

fn expected(documents: &Documents, value: u64) -> Vec<(String, Vec<u64>)> {
    let places = documents.iter().map(|(id, objects)| {
        let places = (0u64..).zip(objects).filter(|(_, x)| **x == value).map(|(at, _)| at);
        (id.to_string(), places.collect::<Vec<u64>>())
    });
    places.filter(|(_, places)| !places.is_empty()).collect()
}

fn shown(found: &Value) -> Vec<(String, Vec<u64>)> {
    let hits = found["hits"]["hits"].as_array().expect("hits");
    let shown = hits.iter().map(|hit| {
        let inner = hit["inner_hits"]["a"]["hits"]["hits"].as_array().expect("inner hits");
        let places = inner.iter().map(|inner| inner["_nested"]["offset"].as_u64().expect("a place"));
        (hit["_id"].as_str().expect("an id").to_owned(), places.collect())
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_have_whole_documents_however_they_were_filled() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 2},
        "mappings": {"properties": {
            "n": {"type": "long"}, "a": {"type": "nested", "properties": {"x": {"type": "long"}}}
        }}
    });
    cluster.done(0, Method::PUT, "/i", Some(&index)).await.expect("created");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("all copies");
    let mut documents = Documents::new();
    for round in 0..3 {
        write(&cluster, &mut documents, 0..60, round).await;
    }
    check(&cluster, &documents).await;

    // What it misses comes from operations.
    cluster.wait_voters(3).await.expect("any of them can be lost");
    cluster.kill(2).expect("killed");
    let is_let_go_of = async || (cluster.health(0).await?["status"] == json!("yellow")).then_some(());
    cluster.wait_for("the copy to be let go of", GREEN_WITHIN, is_let_go_of).await.expect("noticed");
    write(&cluster, &mut documents, 20..80, 3).await;
    cluster.restart(2).await.expect("answers");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("all copies");
    check(&cluster, &documents).await;

    // A copy that never was comes from files.
    cluster.done(0, Method::POST, "/i/_forcemerge?max_num_segments=1", None).await.expect("merged");
    let new = cluster.add().expect("started");
    cluster.restart(new).await.expect("answers");
    cluster.done(0, Method::PUT, "/i/_settings", Some(&json!({"number_of_replicas": 3}))).await.expect("set");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("all copies");
    assert!(cluster.member(new).is_up());
    check(&cluster, &documents).await;
    write(&cluster, &mut documents, 0..80, 4).await;
    check(&cluster, &documents).await;
}
