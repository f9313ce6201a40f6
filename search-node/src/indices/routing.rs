//! Which shard a document belongs to: murmur3 of its routing value, the same as Elasticsearch's.

/// The shard of a routing value among `shards`.
pub(super) fn shard_of(routing: &str, shards: usize) -> usize {
    let hash = murmur3(routing);
    usize::try_from(hash.rem_euclid(i32::try_from(shards.max(1)).unwrap_or(i32::MAX))).unwrap_or(0)
}

/// MurmurHash3 x86 32-bit with seed 0 over the UTF-16 units, low byte first (the algorithm is in the public domain).
fn murmur3(text: &str) -> i32 {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut hash: u32 = 0;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ scramble(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = chunks.remainder().iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    if !chunks.remainder().is_empty() {
        hash ^= scramble(tail);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Elasticsearch's own test of its hash function fixes.
    #[test]
    fn the_hash_is_elasticsearchs() {
        for (text, hash) in [
            ("hell", 0x5a0c_b7c3u32),
            ("hello", 0xd7c3_1989),
            ("hello w", 0x22ab_2984),
            ("hello wo", 0xdf0c_a123),
            ("hello wor", 0xe774_4d61),
            ("The quick brown fox jumps over the lazy dog", 0xe07d_b09c),
        ] {
            assert_eq!(murmur3(text) as u32, hash, "{text}");
        }
    }
}
