//! Logs: the node beside a real VictoriaLogs, over the same documents, as a person asks who looks for something in a log.
//!
//! Both are loaded with the same documents, ascending in time over the last days, and asked in turn, round after round: how many have a
//! value, how many have a word, and the newest ten of some. What they count is compared before. No filter is kept by the node, so that it
//! looks each time. Beside stand the times that VictoriaLogs and ClickHouse took for two million documents on such a machine, which the
//! node promises to be at or below.
//!
//! `BENCH_DOCUMENTS` (default 200000, the promise is for 2000000) and `BENCH_ROUNDS` (default 15) set the size.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use search_client::{Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{
    AccessLog, Peer, SearchNode, VictoriaLogs, access_log_mapping, bulk_bodies, bulk_load, median, size_of,
};

const BULK_DOCUMENTS: usize = 1_000;
/// Batches that are made before they are sent: documents of all batches would not fit into memory.
const BATCHES: usize = 50;
const CLIENTS: usize = 2;
/// VictoriaLogs forgets what is older than a week.
const SPAN: Duration = Duration::from_secs(6 * 86_400);

struct Question {
    name: &'static str,
    /// What the others took, in milliseconds.
    others: &'static str,
    /// The most that they took.
    allowed: f64,
    ours: Value,
    theirs: &'static str,
}

fn questions() -> [Question; 3] {
    let verb = json!({"term": {"verb": "HEAD"}});
    let word = json!({"match": {"message": "windows"}});
    let count =
        |query: &Value| json!({"size": 0, "track_total_hits": true, "query": {"bool": {"filter": [query]}}});
    let some = json!({"bool": {"filter": [verb, {"term": {"response": 404}}]}});
    let newest =
        json!({"size": 10, "track_total_hits": false, "query": some, "sort": [{"@timestamp": "desc"}]});
    [
        Question {
            name: "count of a value",
            others: "8-14",
            allowed: 14.0,
            ours: count(&verb),
            theirs: "verb:=HEAD | stats count() n",
        },
        Question {
            name: "count of a word",
            others: "76-80",
            allowed: 80.0,
            ours: count(&word),
            theirs: "Windows | stats count() n",
        },
        Question {
            name: "newest 10 of some",
            others: "3-5",
            allowed: 5.0,
            ours: newest,
            theirs: "verb:=HEAD response:=404 | sort by (_time desc) limit 10",
        },
    ]
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let peer = match VictoriaLogs::start(folder.path()).await? {
        Peer::Started(peer) => Some(peer),
        Peer::Absent(why) => {
            println!("SKIPPED: the node was not measured beside VictoriaLogs: {why}");
            None
        }
    };
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    let count = size_of("BENCH_DOCUMENTS", 200_000);
    load(&node.client, peer.as_ref(), count).await?;
    println!("\n{count} documents; medians in milliseconds");
    println!("{:20} {:>9} {:>13} {:>8}  {:>15}", "question", "ours", "VictoriaLogs", "ratio", "others took");
    for question in questions() {
        measure(&node.client, peer.as_ref(), &question).await?;
    }
    Ok(())
}

/// Sends the same documents to both.
async fn load(node: &SearchClient, peer: Option<&VictoriaLogs>, count: usize) -> anyhow::Result<()> {
    let settings = json!({
        "number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1", "queries.cache.enabled": false
    });
    let index = json!({"settings": settings, "mappings": access_log_mapping()});
    node.json(Method::PUT, "/log", Some(&index)).await?;
    #[expect(clippy::disallowed_methods, reason = "VictoriaLogs goes by the time of this host")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let first = i64::try_from((now - SPAN).as_millis())?;
    let step = (i64::try_from(SPAN.as_millis())? / i64::try_from(count)? - 3).max(1);
    let mut log = AccessLog::since(7, first, step);
    let mut left = count;
    while left > 0 {
        let documents: Vec<String> =
            (0..left.min(BULK_DOCUMENTS * BATCHES)).map(|_| log.document().to_string()).collect();
        left -= documents.len();
        let bodies = bulk_bodies(&documents, BULK_DOCUMENTS);
        bulk_load(node, "log", &bodies, CLIENTS).await?;
        for body in bodies.iter().filter(|_| peer.is_some()) {
            if let Some(peer) = peer {
                send_to_peer(peer, body).await?;
            }
        }
    }
    if let Some(peer) = peer {
        shown(peer, count).await?;
    }
    node.json(Method::POST, "/log/_forcemerge?max_num_segments=10", None).await?;
    node.json(Method::POST, "/log/_refresh", None).await?;
    Ok(())
}

/// Waits until VictoriaLogs shows what it was sent.
async fn shown(peer: &VictoriaLogs, count: usize) -> anyhow::Result<()> {
    for _ in 0..600 {
        let lines = peer.query("* | stats count() n").await?;
        let there = lines.first().and_then(|line| line["n"].as_str()?.parse().ok()).unwrap_or(0);
        if there >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("VictoriaLogs shows less than the {count} documents that it was sent")
}

async fn send_to_peer(peer: &VictoriaLogs, body: &Bytes) -> anyhow::Result<()> {
    let path = "/insert/elasticsearch/_bulk?_msg_field=message&_time_field=@timestamp&_stream_fields=verb";
    let said = peer.client.send(Method::POST, path, "application/x-ndjson", body.clone()).await?;
    anyhow::ensure!(said.is_success(), "VictoriaLogs answers a bulk request with {}", said.status);
    Ok(())
}

async fn ask(node: &SearchClient, body: &Value) -> anyhow::Result<Value> {
    Ok(node.json(Method::POST, "/log/_search?request_cache=false", Some(body)).await?)
}

/// Prints a line of the table.
async fn measure(
    node: &SearchClient,
    peer: Option<&VictoriaLogs>,
    question: &Question,
) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..size_of("BENCH_ROUNDS", 15) {
        let started = Instant::now();
        let own = ask(node, &question.ours).await?;
        ours.push(started.elapsed().as_secs_f64() * 1_000.0);
        let Some(peer) = peer else { continue };
        let started = Instant::now();
        let lines = peer.query(question.theirs).await?;
        theirs.push(started.elapsed().as_secs_f64() * 1_000.0);
        if question.ours["size"] == 0 {
            let counted = lines.first().and_then(|line| line["n"].as_str()?.parse().ok());
            let total = own["hits"]["total"]["value"].as_u64();
            anyhow::ensure!(counted == total, "{}: {total:?}, VictoriaLogs {counted:?}", question.name);
        } else {
            anyhow::ensure!(lines.len() == 10, "{}: VictoriaLogs has {} lines", question.name, lines.len());
        }
    }
    let ours = median(ours);
    let theirs = peer.map(|_| median(theirs));
    let shown = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
    let is_missed = ours > question.allowed || theirs.is_some_and(|theirs| ours > theirs);
    println!(
        "{:20} {ours:9.2} {:>13} {:>8}  {:>15}{}",
        question.name,
        shown(theirs),
        shown(theirs.map(|theirs| ours / theirs)),
        question.others,
        if is_missed { "  MISSED" } else { "" }
    );
    Ok(())
}
