//! Indices that are closed and opened while they are written to, and while nodes come and go: nothing acknowledged is lost, and their
//! copies are looked after as those of open ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use search_client::Method;
use serde_json::json;
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(90);

async fn make(cluster: &Cluster, index: &str, replicas: u32) {
    let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": replicas}});
    cluster.done(0, Method::PUT, &format!("/{index}"), Some(&settings)).await.expect("created");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
}

async fn turn(cluster: &Cluster, at: usize, index: &str, wish: &str) {
    let path = format!("/{index}/{wish}?timeout=20s");
    let answer = cluster.done(at, Method::POST, &path, None).await.expect(wish);
    assert_eq!(answer["acknowledged"], json!(true), "{wish}: {answer}");
}

/// Every document of an index by its number.
async fn numbers(cluster: &Cluster, at: usize, index: &str) -> BTreeSet<u64> {
    cluster.done(at, Method::POST, &format!("/{index}/_refresh"), None).await.expect("refreshed");
    let all = json!({"size": 10_000, "_source": true, "query": {"match_all": {}}});
    let found =
        cluster.done(at, Method::POST, &format!("/{index}/_search"), Some(&all)).await.expect("found");
    assert_eq!(found["_shards"]["failed"], json!(0), "{found}");
    let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
    hits.iter().filter_map(|hit| hit["_source"]["n"].as_u64()).collect()
}

/// Writes until it is told to stop; the numbers that were acknowledged. A closed index must say that it is closed, and nothing else.
async fn write(cluster: &Cluster, at: usize, next: &AtomicU64, is_over: &AtomicBool) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    while !is_over.load(Ordering::Acquire) {
        let n = next.fetch_add(1, Ordering::AcqRel);
        let body = json!({"n": n});
        match cluster.ask(at, Method::PUT, &format!("/door/_doc/{n}?timeout=5s"), Some(&body)).await {
            Ok((201, _)) => drop(acknowledged.insert(n)),
            Ok((400, answer)) => {
                assert_eq!(answer["error"]["type"], json!("index_closed_exception"), "{answer}");
            }
            // The node was killed, or knows nobody who leads: what became of it is not known.
            Ok((status, answer)) => assert!(status >= 500, "{status}: {answer}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_while_an_index_was_closed_and_opened_is_there() {
    let cluster = Arc::new(Cluster::start(3, &[]).await.expect("a cluster"));
    make(&cluster, "door", 1).await;
    let (next, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (cluster, next, is_over) = (Arc::clone(&cluster), Arc::clone(&next), Arc::clone(&is_over));
            tokio::spawn(async move { write(&cluster, writer % 3, &next, &is_over).await })
        })
        .collect();

    for round in 0..6 {
        let reached = next.load(Ordering::Acquire) + 60;
        let is_reached = async || (next.load(Ordering::Acquire) >= reached).then_some(());
        cluster.wait_for("writes", GREEN_WITHIN, is_reached).await.expect("written");
        turn(&cluster, round % 3, "door", "_close").await;
        for at in 0..3 {
            // Once it is acknowledged, no node lets anything in.
            let (status, answer) =
                cluster.ask(at, Method::GET, "/door/_doc/0", None).await.expect("answered");
            assert_eq!((status, &answer["error"]["type"]), (400, &json!("index_closed_exception")));
            let body = json!({"n": 1_000_000});
            let (status, _) =
                cluster.ask(at, Method::PUT, "/door/_doc/late", Some(&body)).await.expect("answered");
            assert_eq!(status, 400, "node {at}");
        }
        turn(&cluster, (round + 1) % 3, "door", "_open").await;
    }
    is_over.store(true, Ordering::Release);
    let mut acknowledged = BTreeSet::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("a writer"));
    }

    assert!(acknowledged.len() > 100, "only {} writes were acknowledged", acknowledged.len());
    let found = numbers(&cluster, 1, "door").await;
    let lost: Vec<&u64> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "lost of {}: {lost:?}", acknowledged.len());
}

/// Asks again until somebody leads.
async fn turn_after_loss(cluster: &Cluster, wish: &str) {
    let path = format!("/door/{wish}?timeout=20s");
    let is_done = async || {
        let (status, answer) = cluster.ask(0, Method::POST, &path, None).await.ok()?;
        (status == 200 && answer["acknowledged"] == json!(true)).then_some(())
    };
    cluster.wait_for("a leader", GREEN_WITHIN, is_done).await.expect(wish);
}

