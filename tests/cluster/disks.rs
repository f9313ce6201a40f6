//! Copies go where there is room for them: whoever leads knows how full the disks are, and how much each shard takes.

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Cluster, SmallDisk};

const WITHIN: Duration = Duration::from_secs(60);
const DISK_MEBIBYTES: u32 = 64;
const DOCUMENTS: usize = 20_000;
const BATCH: usize = 1_000;

/// A cluster whose second node has a small disk; none where that cannot be had.
async fn with_small_disk() -> Option<(Cluster, SmallDisk)> {
    let mut cluster = Cluster::prepare(&["cluster.info.update.interval=200ms"]).expect("a cluster");
    let at = [cluster.add().expect("a node"), cluster.add().expect("a node")];
    let Some(disk) = SmallDisk::mount(&cluster.member(at[1]).data, DISK_MEBIBYTES).expect("a folder") else {
        println!("SKIPPED: copies that do not fit; this user may not mount");
        return None;
    };
    cluster.spawn_all().expect("started");
    cluster.wait_ready().await.expect("ready");
    Some((cluster, disk))
}

/// An index on the first node alone.
async fn filled(cluster: &Cluster, index: &str, documents: usize) {
    let settings = json!({"number_of_replicas": 0, "routing.allocation.include._name": "node-0"});
    let created = json!({"settings": settings});
    cluster.done(0, Method::PUT, &format!("/{index}"), Some(&created)).await.expect("created");
    for from in (0..documents).step_by(BATCH) {
        let lines = (from..documents.min(from + BATCH)).map(|id| {
            let text: Vec<String> =
                (0..20).map(|word| format!("{:x}", (id * 31 + word) * 2_654_435)).collect();
            format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"text\":\"{}\"}}\n", text.join(" "))
        });
        let (status, answer) =
            cluster.bulk(0, &format!("/{index}/_bulk"), lines.collect()).await.expect("answered");
        assert!(status == 200 && answer["errors"] == json!(false), "{status} {answer}");
    }
    cluster.done(0, Method::POST, &format!("/{index}/_flush"), None).await.expect("flushed");
}

async fn replicate(cluster: &Cluster, index: &str) {
    let change = json!({"number_of_replicas": 1, "routing.allocation.include._name": "*"});
    let path = format!("/{index}/_settings");
    cluster.done(0, Method::PUT, &path, Some(&change)).await.expect("changed");
}

async fn explained(cluster: &Cluster, index: &str, is_primary: bool) -> Value {
    let which = json!({"index": index, "shard": 0, "primary": is_primary});
    let path = "/_cluster/allocation/explain?include_disk_info=true&include_yes_decisions=true";
    cluster.done(1, Method::GET, path, Some(&which)).await.expect("explained")
}

/// What a disk must have free at least, by the marks at which no copy comes any more and at which copies go.
async fn set_marks(cluster: &Cluster, low: u64, high: u64) {
    let marks = json!({"persistent": {"cluster.routing.allocation.disk": {
        "threshold_enabled": true,
        "watermark": {"low": format!("{low}b"), "high": format!("{high}b"), "flood_stage": "1mb"}
    }}});
    cluster.done(0, Method::PUT, "/_cluster/settings", Some(&marks)).await.expect("set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_would_fill_a_disk_beyond_its_mark_does_not_go_there() {
    let Some((cluster, _disk)) = with_small_disk().await else { return };
    filled(&cluster, "large", DOCUMENTS).await;
    let told = async || {
        let info = explained(&cluster, "large", true).await["cluster_info"].clone();
        let bytes = info["shard_sizes"]["[large][0]_bytes"].as_u64().filter(|bytes| *bytes > 1 << 20)?;
        let nodes = info["nodes"].as_object()?;
        let small = nodes.values().find(|node| node["node_name"] == "node-1")?;
        Some((bytes, small["least_available"]["free_bytes"].as_u64()?))
    };
    let (bytes, free) = cluster.wait_for("the size of the shard", WITHIN, told).await.expect("told");

    set_marks(&cluster, free - bytes / 4, free - bytes / 2).await;
    replicate(&cluster, "large").await;
    // Once another one's copy has come, it was decided on this one, too.
    filled(&cluster, "small", 10).await;
    replicate(&cluster, "small").await;
    let path = "/_cluster/health/small?wait_for_status=green&timeout=60s";
    let health = cluster.done(0, Method::GET, path, None).await.expect("told");
    assert_eq!((&health["status"], &health["timed_out"]), (&json!("green"), &json!(false)), "{health}");

    let explanation = explained(&cluster, "large", false).await;
    assert_eq!(explanation["current_state"], "unassigned", "{explanation}");
    let nodes = explanation["node_allocation_decisions"].as_array().expect("decisions");
    let small = nodes.iter().find(|node| node["node_name"] == "node-1").expect("its decision");
    let deciders = small["deciders"].as_array().expect("deciders");
    let disk = deciders.iter().find(|decider| decider["decider"] == "disk_threshold").expect("of the disk");
    let reason = disk["explanation"].as_str().unwrap_or_default();
    assert!(disk["decision"] == "NO" && reason.contains("above the high watermark"), "{small}");

    set_marks(&cluster, 2 << 20, 2 << 20).await;

    cluster.wait_green(0, WITHIN).await.expect("there is room now");
}

/// Nodes that have less free than the high watermark wants get no shard of a new index either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_index_gets_no_place_where_disks_are_full() {
    let cluster = Cluster::start(2, &[]).await.expect("a cluster");
    let marks = ["low", "high", "flood_stage"]
        .map(|mark| format!("cluster.routing.allocation.disk.watermark.{mark}"));
    let mut persistent = json!({"cluster.routing.allocation.disk.threshold_enabled": true});
    for mark in &marks {
        // More than any disk has.
        persistent[mark] = json!("100000tb");
    }
    cluster
        .done(0, Method::PUT, "/_cluster/settings", Some(&json!({"persistent": persistent})))
        .await
        .expect("changed");

    for at in 0..2 {
        let path = format!("/nowhere-{at}?wait_for_active_shards=0");
        cluster.done(at, Method::PUT, &path, None).await.expect("created");
    }

    let shards = cluster.done(1, Method::GET, "/_cat/shards?format=json&h=prirep,state,node", None).await;
    let shards = shards.expect("told");
    let rows = shards.as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["state"] == "UNASSIGNED"), "{shards}");
    let why = json!({"index": "nowhere-0", "shard": 0, "primary": true});
    let why = cluster.done(0, Method::POST, "/_cluster/allocation/explain", Some(&why)).await.expect("told");
    assert!(why.to_string().contains("watermark"), "{why}");
}
