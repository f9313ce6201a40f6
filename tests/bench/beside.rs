//! The node beside a real OpenSearch: the same documents, mapping, clients and cores, one run.
//!
//! Both get one shard without replicas, the translog synced for each request, the same refresh interval, two clients with
//! bodies of the same size. OpenSearch is loaded until the cost of a document is level, so that its compiler has done its work;
//! the node gets the same. Then rounds alternate, each into a new index, and medians are compared: documents per CPU-second of
//! the server until nothing is left to merge, bytes on disk after a flush and as one segment, resident memory at the end of the
//! load. Then both answer the same queries; what they count is compared before their times are.
//!
//! `BENCH_DOCUMENTS` (default 200000), `BENCH_ROUNDS` (default 5) and `PEER_HEAP` (default 2g) set the size.

mod queries;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use search_client::{Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{
    AccessLog, OpenSearch, Peer, Program, SearchNode, access_log_mapping, bulk_bodies, bulk_load, median,
    quiet, size_of,
};

const BULK_DOCUMENTS: usize = 1_000;
const CLIENTS: usize = 2;
const MIB: f64 = 1_048_576.0;

/// When so many batches in a row were no cheaper than the cheapest before them, the cost is level: neighbours on the machine can
/// only make a batch dearer.
const LEVEL_BATCHES: usize = 4;
const WARM_BATCHES_MAX: usize = 30;

/// One of the two servers.
struct Side {
    name: &'static str,
    program: Program,
    client: SearchClient,
    /// The folder of its indices.
    indices: PathBuf,
}

/// What one load cost one server.
#[derive(Clone, Copy)]
struct Figures {
    /// Documents per CPU-second, background merges included.
    per_cpu_second: f64,
    /// The same up to the last answer.
    per_cpu_second_answered: f64,
    per_second: f64,
    disk: f64,
    /// The same as one segment.
    disk_merged: f64,
    resident: f64,
    resident_max: f64,
}

/// How a figure is named, read and compared: ours beside theirs.
struct Promise {
    what: &'static str,
    promised: &'static str,
    figure: fn(&Figures) -> f64,
}

const PROMISES: [Promise; 7] = [
    Promise {
        what: "documents per CPU-second, merges included",
        promised: "promised ≥ 1.8",
        figure: |figures| figures.per_cpu_second,
    },
    Promise {
        what: "documents per CPU-second up to the last answer",
        promised: "",
        figure: |figures| figures.per_cpu_second_answered,
    },
    Promise { what: "documents per second", promised: "", figure: |figures| figures.per_second },
    Promise { what: "bytes on disk", promised: "promised ≤ 0.55", figure: |figures| figures.disk },
    Promise { what: "bytes on disk as one segment", promised: "", figure: |figures| figures.disk_merged },
    Promise {
        what: "resident memory after the load",
        promised: "promised ≤ 0.33",
        figure: |figures| figures.resident,
    },
    Promise { what: "resident memory at most", promised: "", figure: |figures| figures.resident_max },
];

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let heap = std::env::var("PEER_HEAP").unwrap_or_else(|_| "2g".to_owned());
    let peer = match OpenSearch::start(folder.path(), &heap).await? {
        Peer::Started(peer) => peer,
        Peer::Absent(why) => {
            println!("SKIPPED: the node was not measured beside OpenSearch: {why}");
            return Ok(());
        }
    };
    let data = folder.path().join("data");
    let node = SearchNode::start(folder.path(), &data).await?;
    println!("OpenSearch {} with a heap of {heap}, search-node with its defaults", peer.version);
    let sides = [
        Side {
            name: "search-node",
            program: node.program,
            client: node.client,
            indices: data.join("indices"),
        },
        Side { name: "OpenSearch", indices: peer.indices(), program: peer.program, client: peer.client },
    ];
    let count = size_of("BENCH_DOCUMENTS", 200_000);
    let rounds = size_of("BENCH_ROUNDS", 5);
    let mut log = AccessLog::new(7);
    let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
    let raw_bytes: usize = documents.iter().map(String::len).sum();
    println!("{count} documents, {} bytes each on average, {rounds} rounds", raw_bytes / count);
    let bodies = bulk_bodies(&documents, BULK_DOCUMENTS);
    drop(documents);

    warm(&sides, &bodies).await?;
    let last = measure(&sides, &bodies, count, rounds, raw_bytes).await?;
    queries::compare(&sides, &last).await
}

/// Loads the documents in rounds and prints the ratios; the name of the last index, which both still have.
async fn measure(
    sides: &[Side; 2],
    bodies: &[Bytes],
    count: usize,
    rounds: usize,
    raw_bytes: usize,
) -> anyhow::Result<String> {
    let mut figures = [Vec::new(), Vec::new()];
    let mut index = String::new();
    for round in 0..rounds {
        for (side, figures) in sides.iter().zip(&mut figures) {
            side.delete(&index).await?;
            let next = format!("round-{round}");
            let measured = side.round(&next, bodies, count).await?;
            side.print(round, &measured, raw_bytes);
            figures.push(measured);
        }
        index = format!("round-{round}");
    }
    println!("search-node / OpenSearch, medians:");
    for Promise { what, promised, figure } in &PROMISES {
        let of = |side: usize| median(figures[side].iter().map(figure).collect());
        println!("{:8.2}  {what}  {promised}", of(0) / of(1));
    }
    Ok(index)
}

