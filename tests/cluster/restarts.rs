//! Nodes that go and come back: the same cluster, whatever their order and ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::json;
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(60);

/// Longer than it takes two nodes that may to elect one of them.
const NOBODY_LEADS_FOR: Duration = Duration::from_secs(15);

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

/// Makes indices one after the other through these nodes, until it is over. What cannot be made is asked of the next one.
async fn make_indices(
    clients: Vec<SearchClient>,
    name: &str,
    is_over: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
) {
    // A copy that was to be on a node which left before it was made is waited for no longer than others.
    let settings = json!({"settings": {
        "number_of_shards": 2, "number_of_replicas": 1, "unassigned.node_left.delayed_timeout": "0s"
    }});
    let mut number = 0;
    while !is_over.load(Ordering::Acquire) {
        for client in &clients {
            if client.json(Method::PUT, &format!("/{name}-{number}"), Some(&settings)).await.is_ok() {
                made.fetch_add(1, Ordering::AcqRel);
                break;
            }
        }
        number += 1;
    }
}

/// A client of each node, beginning with one of them.
fn clients_from(cluster: &Cluster, at: usize) -> Vec<SearchClient> {
    let client = |step| {
        let port = cluster.member((at + step) % 3).http_port().expect("a node with a port");
        let hosts = vec![format!("127.0.0.1:{port}")];
        SearchClient::new(ClientOptions { hosts, ..ClientOptions::default() }).expect("a client")
    };
    (0..3).map(client).collect()
}

/// Copies that were placed on a node which has left by the time that is agreed on are placed elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indices_that_are_made_while_nodes_stop_serve_all_their_shards() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    for round in 0..3 {
        let (is_over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let makers: Vec<_> = (0..3)
            .map(|at| {
                let clients = clients_from(&cluster, at);
                let (is_over, made, name) =
                    (Arc::clone(&is_over), Arc::clone(&made), format!("made-{round}-{at}"));
                tokio::spawn(async move { make_indices(clients, &name, is_over, made).await })
            })
            .collect();
        let some = async || (made.load(Ordering::Acquire) >= 5).then_some(());
        cluster.wait_for("some indices", GREEN_WITHIN, some).await.expect("made");
        let leader = cluster.wait_leader().await.expect("a leader");
        assert_eq!(cluster.stop(leader).expect("stops"), Some(0));
        is_over.store(true, Ordering::Release);
        for maker in makers {
            maker.await.expect("ended");
        }
        cluster.restart(leader).await.expect("answers");
    }

    cluster.wait_green(0, GREEN_WITHIN).await.expect("every shard has its copies");
}

/// An index may go while its shards are being opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indices_that_are_deleted_as_soon_as_they_are_made_leave_nothing_behind() {
    let mut cluster = Cluster::start(2, &[]).await.expect("a cluster");
    for number in 0..60 {
        let path = format!("/short-{number}");
        cluster.done(number % 2, Method::PUT, &path, Some(&json!({}))).await.expect("created");
        cluster.done((number + 1) % 2, Method::DELETE, &path, None).await.expect("deleted");
    }

    let left = |at: usize| {
        let folders = fs_err::read_dir(cluster.member(at).data.join("indices")).expect("a folder");
        folders.flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    for at in 0..2 {
        let is_empty = async || left(at).is_empty().then_some(());
        let emptied = cluster.wait_for("folders to go", GREEN_WITHIN, is_empty).await;
        emptied.unwrap_or_else(|error| panic!("{error}: {:?}", left(at)));
        assert!(!cluster.member(at).output().contains("ERROR"), "{}", cluster.member(at).output());
    }
    for at in 0..2 {
        cluster.stop(at).expect("stops");
        cluster.restart(at).await.expect("answers");
    }
    cluster.wait_green(1, GREEN_WITHIN).await.expect("there is nothing to miss");
}

/// A voter that has forgotten what it agreed to must not agree to the contrary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_votes_are_gone_goes_on_without_a_vote_and_nothing_agreed_on_is_lost() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    let leader = cluster.wait_leader().await.expect("one leads");
    let (forgetful, absent) = ((leader + 1) % 3, (leader + 2) % 3);
    assert_eq!(cluster.stop(absent).expect("stops"), Some(0));
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 1}});
    cluster.done(leader, Method::PUT, "/agreed", Some(&index)).await.expect("created by two");
    cluster.wait_green(leader, GREEN_WITHIN).await.expect("two copies");
    let document = json!({"a": 1});
    cluster.done(forgetful, Method::PUT, "/agreed/_doc/1", Some(&document)).await.expect("acknowledged");
    for at in [leader, forgetful] {
        cluster.kill(at).expect("killed");
    }
    fs_err::remove_dir_all(cluster.member(forgetful).data.join("raft")).expect("removed");

    for at in [forgetful, absent] {
        cluster.spawn(at).expect("started");
    }

    let leads = cluster.wait_for("one of two to lead", NOBODY_LEADS_FOR, async || {
        [forgetful, absent].into_iter().any(|at| cluster.member(at).leads()).then_some(())
    });
    assert!(leads.await.is_err(), "only one of them has a vote, and it lacks what was agreed on");
    assert!(cluster.member(forgetful).output().contains("it goes on as another one without a vote"));
    cluster.spawn(leader).expect("started");
    cluster.wait_ready().await.expect("whole again");
    cluster.wait_green(absent, GREEN_WITHIN).await.expect("two copies");
    for at in 0..3 {
        let found = cluster.done(at, Method::GET, "/agreed/_doc/1", None).await.expect("there");
        assert_eq!(found["_source"], document, "node {at}");
    }
}

/// Whoever restarts nodes in turn waits for the health of the cluster through the one that comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_waits_for_others_lets_those_wait_who_ask_for_the_health_and_nobody_else() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }
    cluster.spawn(0).expect("started");
    cluster.wait_listens(0).await.expect("it listens");

    let (begun, short) = (Instant::now(), "/_cluster/health?wait_for_nodes=3&timeout=1s");
    let (status, _) = cluster.ask(0, Method::GET, short, None).await.expect("answered");
    assert!(
        status == 503 && begun.elapsed() >= Duration::from_secs(1),
        "{status} after {:?}",
        begun.elapsed()
    );
    for path in ["/_cat/nodes", "/_cluster/health?local=true", "/_search"] {
        let (status, _) = cluster.ask(0, Method::GET, path, None).await.expect("answered at once");
        assert_eq!(status, 503, "{path}");
    }

    // As long as the client of the tests waits.
    let long = "/_cluster/health?wait_for_nodes=3&timeout=25s";
    let port = cluster.member(0).http_port().expect("a port of its own");
    let options = ClientOptions { hosts: vec![format!("127.0.0.1:{port}")], ..ClientOptions::default() };
    let asked = SearchClient::new(options).expect("a client");
    let waiting = tokio::spawn(async move { asked.send(Method::GET, long, "application/json", "").await });
    for at in [1, 2] {
        cluster.spawn(at).expect("started");
    }

    let answer = waiting.await.expect("no panic").expect("answered");
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}
