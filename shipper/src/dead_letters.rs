//! Dead letters: events that a node refuses for good, one JSON object a line with the reason, up to a bound.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use daemon::clock::Clock;
use event::{Timestamp, Value, json};
use search_client::{BulkAction, Rejection};
use tracing::error;

/// How many kinds of refusal are told apart in the log.
const REASONS_MAX: usize = 100;

/// A refused document with the reason.
pub type Refused = (BulkAction, Rejection);

/// The place of dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    file: Option<PathBuf>,
    bytes_max: u64,
    clock: Clock,
    /// The log's memory; its lock also keeps writers apart, so that the bound holds.
    told: Mutex<HashSet<(String, String)>>,
}

impl DeadLetters {
    /// Kept below `folder`.
    pub fn kept(folder: &Path, bytes_max: u64, clock: Clock) -> std::io::Result<Self> {
        let folder = folder.join("dead_letter_queue");
        fs_err::create_dir_all(&folder)?;
        Ok(Self { file: Some(folder.join("main.ndjson")), bytes_max, clock, told: Mutex::default() })
    }

    /// Only counted.
    pub fn counted(clock: Clock) -> Self {
        Self { file: None, bytes_max: 0, clock, told: Mutex::default() }
    }

    /// Takes what `plugin` could not deliver; how many were kept in the file. They are on the disk when this returns.
    pub fn take(&self, plugin: &str, refused: &[Refused]) -> std::io::Result<usize> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (action, rejection) in refused {
            let kind = (action.index.clone(), rejection.kind.clone());
            if told.len() < REASONS_MAX && told.insert(kind) {
                error!(
                    output = plugin,
                    index = action.index,
                    status = rejection.status,
                    kind = rejection.kind,
                    reason = rejection.reason,
                    "event refused for good; further ones of this kind are only counted"
                );
            }
        }
        let Some(file) = &self.file else { return Ok(0) };
        let mut room = self.bytes_max.saturating_sub(fs_err::metadata(file).map_or(0, |meta| meta.len()));
        let mut lines = String::new();
        let mut kept = 0;
        for refusal in refused {
            let line = self.line(plugin, refusal);
            let Some(left) = room.checked_sub(line.len() as u64) else {
                if told.insert((String::new(), "full".to_owned())) {
                    error!(file = %file.display(), "dead letters are full: newer ones are only counted; move the file away or raise dead_letter_queue.max_bytes");
                }
                break;
            };
            room = left;
            kept += 1;
            lines.push_str(&line);
        }
        if kept > 0 {
            daemon::append::whole(file, lines.as_bytes())?;
        }
        Ok(kept)
    }

    fn line(&self, plugin: &str, (action, rejection): &Refused) -> String {
        let now = Timestamp::from_nanos(i128::from(self.clock.now_nanos()));
        let document =
            serde_json::from_str(&action.document).unwrap_or_else(|_| Value::String(action.document.clone()));
        let record = json!({
            "@timestamp": now.to_string(),
            "plugin_id": plugin,
            "status": rejection.status,
            "type": rejection.kind,
            "reason": rejection.reason,
            "index": action.index,
            "id": action.id,
            "document": document,
        });
        format!("{record}\n")
    }
}
