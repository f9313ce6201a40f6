//! Copies whose files are damaged, while others are well: nothing that was acknowledged is lost, and what is damaged is told, not
//! served, and fetched again.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

/// So many that files are copied for a copy that lacks them.
const DOCUMENTS: usize = 2_000;
const WITHIN: Duration = Duration::from_secs(90);
const TRANSLOG: &str = "tlog";
/// What a segment keeps of its documents' sources.
const SOURCES: &str = "store";

/// Where the copies of the index are: the primary's node first.
async fn nodes_of(cluster: &Cluster) -> Option<Vec<usize>> {
    let path = "/_cat/shards/damaged?format=json&h=prirep,state,node";
    let (_, rows) = cluster.ask(0, Method::GET, path, None).await.ok()?;
    let mut found = Vec::new();
    for kind in ["p", "r"] {
        let is_it = |row: &&Value| row["prirep"] == kind && row["state"] == "STARTED";
        let name = rows.as_array()?.iter().find(is_it)?["node"].as_str()?;
        found.push((0..cluster.len()).find(|at| cluster.member(*at).name == name)?);
    }
    Some(found)
}

/// Turns one bit in the middle of each file below a folder that ends so; how many there are.
fn damage(folder: &Path, ending: &str) -> usize {
    let mut count = 0;
    for entry in fs_err::read_dir(folder).expect("listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += damage(&path, ending);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            // In its place: a node may have the file mapped.
            let file = fs_err::OpenOptions::new().read(true).write(true).open(&path).expect("opened");
            let middle = file.metadata().expect("there").len() / 2;
            let mut byte = [0];
            file.file().read_exact_at(&mut byte, middle).expect("read");
            file.file().write_all_at(&[byte[0] ^ 1], middle).expect("written");
            count += 1;
        }
    }
    count
}

/// Three nodes and the index with all its documents on two of them: the primary's and the replica's.
async fn filled() -> (Cluster, usize, usize) {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    // Two of them decide later without the third.
    cluster.wait_voters(3).await.expect("three nodes that vote");
    let index = json!({"settings": {
        "number_of_shards": 1, "number_of_replicas": 1, "recovery.file_based_threshold": 0
    }});
    cluster.done(0, Method::PUT, "/damaged", Some(&index)).await.expect("created");
    cluster.wait_green(0, WITHIN).await.expect("two copies");
    let lines: String = (0..DOCUMENTS)
        .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"number\":{id}}}\n"))
        .collect();
    let (status, answer) = cluster.bulk(0, "/damaged/_bulk", lines).await.expect("answered");
    assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
    let nodes = cluster.wait_for("two copies", WITHIN, async || nodes_of(&cluster).await).await.expect("two");
    (cluster, nodes[0], nodes[1])
}

/// Three nodes that were killed, one of them with a damaged primary; with the nodes of the primary and of the replica.
async fn killed_and_damaged() -> (Cluster, usize, usize) {
    let (mut cluster, primary, replica) = filled().await;
    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }
    assert!(damage(&cluster.member(primary).data.join("indices"), TRANSLOG) > 0);
    (cluster, primary, replica)
}

