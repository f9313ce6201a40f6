//! Nodes that start at the same moment, with nothing set: always one cluster.

use std::collections::BTreeSet;

use system_tests::Cluster;

/// `RACE_ROUNDS` sets how often; the short form is part of every run.
fn rounds() -> usize {
    std::env::var("RACE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// Starts so many nodes at once; the cluster that all of them are of.
pub(crate) async fn race(count: usize, bug: Option<&str>) -> anyhow::Result<String> {
    let mut cluster = Cluster::plant(&[], bug)?;
    for _ in 0..count {
        cluster.add()?;
    }
    cluster.spawn_all()?;
    cluster.wait_ready().await?;
    let mut uuids = BTreeSet::new();
    for at in 0..count {
        uuids.extend(cluster.uuid(at).await);
    }
    anyhow::ensure!(uuids.len() == 1, "{count} nodes are of {uuids:?}");
    uuids.pop_first().ok_or_else(|| anyhow::anyhow!("nobody answers"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_are_always_one_cluster() {
    let mut seen = BTreeSet::new();
    for round in 0..rounds() {
        let raced = race(2 + round % 4, None).await;
        let uuid = raced.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(seen.insert(uuid), "round {round}: a cluster of an earlier round");
    }
    println!("{} races of 2 to 5 nodes: one cluster each", rounds());
}
