//! The road of events through a pipeline in this process: beats input, filters, a node that fails, acks, dead letters.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use daemon::CancellationToken;
use daemon::clock::Clock;
use daemon::metrics::Metrics;
use event::{Event, Timestamp, Value, json};
use shipper::config::{Source, join};
use shipper::dead_letters::DeadLetters;
use shipper::inputs::Surroundings;
use shipper::pipeline::{Limits, Pipeline, Totals};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::{WireClient, WireOptions};

const LIMIT: Duration = Duration::from_secs(30);

/// A node that answers its first requests 503, refuses items whose path is `/refuse`, and keeps the others.
#[derive(Clone, Default)]
struct FakeNode {
    /// How many requests are still answered 503.
    away: Arc<AtomicUsize>,
    stored: Arc<Mutex<Vec<(Value, Value)>>>,
    requests: watch::Sender<usize>,
}

impl FakeNode {
    async fn start(away: usize) -> (Self, SocketAddr) {
        let node = Self { away: Arc::new(AtomicUsize::new(away)), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/_bulk", post(bulk)).with_state(node.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (node, address)
    }

    fn stored(&self) -> Vec<(Value, Value)> {
        self.stored.lock().expect("whole").clone()
    }

    async fn asked(&self, times: usize) {
        let mut requests = self.requests.subscribe();
        timeout(LIMIT, requests.wait_for(|seen| *seen >= times))
            .await
            .expect("in time")
            .expect("the node lives");
    }
}

async fn bulk(State(node): State<FakeNode>, body: String) -> Response {
    node.requests.send_modify(|seen| *seen += 1);
    if node.away.try_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": {"reason": "starting"}})))
            .into_response();
    }
    let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let items: Vec<Value> = lines
        .chunks(2)
        .map(|pair| {
            let (op, head) = pair[0].as_object().and_then(|head| head.iter().next()).expect("an action");
            let status = if pair[1]["url"]["original"] == "/refuse" { 400 } else { 201 };
            if status == 201 {
                let mut head = head.clone();
                head["op"] = json!(op);
                node.stored.lock().expect("whole").push((head, pair[1].clone()));
                return json!({op: {"status": 201}});
            }
            json!({op: {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "failed to parse field [url.original]"}}})
        })
        .collect();
    Json(json!({"errors": true, "items": items})).into_response()
}

struct Running {
    beats: SocketAddr,
    totals: Totals,
    stop: CancellationToken,
    task: JoinHandle<bool>,
}

/// The shipped pipeline, with a free port and this node, quick to repeat.
fn shipped(node: SocketAddr) -> String {
    let text = include_str!("../../config/pipelines/access-logs.conf");
    text.replace("5044", "0").replace(
        "http://127.0.0.1:9200\"]",
        &format!("http://{node}\"] retry_initial_interval => 0 retry_max_interval => 1"),
    )
}

async fn run(text: String, data: &Path, shutdown_timeout: Duration, dead_letters: Option<u64>) -> Running {
    let clock = Clock::system();
    let config = join(&[Source { name: "test".to_owned(), text }]).expect("valid");
    let pipeline = Pipeline::build(&config, &|_| None, &clock).expect("valid");
    let totals = Totals::new(&Metrics::default());
    let limits = Limits {
        workers: 2,
        batch_size: 50,
        batch_delay: Duration::from_millis(5),
        queue_events_max: 200,
        shutdown_timeout: Some(shutdown_timeout),
    };
    let letters = match dead_letters {
        Some(bytes_max) => DeadLetters::kept(data, bytes_max, clock.clone()).expect("a folder"),
        None => DeadLetters::counted(clock.clone()),
    };
    let surroundings =
        Surroundings { clock, host: "h".to_owned(), line_bytes_max: 1 << 20, totals: totals.clone() };
    let ready = pipeline.bind(limits, surroundings, letters).await.expect("bound");
    let beats = ready.addresses()[0];
    let stop = CancellationToken::new();
    let task = tokio::spawn(ready.run(stop.clone()));
    Running { beats, totals, stop, task }
}

