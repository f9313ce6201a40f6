//! The output to a shipper: lumberjack v2 windows, repeated until each event is acked.
//!
//! The wire acks a prefix of what was sent; after an error only the rest is sent again, to the next host of the list.
//! An event longer than a receiver takes would be repeated for ever, so it is left out beforehand, as a dead letter.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daemon::CancellationToken;
use event::{Event, Value};
use search_client::{BulkAction, BulkOp, Pause, Rejection};
use settings::Settings;
use tokio::sync::Mutex;
use tracing::warn;
use wire::{WireClient, WireError, WireOptions};

use super::{Counts, Outcome, OutputError};
use crate::dead_letter::DeadLetters;
use crate::enrichment::Common;
use crate::stream::index_of;

/// The output to a shipper.
#[derive(Debug)]
pub struct Logstash {
    hosts: Vec<String>,
    next: AtomicUsize,
    timeout: Duration,
    compression_level: u32,
    window_max: usize,
    window_bytes_max: usize,
    event_bytes_max: usize,
    dead_letters: Option<DeadLetters>,
    pause: Pause,
    common: Common,
    counts: Counts,
    /// Held for a whole delivery: the wire is one stream, and one worker uses it.
    connection: Mutex<Option<WireClient>>,
    beat: String,
}

impl Logstash {
    pub(super) fn new(
        settings: &Settings,
        common: Common,
        folder: &Path,
        counts: Counts,
        beat: &str,
    ) -> Self {
        let span = |key: &str| settings.span(&format!("output.logstash.{key}"));
        let bytes = |key: &str| settings.bytes(&format!("output.logstash.{key}"));
        let size = |key: &str| usize::try_from(bytes(key)).unwrap_or(usize::MAX);
        Self {
            hosts: settings.list("output.logstash.hosts"),
            next: AtomicUsize::new(0),
            timeout: span("timeout"),
            compression_level: u32::try_from(settings.count("output.logstash.compression_level"))
                .unwrap_or(3),
            window_max: settings.count("output.logstash.bulk_max_size"),
            window_bytes_max: size("window_bytes_max"),
            event_bytes_max: size("event_bytes_max"),
            dead_letters: Some(bytes("dead_letter_max"))
                .filter(|max| *max > 0)
                .map(|max| DeadLetters::new(folder, max)),
            pause: Pause::new(span("backoff.init"), span("backoff.max")),
            common,
            counts,
            connection: Mutex::new(None),
            beat: beat.to_owned(),
        }
    }

    pub(super) fn place(&self) -> String {
        self.hosts.join(", ")
    }

    pub(super) async fn test(&self) -> Result<String, OutputError> {
        self.connect().await.map_err(|error| OutputError(error.to_string()))?;
        Ok(format!("{}: connected", self.place()))
    }

    pub(super) async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Outcome {
        let mut connection = self.connection.lock().await;
        let mut pause = self.pause.clone();
        let (payloads, too_long) = self.encode(events);
        if !too_long.is_empty() && self.give_up(too_long, stop).await == Outcome::Stopped {
            return Outcome::Stopped;
        }
        let mut rest = payloads.as_slice();
        while !rest.is_empty() {
            let sent = tokio::select! {
                sent = self.send(&mut connection, rest) => sent,
                () = stop.cancelled() => {
                    // A window cut in two would be read as garbage by the next delivery.
                    *connection = None;
                    return Outcome::Stopped;
                }
            };
            let (acked, error) = sent;
            rest = rest.get(acked..).unwrap_or_default();
            self.counts.acked.inc_by(acked as u64);
            let Some(error) = error else { continue };
            *connection = None;
            self.next.fetch_add(1, Ordering::Relaxed);
            if acked > 0 {
                pause.reset();
            }
            let span = pause.step();
            self.counts.retried.inc();
            warn!(%error, events = rest.len(), retry_ms = span.as_millis() as u64, "window will be repeated");
            tokio::select! {
                () = tokio::time::sleep(span) => {}
                () = stop.cancelled() => return Outcome::Stopped,
            }
        }
        Outcome::Delivered
    }

    /// The events as they are sent, and those that no receiver would take.
    fn encode(&self, events: &[Event]) -> (Vec<Vec<u8>>, Vec<(BulkAction, Rejection)>) {
        let mut payloads = Vec::with_capacity(events.len());
        let mut too_long = Vec::new();
        for event in events {
            let payload = wire::payload(&self.complete(event));
            if payload.len() <= self.event_bytes_max {
                payloads.push(payload);
            } else {
                too_long.push((self.letter(event), self.rejection(payload.len())));
            }
        }
        (payloads, too_long)
    }

    /// As a dead letter holds it, to be replayed into the index that it would have gone to.
    fn letter(&self, event: &Event) -> BulkAction {
        let text = |key: &str| event.metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        BulkAction {
            op: BulkOp::Create,
            index: index_of(event).unwrap_or_default(),
            id: text("_id"),
            pipeline: text("pipeline"),
            document: self.common.document(event),
        }
    }

    fn rejection(&self, size: usize) -> Rejection {
        let reason = format!(
            "an event of {size} bytes is above the bound of {}; raise `output.logstash.event_bytes_max`, and `frame_bytes_max` of the shipper's beats input above it",
            self.event_bytes_max
        );
        Rejection { status: 413, kind: "event_too_long".to_owned(), reason }
    }

    async fn give_up(&self, refused: Vec<(BulkAction, Rejection)>, stop: &CancellationToken) -> Outcome {
        if let Some((_, first)) = refused.first() {
            warn!(
                events = refused.len(),
                kept = self.dead_letters.is_some(),
                reason = first.reason,
                "event cannot be sent"
            );
        }
        if let Some(letters) = &self.dead_letters
            && !letters.keep_until(&refused, self.pause.clone(), stop).await
        {
            return Outcome::Stopped;
        }
        self.counts.refused.inc_by(refused.len() as u64);
        Outcome::Delivered
    }

    /// How many events were acked, and what went wrong, if anything did.
    async fn send(
        &self,
        connection: &mut Option<WireClient>,
        payloads: &[Vec<u8>],
    ) -> (usize, Option<WireError>) {
        let client = match connection {
            Some(client) => client,
            None => match self.connect().await {
                Ok(client) => connection.insert(client),
                Err(error) => return (0, Some(error)),
            },
        };
        match client.send_payloads(payloads).await {
            Ok(()) => (payloads.len(), None),
            Err(error) => (client.acked().min(payloads.len()), Some(error)),
        }
    }

    async fn connect(&self) -> Result<WireClient, WireError> {
        let at = self.next.load(Ordering::Relaxed) % self.hosts.len().max(1);
        WireClient::connect(WireOptions {
            host: self.hosts.get(at).cloned().unwrap_or_default(),
            timeout: self.timeout,
            compression_level: self.compression_level,
            window_max: self.window_max,
            window_bytes_max: self.window_bytes_max,
        })
        .await
    }

    fn complete(&self, event: &Event) -> Event {
        let mut event = event.clone();
        self.common.put_on(&mut event);
        event.metadata.insert("beat".to_owned(), self.beat.as_str().into());
        event.metadata.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        event.metadata.insert("type".to_owned(), "_doc".into());
        event
    }
}
