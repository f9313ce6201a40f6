//! Searches over several nodes: what ends one ends it everywhere, and they go where they are answered soonest.

use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{Cluster, Flow, long_search, long_search_bodies, long_search_mapping};

/// How long a search may go on that nobody wants. Without an end it takes several times as long.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
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
    // A node on a busy host may be too late.
    let shards = &part["_shards"];
    let counted = ["successful", "failed"].map(|count| shards[count].as_u64().unwrap_or_default());
    assert!(counted[0] > 0 && counted.iter().sum::<u64>() == 3, "{part}");
    wait_none_is_listed(&cluster).await;
}

/// Hits are found at once, and what is shown of each takes long, on whatever node it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_that_are_read_on_several_nodes_end_with_their_search() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}});
    cluster.done(0, Method::PUT, "/slow", Some(&index)).await.expect("created");
    cluster.wait_green(0, STARTS_WITHIN).await.expect("all copies");
    let lines: String = (0..600).map(|n| format!("{{\"index\":{{}}}}\n{{\"n\":{n}}}\n")).collect();
    let (status, _) = cluster.bulk(0, "/slow/_bulk?refresh=true", lines).await.expect("answered");
    assert_eq!(status, 200);
    let slow = "def x = 0; for (int i = 0; i < 900000; i++) { x = x + i; } return x";
    let body = json!({"size": 600, "script_fields": {"x": {"script": slow}}}).to_string();
    let client = client_of(&cluster, 0);
    let running = tokio::spawn(async move {
        let answer = client.send(Method::POST, "/slow/_search", "application/json", body).await;
        let answer = answer.expect("answered");
        (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap_or_default())
    });
    // The parts that look for hits are over, and the whole goes on.
    let reading = cluster.wait_for("the hits to be read", STARTS_WITHIN, async || {
        let tasks = listed(&cluster, 1).await?;
        let [only] = tasks.as_slice() else { return None };
        let (_, stats) = cluster.ask(1, Method::GET, "/slow/_stats/search", None).await.ok()?;
        let has_found = stats["_all"]["total"]["search"]["query_total"].as_u64()? >= 3;
        has_found.then(|| format!("{}:{}", only["node"].as_str().unwrap_or_default(), only["id"]))
    });
    let id = reading.await.expect("they are");
    cluster.done(2, Method::POST, &format!("/_tasks/{id}/_cancel"), None).await.expect("cancelled");

    let ended = tokio::time::timeout(ENDS_WITHIN, running).await.expect("it ends");
    let (status, answer) = ended.expect("answered");
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("task_cancelled_exception")), "{answer}");
    wait_none_is_listed(&cluster).await;
}

