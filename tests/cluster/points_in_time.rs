//! Scrolls and points in time over several nodes: every hit once and as it was, through whichever node, whatever becomes of the shards.

use std::collections::BTreeSet;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const WITHIN: Duration = Duration::from_secs(30);
const DOCUMENTS: usize = 200;

/// Three nodes with an index of three shards, one on each, that hold documents in several segments.
async fn filled() -> Cluster {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let index = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0},
        "mappings": {"properties": {"n": {"type": "long"}, "same": {"type": "keyword"}}}
    });
    cluster.done(0, Method::PUT, "/i", Some(&index)).await.expect("created");
    cluster.wait_green(0, WITHIN).await.expect("all copies");
    for from in (0..DOCUMENTS).step_by(DOCUMENTS / 4) {
        let line = |n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{n},\"same\":\"x\"}}\n");
        let lines = (from..from + DOCUMENTS / 4).map(line).collect();
        let (status, answer) = cluster.bulk(0, "/i/_bulk?refresh=true", lines).await.expect("answered");
        assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");
    }
    cluster
}

/// Changes and deletes documents, writes others, and merges what is left of the segments.
async fn change(cluster: &Cluster) {
    let delete = json!({"query": {"range": {"n": {"lt": DOCUMENTS / 2}}}});
    cluster.done(1, Method::POST, "/i/_delete_by_query?refresh=true", Some(&delete)).await.expect("deleted");
    let line = |n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":-1,\"same\":\"y\"}}\n");
    let lines = (DOCUMENTS / 2..DOCUMENTS * 2).map(line).collect();
    let (status, answer) = cluster.bulk(2, "/i/_bulk?refresh=true", lines).await.expect("answered");
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");
    let merge = "/i/_forcemerge?max_num_segments=1";
    cluster.done(0, Method::POST, merge, None).await.expect("merged");
}

/// Moves every shard away from a node.
async fn vacate(cluster: &Cluster, at: usize) {
    let away = json!({"index.routing.allocation.exclude._name": cluster.member(at).name});
    cluster.done(0, Method::PUT, "/i/_settings", Some(&away)).await.expect("set");
    cluster
        .wait_for("the shards to move", WITHIN, async || {
            let path = "/_cat/shards/i?format=json&h=node,state";
            let (_, rows) = cluster.ask(0, Method::GET, path, None).await.ok()?;
            let name = cluster.member(at).name.as_str();
            let is_away = |row: &Value| row["node"] == *name || row["state"] != "STARTED";
            (!rows.as_array()?.iter().any(is_away)).then_some(())
        })
        .await
        .expect("they move");
}

