//! Charges: the bytes that values take of the bound on field data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Fielddata;

/// There is no room for what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// What would be held with it.
    pub(crate) wanted: usize,
    /// What may be held.
    pub(crate) limit: usize,
}

/// The bytes that a value takes, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    of: Arc<Fielddata>,
    of_segment: Arc<AtomicUsize>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(of: &Arc<Fielddata>, of_segment: &Arc<AtomicUsize>) -> Self {
        Self { of: Arc::clone(of), of_segment: Arc::clone(of_segment), bytes: 0 }
    }

    /// What is charged.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Charges so many bytes instead of those before, which must fit.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let limit = self.of.bytes_max;
        loop {
            let Err(held) = self.change_within(bytes, limit) else { return Ok(()) };
            // What never fits takes nothing from others. They may take what becomes free for this one, and then there may be more to go.
            if bytes > limit || !self.of.evict_to(limit.saturating_sub(bytes).saturating_add(self.bytes)) {
                let wanted = held.saturating_sub(self.bytes).saturating_add(bytes);
                return Err(NoRoom { wanted, limit });
            }
        }
    }

    /// The same for little that cannot be done without; others go for it if they can.
    pub(crate) fn set_in_any_case(&mut self, bytes: usize) {
        if self.set(bytes).is_err() {
            self.of.evict_to(self.of.bytes_max.saturating_sub(bytes).saturating_add(self.bytes));
            // What is less than everything is within it.
            let _ = self.change_within(bytes, usize::MAX);
        }
    }

    /// Looks whether it fits and takes it in one step, so that no two can take the same room; else what is held. Less than before always
    /// fits.
    fn change_within(&mut self, bytes: usize, limit: usize) -> Result<(), usize> {
        let own = self.bytes;
        let next = |held: usize| {
            let next = held.saturating_sub(own).saturating_add(bytes);
            (next <= limit || bytes <= own).then_some(next)
        };
        self.of.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)?;
        self.of_segment.fetch_add(bytes, Ordering::Relaxed);
        self.of_segment.fetch_sub(own, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // Giving back always fits.
        let _ = self.change_within(0, usize::MAX);
    }
}
