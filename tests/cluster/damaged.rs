//! One of two copies is damaged while no node runs: the other one has everything that was acknowledged, and nobody lets go of it.

use std::path::Path;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const DOCUMENTS: usize = 300;
const WITHIN: Duration = Duration::from_secs(90);

/// Where the copies of the index are: the primary's node first.
async fn nodes_of(cluster: &Cluster) -> Option<Vec<usize>> {
    let path = "/_cat/shards/damaged?format=json&h=prirep,state,node";
    let (_, rows) = cluster.ask(0, Method::GET, path, None).await.ok()?;
    let mut found = Vec::new();
    for kind in ["p", "r"] {
        let is_it = |row: &&Value| row["prirep"] == kind && row["state"] == "STARTED";
        let name = rows.as_array()?.iter().find(is_it)?["node"].as_str()?;
        found.push((0..cluster.len()).find(|at| cluster.member(*at).name == name)?);
    }
    Some(found)
}

/// Turns one bit in the middle of each translog below a folder; how many there are.
fn damage(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs_err::read_dir(folder).expect("listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += damage(&path);
        } else if path.extension().is_some_and(|extension| extension == "tlog") {
            let mut bytes = fs_err::read(&path).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs_err::write(&path, bytes).expect("written");
            count += 1;
        }
    }
    count
}

/// Three nodes that were killed, one of them with a damaged primary; with the nodes of the primary and of the replica.
async fn killed_and_damaged() -> (Cluster, usize, usize) {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    // Two of them decide later without the third.
    cluster.wait_voters(3).await.expect("three nodes that vote");
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 1}});
    cluster.done(0, Method::PUT, "/damaged", Some(&index)).await.expect("created");
    cluster.wait_green(0, WITHIN).await.expect("two copies");
    let lines: String = (0..DOCUMENTS)
        .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"number\":{id}}}\n"))
        .collect();
    let (status, answer) = cluster.bulk(0, "/damaged/_bulk", lines).await.expect("answered");
    assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
    let nodes = cluster.wait_for("two copies", WITHIN, async || nodes_of(&cluster).await).await.expect("two");
    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }
    assert!(damage(&cluster.member(nodes[0]).data.join("indices")) > 0);
    (cluster, nodes[0], nodes[1])
}

async fn all_is_there(cluster: &Cluster, at: usize) {
    cluster.wait_green(at, WITHIN).await.expect("two copies again");
    cluster.done(at, Method::POST, "/damaged/_refresh", None).await.expect("refreshed");
    let (status, answer) = cluster.ask(at, Method::GET, "/damaged/_count", None).await.expect("answered");
    assert_eq!((status, &answer["count"]), (200, &json!(DOCUMENTS)), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_that_can_be_read_is_primary_though_it_comes_last() {
    let (mut cluster, primary, replica) = killed_and_damaged().await;
    let third = 3 - primary - replica;
    for at in [primary, third] {
        cluster.spawn(at).expect("started");
    }
    for at in [primary, third] {
        cluster.wait_answers(at).await.expect("answers");
    }
    let red = cluster.wait_for("the shard to be without a primary", WITHIN, async || {
        let health = cluster.health(third).await?;
        (health["status"] == json!("red")).then_some(())
    });
    red.await.expect("it is damaged");

    cluster.restart(replica).await.expect("answers");

    all_is_there(&cluster, third).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_that_can_be_read_is_primary_where_all_start_at_once() {
    let (mut cluster, _, replica) = killed_and_damaged().await;

    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");

    all_is_there(&cluster, replica).await;
}
