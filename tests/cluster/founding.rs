//! Clusters whose founders are named, and hosts that must not found any by accident.

use std::process::Command;

use system_tests::{Cluster, binary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_named_found_one_cluster_together() {
    let mut cluster = Cluster::prepare(&[]).expect("a folder");
    for _ in 0..3 {
        cluster.add().expect("a node");
    }
    let addresses: Vec<String> =
        (0..3).map(|at| format!("127.0.0.1:{}", cluster.member(at).transport_port())).collect();
    for at in 0..3 {
        cluster.member_mut(at).settings.extend([
            "cluster.initial_master_nodes=[node-0, node-1, node-2]".to_owned(),
            format!("discovery.seed_hosts={addresses:?}"),
        ]);
    }
    // Whoever founds is named first, and the others wait for it.
    for at in [2, 1] {
        cluster.spawn(at).expect("started");
    }
    cluster.spawn(0).expect("started");

    cluster.wait_ready().await.expect("a cluster");

    let uuid = cluster.uuid(0).await.expect("answers");
    for at in 1..3 {
        assert_eq!(cluster.uuid(at).await.as_deref(), Some(uuid.as_str()));
    }
    // The list is of no matter once the cluster is there.
    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }
    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");
    assert_eq!(cluster.uuid(1).await, Some(uuid));
}

/// In a network of its own, so that nothing of the test is ever reachable from elsewhere.
fn without_network(command: &str) -> Option<Command> {
    let is_permitted = Command::new("unshare").args(["--net", "true"]).status();
    let is_permitted = is_permitted.is_ok_and(|status| status.success());
    is_permitted.then(|| {
        let mut unshared = Command::new("unshare");
        unshared.args(["--net", command]);
        unshared
    })
}

#[test]
fn a_node_that_others_reach_founds_nothing_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = binary("search-node").expect("built");
    let Some(mut command) = without_network(&binary.to_string_lossy()) else {
        println!("SKIPPED: a node on all addresses without discovery; network namespaces are not permitted");
        return;
    };
    for setting in [
        "network.host=0.0.0.0".to_owned(),
        "security.enabled=false".to_owned(),
        format!("path.data={}", folder.path().join("data").display()),
    ] {
        command.args(["-E", &setting]);
    }

    let output = command.output().expect("runs");

    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in ["[discovery.seed_hosts]", "[cluster.initial_master_nodes]", "single-node"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}
