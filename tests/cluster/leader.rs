//! The node that leads dies: another leads, and changes go on.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::json;
use system_tests::Cluster;

/// What is promised for the first change after the end of whoever led.
const ANOTHER_LEADS_WITHIN: Duration = Duration::from_secs(10);
/// Less than what the others wait before they choose one in place of a leader that falls silent.
const STOPS_WITHIN: Duration = Duration::from_secs(4);
/// Less than what a new node has to be there for before it votes.
const VOTES_WITHIN: Duration = Duration::from_secs(5);

async fn voters(cluster: &Cluster, at: usize) -> usize {
    let state = cluster.done(at, Method::GET, "/_cluster/state/metadata", None).await.expect("answered");
    let voters = &state["metadata"]["cluster_coordination"]["last_committed_config"];
    voters.as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_leads_within_ten_seconds_of_the_end_of_the_one_that_did() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    for round in 0..2 {
        let leader = cluster.wait_leader().await.expect("a leader");
        let left = (leader + 1) % 3;
        cluster.kill(leader).expect("killed");
        let killed = Instant::now();

        let path = format!("/after-{round}");
        let settings = json!({"settings": {"number_of_replicas": 0}});
        cluster
            .wait_for("a change that is agreed on", ANOTHER_LEADS_WITHIN, async || {
                let (status, _) = cluster.ask(left, Method::PUT, &path, Some(&settings)).await.ok()?;
                // A change whose outcome was not known may have been made all the same.
                matches!(status, 200 | 400).then_some(())
            })
            .await
            .expect("another leads");
        println!("round {round}: the first change {:?} after the kill", killed.elapsed());

        // One that is gone for a moment has its vote still: with two of three a node could be lost for good that voted alone.
        assert_eq!(voters(&cluster, left).await, 3);
        let next = cluster.wait_leader().await.expect("a leader");
        assert_ne!(next, leader);
        let other = (0..3).find(|at| *at != leader && *at != left).expect("a third");
        for at in [left, other] {
            let (status, answer) = cluster.ask(at, Method::GET, &path, None).await.expect("answered");
            assert_eq!(status, 200, "node {at}: {answer}");
        }
        cluster.restart(leader).await.expect("answers");
        // It votes again as soon as it is there: nobody has taken its vote meanwhile.
        cluster.wait_nodes(3).await.expect("three nodes again");
        let (status, _) = cluster.ask(leader, Method::GET, &path, None).await.expect("answered");
        assert_eq!(status, 200, "what was changed meanwhile");
    }
}

/// Whoever leads gives its vote up when it is stopped. While it is away two vote, of which none may be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_stopped_votes_again_as_soon_as_it_is_back() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    cluster.wait_voters(3).await.expect("three nodes that vote");
    for _ in 0..3 {
        let at = cluster.wait_leader().await.expect("a leader");
        let began = Instant::now();
        assert_eq!(cluster.stop(at).expect("stopped"), Some(0));
        // One that falls silent is missed later.
        assert!(began.elapsed() < STOPS_WITHIN, "it took {:?}", began.elapsed());
        let left = (at + 1) % 3;
        cluster
            .wait_for("two to vote", ANOTHER_LEADS_WITHIN, async || {
                (voters(&cluster, left).await == 2).then_some(())
            })
            .await
            .expect("the vote of one that leaves is taken");
        cluster.restart(at).await.expect("answers");
        cluster.wait_nodes(3).await.expect("three nodes again");
        let there = Instant::now();
        cluster
            .wait_for("three to vote", VOTES_WITHIN, async || {
                (voters(&cluster, left).await == 3).then_some(())
            })
            .await
            .expect("it votes again");
        println!("node {at} votes {:?} after it is back", there.elapsed());
    }
}