/// Nobody hears from a frozen node before the time is up: its shards have failed, and one that is lost does not look like nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_that_did_not_answer_in_time_have_failed() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    for (index, node) in [("silent", 1), ("heard", 2)] {
        let settings = json!({"settings": {
            "number_of_shards": 1, "number_of_replicas": 0,
            "routing.allocation.require._name": cluster.member(node).name
        }});
        cluster.done(0, Method::PUT, &format!("/{index}"), Some(&settings)).await.expect("created");
        let path = format!("/{index}/_doc/1?refresh=true");
        cluster.done(0, Method::PUT, &path, Some(&json!({"n": 1}))).await.expect("written");
    }
    cluster.freeze(1).expect("frozen");

    for _ in 0..3 {
        let (status, both) =
            cluster.ask(0, Method::GET, "/silent,heard/_search?timeout=300ms", None).await.expect("answered");
        let counted = ["total", "successful", "failed"].map(|count| both["_shards"][count].clone());
        assert_eq!((status, counted), (200, [json!(2), json!(1), json!(1)]), "{both}");
        assert_eq!(both["_shards"]["failures"][0]["index"], json!("silent"), "{both}");
        for path in [
            "/silent/_search?timeout=300ms",
            "/silent,heard/_search?timeout=300ms&allow_partial_search_results=false",
        ] {
            let (status, refused) = cluster.ask(0, Method::GET, path, None).await.expect("answered");
            assert_eq!(status, 503, "{path}: {refused}");
        }
    }
    cluster.thaw(1).expect("goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_that_nobody_reads_are_let_go_of() {
    let cluster = Cluster::start(3, &["search.max_open_contexts=5"]).await.expect("a cluster");
    let index = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}});
    cluster.done(0, Method::PUT, "/parts", Some(&index)).await.expect("created");
    cluster.wait_green(0, STARTS_WITHIN).await.expect("all copies");
    let lines = (0..60).map(|n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n}}}\n")).collect();
    let (status, answer) = cluster.bulk(0, "/parts/_bulk?refresh=true", lines).await.expect("answered");
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");

    // The first of all is in one shard: the others have found hits for nothing.
    let first = json!({"size": 1, "sort": "n"});
    for turn in 0..60 {
        let found =
            cluster.done(turn % 3, Method::POST, "/parts/_search", Some(&first)).await.expect("found");
        assert_eq!(found["_shards"]["successful"], json!(3), "turn {turn}: {found}");
        assert_eq!(found["hits"]["hits"][0]["_id"], json!("0"), "turn {turn}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_without_a_copy_has_failed_and_is_not_left_out() {
    let cluster = Cluster::start(2, &[]).await.expect("a cluster");
    let here = json!({"value": 1});
    cluster.done(0, Method::PUT, "/here/_doc/1?refresh=true", Some(&here)).await.expect("written");
    let nowhere = json!({"settings": {
        "number_of_shards": 1, "number_of_replicas": 0, "routing.allocation.include._name": "nobody"
    }});
    let path = "/nowhere?wait_for_active_shards=0";
    cluster.done(0, Method::PUT, path, Some(&nowhere)).await.expect("created");

    for at in 0..2 {
        let both = "/here,nowhere/_search";
        let (status, part) = cluster.ask(at, Method::POST, both, None).await.expect("answered");
        assert_eq!((status, &part["hits"]["total"]["value"]), (200, &json!(1)), "{part}");
        assert_eq!(part["_shards"]["failed"], json!(1), "{part}");
        let failure = &part["_shards"]["failures"][0];
        assert_eq!(failure["index"], "nowhere", "{part}");
        assert_eq!(failure["reason"]["type"], "no_shard_available_action_exception", "{part}");

        let whole = format!("{both}?allow_partial_search_results=false");
        let (status, answer) = cluster.ask(at, Method::POST, &whole, None).await.expect("answered");
        assert_eq!(status, 503, "{answer}");
        let (status, answer) =
            cluster.ask(at, Method::POST, "/nowhere/_search", None).await.expect("answered");
        assert_eq!(status, 503, "{answer}");
        assert!(answer.to_string().contains("[nowhere][0]"), "{answer}");
    }
}

/// How many copies each node has searched, by its number.
async fn searched(cluster: &Cluster) -> Vec<u64> {
    let stats = cluster.done(0, Method::GET, "/_nodes/stats/indices", None).await.expect("figures");
    let nodes = stats["nodes"].as_object().expect("nodes");
    let of = |at: usize| {
        let node = nodes.values().find(|node| node["name"] == json!(format!("node-{at}"))).expect("a node");
        node["indices"]["search"]["query_total"].as_u64().expect("a number")
    };
    (0..cluster.len()).map(of).collect()
}

/// Searches so often through node 0; how many of these each node did.
async fn search_often(cluster: &Cluster, times: usize) -> Vec<u64> {
    let before = searched(cluster).await;
    for _ in 0..times {
        let found = cluster.done(0, Method::GET, "/spread/_search", None).await.expect("found");
        assert_eq!(found["hits"]["total"]["value"], json!(1), "{found}");
    }
    let after = searched(cluster).await;
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_answers_are_late_is_asked_less_often_until_they_are_not() {
    let mut cluster = Cluster::prepare(&[]).expect("a cluster");
    for _ in 0..3 {
        let at = cluster.add_linked().expect("a node");
        cluster.spawn(at).expect("started");
    }
    cluster.wait_ready().await.expect("a cluster");
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 2}});
    cluster.done(0, Method::PUT, "/spread", Some(&index)).await.expect("created");
    cluster.wait_green(0, STARTS_WITHIN).await.expect("all copies");
    let path = "/spread/_doc/1?refresh=true";
    cluster.done(0, Method::PUT, path, Some(&json!({"a": 1}))).await.expect("written");

    let all = search_often(&cluster, 60).await;
    assert_eq!(all.iter().sum::<u64>(), 60, "{all:?}");
    assert!(all.iter().all(|asked| *asked > 0), "every node is tried: {all:?}");

    let late = Flow::Late(Duration::from_millis(700));
    cluster.ways().set(1, 0, late);
    let some = search_often(&cluster, 30).await;
    assert!(some[1] <= 6, "the late node is left alone: {some:?}");

    let stats = cluster.done(0, Method::GET, "/_nodes/_local/stats/adaptive_selection", None).await;
    let stats = stats.expect("figures");
    let seen = stats["nodes"].as_object().and_then(|nodes| nodes.values().next()).expect("a node");
    let seen = seen["adaptive_selection"].as_object().expect("what it knows of the others");
    assert_eq!(seen.len(), 3, "{stats}");
    assert!(seen.values().all(|node| node["outgoing_searches"] == json!(0)), "{stats}");

    cluster.ways().set(1, 0, Flow::Open);
    let mut turns = 0;
    while search_often(&cluster, 10).await[1] == 0 {
        turns += 10;
        assert!(turns < 500, "the node is tried again");
    }

    // In turn, however late they are.
    let setting = json!({"transient": {"cluster.routing.use_adaptive_replica_selection": false}});
    cluster.done(0, Method::PUT, "/_cluster/settings", Some(&setting)).await.expect("set");
    cluster.ways().set(1, 0, Flow::Late(Duration::from_millis(100)));
    let turn = search_often(&cluster, 30).await;
    assert_eq!(turn, [10, 10, 10]);
    let wish = cluster.done(0, Method::GET, "/spread/_search?preference=_local", None).await.expect("found");
    assert_eq!(wish["hits"]["total"]["value"], json!(1), "{wish}");
    let refused = json!({"transient": {"cluster.routing.use_adaptive_replica_selection": "maybe"}});
    let (status, answer) =
        cluster.ask(0, Method::PUT, "/_cluster/settings", Some(&refused)).await.expect("answered");
    assert_eq!(status, 400, "{answer}");
}
