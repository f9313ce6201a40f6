//! The budget of a bulk request: what it has promised to take, and what it has taken of that so far.

use bytes::BytesMut;

use super::need::{Need, rest_of_answer};
use crate::error::ApiError;
use crate::memory::{Memory, Reservation};
use crate::rest::body::WHAT;

/// What a request may take. All of it is promised before anything of the request is done: requests that had begun and then
/// waited for each other's memory would all fail.
pub(super) struct Budget {
    gathered: Reservation,
    answer: Reservation,
    /// What the actions take that are done together; promised as long as there may be more of them.
    work: Reservation,
    /// What fits into the buffer of lines.
    capacity: usize,
    /// What the answer took so far.
    answered: u64,
}

impl Budget {
    /// Promises what a request needs of which `unread` bytes are there already.
    pub(super) async fn reserve(memory: &Memory, need: Need, unread: usize) -> Result<Self, ApiError> {
        let mut work = memory.reserve(need.total(), WHAT).await?;
        let mut gathered = work.split(need.gathered);
        gathered.fill(unread as u64);
        Ok(Self {
            gathered,
            answer: work.split(need.answer),
            work,
            capacity: usize::try_from(need.gathered).unwrap_or(usize::MAX),
            answered: 0,
        })
    }

    /// Adds a piece to the lines that were not done yet. Only a line that is longer than a chunk makes them outgrow their
    /// buffer, and they are never more than `expected`.
    pub(super) async fn gather(
        &mut self,
        mut unread: BytesMut,
        piece: &[u8],
        expected: u64,
    ) -> Result<BytesMut, ApiError> {
        let bytes = unread.len() + piece.len();
        if bytes > self.capacity {
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            let capacity = self.capacity.saturating_mul(2).min(expected).max(bytes);
            self.gathered.grow(capacity as u64).await?;
            self.gathered.fill(unread.len() as u64);
            self.capacity = capacity;
        }
        if unread.capacity() < bytes {
            // What was done leaves room at the front of the buffer; it is taken anew only where that does not suffice.
            unread.reserve(self.capacity - unread.len());
        }
        unread.extend_from_slice(piece);
        self.gathered.fill(piece.len() as u64);
        Ok(unread)
    }

    /// Promises what a large document takes beside the others, until it is done.
    pub(super) async fn begin_heavy(&mut self, need: u64) -> Result<(), ApiError> {
        self.work.grow(need).await
    }

    /// It is done, and counts with what the process holds.
    pub(super) fn end_heavy(&mut self, need: u64) {
        drop(self.work.split(need));
    }

    /// The answer is so long after `done` of `expected` bytes: what the rest will take is promised.
    pub(super) async fn answered(&mut self, bytes: u64, done: u64, expected: u64) -> Result<(), ApiError> {
        self.answer.fill(bytes.saturating_sub(self.answered));
        self.answered = bytes;
        let rest = rest_of_answer(bytes, done, expected);
        // A little is kept, so that no request waits for memory because its lines are not all alike.
        let kept = self.answer.bytes().min(rest + rest / 8);
        self.answer.adjust(rest.max(kept)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_outgrows_the_buffer_is_promised_before_it_is_kept() {
        let memory = Memory::bounded(1 << 40);
        let need = Need { gathered: 100, work: 10, answer: 10 };
        let mut budget = Budget::reserve(&memory, need, 0).await.expect("fits");
        let mut unread = BytesMut::new();
        for (expected, capacity) in
            [(1000, 100), (1000, 200), (1000, 400), (1000, 400), (350, 400), (430, 430)]
        {
            unread = budget.gather(unread, &[b'x'; 70], expected).await.expect("fits");
            assert_eq!(budget.capacity, capacity, "{} bytes", unread.len());
            assert!(unread.capacity() >= capacity, "{}", unread.capacity());
        }
        memory.look();

        let memory = Memory::bounded(memory.held() + (1 << 20));
        memory.look();
        let mut budget = Budget::reserve(&memory, need, 0).await.expect("fits");
        let error =
            budget.gather(BytesMut::new(), &vec![b'x'; 1 << 30], u64::MAX).await.expect_err("too long");
        assert_eq!(error.status, 429);
    }

    #[tokio::test]
    async fn an_answer_that_turns_out_longer_is_promised_before_more_is_done() {
        let memory = Memory::bounded(1 << 40);
        let need = Need { gathered: 100, work: 10, answer: 10 };
        let mut budget = Budget::reserve(&memory, need, 0).await.expect("fits");

        budget.answered(8, 100, 300).await.expect("fits");
        assert_eq!(budget.answer.bytes(), 16);
        budget.answered(108, 200, 300).await.expect("fits");
        assert_eq!(budget.answer.bytes(), 54);
        budget.answered(118, 250, 300).await.expect("fits");
        assert_eq!(budget.answer.bytes(), 23 + 2, "a little more than it seems to need");
        budget.answered(110, 300, 300).await.expect("fits");
        assert_eq!(budget.answer.bytes(), 0);
    }
}
