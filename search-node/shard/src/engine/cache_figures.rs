//! What a cache did, and what it holds.

use serde::{Deserialize, Serialize};

/// Those of a cache of one shard, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheFigures {
    /// Bytes that it holds.
    pub bytes: u64,
    /// How often something was there.
    pub hits: u64,
    /// How often something was not that could have been.
    pub misses: u64,
    /// How many things are there now, and were ever there, as far as that is counted.
    pub entries: u64,
    pub made: u64,
    /// How often one had to go for another, or as its time was up.
    pub evictions: u64,
}

impl CacheFigures {
    /// Those of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            entries: self.entries + other.entries,
            made: self.made + other.made,
            evictions: self.evictions + other.evictions,
        }
    }
}
