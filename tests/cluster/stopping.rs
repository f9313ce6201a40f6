//! Nodes that are asked to stop where they cannot hand over, or are not let go.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::json;
use system_tests::{Cluster, Flow, long_search, long_search_bodies, long_search_mapping};

/// How long a node may take to stop.
const STOP_TIMEOUT: &str = "node.stop_timeout=10s";
/// The same, and what storing the indices takes.
const STOPS_WITHIN: Duration = Duration::from_secs(14);
/// How long whoever leads may take to see that another node is gone.
const MISSED_WITHIN: Duration = Duration::from_secs(60);

async fn linked(count: usize) -> Cluster {
    let mut cluster = Cluster::prepare(&[STOP_TIMEOUT]).expect("a folder");
    for _ in 0..count {
        cluster.add_linked().expect("a link");
    }
    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");
    let index = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 1}});
    cluster.done(0, Method::PUT, "/left", Some(&index)).await.expect("created");
    cluster
}

/// A client that outlives what is done to the cluster.
fn client_of(cluster: &Cluster, at: usize) -> SearchClient {
    let port = cluster.member(at).http_port().expect("a port");
    let hosts = vec![format!("http://127.0.0.1:{port}")];
    SearchClient::new(ClientOptions { hosts, ..ClientOptions::default() }).expect("a client")
}

/// How many requests a node has had, this one among them.
async fn requests(cluster: &Cluster, at: usize) -> u64 {
    let metrics = client_of(cluster, at).send(Method::GET, "/metrics", "text/plain", "").await;
    let text = String::from_utf8(metrics.expect("answered").body.to_vec()).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix("search_node_http_requests_total "));
    line.and_then(|count| count.trim().parse().ok()).expect("a number")
}

/// Waits until a node has had one request more than those that ask for that.
async fn wait_arrived(cluster: &Cluster, at: usize, before: u64) {
    let mut asked = 0;
    let arrived = cluster.wait_for("a request to arrive", MISSED_WITHIN, async || {
        asked += 1;
        (requests(cluster, at).await > before + asked).then_some(())
    });
    arrived.await.expect("arrived");
}

async fn stop_in_time(cluster: &mut Cluster, at: usize) {
    let began = Instant::now();
    let exit = tokio::task::block_in_place(|| cluster.stop(at)).expect("stopped");
    println!("node {at} took {:?}", began.elapsed());
    assert_eq!(exit, Some(0));
    assert!(began.elapsed() < STOPS_WITHIN, "it took {:?}", began.elapsed());
}

/// It alone votes, and has lost the others for a while: they have just come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_votes_alone_stops_in_time_right_after_it_was_cut_off() {
    let mut cluster = linked(3).await;
    cluster.wait_voters(1).await.expect("a cluster so young that one node votes");
    let leader = cluster.wait_leader().await.expect("a leader");
    let others: Vec<usize> = (0..3).filter(|at| *at != leader).collect();
    let sees = async |count: usize| {
        let what = format!("{count} nodes");
        let seen = cluster.wait_for(&what, MISSED_WITHIN, async || {
            let (_, health) = cluster.ask(leader, Method::GET, "/_cluster/health", None).await.ok()?;
            (health["number_of_nodes"] == json!(count)).then_some(())
        });
        seen.await.expect("seen");
    };
    cluster.ways().set_between(&[leader], &others, Flow::Silent);
    sees(1).await;
    cluster.ways().heal();
    sees(3).await;

    stop_in_time(&mut cluster, leader).await;

    cluster.restart(leader).await.expect("answers");
    cluster.wait_ready().await.expect("all of them again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_stops_in_time() {
    let mut cluster = linked(3).await;
    cluster.wait_voters(3).await.expect("three nodes that vote");
    let leader = cluster.wait_leader().await.expect("a leader");
    let others: Vec<usize> = (0..3).filter(|at| *at != leader).collect();
    cluster.ways().set_between(&[leader], &others, Flow::Silent);

    stop_in_time(&mut cluster, leader).await;
}

/// A client that has sent half of a request may be gone; nobody waits for it for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_does_not_end_keeps_no_node_from_stopping() {
    let mut cluster = linked(1).await;
    cluster.done(0, Method::PUT, "/left/_doc/1", Some(&json!({"value": 1}))).await.expect("written");
    let port = cluster.member(0).http_port().expect("a port");
    let mut half = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    half.write_all(b"PUT /left/_doc/2 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{")
        .expect("sent");

    stop_in_time(&mut cluster, 0).await;

    cluster.restart(0).await.expect("answers");
    cluster.done(0, Method::GET, "/left/_doc/1", None).await.expect("it is there");
}

/// It waits in a thread, for copies that do not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waits_for_copies_keeps_no_node_from_stopping() {
    let mut cluster = linked(1).await;
    let (client, before) = (client_of(&cluster, 0), requests(&cluster, 0).await);
    let write = "/left/_doc?wait_for_active_shards=2&timeout=1h";
    let writing =
        tokio::spawn(async move { client.send(Method::POST, write, "application/json", "{}").await });
    wait_arrived(&cluster, 0, before).await;

    stop_in_time(&mut cluster, 0).await;

    let answer = writing.await.expect("ended");
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 503), "it was not done");
    cluster.restart(0).await.expect("its folder is free");
}

/// What became of the write is not known before the copy is let go of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_a_frozen_copy_does_not_take_keeps_no_node_from_stopping() {
    let mut cluster = linked(2).await;
    cluster.wait_green(0, MISSED_WITHIN).await.expect("green");
    let leader = cluster.wait_leader().await.expect("a leader");
    cluster.freeze(1 - leader).expect("frozen");
    let (client, before) = (client_of(&cluster, leader), requests(&cluster, leader).await);
    let lines: String = (0..50).map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{}}\n")).collect();
    let writing =
        tokio::spawn(
            async move { client.send(Method::POST, "/left/_bulk", "application/x-ndjson", lines).await },
        );
    wait_arrived(&cluster, leader, before).await;

    stop_in_time(&mut cluster, leader).await;

    drop(writing.await.expect("ended"));
    cluster.thaw(1 - leader).expect("goes on");
    cluster.restart(leader).await.expect("its folder is free");
    cluster.wait_ready().await.expect("both again");
}

/// What it is asked meanwhile is answered, or another node may be asked: a client that retries sees no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_is_not_done_when_its_node_stops_may_be_asked_elsewhere() {
    let mut cluster = linked(1).await;
    let index = json!({"settings": {"number_of_shards": 1}, "mappings": long_search_mapping()});
    cluster.done(0, Method::PUT, "/long", Some(&index)).await.expect("created");
    for body in long_search_bodies() {
        let (status, answer) = cluster.bulk(0, "/long/_bulk", body).await.expect("answered");
        assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
    }
    cluster.done(0, Method::POST, "/long/_refresh", None).await.expect("refreshed");
    let (client, before) = (client_of(&cluster, 0), requests(&cluster, 0).await);
    let search = long_search().to_string();
    let searching =
        tokio::spawn(
            async move { client.send(Method::POST, "/long/_search", "application/json", search).await },
        );
    wait_arrived(&cluster, 0, before).await;

    stop_in_time(&mut cluster, 0).await;

    let answer = searching.await.expect("ended").expect("answered");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 200 || answer.status == 503 && text.contains("node_closed_exception"), "{text}");
}
