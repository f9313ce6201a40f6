//! Starting and resting: how soon a node with data answers, and what it takes when nobody asks.
//!
//! One index is loaded and its folder copied until there are fifty, so that size costs copying and not indexing. Then the node
//! is started on them again and again: from the start of the process to the first answered search, its resident memory,
//! its threads. Beside it: a node with nothing, and one with five hundred open shards.
//!
//! `BENCH_INDEX_BYTES` (default 20mb; 200mb makes ten gigabytes of fifty) sets the size of each index on disk.

use std::path::Path;
use std::time::Instant;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{AccessLog, SearchNode, access_log_mapping, bytes_on_disk, median};

const INDICES: usize = 50;
const SHARDS: usize = 500;
const BULK_DOCUMENTS: usize = 2_000;
const ROUNDS: usize = 7;
const MIB: f64 = 1_048_576.0;

fn index_bytes() -> u64 {
    let text = std::env::var("BENCH_INDEX_BYTES").unwrap_or_default();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().unwrap_or(20) << 20
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        empty().await?;
        many_shards().await?;
        many_bytes().await
    })
}

fn threads(node: &SearchNode) -> usize {
    fs_err::read_dir(format!("/proc/{}/task", node.program.id())).map_or(0, Iterator::count)
}

fn report(what: &str, node: &SearchNode) {
    println!(
        "{what}: {:.1} MiB resident, {} threads",
        node.program.resident_bytes() as f64 / MIB,
        threads(node)
    );
}

async fn empty() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    report("a node with nothing", &node);
    Ok(())
}

/// Every shard has had a document and a search, so that all are open.
async fn many_shards() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    let settings = json!({"settings": {"number_of_shards": 10}});
    for n in 0..SHARDS / 10 {
        node.client.json(Method::PUT, &format!("/open-{n:03}"), Some(&settings)).await?;
    }
    let mut body = String::new();
    for n in 0..SHARDS * 4 {
        body.push_str(&format!(
            "{{\"index\":{{\"_index\":\"open-{:03}\"}}}}\n{{\"n\":{n}}}\n",
            n % (SHARDS / 10)
        ));
    }
    let answer = node.client.send(Method::POST, "/_bulk?refresh=true", "application/x-ndjson", body).await?;
    anyhow::ensure!(answer.is_success(), "answered {}", answer.status);
    let found = node.client.json(Method::GET, "/open-*/_count", None).await?;
    anyhow::ensure!(found["count"] == json!(SHARDS * 4), "{found}");
    report(&format!("{SHARDS} open shards with a document each"), &node);
    Ok(())
}

async fn many_bytes() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let raw_bytes = load(folder.path(), &data).await?;
    let indices = data.join("indices");
    let first = fs_err::read_dir(&indices)?.next().ok_or_else(|| anyhow::anyhow!("no index"))??.path();
    let bytes = bytes_on_disk(&first)?;
    println!(
        "one index: {:.1} MiB on disk, {:.2} of its raw JSON",
        bytes as f64 / MIB,
        bytes as f64 / raw_bytes as f64
    );
    for n in 1..INDICES {
        copy_index(&first, &indices, n)?;
    }
    let mut started: [Vec<Started>; 2] = Default::default();
    for round in 0..ROUNDS * 2 {
        let n = 1 + round % (INDICES - 1);
        let (node, seen) = start_and_search(folder.path(), &data, n).await?;
        started[usize::from(is_checked(n))].push(seen);
        if round + 1 == ROUNDS * 2 {
            let gigabytes = bytes as f64 * INDICES as f64 / MIB / 1_024.0;
            report(&format!("{gigabytes:.1} GiB in {INDICES} indices, one of them searched"), &node);
        }
    }
    let [unchecked, checked] = started;
    for (what, seen) in [("read through first", checked), ("not read through", unchecked)] {
        println!(
            "start to the first answer {:.0} ms, to the first answered search of a shard that is {what} {:.0} ms (medians of {ROUNDS})",
            median(seen.iter().map(|seen| seen.answered).collect()),
            median(seen.iter().map(|seen| seen.searched).collect())
        );
    }
    Ok(())
}

/// Milliseconds from the start of the process.
struct Started {
    answered: f64,
    searched: f64,
}

async fn start_and_search(folder: &Path, data: &Path, n: usize) -> anyhow::Result<(SearchNode, Started)> {
    let started = Instant::now();
    let millis = || started.elapsed().as_secs_f64() * 1_000.0;
    let node = SearchNode::start(folder, data).await?;
    let answered = millis();
    let query = json!({"query": {"term": {"verb": "GET"}}, "size": 10});
    let answer = node.client.json(Method::POST, &format!("/copy-{n:02}/_search"), Some(&query)).await?;
    let searched = millis();
    anyhow::ensure!(answer["hits"]["total"]["value"].as_u64() > Some(0), "{answer}");
    Ok((node, Started { answered, searched }))
}

/// Every second copy is opened as indices are by default: its files are read through and their checksums compared.
fn is_checked(n: usize) -> bool {
    n.is_multiple_of(2)
}

/// Loads one index up to the size that is asked for; the bytes of the JSON it was given.
async fn load(folder: &Path, data: &Path) -> anyhow::Result<u64> {
    let mut node = SearchNode::start(folder, data).await?;
    let mapping = json!({"mappings": access_log_mapping()});
    node.client.json(Method::PUT, "/copy-00", Some(&mapping)).await?;
    let mut log = AccessLog::new(11);
    let mut raw_bytes = 0;
    while raw_bytes < index_bytes() * 2 {
        let mut body = String::new();
        for _ in 0..BULK_DOCUMENTS {
            let document = log.document().to_string();
            raw_bytes += document.len() as u64;
            body.push_str("{\"index\":{}}\n");
            body.push_str(&document);
            body.push('\n');
        }
        let answer = node.client.send(Method::POST, "/copy-00/_bulk", "application/x-ndjson", body).await?;
        anyhow::ensure!(answer.is_success(), "answered {}", answer.status);
    }
    let ended = node.program.terminate(std::time::Duration::from_secs(60))?;
    anyhow::ensure!(ended == Some(0), "{}", node.program.output());
    Ok(raw_bytes)
}

/// The same index under another name and id: its state file is written anew, as docs/formats/state-file.md has it.
fn copy_index(first: &Path, indices: &Path, n: usize) -> anyhow::Result<()> {
    let uuid = format!("copy{n:016}");
    let to = indices.join(&uuid);
    copy_folder(first, &to)?;
    let bytes = fs_err::read(first.join("index.state"))?;
    let mut state: Value = serde_json::from_slice(&bytes[16..bytes.len() - 4])?;
    state["name"] = json!(format!("copy-{n:02}"));
    state["uuid"] = json!(uuid);
    if !is_checked(n) {
        state["settings"]["shard.check_on_startup"] = json!("false");
    }
    let body = serde_json::to_vec(&state)?;
    let mut written = bytes[..8].to_vec();
    written.extend_from_slice(&(body.len() as u64).to_le_bytes());
    written.extend_from_slice(&body);
    written.extend_from_slice(&crc32fast::hash(&written).to_le_bytes());
    fs_err::write(to.join("index.state"), written)?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
