//! Many lines from a file into the node: rotated by rename on the way, the beat killed on the way, none missing, none twice.
//!
//! `LINES` (default 20000) sets how many; `make lines` takes a million.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::json;
use system_tests::{Program, SearchNode};

use crate::road::file_beat;

/// The bytes of each line with its end: all alike, so that a range of offsets is a range of lines.
const LINE_BYTES: usize = 128;
/// The lines asked for at once. Both files may have a line at each offset, and an answer holds 10,000 hits at most.
const PAGE_LINES: usize = 5_000;
const RESIDENT_BYTES_MAX: u64 = 60 * 1024 * 1024;
const INDEX: &str = "/logs-e2e.lines-default";

fn lines_wanted() -> usize {
    std::env::var("LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

fn append(path: &Path, numbers: std::ops::Range<usize>) {
    let file = fs_err::OpenOptions::new().create(true).append(true).open(path).expect("a log");
    let mut out = std::io::BufWriter::new(file);
    for number in numbers {
        let text = format!(
            "{number:09} INFO request served status=200 took={}ms path=/items/{number}",
            number % 997
        );
        writeln!(out, "{text:<width$}", width = LINE_BYTES - 1).expect("written");
    }
    out.flush().expect("written");
}

/// Waits until the index holds so many documents.
async fn holds(node: &SearchNode, wanted: usize, limit: Duration) {
    let deadline = Instant::now() + limit;
    let mut count = 0;
    while Instant::now() < deadline {
        if let Ok(answer) = node.client.json(Method::GET, &format!("{INDEX}/_count"), None).await {
            count = answer["count"].as_u64().unwrap_or(0);
            if count as usize >= wanted {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} of {wanted} lines after {limit:?}");
}

/// How often each line is in the index.
async fn sightings(node: &SearchNode, lines: usize) -> Vec<u8> {
    let mut seen = vec![0u8; lines];
    for first in (0..lines).step_by(PAGE_LINES) {
        let body = json!({
            "size": 10_000, "_source": ["message"],
            "query": {"range": {"log.offset": {"gte": first * LINE_BYTES, "lt": (first + PAGE_LINES) * LINE_BYTES}}}
        });
        let path = format!("{INDEX}/_search");
        let answer = node.client.json(Method::POST, &path, Some(&body)).await.expect("an answer");
        let hits = answer["hits"]["hits"].as_array().expect("hits");
        assert_eq!(answer["hits"]["total"]["value"], json!(hits.len()), "a page holds all its hits");
        for hit in hits {
            let message = hit["_source"]["message"].as_str().expect("a message");
            let number: usize = message[..9].parse().expect("a number");
            seen[number] = seen[number].saturating_add(1);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_arrives_once_through_rotation_and_kill() {
    let lines = lines_wanted();
    let limit = Duration::from_secs(60 + lines as u64 / 1_000);
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let log = folder.path().join("app.log");
    let watched = folder.path().join("app.log*");
    let output = [("output.elasticsearch.hosts", node.url())];
    append(&log, 0..lines / 2);
    let started = Instant::now();
    let start = || file_beat(folder.path(), &output, &watched, "e2e.lines");

    let mut beat = start();
    holds(&node, lines / 8, limit).await;
    fs_err::rename(&log, folder.path().join("app.log.1")).expect("rotated");
    append(&log, lines / 2..lines * 3 / 4);
    holds(&node, lines / 4, limit).await;
    // The first beat had the most to read at once.
    let resident_first = beat.resident_bytes_max();
    beat.kill().expect("killed");
    append(&log, lines * 3 / 4..lines);
    let mut beat: Program = start();
    holds(&node, lines, limit).await;

    let took = started.elapsed().as_secs_f64();
    let (resident, cpu) = (beat.resident_bytes_max().max(resident_first), beat.cpu_seconds());
    node.client.json(Method::POST, &format!("{INDEX}/_refresh"), None).await.expect("refreshed");
    let seen = sightings(&node, lines).await;
    let missing = seen.iter().filter(|times| **times == 0).count();
    let twice = seen.iter().filter(|times| **times > 1).count();
    println!(
        "{lines} lines: {missing} missing, {twice} twice, {:.0} lines/s, file-beat {cpu:.1} CPU-s after its restart, {:.1} MiB resident at most",
        lines as f64 / took,
        resident as f64 / 1_048_576.0
    );
    assert_eq!((missing, twice), (0, 0));
    assert!(resident_first > 0, "the first beat's memory was not read");
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes resident");
    assert_eq!(beat.terminate(limit).expect("stops"), Some(0), "{}", beat.output());
}
