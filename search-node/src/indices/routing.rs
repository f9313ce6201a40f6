//! Which shard a document belongs to: murmur3 of its routing value, the same as Elasticsearch's.

use shard::mapping::{FieldKind, Mapping};

use crate::error::ApiError;

/// The shards of an index, and the places among which routing values are spread.
///
/// There may be several places to a shard (`index.number_of_routing_shards`), so that an index which is split moves whole
/// places and no single document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    shards: usize,
    places: usize,
    /// Over how many neighbouring places documents of one routing value are spread (`index.routing_partition_size`).
    spread: usize,
}

/// More places are made only where that takes one doubling.
const PLACES_USUAL: usize = 1024;

impl Routing {
    /// `places` is a multiple of `shards`.
    pub(crate) fn new(shards: usize, places: usize) -> Self {
        Self { shards: shards.max(1), places: places.max(shards).max(1), spread: 1 }
    }

    /// The same with documents of one routing value spread over so many places.
    pub(crate) fn spread_over(self, spread: usize) -> Self {
        Self { spread: spread.max(1), ..self }
    }

    pub(crate) fn spread(self) -> usize {
        self.spread
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

    /// The shard of a document: by its routing value, or by its id if it has none.
    pub(crate) fn shard_of(self, id: &str, routing: Option<&str>) -> usize {
        if self.shards == 1 {
            return 0;
        }
        // By its id a document has one of the places of its routing value.
        let offset = if self.spread == 1 { 0 } else { i64::from(murmur3(id)).rem_euclid(self.spread as i64) };
        self.shard_at(murmur3(routing.unwrap_or(id)), offset)
    }

    /// Whether documents with a routing value may be in a shard.
    pub(crate) fn leads_to(self, routing: &str, shard: usize) -> bool {
        let hash = murmur3(routing);
        (0..self.spread).any(|offset| self.shard_at(hash, offset as i64) == shard)
    }

    fn shard_at(self, hash: i32, offset: i64) -> usize {
        // Java adds them as numbers of 32 bits, which may go over.
        let place = i64::from(hash.wrapping_add(offset as i32)).rem_euclid(self.places as i64);
        place as usize / (self.places / self.shards)
    }

    /// Refuses to spread values over as many places as there are: routing would lead nowhere.
    pub(super) fn check(self, index: &str) -> Result<(), ApiError> {
        if self.spread == 1 || self.spread < self.places {
            return Ok(());
        }
        Err(ApiError::argument(format!(
            "routing partition size [{}] should be a positive number less than the number of shards [{}] for [{index}]",
            self.spread, self.places
        )))
    }

    /// Refuses a mapping under which documents could not be spread: by its id alone one is not found, and parents and children must
    /// be together.
    pub(super) fn check_mapping(self, index: &str, mapping: &Mapping) -> Result<(), ApiError> {
        if self.spread == 1 || *mapping == Mapping::default() {
            return Ok(());
        }
        let leaves = mapping.leaves();
        if let Some(join) = leaves.iter().find(|leaf| matches!(leaf.field.kind, FieldKind::Join(_))) {
            return Err(ApiError::new(
                400,
                "mapper_parsing_exception",
                format!("cannot create join field [{}] for the partitioned index [{index}]", join.path),
            ));
        }
        if mapping.requires_routing() {
            return Ok(());
        }
        Err(ApiError::argument(format!(
            "mapping type [_doc] must have routing required for partitioned index [{index}]"
        )))
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

            let found: String =
                values.iter().map(|value| routing.shard_of(value, None).to_string()).collect();

            assert_eq!(found, expected, "{shards} of {places}");
        }
    }

    /// As OpenSearch has placed documents `0hello`, `0user1`, `1hello`… with the routing `hello` and `user1`.
    #[test]
    fn documents_of_one_value_are_spread_as_elasticsearch_spreads_them() {
        for (shards, places, spread, expected) in [
            (5, 5, 3, "23131433331233333332"),
            (4, 16, 7, "20232323233033332320"),
            (3, 6, 4, "02101220202210101212"),
        ] {
            let routing = Routing::new(shards, places).spread_over(spread);
            let ids = (0..10).flat_map(|n| ["hello", "user1"].map(|value| (format!("{n}{value}"), value)));

            let found: Vec<usize> =
                ids.clone().map(|(id, value)| routing.shard_of(&id, Some(value))).collect();

            let shown: String = found.iter().map(usize::to_string).collect();
            assert_eq!(shown, expected, "{spread} of {places}");
            let are_led_to = ids.zip(found).all(|((_, value), shard)| routing.leads_to(value, shard));
            assert!(are_led_to, "{spread} of {places}");
        }
        // As OpenSearch answers `_search_shards?routing=`.
        let led_to = |routing: Routing, value: &str| {
            (0..routing.shards()).filter(|shard| routing.leads_to(value, *shard)).collect::<Vec<_>>()
        };
        let five = Routing::new(5, 5).spread_over(3);
        assert_eq!(
            ["a", "hello", "user1"].map(|value| led_to(five, value)),
            [[0, 1, 4], [1, 2, 3], [2, 3, 4]]
        );
        let three = Routing::new(3, 6).spread_over(4);
        assert_eq!(led_to(three, "a"), [1, 2]);
        assert_eq!(led_to(three, "user1"), [0, 2]);
    }

    #[test]
    fn values_are_spread_over_some_places_of_an_index_that_asks_for_routing() {
        assert!(Routing::new(5, 5).spread_over(4).check("i").is_ok());
        let refused = Routing::new(5, 5).spread_over(5).check("i").expect_err("all places");
        assert_eq!(
            refused.reason,
            "routing partition size [5] should be a positive number less than the number of shards [5] for [i]"
        );
        let mapping = |body| shard::mapping::parse_mapping(&body).expect("valid");
        let spread = Routing::new(4, 16).spread_over(2);
        let check = |body| spread.check_mapping("i", &mapping(body)).map_err(|error| error.reason);
        let required = serde_json::json!({"required": true});
        assert_eq!(check(serde_json::json!({})), Ok(()));
        assert_eq!(check(serde_json::json!({"_routing": required})), Ok(()));
        assert_eq!(
            check(serde_json::json!({"properties": {"a": {"type": "long"}}})),
            Err("mapping type [_doc] must have routing required for partitioned index [i]".to_owned())
        );
        assert_eq!(
            check(
                serde_json::json!({"_routing": required, "properties": {"j": {"type": "join", "relations": {"a": "b"}}}})
            ),
            Err("cannot create join field [j] for the partitioned index [i]".to_owned())
        );
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
