//! Nodes that are asked to stop where they cannot hand over, or are not let go.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::json;
use system_tests::{Cluster, Flow};

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

async fn stop_in_time(cluster: &mut Cluster, at: usize) {
    let began = Instant::now();
    let exit = tokio::task::block_in_place(|| cluster.stop(at)).expect("stopped");
    println!("node {at} took {:?}", began.elapsed());
    assert_eq!(exit, Some(0));
    assert!(began.elapsed() < STOPS_WITHIN, "it took {:?}", began.elapsed());
}

/// It alone votes, and has lost the others for a while: they have just come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_votes_alone_stops_in_time_and_leaves_its_vote_to_one_that_has_just_come() {
    let mut cluster = linked(3).await;
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

    let (status, answer) = cluster.ask(others[0], Method::PUT, "/after", None).await.expect("answered");
    assert_eq!(status, 200, "another leads: {answer}");
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
