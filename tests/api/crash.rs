//! Kill -9 under load: what was acknowledged is there afterwards, and what was deleted is not.
//!
//! Each round, every document that was changed since the last one is read by its id, and a random sample of the older
//! ones; a search counts them all and sums up their values, which is exact. Every so often, and at the end, all are read.
//!
//! # Invariants
//!
//! - A document has one writer, which waits for the answer of each request: only the requests under way when the node is
//!   killed are open, and the first read after the start settles them for good.

mod load;
mod model;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search_client::{ClientOptions, Method, SearchClient};
use serde_json::json;
use system_tests::SearchNode;

use load::{Writer, disturb};
use model::{Model, Verdict};

const WRITERS: usize = 2;
/// Older documents that are read in each round, of each writer.
const SAMPLE: usize = 200;
/// All documents are read this often.
const ALL_EVERY: usize = 25;

/// `CRASH_ROUNDS` sets how often the node is killed; the short form is part of every run.
fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// What the checks have found so far.
#[derive(Debug, Default)]
struct Found {
    read: usize,
    missing: usize,
    returned: usize,
    stale: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = system_tests::free_port().expect("a port");
    let mut models: Vec<Model> = (0..WRITERS).map(Model::new).collect();
    let mut found = Found::default();
    for round in 0..rounds() {
        let is_heavy = round % 4 == 3;
        let mut node = start(folder.path(), &data, port, is_heavy).await;
        if round == 0 {
            create(&node.client).await;
        }
        check(&node.client, &mut models, round, &mut found).await;
        let client = client(port);
        let load = async {
            let writers = models.iter_mut().map(|model| Writer::new(&client, model, round, is_heavy).run());
            tokio::join!(futures::future::join_all(writers), disturb(&client, is_heavy));
        };
        let kill = async {
            // Not a wait for a condition: the length of the load before the crash is what is varied.
            let millis = (120 + 97 * (round as u64 % 7)) * if is_heavy { 4 } else { 1 };
            tokio::time::sleep(Duration::from_millis(millis)).await;
            node.program.kill().expect("killed");
        };
        tokio::join!(load, kill);
    }
    let node = start(folder.path(), &data, port, false).await;
    check(&node.client, &mut models, 0, &mut found).await;
    let acknowledged: usize = models.iter().map(|model| model.acknowledged).sum();
    let documents: usize = models.iter().map(Model::len).sum();
    assert!(acknowledged > 100, "only {acknowledged} changes were acknowledged");
    println!(
        "killed {} times: {acknowledged} acknowledged changes of {documents} documents, {} reads, {} missing, {} deleted ones returned, {} with another value",
        rounds(),
        found.read,
        found.missing,
        found.returned,
        found.stale
    );
}

/// Some rounds have buffers that are refreshed for want of room all the time, others documents that overflow them.
async fn start(folder: &std::path::Path, data: &std::path::Path, port: u16, is_heavy: bool) -> SearchNode {
    let buffers = format!("indices.memory.index_buffer_size={}", if is_heavy { "512mb" } else { "1mb" });
    SearchNode::start_with(folder, data, port, &[&buffers]).await.expect("a node")
}

/// Flushes come often by themselves; refreshes only when somebody asks or room is short, so that segments can overflow.
async fn create(client: &SearchClient) {
    let settings = json!({"settings": {
        "translog.flush_threshold_size": "2mb",
        "refresh_interval": "-1"
    }});
    client.json(Method::PUT, "/crash", Some(&settings)).await.expect("created");
}

/// A client that takes no answer for the end of the node only after a while.
fn client(port: u16) -> SearchClient {
    SearchClient::new(ClientOptions {
        hosts: vec![format!("127.0.0.1:{port}")],
        timeout: Duration::from_secs(60),
        ..ClientOptions::default()
    })
    .expect("a client")
}

async fn check(client: &SearchClient, models: &mut [Model], round: usize, found: &mut Found) {
    for model in models.iter_mut() {
        let mut numbers = model.take_changed();
        if round.is_multiple_of(ALL_EVERY) {
            numbers = (0..model.len()).collect();
        } else {
            let mut random = StdRng::seed_from_u64(round as u64);
            let sample = SAMPLE.min(model.len());
            numbers.extend((0..sample).map(|_| random.random_range(0..model.len())));
        }
        for chunk in numbers.chunks(500) {
            read(client, model, chunk, round, found).await;
        }
    }
    let is_sound = found.missing + found.returned + found.stale == 0;
    assert!(is_sound, "round {round}: {found:?}");
    client.json(Method::POST, "/crash/_refresh", None).await.expect("refreshed");
    for model in models {
        let search = json!({
            "size": 0, "track_total_hits": true,
            "query": {"term": {"writer": model.writer}},
            "aggs": {"sum": {"sum": {"field": "n"}}}
        });
        let answer = client.json(Method::POST, "/crash/_search", Some(&search)).await.expect("searched");
        let counted = (
            answer["hits"]["total"]["value"].as_u64().expect("a total"),
            answer["aggregations"]["sum"]["value"].as_f64().expect("a sum") as u64,
        );
        assert_eq!(counted, model.sums(), "round {round}: documents and the sum of their values");
    }
}

/// Reads documents by id and holds them against the model.
async fn read(client: &SearchClient, model: &mut Model, numbers: &[usize], round: usize, found: &mut Found) {
    let ids: Vec<String> = numbers.iter().map(|number| model.id(*number)).collect();
    let answer = client.json(Method::POST, "/crash/_mget", Some(&json!({"ids": ids}))).await;
    let answer = answer.expect("answered");
    let documents = answer["docs"].as_array().expect("docs");
    assert_eq!(documents.len(), ids.len());
    for (number, document) in numbers.iter().zip(documents) {
        let value = document.get("_source").and_then(|source| source["n"].as_u64());
        found.read += 1;
        let count = match model.settle(*number, value) {
            Verdict::Right => continue,
            Verdict::Missing => &mut found.missing,
            Verdict::Returned => &mut found.returned,
            Verdict::Stale => &mut found.stale,
        };
        *count += 1;
        println!("round {round}: document {}: {document}", model.id(*number));
    }
}
