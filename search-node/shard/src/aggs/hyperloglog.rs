//! Counting distinct values: exactly while they are few, else by HyperLogLog.
//!
//! After Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007), with
//! linear counting for the low range. 2^14 registers err by about 0.8 %.

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

const INDEX_BITS: u32 = 14;
const REGISTERS: usize = 1 << INDEX_BITS;

/// A set of 64-bit hashes that knows about how many it holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum DistinctCounter {
    Exact { hashes: HashSet<u64>, most: usize },
    Estimated(Vec<u8>),
}

impl DistinctCounter {
    /// Exact up to `most` values.
    pub(super) fn new(most: usize) -> Self {
        DistinctCounter::Exact { hashes: HashSet::new(), most }
    }

    pub(super) fn add(&mut self, hash: u64) {
        match self {
            DistinctCounter::Exact { hashes, most } => {
                hashes.insert(hash);
                if hashes.len() > *most {
                    *self = DistinctCounter::Estimated(registers_of(hashes));
                }
            }
            DistinctCounter::Estimated(registers) => note(registers, hash),
        }
    }

    /// Bytes that its values take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            DistinctCounter::Exact { hashes, .. } => hashes.allocation_size(),
            DistinctCounter::Estimated(registers) => registers.len(),
        }
    }

    pub(super) fn merge(&mut self, other: DistinctCounter) {
        match other {
            DistinctCounter::Exact { hashes, .. } => hashes.into_iter().for_each(|hash| self.add(hash)),
            DistinctCounter::Estimated(theirs) => {
                if let DistinctCounter::Exact { hashes, .. } = self {
                    *self = DistinctCounter::Estimated(registers_of(hashes));
                }
                if let DistinctCounter::Estimated(registers) = self {
                    for (mine, theirs) in registers.iter_mut().zip(theirs) {
                        *mine = theirs.max(*mine);
                    }
                }
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            DistinctCounter::Exact { hashes, .. } => hashes.len() as u64,
            DistinctCounter::Estimated(registers) => estimate(registers),
        }
    }
}

fn registers_of(hashes: &HashSet<u64>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    for hash in hashes {
        note(&mut registers, *hash);
    }
    registers
}

fn note(registers: &mut [u8], hash: u64) {
    let index = (hash >> (64 - INDEX_BITS)) as usize;
    let rank = ((hash << INDEX_BITS) | (1 << (INDEX_BITS - 1))).leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
}

fn estimate(registers: &[u8]) -> u64 {
    let count = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|rank| 0.5f64.powi(i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
    let zeros = registers.iter().filter(|rank| **rank == 0).count();
    if raw <= 2.5 * count && zeros > 0 {
        return (count * (count / zeros as f64).ln()).round() as u64;
    }
    raw.round() as u64
}

/// Spreads a key over 64 bits (the finalizer of SplitMix64).
pub(super) fn spread(key: u64) -> u64 {
    let mut hash = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Spreads a text over 64 bits.
pub(super) fn spread_bytes(bytes: &[u8]) -> u64 {
    let mut hash = spread(bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = spread(hash ^ u64::from_le_bytes(word));
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_exactly_and_many_nearly() {
        for (values, tolerance) in [(10u64, 0.0), (3000, 0.0), (50_000, 0.03), (1_000_000, 0.03)] {
            let mut counter = DistinctCounter::new(3000);
            for value in 0..values {
                counter.add(spread(value));
                counter.add(spread(value));
            }
            let error = (counter.count() as f64 - values as f64).abs() / values as f64;
            assert!(error <= tolerance, "{values} counted as {}", counter.count());
        }
    }

    #[test]
    fn merging_counts_the_union_in_either_order() {
        let of = |range: std::ops::Range<u64>| {
            let mut counter = DistinctCounter::new(100);
            range.for_each(|value| counter.add(spread(value)));
            counter
        };
        let (mut few, mut many) = (of(0..50), of(25..5_000));
        few.merge(of(25..5_000));
        many.merge(of(0..50));

        assert_eq!(few.count(), many.count());
        assert!((4_800..5_200).contains(&few.count()), "{}", few.count());
    }
}
