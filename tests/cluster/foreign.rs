//! Data that is in use, gone, or of another cluster.

use std::process::Command;

use search_client::Method;
use serde_json::json;
use system_tests::{Cluster, START_WITHIN, binary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_folder_of_a_node_is_refused_and_names_it() {
    let cluster = Cluster::start(2, &[]).await.expect("a cluster");
    let second = cluster.member(1);
    let arguments = [
        "-E".to_owned(),
        format!("path.data={}", second.data.display()),
        "-E".to_owned(),
        format!("discovery.registry={}", cluster.registry().display()),
        "-E".to_owned(),
        "http.port=0".to_owned(),
    ];

    let output = Command::new(binary("search-node").expect("built")).args(arguments).output().expect("runs");

    let text = String::from_utf8_lossy(&output.stderr);
    let process = second.process().expect("runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(&format!("held by process {process}")) && text.contains("path.data"), "{text}");
    cluster.wait_nodes(2).await.expect("the others do not mind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_of_data_that_is_gone_counts_for_nothing() {
    let mut cluster = Cluster::start(2, &[]).await.expect("a cluster");
    let before = cluster.uuid(0).await.expect("answers");
    for at in 0..2 {
        cluster.kill(at).expect("killed");
        fs_err::remove_dir_all(&cluster.member(at).data).expect("removed");
    }

    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");

    let after = cluster.uuid(0).await.expect("answers");
    assert_ne!(after, before);
    assert_eq!(cluster.uuid(1).await, Some(after));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_the_data_of_another_cluster_stays_out() {
    let mut cluster = Cluster::start(1, &[]).await.expect("a cluster");
    let mut other = Cluster::start(1, &[]).await.expect("another cluster");
    let (uuid, others) = (cluster.uuid(0).await.expect("answers"), other.uuid(0).await.expect("answers"));
    assert_ne!(uuid, others);
    assert_eq!(other.stop(0).expect("stops"), Some(0));
    let seeds = format!("discovery.seed_hosts=[\"127.0.0.1:{}\"]", cluster.member(0).transport_port());
    let registry = format!("discovery.registry={}", cluster.registry().display());
    other.member_mut(0).settings.extend([seeds, registry]);

    // It is a cluster by itself still, and finds the registry and the seed host in the hands of another.
    other.restart(0).await.expect("answers");

    cluster
        .wait_for("the node to say why it is alone", START_WITHIN, async || {
            other.member(0).output().contains("stands for the cluster").then_some(())
        })
        .await
        .expect("a warning");
    assert_eq!(other.uuid(0).await, Some(others));
    assert_eq!(cluster.uuid(0).await, Some(uuid));
    for cluster in [&cluster, &other] {
        cluster.wait_nodes(1).await.expect("one node each");
    }
    other.done(0, Method::PUT, "/mine", Some(&json!({}))).await.expect("created");
    assert_eq!(cluster.ask(0, Method::GET, "/mine", None).await.expect("answered").0, 404);
    // A third that is new comes to the cluster of the registry.
    let third = cluster.add().expect("a node");
    cluster.restart(third).await.expect("answers");
    cluster.wait_nodes(2).await.expect("two nodes");
}

/// It may be that the others only have not been started yet, so it founds nothing; but whoever looks learns what is missing, and
/// can end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_host_has_a_cluster_that_is_stopped_says_where_it_is_and_can_be_stopped() {
    let mut cluster = Cluster::start(1, &[]).await.expect("a cluster");
    assert_eq!(cluster.stop(0).expect("stops"), Some(0));
    let late = cluster.add().expect("a node");
    cluster.spawn(late).expect("started");
    let first = cluster.member(0).data.display().to_string();

    let told = cluster.wait_for("the node to say what it waits for", START_WITHIN, async || {
        let output = cluster.member(late).output();
        (output.contains(&first) && output.contains("[cluster.name]")).then_some(())
    });
    told.await.expect("a warning");
    assert_eq!(cluster.stop(late).expect("stops"), Some(0));

    for at in [late, 0] {
        cluster.spawn(at).expect("started");
    }
    cluster.wait_ready().await.expect("a cluster");
    cluster.wait_nodes(2).await.expect("two nodes");
}

/// Two clusters of one name can run on a host, where one has the registry. A node that is new goes to that one, also while the other
/// is the only one that answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_waits_for_the_cluster_of_the_registry_while_only_another_answers() {
    let mut cluster = Cluster::start(1, &[]).await.expect("a cluster");
    let mut other = Cluster::start(1, &[]).await.expect("another cluster");
    let (uuid, others) = (cluster.uuid(0).await.expect("answers"), other.uuid(0).await.expect("answers"));
    assert_eq!(other.stop(0).expect("stops"), Some(0));
    let registry = format!("discovery.registry={}", cluster.registry().display());
    other.member_mut(0).settings.push(registry);
    other.restart(0).await.expect("answers");
    assert_eq!(cluster.stop(0).expect("stops"), Some(0));
    let late = cluster.add().expect("a node");
    let seeds = format!("discovery.seed_hosts=[\"127.0.0.1:{}\"]", other.member(0).transport_port());
    cluster.member_mut(late).settings.push(seeds);

    cluster.spawn(late).expect("started");

    let told = cluster.wait_for("the node to say whom it waits for", START_WITHIN, async || {
        let output = cluster.member(late).output();
        output.contains("is not let into the cluster yet").then_some(())
    });
    told.await.expect("a warning");
    other.wait_nodes(1).await.expect("it stays out of the other one");
    cluster.spawn(0).expect("started");
    cluster.wait_ready().await.expect("a cluster");
    cluster.wait_nodes(2).await.expect("two nodes");
    for at in [0, late] {
        assert_eq!(cluster.uuid(at).await.as_ref(), Some(&uuid));
    }
    assert_eq!(other.uuid(0).await, Some(others));
}
