//! Indices that are made of others, in a cluster whose nodes come and go meanwhile: a shard has all its documents, or it serves nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const WITHIN: Duration = Duration::from_secs(120);
const DOCUMENTS: usize = 6000;

/// An index with documents, of which some were written again and some deleted, that may no longer be written to.
async fn make_source(cluster: &Cluster, shards: usize, replicas: u32) {
    let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": replicas}});
    let nodes = cluster.up().count();
    cluster.done(0, Method::PUT, "/src", Some(&settings)).await.expect("created");
    cluster.wait_green(0, WITHIN).await.expect("green");
    for first in (0..DOCUMENTS).step_by(1000) {
        let mut lines = String::new();
        for n in first..first + 1000 {
            lines += &format!(
                "{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n},\"text\":\"document {n} of many\"}}\n"
            );
        }
        let (status, answer) =
            cluster.bulk(first / 1000 % nodes, "/src/_bulk", lines).await.expect("answered");
        assert!(status == 200 && answer["errors"] == json!(false), "{answer}");
    }
    let mut lines = String::new();
    for n in (0..DOCUMENTS).step_by(100) {
        lines += &format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n},\"again\":true}}\n");
        lines += &format!("{{\"delete\":{{\"_id\":\"{}\"}}}}\n", n + 1);
    }
    let (status, answer) = cluster.bulk(0, "/src/_bulk", lines).await.expect("answered");
    assert!(status == 200 && answer["errors"] == json!(false), "{answer}");
    let block = json!({"index.blocks.write": true});
    cluster.done(nodes - 1, Method::PUT, "/src/_settings", Some(&block)).await.expect("blocked");
}

fn expected() -> BTreeSet<u64> {
    (0..DOCUMENTS as u64).filter(|n| n % 100 != 1).collect()
}

async fn resize(cluster: &Cluster, at: usize, wish: &str, target: &str, settings: &Value) {
    let path = format!("/src/{wish}/{target}?timeout=20s");
    let body = json!({"settings": settings});
    let answer = cluster.done(at, Method::PUT, &path, Some(&body)).await.expect(wish);
    assert_eq!((&answer["acknowledged"], &answer["index"]), (&json!(true), &json!(target)), "{answer}");
}

/// How fast shards are filled; nothing for as usual.
async fn set_pace(cluster: &Cluster, bytes: Option<&str>) {
    let pace = json!({"persistent": {"indices.recovery.max_bytes_per_sec": bytes}});
    cluster.done(0, Method::PUT, "/_cluster/settings", Some(&pace)).await.expect("set");
}

/// All documents that a node finds in an index.
async fn numbers(cluster: &Cluster, at: usize, index: &str) -> BTreeSet<u64> {
    let all = json!({"size": 10_000, "_source": ["n"], "query": {"match_all": {}}});
    let path = format!("/{index}/_search");
    let found = cluster.done(at, Method::POST, &path, Some(&all)).await.expect("found");
    assert_eq!(found["_shards"]["failed"], json!(0), "{found}");
    let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
    let numbers: BTreeSet<u64> = hits.iter().filter_map(|hit| hit["_source"]["n"].as_u64()).collect();
    assert_eq!(numbers.len(), hits.len(), "no document is there twice");
    numbers
}

