//! Copies that expand over the nodes which may have them (`index.auto_expand_replicas`).

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const WITHIN: Duration = Duration::from_secs(60);

/// The nodes on which copies of an index serve.
async fn holders(cluster: &Cluster, index: &str) -> Vec<String> {
    let path = format!("/_cat/shards/{index}?format=json&h=state,node");
    let rows = cluster.done(1, Method::GET, &path, None).await.expect("told");
    let started = rows.as_array().into_iter().flatten().filter(|row| row["state"] == "STARTED");
    let mut nodes: Vec<String> = started.filter_map(|row| row["node"].as_str().map(str::to_owned)).collect();
    nodes.sort();
    nodes
}

async fn wait_on(cluster: &Cluster, index: &str, nodes: &[&str]) {
    let are_there = async || (holders(cluster, index).await == nodes).then_some(());
    let waited = cluster.wait_for("copies to be where they may be", WITHIN, are_there).await;
    if let Err(error) = waited {
        panic!("{error}: {:?} instead of {nodes:?}", holders(cluster, index).await);
    }
    cluster.wait_green(0, WITHIN).await.expect("nothing is missing");
}

async fn replicas(cluster: &Cluster, at: usize, index: &str) -> Value {
    let settings = cluster.done(at, Method::GET, &format!("/{index}/_settings"), None).await.expect("told");
    settings[index]["settings"]["index"]["number_of_replicas"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_follow_the_nodes_that_may_have_them_and_settings_tell_how_many_there_are() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let settings = json!({"settings": {"number_of_shards": 1, "auto_expand_replicas": "0-all"}});
    cluster.done(0, Method::PUT, "/wide", Some(&settings)).await.expect("created");
    wait_on(&cluster, "wide", &["node-0", "node-1", "node-2"]).await;

    let exclude = |nodes: Value| json!({"persistent": {"cluster.routing.allocation.exclude._name": nodes}});
    cluster.done(1, Method::PUT, "/_cluster/settings", Some(&exclude(json!("node-2")))).await.expect("set");

    wait_on(&cluster, "wide", &["node-0", "node-1"]).await;
    for at in 0..3 {
        assert_eq!(replicas(&cluster, at, "wide").await, json!("1"), "node {at}");
    }
    let rule = json!({"index.routing.allocation.include._name": "node-1"});
    cluster.done(2, Method::PUT, "/wide/_settings", Some(&rule)).await.expect("set");
    wait_on(&cluster, "wide", &["node-1"]).await;
    let everywhere = json!({"index.routing.allocation.include._name": null});
    cluster.done(2, Method::PUT, "/wide/_settings", Some(&everywhere)).await.expect("set");
    cluster.done(0, Method::PUT, "/_cluster/settings", Some(&exclude(Value::Null))).await.expect("set");
    wait_on(&cluster, "wide", &["node-0", "node-1", "node-2"]).await;

    // As many as there are stay.
    let fixed = json!({"index.auto_expand_replicas": false});
    cluster.done(1, Method::PUT, "/wide/_settings", Some(&fixed)).await.expect("set");

    wait_on(&cluster, "wide", &["node-0", "node-1", "node-2"]).await;
    assert_eq!(replicas(&cluster, 0, "wide").await, json!("2"));
    let unknown = json!({"index.foo": 2});
    let (status, refused) =
        cluster.ask(0, Method::PUT, "/wide/_settings", Some(&unknown)).await.expect("answered");
    let reason = refused["error"]["reason"].as_str().unwrap_or_default();
    assert!(status == 400 && reason.starts_with("unknown setting [index.foo]"), "{refused}");
}
