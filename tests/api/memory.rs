//! `memory.limit`: what the node takes while large requests come together, and whom it answers meanwhile and after.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use search_client::Method;
use serde_json::json;
use system_tests::{SearchNode, free_port};

const LIMIT: u64 = 128 << 20;

/// What a node may take beyond its limit for a moment: memory is looked at some hundred times a second, and grows meanwhile.
const PEAK: u64 = LIMIT / 4 * 5;

async fn start(folder: &Path, settings: &[&str]) -> SearchNode {
    let port = free_port().expect("a port");
    SearchNode::start_with(folder, &folder.join("data"), port, settings).await.expect("a node")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_memory_limit_is_refused_and_the_node_lives() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = free_port().expect("a port");
    let node =
        SearchNode::start_with(folder.path(), &data, port, &["memory.limit=32mb"]).await.expect("a node");
    let large = format!("{{\"text\":\"{}\"}}", "word ".repeat(8_000_000));

    let answer =
        node.client.send(Method::PUT, "/i/_doc/1", "application/json", large).await.expect("answered");

    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 429, "{}", &text[..text.len().min(300)]);
    assert!(text.contains("circuit_breaking_exception") && text.contains("memory.limit"), "{text}");
    assert!(node.client.json(Method::GET, "/", None).await.is_ok(), "the node lives");
}

/// Samples what the node holds itself until it is told to stop; returns the most that it saw.
pub(super) fn watch(node: Arc<SearchNode>, is_over: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut most = 0;
        while !is_over.load(Ordering::Acquire) {
            most = most.max(node.program.own_bytes());
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    })
}

/// A body of short actions whose sources are broken: the answer is several times as long as the body, and little time goes
/// into the index.
fn wordy(bytes: usize) -> Bytes {
    let action = "{\"index\":{\"_index\":\"i\"}}\n{\"a\":x}\n";
    action.repeat(bytes / action.len()).into()
}

/// What they made together used to be several times the limit: only a chunk of each was counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bulks_that_come_together_take_turns_and_small_requests_go_on() {
    const CLIENTS: usize = 6;
    let folder = tempfile::tempdir().expect("a folder");
    let limit = format!("memory.limit={LIMIT}b");
    let node = Arc::new(start(folder.path(), &[&limit, "memory.wait=60s"]).await);
    let is_over = Arc::<AtomicBool>::default();
    let watching = watch(Arc::clone(&node), Arc::clone(&is_over));
    let body = wordy(7 << 20);

    let refused = Arc::<AtomicU64>::default();
    let small = tokio::spawn({
        let (node, is_over, refused) = (Arc::clone(&node), Arc::clone(&is_over), Arc::clone(&refused));
        async move {
            let mut slowest = Duration::ZERO;
            while !is_over.load(Ordering::Acquire) {
                let begun = Instant::now();
                let stored = node.client.json(Method::POST, "/s/_doc", Some(&json!({"n": 1}))).await;
                slowest = slowest.max(begun.elapsed());
                refused.fetch_add(u64::from(stored.is_err()), Ordering::AcqRel);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            slowest
        }
    });
    let clients = (0..CLIENTS).map(|_| {
        let (node, body) = (Arc::clone(&node), body.clone());
        tokio::spawn(async move {
            let answer = node.client.send(Method::POST, "/_bulk", "application/x-ndjson", body).await;
            let answer = answer.expect("answered");
            (answer.status, answer.body.len())
        })
    });
    let mut answered = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        answered.push(client.await.expect("no panic"));
    }
    let ended = Instant::now();
    let stored = node.client.json(Method::POST, "/s/_doc", Some(&json!({"n": 1}))).await;
    let first_answer = ended.elapsed();
    is_over.store(true, Ordering::Release);
    let (peak, slowest) = (watching.join().expect("no panic"), small.await.expect("no panic"));

    let answers: usize = answered.iter().map(|(_, bytes)| bytes).sum();
    let refused = refused.load(Ordering::Acquire);
    println!(
        "{} MiB at most, answers of {} MiB, small requests: {refused} refused, the slowest took {slowest:?}, {first_answer:?} after the load",
        peak >> 20,
        answers >> 20,
    );
    assert!(answered.iter().all(|(status, _)| *status == 200), "{answered:?}");
    assert!(answers as u64 > 2 * LIMIT, "the load must be more than the node may hold: {answers}");
    assert!(peak <= PEAK, "{} MiB were held, with a limit of {} MiB", peak >> 20, LIMIT >> 20);
    assert!(stored.is_ok() && first_answer < Duration::from_secs(1), "{stored:?} after {first_answer:?}");
    assert_eq!(refused, 0);
}

