//! Ids that the node makes: they sort by time, and neighbours differ in their last letters alone.
//!
//! The dictionary of ids is built anew with every segment. Letters of chance in each id made it a fifth of the whole cost
//! of indexing; here they stand in the middle and are the same for as long as the process lives.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;

static SEQUENCE: AtomicU32 = AtomicU32::new(0);
/// Tells the ids of this process from those of any other.
static PROCESS: LazyLock<u64> = LazyLock::new(|| rand::rng().random());

/// A new id: 6 bytes of time, 6 of chance that are the process's own, 3 of a counter, as 20 letters that are safe in a
/// path. Two are equal only if one process makes sixteen million within a millisecond.
pub(crate) fn new_id(now_millis: i64) -> String {
    let mut bytes = [0u8; 15];
    bytes[..6].copy_from_slice(&now_millis.to_be_bytes()[2..]);
    bytes[6..12].copy_from_slice(&PROCESS.to_be_bytes()[2..]);
    let turn = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    bytes[12..].copy_from_slice(&turn.to_be_bytes()[1..]);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_twenty_letters_long() {
        let ids: std::collections::HashSet<String> = (0..10_000).map(|_| new_id(1_795_515_630_123)).collect();

        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 20));
    }

    #[test]
    fn neighbours_differ_in_their_last_letters_alone() {
        let (a, b) = (new_id(1_795_515_630_123), new_id(1_795_515_630_123));

        assert_eq!(a[..16], b[..16]);
        assert_ne!(a, b);
    }
}
