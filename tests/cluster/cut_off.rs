//! A node that is cut off from the others, and does not know it yet.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Cluster, Flow};

/// How long the others may take until another copy is primary.
const PROMOTED_WITHIN: Duration = Duration::from_secs(60);
const EQUAL_WITHIN: Duration = Duration::from_secs(60);
/// Less than what is waited for somebody who leads without a `timeout`.
const HEALTH_WITHIN: Duration = Duration::from_secs(15);

async fn linked(bug: Option<&str>) -> anyhow::Result<Cluster> {
    let mut cluster = Cluster::plant(&["cluster.replication.timeout=2s"], bug)?;
    for _ in 0..3 {
        cluster.add_linked()?;
    }
    cluster.spawn_all()?;
    cluster.wait_ready().await?;
    // One that votes alone could not be missed.
    cluster.wait_voters(3).await?;
    Ok(cluster)
}

/// The node with the primary of an index of one shard, once all three copies are in sync.
async fn primary(cluster: &Cluster) -> anyhow::Result<usize> {
    cluster
        .wait_for("a primary with two replicas in sync", EQUAL_WITHIN, async || {
            let mut found = None;
            for at in 0..3 {
                let (_, answer) = cluster.ask(at, Method::GET, "/cut/_copies", None).await.ok()?;
                let in_sync = answer["shards"][0]["map"]["in_sync"].as_array()?.len();
                let role = answer["copies"][0]["role"].as_str()?;
                found = if role == "primary" { Some(at) } else { found };
                if in_sync != 3 {
                    return None;
                }
            }
            found
        })
        .await
}

async fn value(cluster: &Cluster, at: usize) -> Option<Value> {
    let (status, answer) = cluster.ask(at, Method::GET, "/cut/_doc/1", None).await.ok()?;
    (status == 200).then(|| answer["_source"]["value"].clone())
}

/// An index without replicas on each node, with a document of the same id.
async fn alone_on_each(cluster: &Cluster) -> anyhow::Result<()> {
    for at in 0..3 {
        let index = json!({"settings": {
            "number_of_shards": 1, "number_of_replicas": 0,
            "routing.allocation.include._name": cluster.member(at).name
        }});
        cluster.done(at, Method::PUT, &format!("/lone-{at}"), Some(&index)).await?;
        cluster.done(at, Method::PUT, &format!("/lone-{at}/_doc/1"), Some(&json!({"value": 1}))).await?;
    }
    Ok(())
}

/// A document that was written on three copies, and then again after the node with the primary was cut off; with that node.
async fn overwritten_elsewhere(bug: Option<&str>) -> (Cluster, usize) {
    let cluster = linked(bug).await.expect("a cluster");
    alone_on_each(&cluster).await.expect("indices without replicas");
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 2}});
    cluster.done(0, Method::PUT, "/cut", Some(&index)).await.expect("created");
    let first = json!({"value": 1});
    cluster.done(0, Method::PUT, "/cut/_doc/1", Some(&first)).await.expect("written");
    let alone = primary(&cluster).await.expect("a primary");
    let others: Vec<usize> = (0..3).filter(|at| *at != alone).collect();

    cluster.ways().set_between(&[alone], &others, Flow::Silent);
    let cut = Instant::now();

    let second = json!({"value": 2});
    cluster
        .wait_for("a write that is acknowledged", PROMOTED_WITHIN, async || {
            let path = "/cut/_doc/1?timeout=1s";
            let (status, _) = cluster.ask(others[0], Method::PUT, path, Some(&second)).await.ok()?;
            (status == 200).then_some(())
        })
        .await
        .expect("another copy becomes primary");
    println!("the first write {:?} after the primary was cut off", cut.elapsed());
    assert_eq!(value(&cluster, others[1]).await, Some(json!(2)));
    (cluster, alone)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_without_a_primary_that_is_cut_off_and_it_takes_none() {
    let (cluster, alone) = overwritten_elsewhere(None).await;

    let third = json!({"value": 3});
    let refused = cluster.ask(alone, Method::PUT, "/cut/_doc/1?timeout=1s", Some(&third)).await;
    let is_acknowledged = refused.is_ok_and(|(status, _)| status < 300);
    assert!(!is_acknowledged, "a node that is cut off has acknowledged a write");

    cluster.ways().heal();
    primary(&cluster).await.expect("all copies are in sync again");
    for at in 0..3 {
        assert_eq!(value(&cluster, at).await, Some(json!(2)), "node {at}");
    }
}

