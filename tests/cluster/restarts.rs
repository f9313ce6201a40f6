//! Nodes that go and come back: the same cluster, whatever their order and ports.

use search_client::Method;
use serde_json::json;
use system_tests::Cluster;

/// Documents written before all nodes end.
const DOCUMENTS: usize = 200;

async fn write_documents(cluster: &Cluster) {
    for (number, index) in ["first", "second"].iter().enumerate() {
        let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
        cluster.done(number, Method::PUT, &format!("/{index}"), Some(&settings)).await.expect("created");
        let lines: String = (0..DOCUMENTS)
            .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"number\":{id}}}\n"))
            .collect();
        let (status, answer) = cluster.bulk(0, &format!("/{index}/_bulk"), lines).await.expect("answered");
        assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
    }
}

/// Each node finds each document of both indices.
async fn check_documents(cluster: &Cluster) {
    cluster.done(0, Method::POST, "/_refresh", None).await.expect("refreshed");
    for at in cluster.up() {
        for index in ["first", "second"] {
            let path = format!("/{index}/_count");
            let (status, answer) = cluster.ask(at, Method::GET, &path, None).await.expect("answered");
            assert_eq!((status, &answer["count"]), (200, &json!(DOCUMENTS)), "node {at}: {index}: {answer}");
        }
        let id = at * 7;
        let path = format!("/first/_doc/{id}");
        let (_, answer) = cluster.ask(at, Method::GET, &path, None).await.expect("answered");
        assert_eq!(answer["_source"]["number"], json!(id), "node {at}: {answer}");
    }
}

/// Ports that are not set are taken in turn, so that the next start in another order swaps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_come_back_in_another_order_are_the_same_cluster() {
    let mut cluster = Cluster::prepare(&[]).expect("a folder");
    for _ in 0..3 {
        cluster.add_without_ports();
    }
    for at in 0..3 {
        cluster.restart(at).await.expect("answers");
    }
    cluster.wait_ready().await.expect("a cluster");
    let uuid = cluster.uuid(0).await.expect("answers");
    let ports: Vec<_> = (0..3).map(|at| cluster.member(at).http_port()).collect();
    write_documents(&cluster).await;
    for at in 0..3 {
        assert_eq!(cluster.stop(at).expect("stops"), Some(0), "node {at}");
    }

    for at in [2, 0, 1] {
        cluster.spawn(at).expect("started");
        // The next one finds the ports of this one taken.
        cluster.wait_listens(at).await.expect("listens");
    }
    cluster.wait_ready().await.expect("a cluster");

    for at in 0..3 {
        assert_eq!(cluster.uuid(at).await.as_deref(), Some(uuid.as_str()));
    }
    assert_ne!(cluster.member(0).http_port(), ports[0], "the ports were not swapped");
    check_documents(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_all_are_killed_at_once() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let uuid = cluster.uuid(0).await.expect("answers");
    write_documents(&cluster).await;
    let mapping = json!({"properties": {"late": {"type": "keyword"}}});
    cluster.done(2, Method::PUT, "/second/_mapping", Some(&mapping)).await.expect("mapped");
    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }

    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");

    for at in 0..3 {
        assert_eq!(cluster.uuid(at).await.as_deref(), Some(uuid.as_str()));
        let mapping = cluster.done(at, Method::GET, "/second/_mapping", None).await.expect("answered");
        let kind = &mapping["second"]["mappings"]["properties"]["late"]["type"];
        assert_eq!(kind, "keyword", "node {at}: {mapping}");
    }
    check_documents(&cluster).await;
}
