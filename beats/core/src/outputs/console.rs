//! The outputs that write lines: to standard output, or to a file.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use daemon::CancellationToken;
use event::{Event, Value};
use search_client::Pause;
use tracing::{error, warn};

use super::{Counts, Outcome};
use crate::enrichment::Common;

/// An output of one JSON object a line.
#[derive(Debug)]
pub struct Lines {
    path: Option<PathBuf>,
    pretty: bool,
    common: Common,
    counts: Counts,
}

impl Lines {
    pub(super) fn console(pretty: bool, common: Common, counts: Counts) -> Self {
        Self { path: None, pretty, common, counts }
    }

    pub(super) fn file(path: PathBuf, common: Common, counts: Counts) -> Self {
        Self { path: Some(path), pretty: false, common, counts }
    }

    pub(super) fn place(&self) -> String {
        self.path.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string())
    }

    pub(super) async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Outcome {
        let mut text = Vec::new();
        for event in events {
            text.extend_from_slice(self.line(event).as_bytes());
            text.push(b'\n');
        }
        let mut pause = Pause::new(Duration::from_secs(1), Duration::from_secs(60));
        while let Err(error) = self.write(&text) {
            if self.path.is_none() && error.kind() == std::io::ErrorKind::BrokenPipe {
                // Whoever read standard output has left; there will be no other.
                error!("standard output was closed");
                return Outcome::Stopped;
            }
            let span = pause.step();
            self.counts.retried.inc();
            warn!(%error, events = events.len(), retry_ms = span.as_millis() as u64, "events cannot be written");
            tokio::select! {
                () = tokio::time::sleep(span) => {}
                () = stop.cancelled() => return Outcome::Stopped,
            }
        }
        self.counts.acked.inc_by(events.len() as u64);
        Outcome::Delivered
    }

    fn line(&self, event: &Event) -> String {
        let document = self.common.document(event);
        if !self.pretty {
            return document;
        }
        serde_json::from_str::<Value>(&document).map_or(document, |value| format!("{value:#}"))
    }

    fn write(&self, text: &[u8]) -> std::io::Result<()> {
        match &self.path {
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(text)?;
                out.flush()
            }
            Some(path) => daemon::append::whole(path, text),
        }
    }
}
