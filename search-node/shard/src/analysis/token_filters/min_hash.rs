//! `min_hash`: of all tokens' hashes the least ones, as tokens; texts that share many of them are alike.
//!
//! A token has `hash_count` hashes, each of which falls into one of `bucket_count` ranges, in which the `hash_set_size` least are
//! kept. The numbers are Lucene's, and so are the letters that stand for them: sixteen bits each.

use std::collections::{BTreeMap, BTreeSet};

use super::{InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

const KIND: &str = "MIN_HASH";

/// The most tokens that a text may become: that many, and each text would be larger than any that is indexed.
const TOKENS_MAX: usize = 1 << 20;

/// The most hashes of one token: each is made for every token of a text.
const HASHES_MAX: usize = 1_024;

#[derive(Debug)]
pub(super) struct MinHash {
    hashes: usize,
    buckets: usize,
    of_a_bucket: usize,
    /// Whether a bucket that nothing fell into has the least hash of the next one that has any.
    fills_empty: bool,
}

/// A hash of 128 bits, the part that decides first.
type Hash = (u64, u64);

/// The least hashes of each bucket that has some.
type Least = BTreeMap<usize, BTreeSet<Hash>>;

impl MinHash {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let hashes = params.count("hash_count", 1, 1)?;
        let buckets = params.count("bucket_count", 512, 1)?;
        let of_a_bucket = params.count("hash_set_size", 1, 1)?;
        if hashes > HASHES_MAX {
            return Err(AnalysisError::argument(format!(
                "[hash_count] of [{}] must be at most [{HASHES_MAX}], but was [{hashes}]",
                params.name
            )));
        }
        let tokens = hashes.saturating_mul(buckets).saturating_mul(of_a_bucket);
        if tokens > TOKENS_MAX {
            return Err(AnalysisError::argument(format!(
                "[hash_count] times [bucket_count] times [hash_set_size] of [{}] must be at most [{TOKENS_MAX}], but was [{tokens}]",
                params.name
            )));
        }
        let fills_empty = params.flag("with_rotation", buckets > 1)? && of_a_bucket == 1;
        Ok(Self { hashes, buckets, of_a_bucket, fills_empty })
    }

    /// The least hashes of a text, for each of its hashes, and where its last token ends.
    fn least(&self, tokens: Tokens<'_>) -> (Vec<Least>, usize) {
        // The range of a bucket, rounded up: some of the last buckets may have none.
        let width = (1_u64 << 32).div_ceil(self.buckets as u64);
        let mut least = vec![Least::new(); self.hashes];
        let mut end = 0;
        for token in tokens {
            end = token.end;
            let units: Vec<u8> = token.text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let hash = murmur3(&units);
            for (number, least) in least.iter_mut().enumerate() {
                let hash = combined(hash, murmur3(&(number as u32).to_be_bytes()));
                let kept = least.entry(((hash.0 >> 32) / width) as usize).or_default();
                kept.insert(hash);
                if kept.len() > self.of_a_bucket {
                    kept.pop_last();
                }
            }
        }
        (least, end)
    }

    /// The hashes of a bucket in order.
    fn of_bucket(&self, least: &Least, bucket: usize) -> Vec<Hash> {
        match least.get(&bucket) {
            Some(hashes) => hashes.iter().copied().collect(),
            None if self.fills_empty => {
                let next = least.range(bucket..).next().or_else(|| least.first_key_value());
                next.and_then(|(_, hashes)| hashes.first()).into_iter().copied().collect()
            }
            None => Vec::new(),
        }
    }

    fn text(&self, number: usize, (high, low): Hash) -> String {
        let parts = |hash: u64| [48, 32, 16, 0].map(|shift| (hash >> shift) as u16);
        let mut units = Vec::with_capacity(8);
        if self.hashes > 1 {
            units.extend([(number >> 16) as u16, number as u16]);
        }
        units.extend(parts(high));
        units.extend(parts(low));
        // The number of the hash takes the place of the last two.
        units.truncate(8);
        String::from_utf16_lossy(&units)
    }
}

impl TokenFilter for MinHash {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut tokens = Some(tokens);
        let least = std::iter::from_fn(move || Some(self.least(tokens.take()?)));
        let mut is_first = true;
        Box::new(least.flat_map(move |(least, end)| {
            let texts = least.into_iter().enumerate().flat_map(move |(number, least)| {
                (0..self.buckets).flat_map(move |bucket| {
                    self.of_bucket(&least, bucket).into_iter().map(move |hash| self.text(number, hash))
                })
            });
            texts.map(move |text| {
                let mut token = Token::new(text, 0, end, KIND);
                token.increment = u32::from(std::mem::take(&mut is_first));
                token
            })
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}

fn combined(first: Hash, second: Hash) -> Hash {
    let one = |first: u64, second: u64| first.wrapping_mul(37).wrapping_add(second);
    (one(first.0, second.0), one(first.1, second.1))
}

/// Murmur3 of 128 bits for machines of 64, with seed 0: its second half and its first.
fn murmur3(bytes: &[u8]) -> Hash {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let mixed_1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mixed_2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        let (k1, k2) = halves(block);
        h1 ^= mixed_1(k1);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mixed_2(k2);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (k1, k2) = halves(blocks.remainder());
    h1 ^= mixed_1(k1) ^ bytes.len() as u64;
    h2 ^= mixed_2(k2) ^ bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2) = (finished(h1), finished(h2));
    h1 = h1.wrapping_add(h2);
    (h2.wrapping_add(h1), h1)
}

/// Up to sixteen bytes as two numbers, what is missing as zeros.
fn halves(bytes: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        let eight = bytes.iter().skip(at).take(8);
        eight.rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    (number(0), number(8))
}

fn finished(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of the hash's own reference program.
    #[test]
    fn the_hash_is_the_known_one() {
        for (bytes, first, second) in [
            (&b""[..], 0, 0),
            (b"hello", 0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19),
            (b"hello, world", 0x342f_ac62_3a5e_bc8e, 0x4cdc_bc07_9642_414d),
            (b"The quick brown fox jumps over the lazy dog.", 0xcd99_481f_9ee9_02c9, 0x695d_a1a3_8987_b6e7),
        ] {
            assert_eq!(murmur3(bytes), (second, first), "{bytes:?}");
        }
    }
}
