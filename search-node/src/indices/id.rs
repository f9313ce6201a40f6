//! Ids that the node makes: they sort by time, and neighbours differ in their last letters alone.
//!
//! The dictionary of ids is built anew with every segment. Letters of chance in each id made it a fifth of the whole cost
//! of indexing; here they stand in the middle and are the same for as long as the process lives.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use rand::RngExt;

static SEQUENCE: AtomicU32 = AtomicU32::new(0);
/// Tells the ids of this process from those of any other.
static PROCESS: LazyLock<u64> = LazyLock::new(|| rand::rng().random());

/// The letters of URL-safe Base64 in the order of their bytes, so that the texts sort as the numbers do.
static LETTERS: LazyLock<GeneralPurpose> = LazyLock::new(|| {
    const ORDERED: &str = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    let alphabet = Alphabet::new(ORDERED).unwrap_or(base64::alphabet::URL_SAFE);
    GeneralPurpose::new(&alphabet, NO_PAD)
});

/// How many numbers a maker of ids takes at once: those who make many share nothing meanwhile.
const BLOCK: u32 = 64;

/// A new id.
pub(crate) fn new_id(now_millis: i64) -> String {
    id(now_millis, SEQUENCE.fetch_add(1, Ordering::Relaxed))
}

/// Makes ids of one time.
#[derive(Debug)]
pub(crate) struct IdMaker {
    now_millis: i64,
    next: u32,
    left: u32,
}

impl IdMaker {
    pub(crate) fn at(now_millis: i64) -> Self {
        Self { now_millis, next: 0, left: 0 }
    }

    pub(crate) fn id(&mut self) -> String {
        if self.left == 0 {
            self.next = SEQUENCE.fetch_add(BLOCK, Ordering::Relaxed);
            self.left = BLOCK;
        }
        let turn = self.next;
        self.next = turn.wrapping_add(1);
        self.left -= 1;
        id(self.now_millis, turn)
    }
}

/// 6 bytes of time, 6 of chance that are the process's own, 3 of a counter, as 20 letters that are safe in a path. Two are
/// equal only if one process makes sixteen million within a millisecond.
fn id(now_millis: i64, turn: u32) -> String {
    let mut bytes = [0u8; 15];
    bytes[..6].copy_from_slice(&now_millis.to_be_bytes()[2..]);
    // The time needs no more than seven eighths of these bits for the next four thousand years, and no name of a folder shall
    // begin with `-`.
    bytes[0] |= 0x80;
    bytes[6..12].copy_from_slice(&PROCESS.to_be_bytes()[2..]);
    bytes[12..].copy_from_slice(&turn.to_be_bytes()[1..]);
    LETTERS.encode(bytes)
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
    fn makers_of_the_same_time_never_make_the_same() {
        let (mut one, mut other) = (IdMaker::at(1), IdMaker::at(1));
        let ids: std::collections::HashSet<String> =
            (0..200).flat_map(|_| [one.id(), other.id(), new_id(1)]).collect();

        assert_eq!(ids.len(), 600);
    }

    #[test]
    fn ids_sort_by_time() {
        let mut maker = IdMaker::at(1_795_515_630_123);
        let mut ids: Vec<String> = (0..1_000).map(|_| maker.id()).collect();
        ids.extend((1..5_000).map(|later| new_id(1_795_515_630_123 + later * 977)));

        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.starts_with(|first: char| first.is_ascii_alphanumeric())));
    }

    #[test]
    fn neighbours_differ_in_their_last_letters_alone() {
        let (a, b) = (new_id(1_795_515_630_123), new_id(1_795_515_630_123));

        assert_eq!(a[..16], b[..16]);
        assert_ne!(a, b);
    }
}
