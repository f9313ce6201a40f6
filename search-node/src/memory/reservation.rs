//! A reservation: what a request has promised to take at most, until it has taken it or ends.

use super::Memory;
use super::admission::{Precedence, Standing};
use crate::error::ApiError;

/// Memory that is promised to a request and not filled yet; taken back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    memory: Memory,
    bytes: u64,
    what: &'static str,
    /// Kept until the request ends.
    precedence: Option<Precedence>,
}

impl Memory {
    /// Promises memory to a request, which waits for it if it must, or is refused.
    pub(crate) async fn reserve(&self, bytes: u64, what: &'static str) -> Result<Reservation, ApiError> {
        self.take_or_wait(bytes, 0, &mut None, what).await?;
        Ok(Reservation { memory: self.clone(), bytes, what, precedence: None })
    }

    /// Nothing yet, for a request that will ask for more.
    pub(crate) fn reserve_nothing(&self, what: &'static str) -> Reservation {
        Reservation { memory: self.clone(), bytes: 0, what, precedence: None }
    }

    /// The same on a thread that others need: it is refused rather than made to wait.
    pub(crate) fn reserve_now(&self, bytes: u64, what: &'static str) -> Result<Reservation, ApiError> {
        self.take_now(bytes, 0, what)?;
        Ok(Reservation { memory: self.clone(), bytes, what, precedence: None })
    }
}

impl Reservation {
    /// What is promised and not filled.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Promises more to the same request.
    pub(crate) async fn grow(&mut self, bytes: u64) -> Result<(), ApiError> {
        // One that holds nothing here may hold something elsewhere: it was begun, and goes past those who were not.
        self.memory.take_or_wait(bytes, self.bytes.max(1), &mut self.precedence, self.what).await?;
        self.bytes += bytes;
        Ok(())
    }

    /// Promises more to a small request, if there is room at once.
    pub(crate) fn grow_if_free(&mut self, bytes: u64) -> bool {
        let is_free = self.memory.take(bytes, Standing::Small).is_ok();
        self.bytes += if is_free { bytes } else { 0 };
        is_free
    }

    /// The same on a thread that others need; `taken` is what the request has taken so far, filled or not.
    pub(crate) fn grow_now(&mut self, bytes: u64, taken: u64) -> Result<(), ApiError> {
        self.memory.take_now(bytes, taken, self.what)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Makes this what is promised from now on, more or less than before.
    pub(crate) async fn adjust(&mut self, bytes: u64) -> Result<(), ApiError> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes).await;
        }
        self.memory.release(self.bytes - bytes);
        self.bytes = bytes;
        Ok(())
    }

    /// A part of what was promised, to be filled by itself.
    pub(crate) fn split(&mut self, bytes: u64) -> Reservation {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Reservation { memory: self.memory.clone(), bytes, what: self.what, precedence: None }
    }

    /// Makes one of two of the same request.
    pub(crate) fn join(&mut self, mut other: Reservation) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.precedence = self.precedence.take().or_else(|| other.precedence.take());
    }

    /// Some of what was promised is in memory now: it counts with what the process holds, whoever keeps it.
    pub(crate) fn fill(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.fill(bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.release(self.bytes);
    }
}