/// A list of numbers of one digit: the densest document there is, which takes some forty times its bytes.
fn dense(bytes: usize) -> Bytes {
    format!("{{\"a\":[{}1]}}", "1,".repeat(bytes / 2)).into()
}

/// What one large document takes used to be reserved by its bytes: 20 MB of numbers took 864 MB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_large_document_is_weighed_before_it_is_parsed() {
    const LIMIT: u64 = 200 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["memory.limit=200mb", "cluster.routing.allocation.disk.threshold_enabled=false"];
    let node = Arc::new(start(folder.path(), &settings).await);
    let is_over = Arc::<AtomicBool>::default();
    let watching = watch(Arc::clone(&node), Arc::clone(&is_over));
    let large = dense(20 << 20);
    let bulk = [
        &b"{\"index\":{\"_index\":\"b\"}}\n{}\n{\"index\":{\"_index\":\"b\"}}\n"[..],
        &large[..],
        b"\n{\"index\":{\"_index\":\"b\"}}\n{}\n",
    ]
    .concat();

    let send = |method, path: &'static str, kind: &'static str, body: Bytes| {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let answer = node.client.send(method, path, kind, body).await.expect("answered");
            (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
        })
    };
    let put = send(Method::PUT, "/one/_doc/1", "application/json", large.clone());
    let bulked = send(Method::POST, "/_bulk", "application/x-ndjson", bulk.into());
    let small = node.client.json(Method::PUT, "/s/_doc/1", Some(&json!({"n": 1}))).await;
    let (put, bulked) = (put.await.expect("no panic"), bulked.await.expect("no panic"));
    let fitting =
        send(Method::PUT, "/one/_doc/1", "application/json", dense(1 << 20)).await.expect("no panic");
    let change = send(Method::POST, "/one/_update/1", "application/json", "{\"doc\":{\"b\":1}}".into());
    let changed = change.await.expect("no panic");
    is_over.store(true, Ordering::Release);
    let peak = watching.join().expect("no panic");

    println!("{} MiB at most, with a limit of {} MiB", peak >> 20, LIMIT >> 20);
    assert!(small.is_ok(), "{small:?}");
    assert_eq!(put.0, 429, "{}", put.1);
    for part in ["\"durability\":\"PERMANENT\"", "raise memory.limit", "smaller document"] {
        assert!(put.1.contains(part), "{part}: {}", put.1);
    }
    let statuses: Vec<_> = bulked.1.matches("\"status\":201").collect();
    assert!(bulked.0 == 200 && statuses.len() == 2 && bulked.1.contains("PERMANENT"), "{}", bulked.1);
    assert_eq!((fitting.0, changed.0), (201, 200), "{} {}", fitting.1, changed.1);
    assert!(peak <= LIMIT / 2 * 3, "{} MiB were held", peak >> 20);
}

