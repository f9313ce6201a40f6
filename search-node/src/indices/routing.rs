//! Which shard a document belongs to: murmur3 of its routing value, the same as Elasticsearch's.

/// The shards of an index, and the places among which routing values are spread.
///
/// There may be several places to a shard (`index.number_of_routing_shards`), so that an index which is split moves whole
/// places and no single document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    shards: usize,
    places: usize,
}

/// More places are made only where that takes one doubling.
const PLACES_USUAL: usize = 1024;

impl Routing {
    /// `places` is a multiple of `shards`.
    pub(crate) fn new(shards: usize, places: usize) -> Self {
        Self { shards: shards.max(1), places: places.max(shards).max(1) }
    }

    /// The places of a new index where nothing is said: as many as it may be split into by doubling its shards, at least once,
    /// as in Elasticsearch since version 7.
    pub(super) fn usual_places(shards: usize) -> usize {
        let mut places = shards.max(1) * 2;
        while places * 2 <= PLACES_USUAL {
            places *= 2;
        }
        places
    }

    pub(crate) fn places(self) -> usize {
        self.places
    }

    pub(crate) fn shards(self) -> usize {
        self.shards
    }

    /// The shard of a routing value.
    pub(crate) fn shard_of(self, routing: &str) -> usize {
        if self.shards == 1 {
            return 0;
        }
        let place = i64::from(murmur3(routing)).rem_euclid(i64::try_from(self.places).unwrap_or(i64::MAX));
        usize::try_from(place).unwrap_or(0) / (self.places / self.shards)
    }
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

    /// As OpenSearch answers `_search_shards?routing=`.
    #[test]
    fn places_are_those_of_elasticsearch() {
        let values: Vec<String> =
            (0..20).map(|n| n.to_string()).chain(["hello".to_owned(), "world".to_owned()]).collect();
        for (shards, places, expected) in [
            (3, 6, "0211111021212120221102"),
            (3, 9, "1122121210212000120111"),
            (5, 20, "0013124411241321410003"),
            (2, 1024, "1000100010001111010001"),
            (3, 1023, "0120220211001000102122"),
            (1, 1024, "0000000000000000000000"),
        ] {
            let routing = Routing::new(shards, places);

            let found: String = values.iter().map(|value| routing.shard_of(value).to_string()).collect();

            assert_eq!(found, expected, "{shards} of {places}");
        }
    }

    /// By Elasticsearch's rule: 2^(10 - ⌈log2 of the shards⌉) to a shard, and two at least.
    #[test]
    fn so_many_places_are_usual() {
        for (shards, places) in [
            (1, 1024),
            (2, 1024),
            (3, 768),
            (5, 640),
            (8, 1024),
            (100, 800),
            (512, 1024),
            (600, 1200),
            (1024, 2048),
        ] {
            assert_eq!(Routing::usual_places(shards), places, "{shards} shards");
        }
    }

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