/// What a node that is cut off answers of a document that was overwritten elsewhere, if that is old.
pub(crate) async fn an_old_read(bug: Option<&str>) -> Option<String> {
    let (cluster, alone) = overwritten_elsewhere(bug).await;
    let read = value(&cluster, alone).await;
    (read == Some(json!(1))).then(|| "a node that is cut off answers with what was overwritten".to_owned())
}

/// A primary that was replaced while it was cut off does not know it, but it knows that it cannot know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_answers_no_read_that_is_old_unless_that_is_asked_for() {
    let (cluster, alone) = overwritten_elsewhere(None).await;

    // The one without replicas is another one meanwhile.
    let others = (0..3).find(|at| *at != alone).expect("another node");
    let lone = format!("/lone-{alone}");
    cluster.done(others, Method::DELETE, &lone, None).await.expect("deleted");
    let lone = format!("{lone}/_doc/1");

    let many = json!({"ids": ["1"]});
    let first = json!({"value": 1});
    let unchanged = json!({"doc": first});
    let missed = json!({"doc": {"value": 5}});
    for (method, path, body) in [
        (Method::GET, "/cut/_doc/1", None),
        (Method::GET, "/cut/_source/1", None),
        (Method::GET, "/cut/_doc/1?version=7", None),
        (Method::GET, "/cut/_doc/none", None),
        (Method::GET, lone.as_str(), None),
        (Method::GET, "/none/_doc/1", None),
        (Method::POST, "/cut/_update/1?timeout=3s", Some(&unchanged)),
        (Method::POST, "/cut/_update/none?timeout=3s", Some(&missed)),
        (Method::PUT, "/cut/_create/1?timeout=3s", Some(&first)),
    ] {
        let (status, answer) = cluster.ask(alone, method.clone(), path, body).await.expect("answered");
        assert_eq!(status, 503, "{method} {path}: {answer}");
    }
    let (_, answer) = cluster.ask(alone, Method::POST, "/cut/_mget", Some(&many)).await.expect("answered");
    assert!(answer["docs"][0]["error"]["reason"].is_string(), "{answer}");

    let (_, old) =
        cluster.ask(alone, Method::GET, "/cut/_doc/1?consistency=eventual", None).await.expect("answered");
    assert_eq!(old["_source"]["value"], json!(1));
    let (_, old) =
        cluster.ask(alone, Method::POST, "/cut/_mget?consistency=eventual", Some(&many)).await.expect("read");
    assert_eq!(old["docs"][0]["_source"]["value"], json!(1));

    // What could not be looked into is told, and not left out.
    let path = format!("/cut,lone-{others}/_search?preference=_local");
    let (status, part) = cluster.ask(alone, Method::POST, &path, None).await.expect("answered");
    assert_eq!((status, &part["hits"]["total"]["value"]), (200, &json!(1)), "{part}");
    assert_eq!(part["_shards"]["failed"], json!(1), "{part}");
    let reason = &part["_shards"]["failures"][0]["reason"]["type"];
    assert_eq!(reason, "node_not_connected_exception", "{part}");

    let asked = Instant::now();
    let health = "/_cluster/health?timeout=1s";
    let (status, answer) = cluster.ask(alone, Method::GET, health, None).await.expect("answered");
    assert_eq!(
        (status, &answer["error"]["type"]),
        (503, &json!("master_not_discovered_exception")),
        "{answer}"
    );
    assert!(asked.elapsed() < HEALTH_WITHIN, "{:?}", asked.elapsed());

    cluster.ways().heal();
    primary(&cluster).await.expect("all copies are in sync again");
    assert_eq!(value(&cluster, alone).await, Some(json!(2)));
}
