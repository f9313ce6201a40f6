//! The numbers that tell how good a ranking is.

use std::cmp::Reverse;

use serde_json::{Value, json};

/// A number, and how it is made. `k` is how many of the first hits count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Metric {
    /// The share of relevant documents among the hits.
    Precision { k: usize, threshold: u64, ignores_unlabeled: bool },
    /// The share of the relevant documents that are hits.
    Recall { k: usize, threshold: u64 },
    /// One by the rank of the first relevant hit.
    MeanReciprocalRank { k: usize, threshold: u64 },
    /// What hits are worth, less for those behind others; as a share of the best order if it is normalized.
    Dcg { k: usize, is_normalized: bool, unknown_rating: Option<u64> },
    /// When somebody who reads from the first hit on is likely to be content.
    ExpectedReciprocalRank { k: usize, relevance_max: u64, unknown_rating: Option<u64> },
}

impl Metric {
    /// The name as requests say it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Precision { .. } => "precision",
            Self::Recall { .. } => "recall",
            Self::MeanReciprocalRank { .. } => "mean_reciprocal_rank",
            Self::Dcg { .. } => "dcg",
            Self::ExpectedReciprocalRank { .. } => "expected_reciprocal_rank",
        }
    }

    /// How many hits count.
    pub(crate) fn hits(&self) -> usize {
        match self {
            Self::Precision { k, .. }
            | Self::Recall { k, .. }
            | Self::MeanReciprocalRank { k, .. }
            | Self::Dcg { k, .. }
            | Self::ExpectedReciprocalRank { k, .. } => *k,
        }
    }

    /// The number for hits with these ratings, of which `all` are those that were given, and what it is made of.
    pub(crate) fn measure(&self, hits: &[Option<u64>], all: &[u64]) -> (f64, Value) {
        let relevant = |hits: &[Option<u64>], threshold: u64| {
            hits.iter().flatten().filter(|rating| **rating >= threshold).count()
        };
        match *self {
            Self::Precision { threshold, ignores_unlabeled, .. } => {
                let found = relevant(hits, threshold);
                let counted = if ignores_unlabeled { hits.iter().flatten().count() } else { hits.len() };
                (share(found, counted), json!({"relevant_docs_retrieved": found, "docs_retrieved": counted}))
            }
            Self::Recall { threshold, .. } => {
                let (found, there) =
                    (relevant(hits, threshold), all.iter().filter(|rating| **rating >= threshold).count());
                (share(found, there), json!({"relevant_docs_retrieved": found, "relevant_docs": there}))
            }
            Self::MeanReciprocalRank { threshold, .. } => {
                let first = hits.iter().position(|rating| rating.is_some_and(|rating| rating >= threshold));
                match first {
                    Some(at) => (1.0 / (at + 1) as f64, json!({"first_relevant": at + 1})),
                    None => (0.0, json!({"first_relevant": -1})),
                }
            }
            Self::Dcg { is_normalized, unknown_rating, .. } => dcg(hits, all, is_normalized, unknown_rating),
            Self::ExpectedReciprocalRank { relevance_max, unknown_rating, .. } => {
                let unrated = hits.iter().filter(|rating| rating.is_none()).count();
                (expected_rank(hits, relevance_max, unknown_rating), json!({"unrated_docs": unrated}))
            }
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What a rating is worth.
fn gain(rating: u64) -> f64 {
    (rating as f64).exp2() - 1.0
}

fn discounted(ratings: impl Iterator<Item = Option<u64>>) -> f64 {
    let worth = ratings.enumerate().map(|(at, rating)| rating.map_or(0.0, gain) / (at as f64 + 2.0).log2());
    worth.sum()
}

fn dcg(hits: &[Option<u64>], all: &[u64], is_normalized: bool, unknown_rating: Option<u64>) -> (f64, Value) {
    let unrated = hits.iter().filter(|rating| rating.is_none()).count();
    let dcg = discounted(hits.iter().map(|rating| rating.or(unknown_rating)));
    if !is_normalized {
        return (dcg, json!({"dcg": dcg, "unrated_docs": unrated}));
    }
    let mut best = all.to_vec();
    best.sort_unstable_by_key(|rating| Reverse(*rating));
    let ideal = discounted(best.into_iter().take(hits.len()).map(Some));
    if ideal <= 0.0 {
        return (0.0, json!({"dcg": dcg, "unrated_docs": unrated}));
    }
    let normalized = dcg / ideal;
    let details =
        json!({"dcg": dcg, "ideal_dcg": ideal, "normalized_dcg": normalized, "unrated_docs": unrated});
    (normalized, details)
}

fn expected_rank(hits: &[Option<u64>], relevance_max: u64, unknown_rating: Option<u64>) -> f64 {
    let (mut rank, mut goes_on) = (0.0, 1.0);
    for (at, rating) in hits.iter().enumerate() {
        let Some(rating) = rating.or(unknown_rating) else { continue };
        let is_content = gain(rating) / (relevance_max as f64).exp2();
        rank += goes_on * is_content / (at + 1) as f64;
        goes_on *= 1.0 - is_content;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_those_of_the_books() {
        let hits = [Some(1), Some(0), None, Some(3)];
        let all = [1, 0, 3, 2];
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        for (metric, wanted) in [
            (Metric::Precision { k: 10, threshold: 1, ignores_unlabeled: false }, 0.5),
            (Metric::Precision { k: 10, threshold: 1, ignores_unlabeled: true }, 2.0 / 3.0),
            (Metric::Precision { k: 10, threshold: 3, ignores_unlabeled: false }, 0.25),
            (Metric::Recall { k: 10, threshold: 1 }, 2.0 / 3.0),
            (Metric::MeanReciprocalRank { k: 10, threshold: 2 }, 0.25),
            (Metric::MeanReciprocalRank { k: 10, threshold: 4 }, 0.0),
            (Metric::Dcg { k: 10, is_normalized: false, unknown_rating: None }, 1.0 + 7.0 / 5f64.log2()),
            (
                Metric::Dcg { k: 10, is_normalized: false, unknown_rating: Some(1) },
                1.0 + 0.5 + 7.0 / 5f64.log2(),
            ),
            (
                Metric::Dcg { k: 10, is_normalized: true, unknown_rating: None },
                (1.0 + 7.0 / 5f64.log2()) / (7.0 + 3.0 / 3f64.log2() + 0.5),
            ),
            (
                Metric::ExpectedReciprocalRank { k: 10, relevance_max: 3, unknown_rating: None },
                0.125 + 0.875 * 0.875 / 4.0,
            ),
        ] {
            let (score, _) = metric.measure(&hits, &all);
            assert!(close(score, wanted), "{metric:?}: {score} is not {wanted}");
        }
        for metric in [
            Metric::Precision { k: 10, threshold: 1, ignores_unlabeled: true },
            Metric::Recall { k: 10, threshold: 1 },
            Metric::Dcg { k: 10, is_normalized: true, unknown_rating: None },
        ] {
            assert_eq!(metric.measure(&[], &[]).0, 0.0, "{metric:?}");
        }
    }
}
