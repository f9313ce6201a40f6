//! Dead letters: events that the node refuses for good, kept as NDJSON with their reason until someone replays them.
//!
//! Two files share the bound: when `dead-letter.ndjson` reaches half of it, it takes the place of
//! `dead-letter.1.ndjson`, whose events are given up. A record is synced before its event counts as done.

use std::path::{Path, PathBuf};

use daemon::CancellationToken;
use event::json;
use fs_err as fs;
use search_client::{BulkAction, Pause, Rejection};
use tracing::warn;

/// The file of dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    path: PathBuf,
    bytes_max: u64,
}

impl DeadLetters {
    pub(crate) fn new(folder: &Path, bytes_max: u64) -> Self {
        Self { path: folder.join("dead-letter.ndjson"), bytes_max }
    }

    /// Appends what was refused and syncs it.
    pub(crate) fn keep(&self, refused: &[(BulkAction, Rejection)]) -> std::io::Result<()> {
        let mut text = Vec::new();
        for (action, rejection) in refused {
            let record = json!({
                "index": action.index, "id": action.id, "status": rejection.status, "type": rejection.kind,
                "reason": rejection.reason, "document": action.document,
            });
            text.extend_from_slice(record.to_string().as_bytes());
            text.push(b'\n');
        }
        let held = fs::metadata(&self.path).map(|meta| meta.len()).unwrap_or(0);
        if held > 0 && held + text.len() as u64 > self.bytes_max / 2 {
            fs::rename(&self.path, self.path.with_file_name("dead-letter.1.ndjson"))?;
        }
        daemon::append::whole(&self.path, &text)
    }

    /// Keeps what was refused, waiting for a disk that refuses; false if `stop` came first.
    pub(crate) async fn keep_until(
        &self,
        refused: &[(BulkAction, Rejection)],
        mut pause: Pause,
        stop: &CancellationToken,
    ) -> bool {
        while let Err(error) = self.keep(refused) {
            let span = pause.step();
            warn!(%error, events = refused.len(), retry_ms = span.as_millis() as u64, "dead letters cannot be written");
            tokio::select! {
                () = tokio::time::sleep(span) => {}
                () = stop.cancelled() => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use search_client::BulkOp;

    use super::*;

    fn refused(document: &str) -> Vec<(BulkAction, Rejection)> {
        let action = BulkAction {
            op: BulkOp::Create,
            index: "i".to_owned(),
            id: None,
            pipeline: None,
            document: document.to_owned(),
        };
        vec![(action, Rejection { status: 400, kind: "t".to_owned(), reason: "r".to_owned() })]
    }

    #[test]
    fn dead_letters_are_kept_with_their_reason_within_the_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let letters = DeadLetters::new(folder.path(), 2_000);

        for n in 0..100 {
            letters.keep(&refused(&format!("{{\"n\":{n}}}"))).expect("kept");
        }

        let newest = fs::read_to_string(folder.path().join("dead-letter.ndjson")).expect("there");
        let last: event::Value = serde_json::from_str(newest.lines().last().expect("a line")).expect("JSON");
        assert_eq!((last["status"].as_u64(), last["document"].as_str()), (Some(400), Some("{\"n\":99}")));
        let held: u64 = fs::read_dir(folder.path())
            .expect("listed")
            .map(|e| e.expect("entry").metadata().expect("meta").len())
            .sum();
        assert!(held <= 2_000, "{held}");
    }
}
