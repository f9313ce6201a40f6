//! Tests of the way from a source to a node that misbehaves.

use std::path::Path;
use std::sync::Mutex;

use event::{Delivery, Timestamp};
use fs_err as fs;
use settings::{Kind, Schema, load_text, setting};

use super::*;
use crate::fake_node::{FakeNode, Fault, Faults};
use crate::stream::Stream;
use crate::tables::{GENERAL, OUTPUT, QUEUE};

const SCHEMA: Schema = Schema {
    tables: &[
        ("", GENERAL),
        ("", QUEUE),
        ("", OUTPUT),
        ("", &[setting("path.data", Kind::Path, Some("x"), "A folder.")]),
    ],
};

fn settings(host: &str, more: &str) -> Settings {
    let text = format!(
        "output.elasticsearch:\n  hosts: ['{host}']\n  backoff.init: 10ms\n  backoff.max: 50ms\nqueue.mem.flush.timeout: 10ms\n{more}"
    );
    load_text(SCHEMA, "test", &text, &[]).expect("valid")
}

fn events(count: usize) -> Vec<Event> {
    let stream = Stream::new("logs", "generic", "default").expect("a name");
    (0..count)
        .map(|n| {
            let mut event = Event::at(Timestamp::from_nanos(0));
            event.set("n", n as u64).set("@metadata._id", format!("id-{n}"));
            stream.stamp(&mut event);
            event
        })
        .collect()
}

fn recorded() -> (AckHandle, Arc<Mutex<Vec<Delivery>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    (AckHandle::new(move |delivery| sink.lock().unwrap().push(delivery)), seen)
}

async fn through(
    faults: Faults,
    more: &str,
    folder: &Path,
    count: usize,
) -> (FakeNode, Vec<Delivery>, Metrics) {
    let node = FakeNode::start(0, faults).await.expect("a port");
    let metrics = Metrics::default();
    let settings = settings(&node.host(), more);
    let (pipeline, publisher) =
        Pipeline::start(&settings, Common::default(), folder, &metrics).expect("valid");
    let (ack, seen) = recorded();
    publisher.publish(events(count), Some(ack)).await.expect("open");
    drop(publisher);
    pipeline.finish(Duration::from_secs(20)).await.expect("the output lives");
    let seen = seen.lock().unwrap().clone();
    (node, seen, metrics)
}

#[tokio::test]
async fn every_event_arrives_once_from_a_node_that_fails_in_every_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let faults: Faults = |n| match n % 5 {
        1 => Some(Fault::Unavailable),
        2 => Some(Fault::HalfBusy),
        3 => Some(Fault::LostAnswer),
        _ => None,
    };

    let (node, acks, _) = through(faults, "", folder.path(), 5000).await;

    assert_eq!(node.documents().len(), 5000);
    assert!(node.items() > 5000, "nothing was repeated, so nothing was tested");
    assert_eq!(acks, [Delivery::Delivered]);
    assert!(node.documents().iter().all(|(index, _)| index == "logs-generic-default"));
}

#[tokio::test]
async fn what_the_node_refuses_goes_to_the_dead_letters_and_counts_as_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = "output.elasticsearch.non_indexable_policy: dead_letter_file\n";

    let (_, acks, metrics) = through(|_| Some(Fault::Refuses), policy, folder.path(), 3).await;

    let letters = fs::read_to_string(folder.path().join("dead-letter.ndjson")).expect("written");
    assert_eq!(letters.lines().count(), 3, "{letters}");
    assert!(letters.contains("as the test wants"), "{letters}");
    assert_eq!(acks, [Delivery::Delivered]);
    assert!(metrics.render().contains("output_events_refused_total 3"));
}

#[tokio::test]
async fn a_stop_while_the_node_is_away_abandons_the_events_in_bounded_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings("127.0.0.1:1", "");
    let (pipeline, publisher) =
        Pipeline::start(&settings, Common::default(), folder.path(), &Metrics::default()).expect("valid");
    let (ack, seen) = recorded();
    publisher.publish(events(1), Some(ack)).await.expect("open");
    drop(publisher);

    pipeline.finish(Duration::from_millis(50)).await.expect("told to stop");

    assert_eq!(*seen.lock().unwrap(), [Delivery::Abandoned]);
}

