//! Delivery: bulk requests, repeated until every item is stored or refused for good.
//!
//! | answer | meaning | what follows |
//! |---|---|---|
//! | an outcome for each item | the node has read the request | stored, refused or repeated, each for itself |
//! | 413, or 400 with an error as the API has it | something in the body cannot be taken | halved, until the item that is the reason stands alone and is refused |
//! | any other refusal, no answer | the way or the moment is wrong, e.g. a host that is no node | repeated, from the next node on |
//!
//! Only an item that was refused alone, or by name, is given up: a mistake in the settings must not cost an event.

use daemon::CancellationToken;
use tracing::warn;

use crate::bulk::{BulkAction, ItemOutcome, Rejection};
use crate::client::SearchClient;
use crate::error::ClientError;

impl SearchClient {
    /// Sends actions until each is stored or refused for good; returns the refused ones with their reasons.
    /// Waits as long as it takes, unless `stop` is cancelled.
    pub async fn deliver(
        &self,
        actions: Vec<BulkAction>,
        stop: &CancellationToken,
    ) -> Result<Vec<(BulkAction, Rejection)>, ClientError> {
        let mut pause = self.pause();
        let mut refused = Vec::new();
        // What is still to be sent, the next part last.
        let mut parts = vec![actions];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let sent = tokio::select! {
                sent = self.bulk(&part) => sent,
                () = stop.cancelled() => return Err(ClientError::Stopped),
            };
            let before = part.len();
            let trouble = match sent {
                Ok(outcomes) => settle(&mut part, outcomes, &mut refused),
                Err(ClientError::Refused { status, kind, reason, .. }) if is_of_the_body(status, &kind) => {
                    if before > 1 {
                        let rest = part.split_off(before / 2);
                        parts.extend([rest, part]);
                    } else {
                        let rejection = Rejection { status, kind, reason };
                        refused.extend(part.into_iter().map(|action| (action, rejection.clone())));
                    }
                    continue;
                }
                Err(error) => {
                    self.pass_over();
                    Some(error.to_string())
                }
            };
            let Some(reason) = trouble else { continue };
            if part.len() < before {
                pause.reset();
            }
            let span = pause.step();
            warn!(
                items = part.len(),
                hosts = self.hosts(),
                retry_ms = span.as_millis() as u64,
                reason,
                "bulk will be repeated"
            );
            parts.push(part);
            tokio::select! {
                () = tokio::time::sleep(span) => {}
                () = stop.cancelled() => return Err(ClientError::Stopped),
            }
        }
        Ok(refused)
    }
}

/// Moves what is settled out of `actions`; the reason of the first that must be repeated, if any must.
fn settle(
    actions: &mut Vec<BulkAction>,
    outcomes: Vec<ItemOutcome>,
    refused: &mut Vec<(BulkAction, Rejection)>,
) -> Option<String> {
    let mut trouble = None;
    let sent = std::mem::take(actions);
    for (action, outcome) in sent.into_iter().zip(outcomes) {
        match outcome {
            ItemOutcome::Stored | ItemOutcome::Duplicate => {}
            ItemOutcome::Refused(rejection) => refused.push((action, rejection)),
            ItemOutcome::Again { status, reason } => {
                trouble.get_or_insert_with(|| format!("{status} {reason}"));
                actions.push(action);
            }
        }
    }
    trouble
}

/// Whether a whole request was refused for what is in it: too large, or a 400 that a node explains. A 400 without
/// the API's error is some other server's.
fn is_of_the_body(status: u16, kind: &str) -> bool {
    status == 413 || (status == 400 && !kind.is_empty())
}