/// What an index holds that was made of the source: through every node, and by id.
async fn check(cluster: &Cluster, index: &str) {
    cluster.wait_green(0, WITHIN).await.expect("green");
    for at in cluster.up() {
        let found = numbers(cluster, at, index).await;
        assert_eq!(found.len(), expected().len(), "node {at}: {index}");
        assert_eq!(found, expected(), "node {at}: {index}");
    }
    for (n, version) in [(100, 2), (102, 1), (5999, 1)] {
        for at in cluster.up() {
            let found = cluster.done(at, Method::GET, &format!("/{index}/_doc/{n}"), None).await;
            assert_eq!(found.expect("there")["_version"], json!(version), "{index}: {n}");
        }
    }
    let (status, _) =
        cluster.ask(0, Method::GET, &format!("/{index}/_doc/101"), None).await.expect("answered");
    assert_eq!(status, 404, "it was deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_are_filled_wherever_copies_of_the_source_are() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    make_source(&cluster, 4, 1).await;

    resize(&cluster, 0, "_shrink", "small", &json!({"index.number_of_shards": 1})).await;
    resize(&cluster, 1, "_shrink", "half", &json!({"index.number_of_shards": 2})).await;
    resize(&cluster, 2, "_split", "wide", &json!({"index.number_of_shards": 8})).await;
    resize(&cluster, 0, "_clone", "twin", &json!({"index.number_of_replicas": 2})).await;
    for index in ["small", "half", "wide", "twin"] {
        check(&cluster, index).await;
    }
    // Where the new shard is, there is no copy of the source.
    let move_away = json!({"index.routing.allocation.exclude._name": "node-2"});
    cluster.done(0, Method::PUT, "/src/_settings", Some(&move_away)).await.expect("set");
    let is_away = async || {
        let rows = cluster.done(0, Method::GET, "/_cat/shards/src?format=json", None).await.ok()?;
        let is_there = |row: &Value| row["node"].as_str().is_some_and(|node| node.contains("node-2"));
        (!rows.as_array()?.iter().any(is_there)).then_some(())
    };
    cluster.wait_for("the source to be elsewhere", WITHIN, is_away).await.expect("moved");
    let on = json!({"index.number_of_shards": 1, "index.number_of_replicas": 0,
        "index.routing.allocation.exclude._name": null, "index.routing.allocation.require._name": "node-2"});
    resize(&cluster, 1, "_shrink", "far", &on).await;
    check(&cluster, "far").await;

    // The source is not needed any more, and what was made of it is there after a restart.
    cluster.done(0, Method::DELETE, "/src", None).await.expect("deleted");
    for at in 0..3 {
        assert_eq!(cluster.stop(at).expect("stops"), Some(0), "node {at}");
    }
    cluster.spawn_all().expect("start");
    cluster.wait_ready().await.expect("a cluster");
    for index in ["small", "half", "wide", "twin", "far"] {
        check(&cluster, index).await;
    }
}

/// Nodes are killed again and again while shards are filled on them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_whose_filling_breaks_off_is_begun_anew_and_never_seen_half_full() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    make_source(&cluster, 4, 2).await;
    cluster.wait_voters(3).await.expect("any of them can be lost");
    for (round, (wish, shards)) in [("_split", 8), ("_shrink", 2), ("_clone", 4)].into_iter().enumerate() {
        set_pace(&cluster, Some("10kb")).await;
        let (victim, target) = (1 + round % 2, format!("new{round}"));
        // Nobody waits for the copies of who was killed.
        let settings = json!({
            "index.number_of_shards": shards, "index.number_of_replicas": 1,
            "index.unassigned.node_left.delayed_timeout": "0"
        });
        let path = format!("/src/{wish}/{target}?wait_for_active_shards=0&timeout=5s");
        let body = json!({"settings": settings});
        let made = cluster.done(0, Method::PUT, &path, Some(&body)).await.expect(wish);
        assert_eq!(made["index"], json!(target));
        let search = format!("/{target}/_search?allow_partial_search_results=false");
        let (status, found) = cluster.ask(0, Method::POST, &search, None).await.expect("answered");
        assert_eq!(status, 503, "not all shards can be there yet: {found}");
        cluster.kill(victim).expect("killed");

        let is_set = async || {
            let pace = json!({"persistent": {"indices.recovery.max_bytes_per_sec": null}});
            let (status, _) = cluster.ask(0, Method::PUT, "/_cluster/settings", Some(&pace)).await.ok()?;
            (status == 200).then_some(())
        };
        cluster.wait_for("a leader", WITHIN, is_set).await.expect("set");
        // Whatever a search finds while shards are missing is whole.
        let all =
            json!({"size": 0, "track_total_hits": true, "aggs": {"shards": {"terms": {"field": "_index"}}}});
        let is_led = async || {
            let (status, found) = cluster.ask(0, Method::POST, &search, Some(&all)).await.ok()?;
            if status != 200 {
                return None;
            }
            let count = found["hits"]["total"]["value"].as_u64();
            assert_eq!(count, Some(expected().len() as u64), "{target}: {found}");
            Some(())
        };
        cluster.wait_for("all shards to be filled", WITHIN, is_led).await.expect("filled");
        cluster.spawn(victim).expect("starts");
        cluster.wait_answers(victim).await.expect("answers");
        check(&cluster, &target).await;
        cluster.wait_voters(3).await.expect("any of them can be lost");
    }
}

