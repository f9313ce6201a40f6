//! How a new copy is filled: from files where it lacks much, from operations where it lacks little, and whoever looks is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const WITHIN: Duration = Duration::from_secs(60);
const BATCH: usize = 1_000;

/// An index without replicas on the first node, with so many documents.
async fn filled(cluster: &Cluster, index: &str, documents: usize, settings: Value) {
    let mut all = json!({
        "number_of_shards": 1, "number_of_replicas": 0,
        "routing.allocation.include._name": cluster.member(0).name
    });
    for (key, value) in settings.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    let path = format!("/{index}");
    cluster.done(0, Method::PUT, &path, Some(&json!({"settings": all}))).await.expect("created");
    for from in (0..documents).step_by(BATCH) {
        write(cluster, index, from, BATCH.min(documents - from)).await;
    }
}

async fn write(cluster: &Cluster, index: &str, from: usize, count: usize) {
    let lines = (from..from + count).map(|id| {
        format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"number\":{id},\"text\":\"some words of {id}\"}}\n")
    });
    let (status, answer) =
        cluster.bulk(0, &format!("/{index}/_bulk"), lines.collect()).await.expect("answered");
    assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
}

/// Gives the index a replica on another node, and waits until that has everything; what is told of its recovery.
async fn replicated(cluster: &Cluster, index: &str) -> Value {
    let change = json!({"number_of_replicas": 1, "routing.allocation.include._name": "*"});
    let path = format!("/{index}/_settings");
    cluster.done(0, Method::PUT, &path, Some(&change)).await.expect("changed");
    cluster.wait_green(0, WITHIN).await.expect("two copies");
    let path = format!("/_cat/recovery/{index}?format=json&bytes=b&time=ms&h=*");
    let rows = cluster.done(1, Method::GET, &path, None).await.expect("told");
    let rows = rows.as_array().expect("rows");
    let replica = rows.iter().find(|row| row["type"] == "peer").unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(replica["stage"], "done", "{replica}");
    assert_eq!(replica["source_node"], json!(cluster.member(0).name), "{replica}");
    replica.clone()
}

fn number(row: &Value, column: &str) -> u64 {
    row[column].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{column} of {row}"))
}

async fn assert_equal(cluster: &Cluster, index: &str, documents: usize) {
    let mut digests = Vec::new();
    for at in 0..2 {
        let path = format!("/{index}/_copies");
        let answer = cluster.done(at, Method::GET, &path, None).await.expect("told");
        assert_eq!(answer["copies"][0]["docs"], json!(documents), "{answer}");
        digests.push(answer["copies"][0]["digest"].clone());
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_lacks_much_gets_files_and_one_that_lacks_little_operations() {
    let cluster = Cluster::start(2, &["indices.recovery.max_bytes_per_sec=0"]).await.expect("a cluster");
    filled(&cluster, "many", 10_000, json!({})).await;
    filled(&cluster, "few", 500, json!({})).await;
    filled(&cluster, "operations", 10_000, json!({"recovery.file_based_threshold": 100})).await;

    let many = replicated(&cluster, "many").await;
    assert!(number(&many, "files") > 0 && number(&many, "bytes") > 0, "{many}");
    assert_eq!(number(&many, "bytes_recovered"), number(&many, "bytes"), "{many}");
    assert_eq!((&many["files_percent"], &many["bytes_percent"]), (&json!("100.0%"), &json!("100.0%")));
    assert_eq!(number(&many, "translog_ops"), 0, "{many}");
    let told = cluster.done(1, Method::GET, "/many/_recovery", None).await.expect("told");
    let shards = told["many"]["shards"].as_array().expect("shards");
    let replica = shards.iter().find(|shard| shard["type"] == "PEER").expect("one that was filled");
    assert_eq!(replica["stage"], "DONE", "{replica}");
    assert_eq!(replica["index"]["size"]["recovered_in_bytes"], json!(number(&many, "bytes")), "{replica}");
    assert_eq!(replica["source"]["name"], json!(cluster.member(0).name), "{replica}");
    assert_equal(&cluster, "many", 10_000).await;

    for (index, documents) in [("few", 500), ("operations", 10_000)] {
        let row = replicated(&cluster, index).await;
        assert_eq!((number(&row, "files"), number(&row, "translog_ops")), (0, documents as u64), "{row}");
        assert_eq!(number(&row, "translog_ops_recovered"), documents as u64, "{row}");
        assert_equal(&cluster, index, documents).await;
    }

    let active = cluster.done(0, Method::GET, "/_recovery?active_only=true", None).await.expect("told");
    assert_eq!(active, json!({}), "none is being filled");
}

/// Files are of one moment; what is written meanwhile comes as operations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_files_are_on_their_way_is_on_both_copies() {
    let cluster = Cluster::start(2, &["indices.recovery.max_bytes_per_sec=200kb"]).await.expect("a cluster");
    filled(&cluster, "busy", 10_000, json!({})).await;
    let (is_done, mut next) = (AtomicBool::new(false), 10_000);

    let writes = async {
        while !is_done.load(Ordering::Acquire) {
            write(&cluster, "busy", next, 100).await;
            next += 100;
        }
    };
    let filling = async {
        let row = replicated(&cluster, "busy").await;
        is_done.store(true, Ordering::Release);
        row
    };
    let ((), row) = tokio::join!(writes, filling);

    assert!(number(&row, "files") > 0, "{row}");
    assert!(next > 10_000, "something was written meanwhile");
    assert_equal(&cluster, "busy", next).await;
}

/// The copy on node 1, while it gets files.
async fn receiving(cluster: &Cluster, index: &str) -> bool {
    let path = format!("/_cat/recovery/{index}?format=json&active_only=true&h=type,stage,target_node");
    let rows = cluster.done(0, Method::GET, &path, None).await.expect("told");
    rows.as_array().into_iter().flatten().any(|row| row["type"] == "peer" && row["stage"] == "index")
}

/// Whoever fills a copy is asked to let go of it again and again, and another copy begins in the same folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_are_cancelled_while_they_are_filled_leave_the_folder_to_the_next_one() {
    let cluster = Cluster::start(2, &["indices.recovery.max_bytes_per_sec=200kb"]).await.expect("a cluster");
    filled(&cluster, "cancelled", 10_000, json!({})).await;
    let change = json!({"number_of_replicas": 1, "routing.allocation.include._name": "*"});
    cluster.done(0, Method::PUT, "/cancelled/_settings", Some(&change)).await.expect("changed");

    let cancel = json!({"commands": [{"cancel": {"index": "cancelled", "shard": 0, "node": "node-1"}}]});
    for next in (10_000..10_500).step_by(100) {
        let begun = async || receiving(&cluster, "cancelled").await.then_some(());
        cluster.wait_for("files to be on their way", WITHIN, begun).await.expect("begun");
        write(&cluster, "cancelled", next, 100).await;
        cluster.done(1, Method::POST, "/_cluster/reroute", Some(&cancel)).await.expect("cancelled");
    }

    cluster.wait_green(0, WITHIN).await.expect("two copies");
    assert_equal(&cluster, "cancelled", 10_500).await;
}
