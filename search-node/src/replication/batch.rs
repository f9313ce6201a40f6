//! What one request writes in one shard: each operation is admitted before it is numbered, and all are registered and sent together.

use std::sync::Arc;

use shard::{WriteRequest, Written};

use super::leading::Leading;

/// What was written together in one shard, to be sent to other copies.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    seq_nos: Vec<i64>,
    /// How many of them have been registered.
    registered: usize,
    /// Those that have not been registered, as a message has them; what was written before there was another copy is not there.
    bytes: Vec<u8>,
    count: u32,
}

/// What of a batch has not been registered.
pub(super) struct Waiting {
    pub(super) seq_nos: Arc<[i64]>,
    /// As a message has them, so many.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
}

/// An operation that may be numbered. Dropped, it got no number.
pub(crate) struct Admitted(Option<Arc<Leading>>);

impl Admitted {
    pub(super) fn to(leading: &Arc<Leading>) -> Self {
        Self(Some(Arc::clone(leading)))
    }

    /// It has a number, and will be registered.
    fn numbered(mut self) -> Arc<Leading> {
        match self.0.take() {
            Some(leading) => leading,
            None => unreachable!("it is taken once, by value"),
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(leading) = self.0.take() {
            leading.withdraw();
        }
    }
}

impl Batch {
    /// Takes a write that was done.
    pub(crate) fn push(&mut self, admitted: Admitted, request: &WriteRequest<'_>, written: &Written) {
        let leading = admitted.numbered();
        self.seq_nos.push(written.seq_no as i64);
        // What cannot be encoded could not be written either.
        if leading.has_others() && request.encode(written, &mut self.bytes).is_ok() {
            self.count += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seq_nos.is_empty()
    }

    pub(super) fn seq_nos(&self) -> &[i64] {
        &self.seq_nos
    }

    /// The number of what was written last.
    pub(super) fn newest(&self) -> Option<i64> {
        self.seq_nos.last().copied()
    }

    /// Everything that waits to be registered, which it is from now on.
    pub(super) fn take_waiting(&mut self) -> Waiting {
        let seq_nos = self.seq_nos[self.registered..].into();
        self.registered = self.seq_nos.len();
        Waiting { seq_nos, bytes: std::mem::take(&mut self.bytes), count: std::mem::take(&mut self.count) }
    }

    /// Whether there is something that has not been registered.
    pub(crate) fn is_waiting(&self) -> bool {
        self.registered < self.seq_nos.len()
    }
}
