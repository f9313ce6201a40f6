//! The cache of queries: its walks and what it remembers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::analysis::Analysis;
use crate::mapping::parse_mapping;

fn kept(documents: &BTreeSet<DocId>, as_bits: bool) -> Arc<Matches> {
    let set = match as_bits {
        true => {
            let mut words = vec![0_u64; 20];
            documents.iter().for_each(|id| words[(id / u64::BITS) as usize] |= 1 << (id % u64::BITS));
            Set::Bits(words)
        }
        false => Set::Sorted(documents.iter().copied().collect()),
    };
    let cache = QueryCache::new(QueryCacheOptions { bytes_max: 1 << 20, all_segments: true });
    let charge = cache.of_shard().of_segment().kept.charge();
    let mapping = Arc::new(parse_mapping(&serde_json::json!({})).expect("a mapping"));
    let layout = Layout::of_columns(mapping, Analysis::plain());
    let count = documents.len() as u32;
    Arc::new(Matches { set, count, _under: Under(Arc::new(layout)), _charge: charge })
}

/// What a walk is asked to do next.
#[derive(Debug, Clone)]
enum Step {
    Advance,
    Seek(DocId),
    Fill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Advance), (0..1_300_u32).prop_map(Step::Seek), Just(Step::Fill)]
}

proptest! {
    #[test]
    fn a_walk_meets_each_document_in_order(
        documents in proptest::collection::btree_set(0..1_280_u32, 0..400),
        steps in proptest::collection::vec(step(), 0..40),
        as_bits in any::<bool>(),
    ) {
        let mut walk = kept(&documents, as_bits).documents();
        let mut from = 0;
        for step in steps {
            let expected = documents.range(from..).next().copied().unwrap_or(TERMINATED);
            prop_assert_eq!(walk.doc(), expected);
            match step {
                Step::Advance => {
                    walk.advance();
                    from = expected.saturating_add(1);
                }
                Step::Seek(target) => {
                    // Whoever seeks goes forward.
                    from = target.max(expected);
                    walk.seek(from);
                }
                Step::Fill => {
                    let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
                    let filled = walk.fill_buffer(&mut block);
                    let wanted: Vec<_> = documents.range(from..).take(block.len()).copied().collect();
                    prop_assert_eq!(&block[..filled], wanted.as_slice());
                    from = wanted.last().map_or(TERMINATED, |last| last + 1);
                }
            }
        }
    }
}

#[test]
fn a_filter_counts_while_it_is_among_the_last() {
    let cache = QueryCache::new(QueryCacheOptions { bytes_max: 1 << 20, all_segments: false }).of_shard();
    assert_eq!((cache.note("a"), cache.note("a"), cache.note("b")), (1, 2, 1));
    for other in 0..REMEMBERED {
        cache.note(&other.to_string());
    }
    assert_eq!(cache.note("a"), 1);
}