async fn client(address: SocketAddr) -> WireClient {
    let options = WireOptions { host: address.to_string(), timeout: LIMIT, ..WireOptions::default() };
    WireClient::connect(options).await.expect("connected")
}

fn line(number: usize, path: &str) -> Event {
    let mut event = Event::at(Timestamp::from_nanos(0));
    event
        .set("message", format!("10.0.0.1 - - [24/Nov/2026:10:00:00 +0100] \"GET {path} HTTP/1.1\" 200 {number} \"-\" \"curl/8\""))
        .set("data_stream.type", "logs")
        .set("data_stream.dataset", "apache.access")
        .set("data_stream.namespace", "default")
        .set("@metadata._id", format!("id-{number}"));
    event
}

fn letters(data: &Path) -> Vec<Value> {
    let text = fs_err::read_to_string(data.join("dead_letter_queue/main.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn every_event_arrives_once_though_the_node_fails_and_refuses() {
    let data = tempfile::tempdir().expect("a folder");
    let (node, address) = FakeNode::start(3).await;
    let running = run(shipped(address), data.path(), LIMIT, Some(1 << 20)).await;
    let mut events: Vec<Event> =
        (0..500).map(|n| line(n, if n == 123 { "/refuse" } else { "/ok" })).collect();
    let mut other = Event::at(Timestamp::from_nanos(0));
    other.set("message", "no access log").set("data_stream.dataset", "generic");
    events.push(other);

    client(running.beats).await.send(&events).await.expect("acked");

    // The ack came, so everything is where it belongs now, with no further wait.
    let stored = node.stored();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for (head, _) in &stored {
        *by_id.entry(head["_id"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
    }
    assert_eq!(stored.len(), 500);
    assert!(by_id.values().all(|count| *count == 1) && by_id.len() == 500, "{by_id:?}");
    let (head, document) = stored.iter().find(|(head, _)| head["_id"] == "id-7").expect("stored");
    assert_eq!(*head, json!({"_index": "logs-apache.access-default", "_id": "id-7", "op": "create"}));
    assert_eq!(document["@timestamp"], "2026-11-24T09:00:00.000Z");
    assert_eq!(document["http"]["response"], json!({"status_code": 200, "body": {"bytes": 7}}));
    assert_eq!(document["timestamp"], Value::Null);
    let (head, document) = stored.iter().find(|(head, _)| head["_id"].is_null()).expect("the other");
    assert_eq!(head["_index"], "logs-generic-default");
    assert_eq!((&document["data_stream"]["type"], &document["tags"]), (&json!("logs"), &Value::Null));
    let letters = letters(data.path());
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0]["id"], &letters[0]["status"], &letters[0]["reason"]),
        (&json!("id-123"), &json!(400), &json!("failed to parse field [url.original]"))
    );
    assert_eq!(letters[0]["document"]["url"]["original"], "/refuse");
    assert_eq!((running.totals.refused.get(), running.totals.dead_letters.get()), (1, 1));
    running.stop.cancel();
    assert!(timeout(LIMIT, running.task).await.expect("in time").expect("no panic"));
    assert_eq!(running.totals.queued.get(), 0);
}

#[tokio::test]
async fn no_ack_before_the_node_has_answered_and_a_stop_delivers_what_was_read() {
    let data = tempfile::tempdir().expect("a folder");
    let (node, address) = FakeNode::start(usize::MAX).await;
    let running = run(shipped(address), data.path(), LIMIT, None).await;
    let mut sender = client(running.beats).await;
    let sending = tokio::spawn(async move { sender.send(&[line(1, "/ok")]).await });
    node.asked(3).await;
    assert!(!sending.is_finished(), "acked though the node is away");

    running.stop.cancel();
    node.asked(5).await;
    assert!(!running.task.is_finished(), "ended with an event on its way");
    node.away.store(0, Ordering::Release);

    assert!(timeout(LIMIT, running.task).await.expect("in time").expect("no panic"));
    sending.await.expect("no panic").expect("acked");
    assert_eq!(node.stored().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_is_given_up_without_an_ack() {
    let data = tempfile::tempdir().expect("a folder");
    let (node, address) = FakeNode::start(usize::MAX).await;
    let running = run(shipped(address), data.path(), Duration::from_millis(50), None).await;
    let mut sender = client(running.beats).await;
    let sending =
        tokio::spawn(async move { sender.send(&(0..150).map(|n| line(n, "/ok")).collect::<Vec<_>>()).await });
    node.asked(1).await;

    running.stop.cancel();

    assert!(!timeout(LIMIT, running.task).await.expect("in time").expect("no panic"));
    sending.await.expect("no panic").expect_err("no ack");
    assert_eq!(node.stored().len(), 0);
    assert_eq!(running.totals.abandoned.get(), 150);
}

#[tokio::test]
async fn a_dropped_event_is_acked_and_every_output_gets_the_others() {
    let data = tempfile::tempdir().expect("a folder");
    let (first, one) = FakeNode::start(0).await;
    let (second, two) = FakeNode::start(2).await;
    let quick = "retry_initial_interval => 0 retry_max_interval => 1";
    let text = format!(
        "input {{ beats {{ port => 0 }} }}\nfilter {{ if [message] =~ /drop/ {{ drop {{ }} }} else if [message] =~ /only/ {{ mutate {{ add_field => {{ \"kind\" => \"only\" }} }} }} }}\n\
         output {{ elasticsearch {{ hosts => \"{one}\" index => \"i-%{{[data_stream][dataset]}}\" {quick} }}\n\
         if [kind] != \"only\" {{ elasticsearch {{ hosts => \"{two}\" data_stream => true data_stream_dataset => \"d\" {quick} }} }} }}"
    );
    let running = run(text, data.path(), LIMIT, None).await;

    let events = [line(1, "/drop"), line(2, "/only"), line(3, "/both")];
    client(running.beats).await.send(&events).await.expect("acked");

    let heads = |node: &FakeNode| -> Vec<Value> { node.stored().into_iter().map(|(head, _)| head).collect() };
    assert_eq!(
        heads(&first),
        [
            json!({"_index": "i-apache.access", "op": "index"}),
            json!({"_index": "i-apache.access", "op": "index"})
        ]
    );
    assert_eq!(heads(&second), [json!({"_index": "logs-apache.access-default", "op": "create"})]);
    assert_eq!(running.totals.dropped.get(), 1);
}

#[tokio::test]
async fn dead_letters_stay_within_their_bound_or_are_only_counted() {
    for (bound, kept) in [(Some(700), 1), (None, 0)] {
        let data = tempfile::tempdir().expect("a folder");
        let (_node, address) = FakeNode::start(0).await;
        let running = run(shipped(address), data.path(), LIMIT, bound).await;

        let events: Vec<Event> = (0..20).map(|n| line(n, "/refuse")).collect();
        client(running.beats).await.send(&events).await.expect("acked");

        assert_eq!(running.totals.refused.get(), 20);
        assert_eq!(
            (letters(data.path()).len(), running.totals.dead_letters.get()),
            (kept, kept as u64),
            "{bound:?}"
        );
    }
}

#[tokio::test]
async fn the_bounds_of_a_beats_input_are_its_options() {
    let data = tempfile::tempdir().expect("a folder");
    let (_node, address) = FakeNode::start(0).await;
    let small = shipped(address).replace("port => 0", "port => 0 frame_bytes_max => \"1kb\"");
    let running = run(small, data.path(), LIMIT, None).await;
    let mut long = line(1, "/ok");
    // What does not compress stays long.
    long.set("noise", (0..2000_u64).map(|n| format!("{:x}", n * n * 7919)).collect::<String>());

    let refused = client(running.beats).await.send(&[long]).await;
    let taken = client(running.beats).await.send(&[line(2, "/ok")]).await;

    assert!(refused.is_err());
    taken.expect("acked");
}
