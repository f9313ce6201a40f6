//! Kill -9 under load: what was acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::{Value, json};
use system_tests::SearchNode;

/// `CRASH_ROUNDS` sets how often the node is killed; the short form is part of every run.
fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// The newest acknowledged value of each document; none for an acknowledged delete.
type Acked = BTreeMap<String, Option<u64>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = system_tests::free_port().expect("a port");
    let mut acked: Vec<Acked> = vec![Acked::new(); 2];
    let mut documents = 0;
    for round in 0..rounds() {
        let mut node = SearchNode::start_on(folder.path(), &data, port).await.expect("a node");
        check(&node.client, &acked, round).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = acked
            .into_iter()
            .enumerate()
            .map(|(writer, acked)| tokio::spawn(write(port, writer, round, acked, Arc::clone(&stop))))
            .collect();
        // Not a wait for a condition: the length of the load before the crash is what is varied.
        tokio::time::sleep(Duration::from_millis(120 + 97 * (round as u64 % 7))).await;
        node.program.kill().expect("killed");
        stop.store(true, Ordering::Release);
        acked = Vec::new();
        for writer in writers {
            acked.push(writer.await.expect("no panic"));
        }
        documents = acked.iter().map(BTreeMap::len).sum();
    }
    let node = SearchNode::start_on(folder.path(), &data, port).await.expect("a node");
    check(&node.client, &acked, rounds()).await;
    assert!(documents > 100, "only {documents} documents were written");
    println!("killed {} times, {documents} acknowledged documents, 0 missing", rounds());
}

/// Bulks of new documents, updates and deletes; remembers what was acknowledged, and what may or may not have happened.
async fn write(port: u16, writer: usize, round: usize, mut acked: Acked, stop: Arc<AtomicBool>) -> Acked {
    let client = SearchClient::new(ClientOptions {
        hosts: vec![format!("127.0.0.1:{port}")],
        timeout: Duration::from_secs(5),
        ..ClientOptions::default()
    })
    .expect("a client");
    let mut turn = 0u64;
    while !stop.load(Ordering::Acquire) {
        turn += 1;
        let mut body = String::new();
        let mut wanted: Vec<(String, Option<u64>)> = Vec::new();
        for n in 0..20u64 {
            let id = format!("{writer}-{round}-{turn}-{n}");
            let value = turn * 100 + n;
            body.push_str(&format!(
                "{}\n{}\n",
                json!({"index": {"_id": id}}),
                json!({"n": value, "text": format!("word{value}")})
            ));
            wanted.push((id, Some(value)));
        }
        let known = acked.keys().nth((turn as usize * 7) % acked.len().max(1)).cloned();
        if let Some(id) = known {
            if turn.is_multiple_of(2) {
                body.push_str(&format!("{}\n", json!({"delete": {"_id": id}})));
                wanted.push((id, None));
            } else {
                body.push_str(&format!("{}\n{}\n", json!({"index": {"_id": id}}), json!({"n": turn})));
                wanted.push((id, Some(turn)));
            }
        }
        match client.send(Method::POST, "/crash/_bulk", "application/x-ndjson", body).await {
            Ok(answer) if answer.status == 200 => {
                let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
                assert_eq!(answer["errors"], json!(false), "{answer}");
                acked.extend(wanted);
            }
            // Whether it happened is not known: neither outcome can be held against the node.
            _ => {
                for (id, _) in wanted {
                    acked.remove(&id);
                }
            }
        }
    }
    acked
}

async fn check(client: &SearchClient, acked: &[Acked], round: usize) {
    let ids: Vec<(&String, &Option<u64>)> = acked.iter().flatten().collect();
    for chunk in ids.chunks(500) {
        let body = json!({"ids": chunk.iter().map(|(id, _)| id).collect::<Vec<_>>()});
        let answer = client.json(Method::POST, "/crash/_mget", Some(&body)).await.expect("answered");
        for ((id, value), doc) in chunk.iter().zip(answer["docs"].as_array().expect("docs")) {
            let found = doc.get("_source").and_then(|source| source["n"].as_u64());
            assert_eq!(found, **value, "round {round}: document {id}: {doc}");
        }
    }
    if !ids.is_empty() {
        let live = ids.iter().filter(|(_, value)| value.is_some()).count() as u64;
        client.json(Method::POST, "/crash/_refresh", None).await.expect("refreshed");
        let count = client.json(Method::GET, "/crash/_count", None).await.expect("counted")["count"].as_u64();
        assert!(count >= Some(live), "round {round}: {count:?} are found, {live} were acknowledged");
    }
}