fn ids(answer: &Value) -> Vec<usize> {
    let hits = answer["hits"]["hits"].as_array().expect("hits");
    let id = |hit: &Value| {
        let id = hit["_id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
        assert_eq!((&hit["_source"]["n"], &hit["_source"]["same"]), (&json!(id), &json!("x")), "{hit}");
        id
    };
    hits.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scroll_has_every_hit_once_whatever_becomes_of_the_shards() {
    let cluster = filled().await;
    for search in [
        json!({"size": 30}),
        json!({"size": 30, "sort": ["same"]}),
        json!({"size": 30, "query": {"match": {"same": "x"}}}),
    ] {
        let mut body = search.clone();
        body["query"] = search.get("query").cloned().unwrap_or(json!({"range": {"n": {"gte": 0}}}));
        let began = cluster.done(0, Method::POST, "/i/_search?scroll=5m", Some(&body)).await.expect("found");
        assert_eq!(began["hits"]["total"], json!({"value": DOCUMENTS, "relation": "eq"}), "{began}");
        let id = began["_scroll_id"].as_str().expect("an id").to_owned();
        let mut seen = ids(&began);

        for turn in 1.. {
            let next = json!({"scroll_id": id, "scroll": "5m"});
            let page = cluster.done(turn % 3, Method::POST, "/_search/scroll", Some(&next)).await;
            let page = page.expect("the next hits");
            assert_eq!(page["_shards"], json!({"total": 3, "successful": 3, "skipped": 0, "failed": 0}));
            assert_eq!(page["hits"]["total"]["value"], json!(DOCUMENTS), "{page}");
            let found = ids(&page);
            if found.is_empty() {
                break;
            }
            seen.extend(found);
        }

        let once: BTreeSet<usize> = seen.iter().copied().collect();
        assert_eq!((seen.len(), once.len()), (DOCUMENTS, DOCUMENTS), "{search}");
        let cleared = cluster
            .done(2, Method::DELETE, "/_search/scroll", Some(&json!({"scroll_id": id})))
            .await
            .expect("cleared");
        assert_eq!(cleared, json!({"succeeded": true, "num_freed": 3}));
    }

    let body = json!({"size": 50});
    let began = cluster.done(0, Method::POST, "/i/_search?scroll=5m", Some(&body));
    let began = began.await.expect("found");
    let next = json!({"scroll_id": began["_scroll_id"], "scroll": "5m"});
    let mut seen = ids(&began);
    change(&cluster).await;
    seen.extend(ids(&cluster.done(1, Method::POST, "/_search/scroll", Some(&next)).await.expect("found")));
    vacate(&cluster, 1).await;
    for at in [2, 0] {
        let page = cluster.done(at, Method::POST, "/_search/scroll", Some(&next)).await.expect("found");
        assert_eq!(page["_shards"]["failed"], json!(0), "{page}");
        seen.extend(ids(&page));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..DOCUMENTS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_point_in_time_stays_as_it_was_and_ends_with_the_node_that_holds_it() {
    let mut cluster = filled().await;
    let opened = cluster.done(0, Method::POST, "/i/_pit?keep_alive=5m", None).await.expect("opened");
    let pit = json!({"id": opened["id"], "keep_alive": "5m"});
    change(&cluster).await;
    vacate(&cluster, 1).await;

    // All of them have the same value: the place of a hit tells them apart.
    let mut seen = Vec::new();
    let mut after: Option<Value> = None;
    for turn in 0.. {
        let mut body = json!({"pit": pit, "size": 33, "sort": ["same"]});
        if let Some(after) = &after {
            body["search_after"] = after.to_owned();
        }
        let page = cluster.done(turn % 3, Method::POST, "/_search", Some(&body)).await.expect("found");
        let found = ids(&page);
        let Some(last) = page["hits"]["hits"].as_array().and_then(|hits| hits.last()) else { break };
        after = Some(last["sort"].clone());
        seen.extend(found);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..DOCUMENTS).collect::<Vec<_>>());

    let mut sliced = Vec::new();
    for slice in 0..5 {
        let body = json!({"pit": pit, "size": DOCUMENTS, "slice": {"id": slice, "max": 5}});
        let part = cluster.done(slice % 3, Method::POST, "/_search", Some(&body)).await.expect("found");
        let found = ids(&part);
        assert!(!found.is_empty() && found.len() < DOCUMENTS, "{} in slice {slice}", found.len());
        sliced.extend(found);
    }
    sliced.sort_unstable();
    assert_eq!(sliced, seen);

    let listed = cluster.done(2, Method::GET, "/_search/point_in_time/_all", None).await.expect("listed");
    assert_eq!(listed["pits"][0]["pit_id"], opened["id"], "{listed}");
    assert_eq!(listed["pits"].as_array().map(Vec::len), Some(1), "{listed}");

    // The others go on without it once all three vote.
    cluster.wait_voters(3).await.expect("they vote");
    cluster.kill(1).expect("killed");
    cluster.wait_nodes(2).await.expect("it is out");
    let whole = json!({"pit": pit, "size": 0});
    let part = cluster.done(0, Method::POST, "/_search", Some(&whole)).await.expect("found");
    assert_eq!(
        (&part["_shards"]["successful"], &part["_shards"]["failed"]),
        (&json!(2), &json!(1)),
        "{part}"
    );
    let reason = &part["_shards"]["failures"][0]["reason"]["type"];
    assert_eq!(reason, "search_context_missing_exception", "{part}");

    let closed = json!({"id": opened["id"]});
    let closed = cluster.done(2, Method::DELETE, "/_pit", Some(&closed)).await.expect("closed");
    assert_eq!(closed, json!({"succeeded": true, "num_freed": 2}));
}

async fn open(cluster: &Cluster, at: usize) -> Option<u64> {
    let (_, stats) = cluster.ask(at, Method::GET, "/i/_stats/search", None).await.ok()?;
    let is_whole = stats["_shards"]["successful"] == json!(3);
    stats["_all"]["total"]["search"]["open_contexts"].as_u64().filter(|_| is_whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_silent_node_holds_is_told_of_and_what_it_was_asked_for_nobody_it_lets_go_of() {
    let mut cluster = filled().await;
    cluster.wait_voters(3).await.expect("they vote");
    let [first, second] = {
        let [first, second] = [0, 0].map(|at| cluster.done(at, Method::POST, "/i/_pit?keep_alive=5m", None));
        [first.await.expect("opened"), second.await.expect("opened")]
    };
    let scroll =
        cluster.done(0, Method::POST, "/i/_search?scroll=5m", Some(&json!({}))).await.expect("found");
    assert_eq!(open(&cluster, 0).await, Some(9));

    cluster.freeze(1).expect("frozen");
    let [point, scrolls] = [json!({"id": first["id"]}), json!({"scroll_id": scroll["_scroll_id"]})];
    let points = json!({"pit_id": [first["id"], second["id"]]});
    let opening = cluster.ask(0, Method::POST, "/i/_pit?keep_alive=5m", None);
    let early = "/i/_async_search?wait_for_completion_timeout=500ms";
    let count = json!({"numbers": {"value_count": {"field": "n"}}});
    let body = json!({"size": 0, "track_total_hits": true, "aggs": count});
    let (closed, cleared, early, opened) = tokio::join!(
        cluster.done(0, Method::DELETE, "/_pit", Some(&point)),
        cluster.done(2, Method::DELETE, "/_search/scroll", Some(&scrolls)),
        cluster.done(0, Method::POST, early, Some(&body)),
        // Its client is gone while the node is silent.
        tokio::time::timeout(Duration::from_secs(1), opening)
    );
    assert_eq!(closed.expect("closed"), json!({"succeeded": false, "num_freed": 2}));
    assert_eq!(cleared.expect("cleared"), json!({"succeeded": false, "num_freed": 2}));
    assert!(opened.is_err(), "{opened:?}");
    // What the shards have that have answered is told while one is waited for.
    let early = early.expect("begun");
    assert_eq!((&early["is_running"], &early["is_partial"]), (&json!(true), &json!(true)), "{early}");
    let (shards, total) = (&early["response"]["_shards"], &early["response"]["hits"]["total"]["value"]);
    assert!((1..3).contains(&shards["successful"].as_u64().expect("a number")), "{early}");
    assert!((1..DOCUMENTS as u64).contains(&total.as_u64().expect("a number")), "{early}");
    assert_eq!(&early["response"]["aggregations"]["numbers"]["value"], total, "{early}");
    cluster.thaw(1).expect("thawed");

    let closed = async || {
        let (status, told) =
            cluster.ask(2, Method::DELETE, "/_search/point_in_time", Some(&points)).await.ok()?;
        let is_closed = |pit: &Value| pit["successful"] == json!(true);
        (status == 200 && told["pits"].as_array()?.iter().all(is_closed)).then_some(())
    };
    cluster.wait_for("the points in time to be closed", WITHIN, closed).await.expect("they are");
    let cleared = async || {
        let (_, told) = cluster.ask(2, Method::DELETE, "/_search/scroll", Some(&scrolls)).await.ok()?;
        (told["succeeded"] == json!(true)).then_some(())
    };
    cluster.wait_for("the scroll to be cleared", WITHIN, cleared).await.expect("it is");
    let none = async || (open(&cluster, 0).await == Some(0)).then_some(());
    cluster
        .wait_for("nothing to be held for the client that is gone", WITHIN, none)
        .await
        .expect("nothing is");
    let listed = cluster.done(2, Method::GET, "/_search/point_in_time/_all", None).await.expect("listed");
    assert_eq!(listed, json!({"pits": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_for_is_let_go_of_on_all_nodes() {
    let cluster = filled().await;
    let open = async |at: usize| {
        let stats = cluster.done(at, Method::GET, "/i/_stats/search", None).await.expect("figures");
        stats["_all"]["total"]["search"]["open_contexts"].as_u64().expect("a number")
    };
    let short = cluster.done(0, Method::POST, "/i/_search?scroll=1s", None).await.expect("found");
    cluster.done(1, Method::POST, "/i/_pit?keep_alive=5m", None).await.expect("opened");
    assert_eq!(open(2).await, 6);

    let left = async || (open(0).await == 3).then_some(());
    cluster.wait_for("the scroll to be let go of", WITHIN, left).await.expect("it is");
    let next = json!({"scroll_id": short["_scroll_id"]});
    let (status, gone) =
        cluster.ask(1, Method::POST, "/_search/scroll", Some(&next)).await.expect("answered");
    assert_eq!(status, 404, "{gone}");
    assert_eq!(gone["error"]["root_cause"][0]["type"], "search_context_missing_exception", "{gone}");

    cluster.done(0, Method::DELETE, "/i", None).await.expect("deleted");
    let none = async || {
        let listed = cluster.done(2, Method::GET, "/_search/point_in_time/_all", None).await.ok()?;
        (listed["pits"] == json!([])).then_some(())
    };
    cluster.wait_for("what is held of the index to go with it", WITHIN, none).await.expect("it goes");
}
