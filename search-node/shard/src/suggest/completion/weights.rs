//! The weights of a segment's inputs, in the order of their terms, so that the heaviest of those that begin alike are found at once.
//!
//! Terms that begin alike lie next to each other in the dictionary. A tree of maxima over their weights gives the heaviest of any run of
//! them in as many steps as the logarithm of their number, however many there are; it takes eight to sixteen bytes for each input, and is made
//! when the segment is first asked and kept as field data. A dictionary without it would have to be read through: a prefix of one
//! letter begins a tenth of all inputs.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::termdict::TermDictionary;

use crate::engine::{Charge, Keepable, NoRoom, SegmentFielddata};
use crate::mapping::read_kept;
use crate::query::QueryError;
use crate::search::{AskStop, SearchError, goes_on};

/// Terms that are read between two looks whether anybody still waits.
const TERMS_BETWEEN: u64 = 65_536;

/// The weights of a segment's inputs.
pub(super) struct Weights {
    /// The leaves behind as many nodes, a power of two; each node is the greater of the two below.
    tree: Vec<u32>,
    leaves: usize,
    count: usize,
    fields: [(String, usize); 1],
    _charge: Option<Charge>,
}

impl Keepable for Weights {
    fn fields(&self) -> &[(String, usize)] {
        &self.fields
    }
}

impl Weights {
    /// Those of a segment, read from its terms the first time.
    pub(super) fn of(
        kept: &SegmentFielddata,
        field: &str,
        terms: &TermDictionary,
        stop: AskStop<'_>,
    ) -> Result<Arc<Self>, SearchError> {
        let name = format!("{field}\0weights");
        kept.get_or_make(
            &name,
            || goes_on(stop),
            |mut charge| -> Result<Self, SearchError> {
                let bytes = 2 * terms.num_terms().next_power_of_two() * size_of::<u32>();
                charge.set(bytes).map_err(no_room)?;
                let mut weights = Vec::with_capacity(terms.num_terms());
                let mut stream = terms.stream()?;
                while stream.advance() {
                    if stream.term_ord() % TERMS_BETWEEN == 0 {
                        goes_on(stop)?;
                    }
                    let kept = std::str::from_utf8(stream.key()).ok().and_then(read_kept);
                    weights.push(kept.map_or(0, |kept| kept.weight));
                }
                let fields = [(field.to_owned(), bytes)];
                Ok(Self { fields, _charge: Some(charge), ..Self::new(&weights) })
            },
        )
    }

    fn new(weights: &[u32]) -> Self {
        let leaves = weights.len().next_power_of_two();
        let mut tree = vec![0; leaves];
        tree.extend_from_slice(weights);
        tree.resize(2 * leaves, 0);
        for node in (1..leaves).rev() {
            tree[node] = tree[2 * node].max(tree[2 * node + 1]);
        }
        Self { tree, leaves, count: weights.len(), fields: [(String::new(), 0)], _charge: None }
    }

    /// The heaviest of a run, and of those that are as heavy the first.
    fn heaviest(&self, run: &Range<u64>) -> Option<(u64, u32)> {
        let end = usize::try_from(run.end).ok()?.min(self.count);
        let begin = usize::try_from(run.start).ok().filter(|begin| *begin < end)?;
        let nodes = self.nodes(begin, end);
        let most = nodes.iter().map(|node| self.tree[*node]).max()?;
        let mut node = *nodes.iter().find(|node| self.tree[**node] == most)?;
        while node < self.leaves {
            node = if self.tree[2 * node] == most { 2 * node } else { 2 * node + 1 };
        }
        Some(((node - self.leaves) as u64, most))
    }

    /// The nodes that a run is made of, from the first on.
    fn nodes(&self, begin: usize, end: usize) -> Vec<usize> {
        let (mut low, mut high) = (begin + self.leaves, end + self.leaves);
        let (mut nodes, mut last) = (Vec::new(), Vec::new());
        while low < high {
            if low % 2 == 1 {
                nodes.push(low);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                last.push(high);
            }
            low /= 2;
            high /= 2;
        }
        nodes.extend(last.into_iter().rev());
        nodes
    }
}

fn no_room(NoRoom { wanted, limit }: NoRoom) -> SearchError {
    let reason = format!(
        "[fielddata] Data too large, the weights of completions would be [{wanted}b], which is larger than the limit of [{limit}b] (indices.fielddata.cache.size): raise the limit"
    );
    QueryError { kind: "circuit_breaking_exception", reason }.into()
}

/// Inputs that lie next to each other and begin like what was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) terms: Range<u64>,
    /// What their weights are multiplied by; 0 for nothing.
    pub(super) boost: f32,
}

/// Inputs from the best one on.
pub(super) struct Best<'a> {
    weights: &'a Weights,
    heads: BinaryHeap<Head>,
}

/// The best of a run, and the run.
#[derive(Debug, PartialEq)]
struct Head {
    score: f32,
    at: u64,
    run: Run,
}

impl Eq for Head {}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of those that are as good the first in the dictionary.
        self.score.total_cmp(&other.score).then_with(|| other.at.cmp(&self.at))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Best<'a> {
    pub(super) fn new(weights: &'a Weights, runs: Vec<Run>) -> Self {
        let mut best = Self { weights, heads: BinaryHeap::new() };
        runs.into_iter().for_each(|run| best.add(run));
        best
    }

    fn add(&mut self, run: Run) {
        if let Some((at, weight)) = self.weights.heaviest(&run.terms) {
            self.heads.push(Head { score: score_of(weight, run.boost), at, run });
        }
    }
}

impl Iterator for Best<'_> {
    /// A term by its number, and its score.
    type Item = (u64, f32);

    fn next(&mut self) -> Option<(u64, f32)> {
        let Head { score, at, run } = self.heads.pop()?;
        self.add(Run { terms: run.terms.start..at, boost: run.boost });
        self.add(Run { terms: at + 1..run.terms.end, boost: run.boost });
        Some((at, score))
    }
}

/// As Lucene has it.
fn score_of(weight: u32, boost: f32) -> f32 {
    match (weight as f32, boost) {
        (weight, 0.0) => weight,
        (0.0, boost) => boost,
        (weight, boost) => weight * boost,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn inputs_come_from_the_best_on(
            weights in prop::collection::vec(1_u32..6, 0..40),
            runs in prop::collection::vec((0_u64..45, 0_u64..20), 1..3),
        ) {
            let runs: Vec<Run> = runs
                .into_iter()
                .enumerate()
                .map(|(at, (from, length))| Run { terms: from..from + length, boost: at as f32 * 1.5 })
                .collect();
            let mut expected: Vec<(u64, f32)> = Vec::new();
            for run in &runs {
                let known = run.terms.clone().filter(|at| (*at as usize) < weights.len());
                expected.extend(known.map(|at| (at, score_of(weights[at as usize], run.boost))));
            }
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));

            let made = Weights::new(&weights);
            let found: Vec<_> = Best::new(&made, runs).collect();

            prop_assert_eq!(found, expected);
        }
    }
}
