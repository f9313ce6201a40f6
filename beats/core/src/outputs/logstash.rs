//! The output to a shipper: lumberjack v2 windows, repeated until each event is acked.
//!
//! The wire acks a prefix of what was sent; after an error only the rest is sent again, to the next host of the list.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daemon::CancellationToken;
use event::Event;
use search_client::Pause;
use settings::Settings;
use tokio::sync::Mutex;
use tracing::warn;
use wire::{WireClient, WireError, WireOptions};

use super::{Counts, Outcome, OutputError};
use crate::enrichment::Common;

/// The output to a shipper.
#[derive(Debug)]
pub struct Logstash {
    hosts: Vec<String>,
    next: AtomicUsize,
    timeout: Duration,
    compression_level: u32,
    window_max: usize,
    pause: Pause,
    common: Common,
    counts: Counts,
    /// Held for a whole delivery: the wire is one stream, and one worker uses it.
    connection: Mutex<Option<WireClient>>,
    beat: String,
}

impl Logstash {
    pub(super) fn new(settings: &Settings, common: Common, counts: Counts, beat: &str) -> Self {
        let span = |key: &str| settings.span(&format!("output.logstash.{key}"));
        Self {
            hosts: settings.list("output.logstash.hosts"),
            next: AtomicUsize::new(0),
            timeout: span("timeout"),
            compression_level: u32::try_from(settings.count("output.logstash.compression_level"))
                .unwrap_or(3),
            window_max: settings.count("output.logstash.bulk_max_size"),
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
        let full: Vec<Event> = events.iter().map(|event| self.complete(event)).collect();
        let mut rest = full.as_slice();
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

    /// How many events were acked, and what went wrong, if anything did.
    async fn send(
        &self,
        connection: &mut Option<WireClient>,
        events: &[Event],
    ) -> (usize, Option<WireError>) {
        let client = match connection {
            Some(client) => client,
            None => match self.connect().await {
                Ok(client) => connection.insert(client),
                Err(error) => return (0, Some(error)),
            },
        };
        match client.send(events).await {
            Ok(()) => (events.len(), None),
            Err(error) => (client.acked().min(events.len()), Some(error)),
        }
    }

    async fn connect(&self) -> Result<WireClient, WireError> {
        let at = self.next.load(Ordering::Relaxed) % self.hosts.len().max(1);
        WireClient::connect(WireOptions {
            host: self.hosts.get(at).cloned().unwrap_or_default(),
            timeout: self.timeout,
            compression_level: self.compression_level,
            window_max: self.window_max,
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
