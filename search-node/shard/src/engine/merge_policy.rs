//! Which segments to merge: a decision over sizes, without I/O.
//!
//! Segments stand in the order of time, and only neighbours are merged, so that each segment keeps to its span of time: a
//! search for the newest hits can pass over the older ones. Sizes form levels, each `factor` times the one below; once a
//! row of neighbours up to a level makes a segment of a higher one, the row becomes one. So a document is written once for
//! each level at most, and the list has less than `factor` segments of each.

use std::ops::Range;
use std::time::Duration;

use super::segments::SegmentSize;

/// Bounds of merging; settings of the index (`index.merge.*`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergeOptions {
    /// How many segments of one level make one of the next; at least 2 (`policy.segments_per_tier`).
    pub factor: u32,
    /// Segments up to this many documents are all of the lowest level; at least 1 (`policy.min_merge_docs`).
    pub floor_documents: u32,
    /// The most segments that one merge takes at once, not less than `factor`; each costs open files and buffers
    /// (`policy.max_merge_at_once`).
    pub inputs_max: usize,
    /// Segments with more documents than half of this are not merged with others any more (`policy.max_merge_docs`).
    pub documents_max: u32,
    /// The share of deleted documents from which a segment is written anew by itself (`policy.deletes_pct_allowed`).
    pub deletes_max: f64,
    /// The share of deleted documents that a merge of deletes leaves in a segment (`policy.expunge_deletes_allowed`).
    pub deletes_left: f64,
    /// How many merges of a shard may run or wait before writers wait for them (`scheduler.max_merge_count`).
    pub merges_max: usize,
    /// How long a write waits for merges at most, once for each refresh (`scheduler.throttle_timeout`).
    pub throttle_max: Duration,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self {
            factor: 8,
            floor_documents: 250,
            inputs_max: 32,
            documents_max: 20_000_000,
            deletes_max: 0.33,
            deletes_left: 0.1,
            merges_max: 6,
            throttle_max: Duration::from_secs(5),
        }
    }
}

/// What a forced merge is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForceMerge {
    /// What the policy asks for, done when the call returns.
    Due,
    /// No more than so many segments, and nothing deleted in them.
    Segments(usize),
    /// No segment with more deleted documents than `deletes_left`.
    Deletes,
}

/// The rows of neighbours to merge now; none of them overlap.
pub(super) fn plan(segments: &[SegmentSize], options: &MergeOptions) -> Vec<Range<usize>> {
    let mut taken = vec![false; segments.len()];
    let mut plans = Vec::new();
    for level in 0..=level_of(options.documents_max, options) {
        let is_open = |at: usize, taken: &[bool]| {
            let size = &segments[at];
            size.is_free()
                && !taken[at]
                && level_of(size.documents, options) <= level
                && size.documents <= options.documents_max / 2
        };
        let mut start = 0;
        while start < segments.len() {
            if !is_open(start, &taken) {
                start += 1;
                continue;
            }
            let mut end = start;
            let mut documents = 0u64;
            while end < segments.len()
                && is_open(end, &taken)
                && end - start < options.inputs_max
                && documents + u64::from(segments[end].documents) <= u64::from(options.documents_max)
            {
                documents += u64::from(segments[end].documents);
                end += 1;
            }
            if is_worth_it(end - start, documents, level, options) {
                taken[start..end].fill(true);
                plans.push(start..end);
            }
            start = end.max(start + 1);
        }
    }
    for (at, size) in segments.iter().enumerate() {
        if !taken[at] && size.is_free() && size.has_more_deletes(options.deletes_max) {
            plans.push(at..at + 1);
        }
    }
    plans
}

/// The row of neighbours to merge next for what is asked. None if that is reached.
pub(super) fn force(
    segments: &[SegmentSize],
    wish: ForceMerge,
    options: &MergeOptions,
) -> Option<Range<usize>> {
    match wish {
        ForceMerge::Due => plan(segments, options).into_iter().next(),
        ForceMerge::Segments(count_max) => shorten(segments, count_max, options.inputs_max),
        ForceMerge::Deletes => {
            segments.iter().position(|size| size.has_more_deletes(options.deletes_left)).map(|at| at..at + 1)
        }
    }
}

/// The row with the fewest documents of those that bring the list to `count_max` segments, or a part of the way there.
fn shorten(segments: &[SegmentSize], count_max: usize, inputs_max: usize) -> Option<Range<usize>> {
    let surplus = segments.len().saturating_sub(count_max.max(1));
    if surplus == 0 {
        return segments.iter().position(|size| size.deleted > 0).map(|at| at..at + 1);
    }
    let length = (surplus + 1).min(inputs_max.max(2));
    let documents = |start: usize| -> u64 {
        segments[start..start + length].iter().map(|size| u64::from(size.documents)).sum()
    };
    (0..=segments.len() - length).min_by_key(|start| documents(*start)).map(|start| start..start + length)
}

impl SegmentSize {
    fn has_more_deletes(&self, share: f64) -> bool {
        let total = f64::from(self.documents) + f64::from(self.deleted);
        f64::from(self.deleted) > total * share
    }
}

fn level_of(documents: u32, options: &MergeOptions) -> u32 {
    let mut level = 0;
    let mut bound = u64::from(options.floor_documents.max(1));
    while u64::from(documents) > bound {
        level += 1;
        bound *= u64::from(options.factor.max(2));
    }
    level
}

