//! Nodes that start at the same moment, with nothing set: always one cluster.

use std::collections::BTreeSet;

use system_tests::Cluster;

/// `RACE_ROUNDS` sets how often; the short form is part of every run.
fn rounds() -> usize {
    std::env::var("RACE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_are_always_one_cluster() {
    let mut seen = BTreeSet::new();
    for round in 0..rounds() {
        let count = 2 + round % 4;
        let mut cluster = Cluster::prepare(&[]).expect("a folder");
        for _ in 0..count {
            cluster.add().expect("a node");
        }
        cluster.spawn_all().expect("started");

        cluster.wait_ready().await.unwrap_or_else(|error| panic!("round {round} of {count} nodes: {error}"));

        let mut uuids = BTreeSet::new();
        for at in 0..count {
            uuids.insert(cluster.uuid(at).await.expect("answers"));
        }
        assert_eq!(uuids.len(), 1, "round {round}: {count} nodes are of {uuids:?}");
        assert!(seen.is_disjoint(&uuids), "round {round}: a cluster of an earlier round");
        seen.append(&mut uuids);
    }
    println!("{} races of 2 to 5 nodes: one cluster each", rounds());
}