/// A node with copies dies while the index closes under load; another one becomes primary, and has everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_while_an_index_closes_costs_nothing() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    make(&cluster, "door", 1).await;
    let next = AtomicU64::new(0);
    for victim in [2, 1] {
        cluster.wait_voters(3).await.expect("any of them can be lost");
        let is_over = AtomicBool::new(false);
        let process = cluster.member(victim).process().expect("runs").to_string();
        let (closed, first, second) = tokio::join!(
            async {
                let reached = next.load(Ordering::Acquire) + 40;
                let is_reached = async || (next.load(Ordering::Acquire) >= reached).then_some(());
                cluster.wait_for("writes", GREEN_WITHIN, is_reached).await.expect("written");
                let closing = cluster.ask(0, Method::POST, "/door/_close?timeout=20s", None);
                let dying = tokio::process::Command::new("kill").args(["-9", &process]).status();
                let (answer, _) = tokio::join!(closing, dying);
                is_over.store(true, Ordering::Release);
                answer
            },
            write(&cluster, 0, &next, &is_over),
            write(&cluster, victim, &next, &is_over),
        );
        cluster.kill(victim).expect("killed");
        if !closed.is_ok_and(|(status, answer)| status == 200 && answer["acknowledged"] == json!(true)) {
            // The node that died led, or was waited for: asked again, it is closed for good.
            turn_after_loss(&cluster, "_close").await;
        }

        let is_led = async || {
            let health = cluster.health(0).await?;
            (health["active_primary_shards"] == json!(2) && health["number_of_nodes"] == json!(2))
                .then_some(())
        };
        cluster.wait_for("another primary of the closed index", GREEN_WITHIN, is_led).await.expect("led");
        let rows = cluster.done(0, Method::GET, "/_cat/indices/door?format=json", None).await.expect("told");
        assert_eq!(rows[0]["status"], json!("close"));
        cluster.spawn(victim).expect("starts");
        cluster.wait_answers(victim).await.expect("answers");
        // The copies of a closed index are filled like others.
        cluster.wait_green(0, GREEN_WITHIN).await.expect("green while closed");

        turn(&cluster, victim, "door", "_open").await;
        let acknowledged: BTreeSet<u64> = first.union(&second).copied().collect();
        assert!(acknowledged.len() > 10, "only {} writes were acknowledged", acknowledged.len());
        let found = numbers(&cluster, victim, "door").await;
        let lost: Vec<&u64> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

/// The map has one more replica for a closed index, and all nodes start anew with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_closed_index_are_added_and_survive_a_restart() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    make(&cluster, "door", 0).await;
    for n in 0..50 {
        let body = json!({"n": n});
        cluster.done(n % 3, Method::PUT, &format!("/door/_doc/{n}"), Some(&body)).await.expect("written");
    }
    turn(&cluster, 0, "door", "_close").await;
    let more = json!({"index.number_of_replicas": 2});
    cluster.done(1, Method::PUT, "/door/_settings", Some(&more)).await.expect("set");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    let rows = cluster.done(0, Method::GET, "/_cat/shards/door?format=json", None).await.expect("told");
    assert_eq!(rows.as_array().map_or(0, Vec::len), 6, "{rows}");

    for at in 0..3 {
        assert_eq!(cluster.stop(at).expect("stops"), Some(0), "node {at}");
    }
    cluster.spawn_all().expect("start");
    cluster.wait_ready().await.expect("a cluster");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");

    let (status, answer) = cluster.ask(2, Method::GET, "/door/_search", None).await.expect("answered");
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("index_closed_exception")));
    turn(&cluster, 2, "door", "_open").await;
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    for at in 0..3 {
        let found = numbers(&cluster, at, "door").await;
        assert_eq!(found, (0..50).collect(), "node {at}");
    }
}

/// A closed index keeps no file open and no document in memory on any node that has copies of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_a_closed_index_are_let_go_of() {
    let cluster = Cluster::start(2, &[]).await.expect("a cluster");
    make(&cluster, "door", 1).await;
    for n in 0..20 {
        let body = json!({"n": n});
        cluster.done(0, Method::PUT, &format!("/door/_doc/{n}"), Some(&body)).await.expect("written");
    }
    let open_files = |at: usize| -> usize {
        let folder = format!("/proc/{}/fd", cluster.member(at).process().expect("runs"));
        let files = fs_err::read_dir(folder).expect("listed").filter_map(Result::ok);
        let targets = files.filter_map(|file| fs_err::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().contains("/translog/")).count()
    };
    assert!((0..2).all(|at| open_files(at) > 0), "an open index has its translogs open");

    turn(&cluster, 1, "door", "_close").await;

    let are_closed = async || (0..2).all(|at| open_files(at) == 0).then_some(());
    cluster.wait_for("shards to be closed", Duration::from_secs(30), are_closed).await.expect("let go of");
    turn(&cluster, 0, "door", "_open").await;
    assert_eq!(numbers(&cluster, 1, "door").await, (0..20).collect::<BTreeSet<u64>>());
}