/// A row of the lowest level is merged by count alone: such segments cost more than writing them again.
fn is_worth_it(count: usize, documents: u64, level: u32, options: &MergeOptions) -> bool {
    let factor = options.factor.max(2);
    let bound =
        u64::from(options.floor_documents.max(1)).saturating_mul(u64::from(factor).saturating_pow(level));
    count >= factor as usize && (level == 0 || documents > bound)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(documents: &[u32]) -> Vec<SegmentSize> {
        documents
            .iter()
            .map(|documents| SegmentSize { documents: *documents, ..SegmentSize::default() })
            .collect()
    }

    fn rows(segments: &[SegmentSize]) -> Vec<(usize, usize)> {
        plan(segments, &MergeOptions::default()).into_iter().map(|range| (range.start, range.end)).collect()
    }

    fn planned(documents: &[u32]) -> Vec<(usize, usize)> {
        rows(&sizes(documents))
    }

    #[test]
    fn a_row_of_equals_becomes_one_and_a_shorter_row_waits() {
        assert_eq!(planned(&[1_000; 8]), [(0, 8)]);
        assert!(planned(&[1_000; 7]).is_empty());
        assert_eq!(planned(&[100_000; 9]), [(0, 9)]);
    }

    #[test]
    fn a_large_segment_is_not_written_again_for_a_few_small_ones() {
        assert!(planned(&[900_000, 10, 10, 10, 10, 10, 10, 10]).is_empty());
        assert_eq!(planned(&[900_000, 10, 10, 10, 10, 10, 10, 10, 10]), [(1, 9)]);
    }

    #[test]
    fn only_neighbours_are_merged() {
        let mut segments = sizes(&[1_000; 9]);
        segments[4].is_merging = true;

        assert!(plan(&segments, &MergeOptions::default()).is_empty());
    }

    #[test]
    fn a_segment_of_mostly_deleted_documents_is_written_anew() {
        let segments = [SegmentSize { documents: 600, deleted: 400, ..SegmentSize::default() }];

        assert_eq!(rows(&segments), [(0, 1)]);
    }

    fn forced(segments: &[SegmentSize], wish: ForceMerge) -> Option<Range<usize>> {
        force(segments, wish, &MergeOptions::default())
    }

    #[test]
    fn a_forced_merge_takes_the_smallest_row_and_ends() {
        assert_eq!(forced(&sizes(&[9, 5, 1, 2, 8]), ForceMerge::Segments(3)), Some(1..4));
        assert_eq!(forced(&sizes(&[9, 5]), ForceMerge::Segments(2)), None);
        assert_eq!(forced(&[], ForceMerge::Segments(1)), None);
        let many = forced(&sizes(&[1; 500]), ForceMerge::Segments(1));
        assert_eq!(many, Some(0..32), "files that are open at once are bounded");
        let mut segments = sizes(&[9, 5]);
        segments[1].deleted = 1;
        assert_eq!(forced(&segments, ForceMerge::Segments(2)), Some(1..2));
    }

    #[test]
    fn a_merge_of_deletes_leaves_a_few_and_one_of_what_is_due_follows_the_policy() {
        let mut segments = sizes(&[90, 89]);
        (segments[0].deleted, segments[1].deleted) = (10, 11);

        assert_eq!(forced(&segments, ForceMerge::Deletes), Some(1..2));
        assert_eq!(forced(&segments[..1], ForceMerge::Deletes), None);
        assert_eq!(forced(&segments, ForceMerge::Due), None);
        assert_eq!(forced(&sizes(&[1_000; 8]), ForceMerge::Due), Some(0..8));
    }

    #[test]
    fn each_option_changes_the_plan() {
        let rows = |options: MergeOptions| plan(&sizes(&[1_000; 8]), &options).len();
        let options = MergeOptions::default();
        assert_eq!(rows(options), 1);
        assert_eq!(rows(MergeOptions { factor: 9, ..options }), 0);
        assert_eq!(rows(MergeOptions { factor: 2, floor_documents: 1_000, inputs_max: 2, ..options }), 4);
        assert_eq!(rows(MergeOptions { floor_documents: 1, ..options }), 1);
        assert_eq!(rows(MergeOptions { documents_max: 1_900, ..options }), 0);
    }

    /// However many segments come, their number stays small and each document is written a bounded number of times.
    #[test]
    fn merging_keeps_the_list_short_and_the_work_bounded() {
        let mut list = Vec::new();
        let mut written = 0u64;
        for _ in 0..5_000 {
            list.extend([500]);
            while let Some((start, end)) = planned(&list).into_iter().next() {
                let documents: u32 = list[start..end].iter().sum();
                written += u64::from(documents);
                list.splice(start..end, [documents]);
            }
        }

        let total = 5_000 * 500;
        assert!(list.len() <= 48, "{} segments", list.len());
        assert!(written <= total * 6, "each document was written {} times", written / total);
    }

    proptest! {
        #[test]
        fn plans_are_rows_inside_the_list_that_do_not_overlap(
            segments in proptest::collection::vec((0u32..3_000_000, 0u32..100_000, any::<bool>()), 0..60),
        ) {
            let segments: Vec<SegmentSize> = segments
                .into_iter()
                .map(|(documents, deleted, is_merging)| SegmentSize {
                    documents,
                    deleted,
                    is_merging,
                    is_held_back: false,
                })
                .collect();
            let mut seen = vec![false; segments.len()];
            for range in plan(&segments, &MergeOptions::default()) {
                for at in range {
                    prop_assert!(!segments[at].is_merging && !seen[at]);
                    seen[at] = true;
                }
            }
        }
    }
}
