//! Nodes on several hosts, each with an address of its own, and the network between them.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Cluster, Flow, Hosts};

const WITHIN: Duration = Duration::from_secs(90);
/// How long nobody may write after a host has vanished: a debug build beside other tests. `gaps.rs` measures it.
const GAP_MAX: Duration = Duration::from_secs(60);
const SETTINGS: &[&str] = &["cluster.replication.timeout=3s"];

/// Three nodes on three hosts, if this user may have hosts.
async fn three() -> Option<Cluster> {
    if let Some(reason) = Hosts::refusal() {
        println!("SKIPPED: nodes on several hosts: {reason}");
        return None;
    }
    let mut cluster = Cluster::on_hosts(3, SETTINGS, None).expect("hosts");
    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("one cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    Some(cluster)
}

/// An index with a replica of its shard on each other node.
async fn create(cluster: &Cluster) {
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 2}});
    cluster.done(0, Method::PUT, "/hosts", Some(&index)).await.expect("created");
    cluster.wait_green(0, WITHIN).await.expect("three copies");
}

async fn put(cluster: &Cluster, at: usize, id: usize) -> bool {
    let path = format!("/hosts/_doc/{id}?timeout=1s");
    let written = cluster.ask(at, Method::PUT, &path, Some(&json!({"id": id}))).await;
    written.is_ok_and(|(status, _)| status < 300)
}

/// Three copies in sync, and equal. What one node says of the others may be old.
async fn wait_equal(cluster: &Cluster) {
    let equal = cluster.wait_for("three copies that are equal", WITHIN, async || {
        let mut told = Vec::new();
        for at in 0..3 {
            let (_, answer) = cluster.ask(at, Method::GET, "/hosts/_copies", None).await.ok()?;
            let in_sync = answer["shards"][0]["map"]["in_sync"].as_array()?.len();
            let copy = &answer["copies"][0];
            told.push(json!([in_sync, copy["docs"], copy["digest"], copy["max_seq_no"], copy["global"]]));
        }
        let is_whole = told[0][0] == json!(3) && told[0][3] == told[0][4];
        (is_whole && told.iter().all(|one| *one == told[0])).then_some(())
    });
    equal.await.expect("equal copies");
}

/// Each node has all of so many documents.
async fn check_all(cluster: &Cluster, documents: usize) {
    cluster.done(0, Method::POST, "/hosts/_refresh", None).await.expect("refreshed");
    for at in 0..3 {
        let path = format!("/hosts/_count?preference=_only_nodes:{}", cluster.member(at).name);
        let found = cluster.done(at, Method::GET, &path, None).await.expect("counted");
        assert_eq!(
            (&found["count"], &found["_shards"]["successful"]),
            (&json!(documents), &json!(1)),
            "node {at}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_several_hosts_are_one_cluster_also_where_one_listens_on_all_addresses() {
    let Some(cluster) = three().await else { return };

    let uuid = cluster.uuid(0).await.expect("answers");
    for at in 1..3 {
        assert_eq!(cluster.uuid(at).await.as_deref(), Some(uuid.as_str()));
    }
    let nodes = cluster.done(1, Method::GET, "/_nodes", None).await.expect("told");
    let mut told: Vec<(&Value, &Value)> = nodes["nodes"]
        .as_object()
        .expect("nodes")
        .values()
        .map(|node| (&node["transport_address"], &node["http"]["publish_address"]))
        .collect();
    told.sort_by_key(|(transport, _)| transport.to_string());
    let expected: Vec<(Value, Value)> = (1..=3)
        .map(|host| (json!(format!("10.77.0.{host}:9300")), json!(format!("10.77.0.{host}:9200"))))
        .collect();
    assert_eq!(told, expected.iter().map(|(transport, http)| (transport, http)).collect::<Vec<_>>());
    for at in 0..3 {
        let log = cluster.member(at).output();
        assert!(log.contains("anybody who reaches this address can read and delete everything"), "{log}");
    }
    create(&cluster).await;
    for id in 0..30 {
        assert!(put(&cluster, id % 3, id).await);
    }
    check_all(&cluster, 30).await;
}

/// No connection is closed and nobody is told: the host just does not answer any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_vanishes_holds_writes_up_for_seconds_and_comes_back_with_everything() {
    let Some(cluster) = three().await else { return };
    create(&cluster).await;
    let victim = cluster.wait_leader().await.expect("one leads");
    let others: Vec<usize> = (0..3).filter(|at| *at != victim).collect();

    cluster.ways().set_between(&[victim], &others, Flow::Silent);

    let (begun, mut acknowledged) = (Instant::now(), 0);
    while !put(&cluster, others[acknowledged % 2], acknowledged).await {
        assert!(begun.elapsed() < GAP_MAX, "nobody can write");
    }
    while acknowledged < 20 {
        acknowledged += usize::from(put(&cluster, others[acknowledged % 2], acknowledged).await);
        assert!(begun.elapsed() < WITHIN);
    }
    cluster.ways().heal();
    cluster.wait_nodes(3).await.expect("it comes back");
    wait_equal(&cluster).await;
    check_all(&cluster, acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_loses_packets_costs_time_and_no_document() {
    let Some(cluster) = three().await else { return };
    create(&cluster).await;

    cluster.ways().set_between(&[0, 1, 2], &[0, 1, 2], Flow::Lossy(10));

    let begun = Instant::now();
    for id in 0..60 {
        while !put(&cluster, id % 3, id).await {
            assert!(begun.elapsed() < WITHIN, "nobody can write");
        }
    }
    cluster.ways().heal();
    wait_equal(&cluster).await;
    check_all(&cluster, 60).await;
}
