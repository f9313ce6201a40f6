//! Ids that the node makes: they sort by time, so that neighbours share a beginning and their dictionary stays small.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;

static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// A new id: 6 bytes of time, 3 of a counter, 6 of chance, as 20 letters that are safe in a path.
pub(crate) fn new_id(now_millis: i64) -> String {
    let mut bytes = [0u8; 15];
    bytes[..6].copy_from_slice(&now_millis.to_be_bytes()[2..]);
    let turn = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    bytes[6..9].copy_from_slice(&turn.to_be_bytes()[1..]);
    let chance: u64 = rand::rng().random();
    bytes[9..].copy_from_slice(&chance.to_be_bytes()[2..]);
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
}