async fn all_is_there(cluster: &Cluster, at: usize) {
    cluster.wait_green(at, WITHIN).await.expect("two copies again");
    cluster.done(at, Method::POST, "/damaged/_refresh", None).await.expect("refreshed");
    let (status, answer) = cluster.ask(at, Method::GET, "/damaged/_count", None).await.expect("answered");
    assert_eq!((status, &answer["count"]), (200, &json!(DOCUMENTS)), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_that_can_be_read_is_primary_though_it_comes_last() {
    let (mut cluster, primary, replica) = killed_and_damaged().await;
    let third = 3 - primary - replica;
    for at in [primary, third] {
        cluster.spawn(at).expect("started");
    }
    for at in [primary, third] {
        cluster.wait_answers(at).await.expect("answers");
    }
    let red = cluster.wait_for("the shard to be without a primary", WITHIN, async || {
        let health = cluster.health(third).await?;
        (health["status"] == json!("red")).then_some(())
    });
    red.await.expect("it is damaged");

    cluster.restart(replica).await.expect("answers");

    all_is_there(&cluster, third).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_that_can_be_read_is_primary_where_all_start_at_once() {
    let (mut cluster, _, replica) = killed_and_damaged().await;

    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("a cluster");

    all_is_there(&cluster, replica).await;
}

/// Whether there are so many copies on the nodes, and all are equal.
async fn are_equal(cluster: &Cluster, count: usize) -> Option<()> {
    let mut digests = Vec::new();
    for at in cluster.up() {
        let (_, answer) = cluster.ask(at, Method::GET, "/damaged/_copies", None).await.ok()?;
        let copies = answer["copies"].as_array()?;
        digests.extend(copies.iter().map(|copy| json!([copy["docs"], copy["digest"], copy["max_seq_no"]])));
    }
    (digests.len() == count && digests.iter().all(|digest| *digest == digests[0])).then_some(())
}

async fn wait_equal(cluster: &Cluster, count: usize) {
    let equal = cluster.wait_for("copies that are equal", WITHIN, async || are_equal(cluster, count).await);
    equal.await.expect("equal copies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_a_damaged_segment_is_told_of_and_fetched_again() {
    let (mut cluster, primary, replica) = filled().await;
    cluster.done(0, Method::POST, "/damaged/_flush", None).await.expect("flushed");
    cluster.kill(replica).expect("killed");
    assert!(damage(&cluster.member(replica).data.join("indices"), SOURCES) > 0);

    cluster.restart(replica).await.expect("answers");

    all_is_there(&cluster, primary).await;
    wait_equal(&cluster, 2).await;
    let told = cluster.member(replica).output();
    assert!(told.contains("its checksum or its footer does not match"), "{told}");
}

/// The damage shows when a third copy gets the file: the primary gives way to its replica, and gets the file again itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_whose_file_is_damaged_while_it_serves_gives_way_to_a_copy_that_is_well() {
    let (cluster, primary, replica) = filled().await;
    cluster.done(0, Method::POST, "/damaged/_flush", None).await.expect("flushed");
    assert!(damage(&cluster.member(primary).data.join("indices"), SOURCES) > 0);

    let more = json!({"number_of_replicas": 2});
    cluster.done(0, Method::PUT, "/damaged/_settings", Some(&more)).await.expect("changed");

    let leads = cluster.wait_for("the replica to be primary", WITHIN, async || {
        nodes_of(&cluster).await.filter(|nodes| nodes[0] == replica).map(drop)
    });
    leads.await.expect("another primary");
    all_is_there(&cluster, primary).await;
    wait_equal(&cluster, 3).await;
    let told = cluster.member(primary).output();
    assert!(told.contains("a file of the shard is damaged"), "{told}");
    let sources =
        format!("/damaged/_search?size=10000&preference=_only_nodes:{}", cluster.member(primary).name);
    let found = cluster.done(primary, Method::GET, &sources, None).await.expect("answers");
    let read = found["hits"]["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .filter(|hit| hit["_source"]["number"].is_u64());
    assert_eq!(read.count(), DOCUMENTS, "every source is read again");
}

/// The damage shows when segments are merged, of whichever copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_file_is_found_damaged_by_a_merge_is_fetched_again() {
    for is_primary in [true, false] {
        let (cluster, primary, replica) = filled().await;
        cluster.done(0, Method::POST, "/damaged/_flush", None).await.expect("flushed");
        let more = json!({"number": DOCUMENTS});
        let path = format!("/damaged/_doc/{DOCUMENTS}?refresh=true");
        cluster.done(0, Method::PUT, &path, Some(&more)).await.expect("a second segment");
        cluster.done(0, Method::POST, "/damaged/_flush", None).await.expect("flushed");
        let hurt = if is_primary { primary } else { replica };
        let before = copies_on(&cluster, hurt).await.expect("told");
        assert!(damage(&cluster.member(hurt).data.join("indices"), SOURCES) > 1, "two segments");

        let merge = "/damaged/_forcemerge?max_num_segments=1";
        cluster.ask(0, Method::POST, merge, None).await.expect("answered");

        let fetched = cluster.wait_for("another copy, or none", WITHIN, async || {
            copies_on(&cluster, hurt).await.filter(|copies| *copies != before).map(drop)
        });
        fetched.await.unwrap_or_else(|error| panic!("{error}: of the primary: {is_primary}"));
        cluster.wait_green(primary, WITHIN).await.expect("two copies again");
        wait_equal(&cluster, 2).await;
        let told = cluster.member(hurt).output();
        assert!(told.contains("a file of the shard is damaged"), "{told}");
    }
}

/// The names of the copies on a node, if they can be read.
async fn copies_on(cluster: &Cluster, at: usize) -> Option<Vec<Value>> {
    let (status, answer) = cluster.ask(at, Method::GET, "/damaged/_copies", None).await.ok()?;
    let copies = answer["copies"].as_array().filter(|_| status == 200)?;
    Some(copies.iter().map(|copy| copy["copy"].clone()).collect())
}