/// All nodes of a cluster end at once while shards are filled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_dies_while_shards_are_filled_fills_them_when_it_is_back() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    make_source(&cluster, 2, 1).await;
    let body = json!({"settings": {"index.number_of_shards": 8, "index.number_of_replicas": 0}});
    set_pace(&cluster, Some("10kb")).await;
    let path = "/src/_split/wide?wait_for_active_shards=0&timeout=5s";
    cluster.done(0, Method::PUT, path, Some(&body)).await.expect("made");

    for at in 0..3 {
        cluster.kill(at).expect("killed");
    }
    cluster.spawn_all().expect("start");
    cluster.wait_ready().await.expect("a cluster");
    set_pace(&cluster, None).await;

    check(&cluster, "wide").await;
}

/// Where copies may be placed; nothing for anywhere.
async fn set_allocation(cluster: &Cluster, enable: Option<&str>) {
    let settings = json!({"persistent": {"cluster.routing.allocation.enable": enable}});
    cluster.done(0, Method::PUT, "/_cluster/settings", Some(&settings)).await.expect("set");
}

async fn set_block(cluster: &Cluster, is_set: bool) {
    let block = json!({"index.blocks.write": is_set});
    cluster.done(0, Method::PUT, "/src/_settings", Some(&block)).await.expect("set");
}

/// A source that takes writes again before it was read is not read before it is blocked once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_source_took_before_it_was_read_is_in_what_is_made_of_it() {
    let cluster = Cluster::start(1, &[]).await.expect("a cluster");
    make_source(&cluster, 2, 0).await;
    set_allocation(&cluster, Some("none")).await;
    let body = json!({"settings": {"index.number_of_shards": 1, "index.number_of_replicas": 0}});
    let path = "/src/_shrink/small?wait_for_active_shards=0&timeout=5s";
    cluster.done(0, Method::PUT, path, Some(&body)).await.expect("made");
    set_block(&cluster, false).await;
    set_allocation(&cluster, None).await;
    let is_put_off = async || {
        cluster.member(0).output().contains("must be read-only until what is made of it").then_some(())
    };
    cluster.wait_for("the source not to be read", WITHIN, is_put_off).await.expect("told");
    let late = json!({"n": DOCUMENTS});
    cluster.done(0, Method::PUT, "/src/_doc/late", Some(&late)).await.expect("written");

    set_block(&cluster, true).await;

    cluster.wait_green(0, WITHIN).await.expect("green");
    assert!(numbers(&cluster, 0, "small").await.contains(&(DOCUMENTS as u64)));
}

/// Two documents with one id have a place in two shards, and not in one: none of them is left out without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_documents_have_ids_in_common_does_not_shrink() {
    let cluster = Cluster::start(1, &[]).await.expect("a cluster");
    make_source(&cluster, 2, 0).await;
    set_block(&cluster, false).await;
    for routing in 0..8 {
        let path = format!("/src/_doc/common?routing={routing}");
        cluster.done(0, Method::PUT, &path, Some(&json!({"n": DOCUMENTS}))).await.expect("written");
    }
    set_block(&cluster, true).await;

    let body = json!({"settings": {"index.number_of_shards": 1, "index.number_of_replicas": 0}});
    let path = "/src/_shrink/small?wait_for_active_shards=0&timeout=5s";
    cluster.done(0, Method::PUT, path, Some(&body)).await.expect("made");

    let about = json!({"index": "small", "shard": 0, "primary": true});
    let is_told = async || {
        let path = "/_cluster/allocation/explain";
        let (status, told) = cluster.ask(0, Method::POST, path, Some(&about)).await.ok()?;
        let details = told["unassigned_info"]["details"].as_str().unwrap_or_default();
        (status == 200 && details.contains("[1] documents") && details.contains("[common];")).then_some(())
    };
    cluster.wait_for("the id to be told", WITHIN, is_told).await.expect("told");
    // As many shards have a place for both.
    resize(&cluster, 0, "_clone", "twin", &json!({"index.number_of_replicas": 0})).await;
    let all = json!({"query": {"ids": {"values": ["common"]}}});
    let found = cluster.done(0, Method::POST, "/twin/_search", Some(&all)).await.expect("found");
    assert_eq!(found["hits"]["total"]["value"], json!(2), "{found}");
}
