//! Each class of query by itself: tantivy alone in this process, the node and a real OpenSearch through HTTP, over the same documents
//! as one segment and as ten.
//!
//! Every class is asked of each in turn, round after round, and medians are compared. The node promises raw × 1.2 + 1 ms and no more than
//! OpenSearch takes; both keep filters as they always do, and no whole answers. What they count is compared before.
//!
//! In the end large searches are asked of a node on one processor and of one on all.
//!
//! `BENCH_DOCUMENTS` (default 200000, the promise is for 1000000), `BENCH_ROUNDS` (default 9) and `PEER_HEAP` (default 2g) set the size;
//! `BENCH_CLASSES` measures only classes with that in their names.

mod classes;
mod cores;
mod raw;

use std::time::Instant;

use search_client::{Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{
    AccessLog, OpenSearch, Peer, SearchNode, access_log_mapping, bulk_bodies, bulk_load, median, size_of,
};

use self::classes::{Class, classes};
use self::raw::Raw;

const BULK_DOCUMENTS: usize = 1_000;
const CLIENTS: usize = 2;
/// Segments that are measured.
const SEGMENTS: [usize; 2] = [1, 10];
/// Each gets so many requests of a class before it is measured, and in each round.
const WARM_REQUESTS: usize = 40;
const ROUND_REQUESTS: usize = 9;
/// What the node may take beside tantivy alone.
const FACTOR: f64 = 1.2;
const ROUND_TRIP_MILLIS: f64 = 1.0;

/// A server with the documents.
struct Side<'a> {
    name: &'static str,
    client: &'a SearchClient,
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let heap = std::env::var("PEER_HEAP").unwrap_or_else(|_| "2g".to_owned());
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    let mut sides = vec![Side { name: "search-node", client: &node.client }];
    let peer = OpenSearch::start(folder.path(), &heap).await?;
    match &peer {
        Peer::Started(peer) => sides.push(Side { name: "OpenSearch", client: &peer.client }),
        Peer::Absent(why) => println!("SKIPPED: the node was not measured beside OpenSearch: {why}"),
    }
    let count = size_of("BENCH_DOCUMENTS", 200_000);
    let mut log = AccessLog::new(7);
    let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
    let bodies = bulk_bodies(&documents, BULK_DOCUMENTS);
    for side in &sides {
        let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
        side.ask("/log", Method::PUT, Some(&json!({"settings": settings, "mappings": access_log_mapping()})))
            .await?;
        bulk_load(side.client, "log", &bodies, CLIENTS).await?;
    }
    // More segments come first, as they are merged then.
    for segments in SEGMENTS.into_iter().rev() {
        let raw = Raw::index(&documents, segments)?;
        for side in &sides {
            side.merged_to(segments).await?;
        }
        println!("\n{count} documents, {segments} segments at most; medians in milliseconds");
        println!(
            "{:34} {:>9} {:>9} {:>9} {:>9}  {:>6} {:>6}",
            "class", "raw", "allowed", "ours", "theirs", "/raw", "/theirs"
        );
        let classes = classes(&documents)?;
        let wanted = std::env::var("BENCH_CLASSES").unwrap_or_default();
        for class in classes.iter().filter(|class| class.name.contains(&wanted)) {
            measure(&sides, &raw, class).await?;
        }
    }
    drop((node, peer));
    cores::compare(folder.path(), &bodies).await
}

/// Prints a line of the table.
async fn measure(sides: &[Side<'_>], raw: &Raw, class: &Class) -> anyhow::Result<()> {
    let expected = raw.count(class)?;
    for side in sides {
        let found = side.search(&class.counted()).await?;
        let total = found["hits"]["total"]["value"].as_u64();
        anyhow::ensure!(
            total == Some(expected),
            "{}: {} finds {total:?}, tantivy {expected}",
            class.name,
            side.name
        );
        for _ in 0..WARM_REQUESTS {
            side.search(&class.body).await?;
        }
    }
    let mut millis = vec![Vec::new(); sides.len() + 1];
    for _ in 0..size_of("BENCH_ROUNDS", 9) {
        for _ in 0..ROUND_REQUESTS {
            let started = Instant::now();
            raw.run(class)?;
            millis[sides.len()].push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        for (side, millis) in sides.iter().zip(&mut millis) {
            for _ in 0..ROUND_REQUESTS {
                let started = Instant::now();
                side.search(&class.body).await?;
                millis.push(started.elapsed().as_secs_f64() * 1_000.0);
            }
        }
    }
    let mut medians = millis.into_iter().map(median);
    let ours = medians.next().unwrap_or_default();
    let theirs = (sides.len() > 1).then(|| medians.next()).flatten();
    let raw = medians.next().unwrap_or_default();
    let allowed = raw * FACTOR + ROUND_TRIP_MILLIS;
    println!(
        "{:34} {raw:9.3} {allowed:9.3} {ours:9.3} {:>9}  {:6.2} {:>6} {}{}",
        class.name,
        theirs.map_or_else(|| "-".to_owned(), |theirs| format!("{theirs:.3}")),
        ours / raw,
        theirs.map_or_else(|| "-".to_owned(), |theirs| format!("{:.2}", ours / theirs)),
        if ours > allowed { " MISSED beside raw" } else { "" },
        if theirs.is_some_and(|theirs| ours > theirs) { " MISSED beside OpenSearch" } else { "" },
    );
    Ok(())
}

impl Side<'_> {
    async fn ask(&self, path: &str, method: Method, body: Option<&Value>) -> anyhow::Result<Value> {
        Ok(self.client.json(method, path, body).await?)
    }

    async fn search(&self, body: &Value) -> anyhow::Result<Value> {
        self.ask("/log/_search?request_cache=false", Method::POST, Some(body)).await
    }

    async fn merged_to(&self, segments: usize) -> anyhow::Result<()> {
        self.ask(&format!("/log/_forcemerge?max_num_segments={segments}"), Method::POST, None).await?;
        self.ask("/log/_refresh", Method::POST, None).await?;
        Ok(())
    }
}
