//! Buffers: how much memory the open segments of all shards of a node take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory of open segments, counted over all shards that share it.
#[derive(Debug, Default)]
pub struct Buffers {
    bytes: AtomicUsize,
}

impl Buffers {
    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// What one open segment holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    buffers: Arc<Buffers>,
    bytes: usize,
}

impl Held {
    pub(super) fn new(buffers: &Arc<Buffers>) -> Self {
        Self { buffers: Arc::clone(buffers), bytes: 0 }
    }

    pub(super) fn set(&mut self, bytes: usize) {
        self.buffers.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.buffers.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}
