//! How sources are packed in segments.

use tantivy::store::{Compressor, ZstdCompressor};

/// How much work goes into making sources small (`index.codec`). It counts for segments that are written from now on; merges take
/// packed blocks as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// `default`: packed fast, and one document is read fast.
    #[default]
    Default,
    /// `best_compression`: a fifth less for sources of logs, at several times the work, and whoever reads one document unpacks four
    /// times as much.
    BestCompression,
}

impl Codec {
    pub(super) fn compressor(self) -> Compressor {
        let level = match self {
            Self::Default => 1,
            Self::BestCompression => 6,
        };
        Compressor::Zstd(ZstdCompressor { compression_level: Some(level) })
    }

    /// Sources that are packed together.
    pub(super) fn block_bytes(self) -> usize {
        match self {
            Self::Default => 32 << 10,
            Self::BestCompression => 128 << 10,
        }
    }
}