/// Loads half of the documents again and again until OpenSearch's cost is level, and says what it was.
async fn warm(sides: &[Side; 2], bodies: &[Bytes]) -> anyhow::Result<()> {
    let batch = &bodies[..bodies.len().div_ceil(2)];
    let documents = (batch.len() * BULK_DOCUMENTS) as f64;
    let mut costs: Vec<f64> = Vec::new();
    for side in sides {
        side.create("warm").await?;
    }
    while !is_level(&costs) && costs.len() < WARM_BATCHES_MAX {
        for side in sides {
            let before = side.program.cpu_seconds();
            bulk_load(&side.client, "warm", batch, CLIENTS).await?;
            if side.name == sides[1].name {
                costs.push((side.program.cpu_seconds() - before) / documents);
            }
        }
    }
    for side in sides {
        side.quiet().await?;
        side.delete("warm").await?;
    }
    let shown: Vec<String> = costs.iter().map(|cost| format!("{:.0}", 1.0 / cost)).collect();
    println!(
        "both warmed with {} documents; OpenSearch's documents per CPU-second in each batch of {documents}: {}{}",
        costs.len() as f64 * documents,
        shown.join(" "),
        if is_level(&costs) { "" } else { " (not level yet)" }
    );
    Ok(())
}

/// Whether the last batches were no cheaper than the cheapest before them.
fn is_level(costs: &[f64]) -> bool {
    let cheapest = |costs: &[f64]| costs.iter().copied().fold(f64::INFINITY, f64::min);
    costs.split_last_chunk::<LEVEL_BATCHES>().is_some_and(|(before, last)| cheapest(last) >= cheapest(before))
}

impl Side {
    async fn create(&self, index: &str) -> anyhow::Result<()> {
        let settings = json!({"index": {
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "refresh_interval": "1s",
            "translog": {"durability": "request"}
        }});
        let body = json!({"settings": settings, "mappings": access_log_mapping()});
        self.ask(Method::PUT, &format!("/{index}"), Some(&body)).await?;
        Ok(())
    }

    async fn delete(&self, index: &str) -> anyhow::Result<()> {
        if !index.is_empty() {
            self.ask(Method::DELETE, &format!("/{index}"), None).await?;
        }
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        Ok(self.client.json(method, path, body).await?)
    }

    /// Loads everything into a new index, and counts it.
    async fn round(&self, index: &str, bodies: &[Bytes], count: usize) -> anyhow::Result<Figures> {
        self.create(index).await?;
        self.quiet().await?;
        let before = self.program.cpu_seconds();
        let started = Instant::now();
        bulk_load(&self.client, index, bodies, CLIENTS).await?;
        self.ask(Method::POST, &format!("/{index}/_refresh"), None).await?;
        let seconds = started.elapsed().as_secs_f64();
        let answered = self.program.cpu_seconds() - before;
        let (resident, resident_max) = (self.program.resident_bytes(), self.program.resident_bytes_max());
        self.quiet().await?;
        let merged = self.program.cpu_seconds() - before;
        self.ask(Method::POST, &format!("/{index}/_flush"), None).await?;
        let disk = self.quiet().await?;
        self.ask(Method::POST, &format!("/{index}/_forcemerge?max_num_segments=1"), None).await?;
        self.ask(Method::POST, &format!("/{index}/_flush"), None).await?;
        let disk_merged = self.quiet().await?;
        let found = self.ask(Method::GET, &format!("/{index}/_count"), None).await?;
        anyhow::ensure!(found["count"] == json!(count), "{}: {found}", self.name);
        Ok(Figures {
            per_cpu_second: count as f64 / merged,
            per_cpu_second_answered: count as f64 / answered,
            per_second: count as f64 / seconds,
            disk: disk as f64,
            disk_merged: disk_merged as f64,
            resident: resident as f64,
            resident_max: resident_max as f64,
        })
    }

    /// Waits until the server has nothing left to do; what its indices take on disk then.
    async fn quiet(&self) -> anyhow::Result<u64> {
        quiet(&self.program, &self.indices).await.with_context(|| self.name)
    }

    fn print(&self, round: usize, figures: &Figures, raw_bytes: usize) {
        println!(
            "round {round}: {:11} {:6.0} docs/CPU-s ({:6.0} up to the last answer), {:6.0} docs/s, disk {:.2} of the JSON ({:.2} as one segment), {:5.0} MiB resident, {:5.0} at most",
            self.name,
            figures.per_cpu_second,
            figures.per_cpu_second_answered,
            figures.per_second,
            figures.disk / raw_bytes as f64,
            figures.disk_merged / raw_bytes as f64,
            figures.resident / MIB,
            figures.resident_max / MIB
        );
    }
}