#[tokio::test]
async fn two_outputs_at_once_are_refused() {
    let settings = settings("127.0.0.1:1", "output.console.pretty: true\n");

    let refused = Pipeline::start(&settings, Common::default(), Path::new("x"), &Metrics::default());

    let text = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains("both in force"), "{text}");
}

/// A receiver that gives up its first two connections; what it acked before must not come again from this sender.
#[tokio::test]
async fn every_event_reaches_a_shipper_that_breaks_off() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use wire::{WireServer, WireServerOptions};

    let server = WireServer::bind(WireServerOptions {
        address: "127.0.0.1:0".to_owned(),
        ..WireServerOptions::default()
    })
    .await
    .expect("a port");
    let host = server.local_addr().expect("bound");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls = Arc::new(AtomicUsize::new(0));
    let (sink, count) = (Arc::clone(&seen), Arc::clone(&calls));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(
        move |batch: Batch| {
            let (sink, count) = (Arc::clone(&sink), Arc::clone(&count));
            async move {
                if count.fetch_add(1, Ordering::SeqCst) < 2 {
                    return Err(std::io::Error::other("not now"));
                }
                sink.lock().unwrap().extend(batch.events.iter().map(|event| event.fields["n"].as_u64()));
                batch.delivered();
                Ok(())
            }
        },
        stop.clone(),
    ));
    let text = format!(
        "output.logstash:\n  hosts: ['{host}']\n  bulk_max_size: 100\n  backoff.init: 10ms\nqueue.mem.flush.timeout: 10ms\n"
    );
    let settings = load_text(SCHEMA, "test", &text, &[]).expect("valid");
    let folder = tempfile::tempdir().expect("a folder");
    let (pipeline, publisher) =
        Pipeline::start(&settings, Common::default(), folder.path(), &Metrics::default()).expect("valid");
    let (ack, acks) = recorded();

    publisher.publish(events(1000), Some(ack)).await.expect("open");
    drop(publisher);
    pipeline.finish(Duration::from_secs(20)).await.expect("the output lives");

    stop.cancel();
    let _ended = serving.await;
    assert_eq!(*acks.lock().unwrap(), [Delivery::Delivered]);
    assert!(calls.load(Ordering::SeqCst) > 2, "nothing was repeated, so nothing was tested");
    assert_eq!(*seen.lock().unwrap(), (0..1000).map(Some).collect::<Vec<_>>());
}

/// A shipper refuses a frame above its bound however often it comes: one long event would hold up all others for ever.
#[tokio::test]
async fn an_event_too_long_for_a_shipper_becomes_a_dead_letter_and_the_others_arrive() {
    use wire::{WireServer, WireServerOptions};

    let options = WireServerOptions { address: "127.0.0.1:0".to_owned(), ..WireServerOptions::default() };
    let server = WireServer::bind(options).await.expect("a port");
    let host = server.local_addr().expect("bound");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(
        move |batch: Batch| {
            sink.lock().unwrap().extend(batch.events.iter().map(|event| event.fields["n"].as_u64()));
            batch.delivered();
            std::future::ready(Ok::<(), Closed>(()))
        },
        stop.clone(),
    ));
    let text = format!("output.logstash.hosts: ['{host}']\nqueue.mem.flush.timeout: 10ms\n");
    let settings = load_text(SCHEMA, "test", &text, &[]).expect("valid");
    let folder = tempfile::tempdir().expect("a folder");
    let metrics = Metrics::default();
    let (pipeline, publisher) =
        Pipeline::start(&settings, Common::default(), folder.path(), &metrics).expect("valid");
    let (ack, acks) = recorded();
    let mut events = events(5);
    events[2].set("message", "x".repeat(17 << 20));

    publisher.publish(events, Some(ack)).await.expect("open");
    drop(publisher);
    pipeline.finish(Duration::from_secs(20)).await.expect("the output lives");

    stop.cancel();
    let _ended = serving.await;
    assert_eq!(*acks.lock().unwrap(), [Delivery::Delivered]);
    assert_eq!(*seen.lock().unwrap(), [0, 1, 3, 4].map(Some));
    assert!(metrics.render().contains("output_events_refused_total 1"));
    let letters = fs::read_to_string(folder.path().join("dead-letter.ndjson")).expect("written");
    assert!(letters.contains("output.logstash.event_bytes_max") && letters.contains("id-2"));
}
