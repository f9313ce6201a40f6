//! What a bulk request will take, estimated by the lines that came first and by the length that it tells.
//!
//! An estimate that was too low is made good as the request goes on; one that was too high is given back.

use memchr::memchr_iter;

use crate::action::bulk::ACTIONS_MAX;

/// What an outcome takes in the answer, with an id and an index of some twenty letters each.
const ITEM_BYTES: u64 = 192;

/// The same where `filter_path` cuts it to what failed.
const CUT_ITEM_BYTES: u64 = 48;

/// What an action takes while it is done: what its line says, its document's values, and its outcome.
const WORK_BYTES: u64 = 512;

/// One read from a connection brings so much at most.
const PIECE_BYTES: u64 = 512 << 10;

/// So many bytes tell how long the lines are. They are read before anything is promised.
pub(super) const SAMPLE_BYTES: usize = 64 << 10;

/// What a bulk request takes at most at one moment, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// Lines that are gathered until they are a chunk.
    pub gathered: u64,
    /// Actions that are done together.
    pub work: u64,
    /// The outcomes until they are sent.
    pub answer: u64,
}

impl Need {
    /// By the first bytes of a body of which `expected` bytes are to come in all.
    pub(super) fn of(first: &[u8], expected: u64, chunk_bytes: usize, is_cut: bool) -> Self {
        let expected = expected.max(first.len() as u64);
        let sample = &first[..first.len().min(SAMPLE_BYTES)];
        // An action is a line of its own and mostly one of source; of a sample that ends within the first, there is one.
        let actions = (memchr_iter(b'\n', sample).count() as u64).div_ceil(2).max(1);
        let in_bytes = |bytes: u64| actions.saturating_mul(bytes).div_ceil(sample.len().max(1) as u64);
        let chunk = expected.min(chunk_bytes as u64);
        let is_whole = expected == first.len() as u64;
        let item = if is_cut { CUT_ITEM_BYTES } else { ITEM_BYTES };
        Self {
            gathered: if is_whole { expected } else { chunk + PIECE_BYTES },
            work: in_bytes(chunk).min(ACTIONS_MAX as u64) * WORK_BYTES,
            answer: in_bytes(expected) * item,
        }
    }

    pub(super) fn total(self) -> u64 {
        self.gathered + self.work + self.answer
    }
}

/// What the rest of an answer will take where `answered` bytes were the answer to the first `done` of `expected` bytes.
pub(super) fn rest_of_answer(answered: u64, done: u64, expected: u64) -> u64 {
    let rest = u128::from(expected.saturating_sub(done));
    let bytes = rest * u128::from(answered) / u128::from(done.max(1));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 4 << 20;

    fn lines(source: usize, bytes: usize) -> Vec<u8> {
        let action = format!("{{\"index\":{{}}}}\n{{\"a\":\"{}\"}}\n", "x".repeat(source));
        action.into_bytes().into_iter().cycle().take(bytes).collect()
    }

    #[test]
    fn a_small_request_needs_little() {
        let body = lines(100, 123);

        let need = Need::of(&body, 123, CHUNK, false);

        assert_eq!(need, Need { gathered: 123, work: WORK_BYTES, answer: ITEM_BYTES });
    }

    #[test]
    fn many_short_actions_make_the_answer_longer_than_the_request() {
        let first = lines(1, 100_000);
        let action = lines(1, 100).iter().position(|byte| *byte == b'\n').expect("a line") + 1 + 10;

        let need = Need::of(&first, 20 << 20, CHUNK, false);

        let actions = (20 << 20) / action as u64;
        assert!(need.answer.abs_diff(actions * ITEM_BYTES) < need.answer / 50, "{need:?}");
        assert!(need.answer > 100 << 20, "{need:?}");
        assert_eq!(need.work, ACTIONS_MAX as u64 * WORK_BYTES, "no more are done at once");
        assert_eq!(need.gathered, CHUNK as u64 + PIECE_BYTES);
        let cut = Need::of(&first, 20 << 20, CHUNK, true);
        assert!(cut.answer < need.answer / 3, "{cut:?}");
    }

    #[test]
    fn long_documents_need_little_beside_their_chunk() {
        for first in [lines(100_000, 300_000), lines(100_000, SAMPLE_BYTES)] {
            let need = Need::of(&first, 20 << 20, CHUNK, false);
            assert!(need.total() < 12 << 20, "{} {need:?}", first.len());
        }
    }

    #[test]
    fn the_rest_of_an_answer_follows_its_beginning() {
        for (answered, done, expected, rest) in [(50, 100, 400, 150), (50, 400, 400, 0), (0, 0, 400, 0)] {
            assert_eq!(rest_of_answer(answered, done, expected), rest, "{answered} {done} {expected}");
        }
        assert_eq!(rest_of_answer(u64::MAX, 1, u64::MAX), u64::MAX);
    }
}
