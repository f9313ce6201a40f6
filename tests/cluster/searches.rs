//! Searches over several nodes: what ends one ends it everywhere.

use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{Cluster, long_search, long_search_bodies, long_search_mapping};

/// How long a search may go on that nobody wants. Without an end it takes several times as long.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LISTED: &str = "/_tasks?actions=indices:data/read/search*&group_by=none";

fn client_of(cluster: &Cluster, at: usize) -> SearchClient {
    let hosts = vec![format!("127.0.0.1:{}", cluster.member(at).http_port().expect("a port"))];
    SearchClient::new(ClientOptions { hosts, ..ClientOptions::default() }).expect("an address")
}

/// The tasks of searches and of their parts on all nodes.
async fn listed(cluster: &Cluster, at: usize) -> Option<Vec<Value>> {
    let (_, listed) = cluster.ask(at, Method::GET, LISTED, None).await.ok()?;
    listed["tasks"].as_array().cloned().or_else(|| listed["tasks"].is_object().then(Vec::new))
}

/// Starts a long search through node 0 and waits until all three nodes are at it: the task of the whole.
async fn start(cluster: &Cluster) -> (tokio::task::JoinHandle<(u16, Value)>, String) {
    let client = client_of(cluster, 0);
    let running = tokio::spawn(async move {
        let body = long_search().to_string();
        let answer = client.send(Method::POST, "/long/_search", "application/json", body).await;
        let answer = answer.expect("answered");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    });
    let begun = cluster.wait_for("the search to run on all nodes", STARTS_WITHIN, async || {
        let tasks = listed(cluster, 1).await?;
        let whole = tasks.iter().find(|task| task["action"] == json!("indices:data/read/search"))?;
        let id = format!("{}:{}", whole["node"].as_str()?, whole["id"]);
        let parts = tasks.iter().filter(|task| task["parent_task_id"] == json!(id)).count();
        (parts == 2).then_some(id)
    });
    let id = begun.await.expect("it runs");
    (running, id)
}

async fn wait_none_is_listed(cluster: &Cluster) {
    cluster
        .wait_for("the search to end on all nodes", ENDS_WITHIN, async || {
            listed(cluster, 1).await?.is_empty().then_some(())
        })
        .await
        .expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_is_ended_through_another_node_ends_on_all() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0},
        "mappings": long_search_mapping()
    });
    cluster.done(0, Method::PUT, "/long", Some(&index)).await.expect("created");
    cluster.wait_green(0, STARTS_WITHIN).await.expect("all copies");
    for body in long_search_bodies() {
        let (status, answer) = cluster.bulk(0, "/long/_bulk", body).await.expect("answered");
        assert_eq!((status, &answer["errors"]), (200, &json!(false)));
    }
    cluster.done(0, Method::POST, "/long/_refresh", None).await.expect("refreshed");

    let (running, id) = start(&cluster).await;
    let cancel = format!("/_tasks/{id}/_cancel");
    let cancelled = cluster.done(2, Method::POST, &cancel, None).await.expect("cancelled");
    assert!(cancelled.to_string().contains(&id), "{cancelled}");
    wait_none_is_listed(&cluster).await;
    let (status, answer) = running.await.expect("answered");
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("task_cancelled_exception")), "{answer}");

    let (running, _) = start(&cluster).await;
    running.abort();
    wait_none_is_listed(&cluster).await;

    let path = "/long/_search?timeout=300ms";
    let (status, part) = cluster.ask(0, Method::POST, path, Some(&long_search())).await.expect("answered");
    assert_eq!((status, &part["timed_out"]), (200, &json!(true)), "{part}");
    assert_eq!(part["_shards"]["failed"], json!(0), "{part}");
    wait_none_is_listed(&cluster).await;
}
