//! Buffers: how much memory open segments take, those of one shard and those of all shards of a node together.
//!
//! Both are plain counters: who asks never waits for who writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory of open segments, counted over all that share it.
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

impl Buffers {
    fn replace(&self, before: usize, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
    }
}

/// What one open segment holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    node: Arc<Buffers>,
    /// None once nobody fills the segment any more: no refresh frees it sooner then.
    shard: Option<Arc<Buffers>>,
    bytes: usize,
}

impl Held {
    pub(super) fn new(node: &Arc<Buffers>, shard: &Arc<Buffers>) -> Self {
        Self { node: Arc::clone(node), shard: Some(Arc::clone(shard)), bytes: 0 }
    }

    pub(super) fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        for buffers in std::iter::once(&self.node).chain(&self.shard) {
            buffers.replace(before, bytes);
        }
    }

    /// The segment was taken away from its shard, to be written out or dropped.
    pub(super) fn leave_shard(&mut self) {
        if let Some(shard) = self.shard.take() {
            shard.replace(self.bytes, 0);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}