/// What searches take used to be bounded by nothing: the documents of ten thousand hits, and as many buckets as there are words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_does_not_fit_is_refused_and_small_ones_go_on() {
    const DOCUMENTS: usize = 6_000;
    const GIVEN_UP_WITHIN: Duration = Duration::from_secs(20);
    let folder = tempfile::tempdir().expect("a folder");
    let limit = format!("memory.limit={LIMIT}b");
    let node = Arc::new(start(folder.path(), &[&limit]).await);
    let mapping = json!({
        "settings": {"number_of_shards": 2},
        "mappings": {"properties": {"t": {"type": "text", "index": false}, "k": {"type": "keyword"}, "n": {"type": "long"}}}
    });
    node.client.json(Method::PUT, "/i", Some(&mapping)).await.expect("made");
    let text = "x".repeat(24_000);
    for from in (0..DOCUMENTS).step_by(100) {
        let line = |n: usize| {
            // Fifty words in each, none of them in another.
            let words: Vec<String> =
                (0..50).map(|at| format!("word-{n}-{at}-of-a-key-of-some-length")).collect();
            format!("{{\"index\":{{}}}}\n{}\n", json!({"n": n, "t": text, "k": words}))
        };
        let body: String = (from..from + 100).map(line).collect();
        let answer = node.client.send(Method::POST, "/i/_bulk", "application/x-ndjson", body).await;
        assert_eq!(answer.expect("answered").status, 200);
    }
    node.client.json(Method::POST, "/i/_refresh", None).await.expect("refreshed");
    let is_over = Arc::<AtomicBool>::default();
    let watching = watch(Arc::clone(&node), Arc::clone(&is_over));

    let small = tokio::spawn({
        let (node, is_over) = (Arc::clone(&node), Arc::clone(&is_over));
        async move {
            let body =
                json!({"size": 1, "query": {"term": {"n": 7}}, "aggs": {"n": {"max": {"field": "n"}}}});
            let (mut answered, mut faults) = (0, Vec::new());
            while !is_over.load(Ordering::Acquire) {
                match node.client.json(Method::POST, "/i/_search", Some(&body)).await {
                    Ok(answer) if answer["hits"]["total"]["value"] == json!(1) => answered += 1,
                    other => faults.push(format!("{other:?}")),
                }
            }
            (answered, faults)
        }
    });
    let many = json!({"size": 10_000}).to_string();
    let wide = json!({"size": 0, "aggs": {"k": {"terms": {"field": "k", "size": 60_000}, "aggs": {"n": {"stats": {"field": "n"}}}}}});
    let each = [
        ("/i/_search", many.clone()),
        ("/i/_search", wide.to_string()),
        ("/i/_search?scroll=1m", many.clone()),
        ("/i/_search", json!({"size": 10_000, "_source": false, "fields": ["t"]}).to_string()),
    ];
    for (path, body) in &each {
        for _ in 0..2 {
            let answer = node.client.send(Method::POST, path, "application/json", body.clone()).await;
            let answer = answer.expect("answered");
            let text = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, 429, "{body}: {}", &text[..text.len().min(400)]);
            for part in ["circuit_breaking_exception", "memory.limit", "search_request"] {
                assert!(text.contains(part), "{part}: {body}: {text}");
            }
        }
    }
    let items = format!("{{}}\n{many}\n{{}}\n{}\n", json!({"size": 1}));
    let answer = node.client.send(Method::POST, "/i/_msearch", "application/x-ndjson", items).await;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer.expect("answered").body).expect("an answer");
    let statuses = [&answer["responses"][0]["status"], &answer["responses"][1]["status"]];
    assert_eq!(statuses, [&json!(429), &json!(200)], "what is refused costs that item only");
    // All at once, and given up before they are answered.
    for (path, body) in each.iter().cycle().take(12) {
        let (node, path, body) = (Arc::clone(&node), path.to_owned(), body.clone());
        let given_up = tokio::spawn(async move {
            drop(node.client.send(Method::POST, path, "application/json", body).await);
        });
        tokio::time::sleep(Duration::from_millis(40)).await;
        given_up.abort();
    }
    let fits = json!({"size": 1000}).to_string();
    // Those that were given up end soon, and nothing of theirs stays promised.
    let given_up = Instant::now();
    let fitting = loop {
        let answer = node.client.send(Method::POST, "/i/_search", "application/json", fits.clone()).await;
        let answer = answer.expect("answered");
        if answer.status == 200 && answer.body.len() > 24_000_000 || given_up.elapsed() > GIVEN_UP_WITHIN {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    is_over.store(true, Ordering::Release);
    let (answered, faults) = small.await.expect("no panic");
    let peak = watching.join().expect("no panic");

    println!("{} MiB at most, {answered} small searches", peak >> 20);
    assert_eq!(
        (fitting.status, fitting.body.len() > 24_000_000),
        (200, true),
        "{}",
        String::from_utf8_lossy(&fitting.body[..fitting.body.len().min(900)])
    );
    assert!(faults.is_empty() && answered > 10, "{answered}: {faults:?}");
    assert!(peak <= PEAK, "{} MiB were held, with a limit of {} MiB", peak >> 20, LIMIT >> 20);
}
