//! What another node says that has searched: read, and nothing believed about shards that it was not asked for.

use std::collections::BTreeSet;

use super::super::query::{Partial, unreadable};
use crate::error::ApiError;

/// Reads an answer about the shards at `places`. One that tells of others, of one twice, or of one not at all comes from a node with
/// a fault, and all of it is left out.
pub(super) fn read_partial(answer: &[u8], places: &[usize]) -> Result<Partial, ApiError> {
    let partial: Partial = postcard::from_bytes(answer).map_err(|error| unreadable(&error))?;
    match fault(&partial, places) {
        None => Ok(partial),
        Some(fault) => Err(ApiError::internal(format!(
            "the node with the copy that was asked answered wrongly: {fault}; do both run the same build?"
        ))),
    }
}

fn fault(partial: &Partial, places: &[usize]) -> Option<String> {
    let asked: BTreeSet<usize> = places.iter().copied().collect();
    let answered: BTreeSet<usize> = partial.answered.iter().copied().collect();
    let mut told = BTreeSet::new();
    let all = partial.answered.iter().chain(partial.failures.iter().map(|(place, _)| place));
    for place in all {
        if !asked.contains(place) {
            return Some(format!("shard [{place}] of the search was not asked of it"));
        }
        if !told.insert(*place) {
            return Some(format!("it tells of shard [{place}] of the search twice"));
        }
    }
    // Where the time was up, some were not begun.
    if let Some(place) = asked.difference(&told).next().filter(|_| !partial.is_timed_out) {
        return Some(format!("it says nothing of shard [{place}] of the search"));
    }
    if let Some(hit) = partial.hits.iter().find(|hit| !answered.contains(&hit.shard)) {
        return Some(format!("it has a hit of shard [{}] of the search, which it did not search", hit.shard));
    }
    if let Some(hit) = partial.suggested.hits().find(|hit| !answered.contains(&hit.shard)) {
        let place = hit.shard;
        return Some(format!(
            "it suggests a document of shard [{place}] of the search, which it did not search"
        ));
    }
    let (skipped, searched) = (partial.skipped, answered.len());
    (skipped > searched).then(|| format!("it left out [{skipped}] of [{searched}] shards"))
}

#[cfg(test)]
mod tests {
    use shard::Hit;

    use super::*;

    fn said(answered: &[usize], failed: &[usize], hits: &[usize], skipped: usize) -> Partial {
        let hit = |shard: &usize| Hit {
            shard: *shard,
            segment: 0,
            document: 0,
            score: None,
            sort: Vec::new(),
            group: None,
        };
        Partial {
            answered: answered.to_vec(),
            failures: failed.iter().map(|place| (*place, Vec::new())).collect(),
            hits: hits.iter().map(hit).collect(),
            skipped,
            ..Partial::default()
        }
    }

    #[test]
    fn places_that_a_node_was_not_asked_for_are_not_believed() {
        for (what, partial, is_believed) in [
            ("all", said(&[3, 5], &[], &[5, 3, 5], 1), true),
            ("one failed", said(&[3], &[5], &[3], 0), true),
            ("another shard", said(&[3, 5, 6], &[], &[], 0), false),
            ("another one failed", said(&[3, 5], &[1_000_000], &[], 0), false),
            ("twice", said(&[3, 5, 5], &[], &[], 0), false),
            ("answered and failed", said(&[3, 5], &[5], &[], 0), false),
            ("nothing of one", said(&[3], &[], &[], 0), false),
            ("hits of another shard", said(&[3, 5], &[], &[4], 0), false),
            ("hits of one that failed", said(&[3], &[5], &[5], 0), false),
            ("more left out than there are", said(&[3, 5], &[], &[], 3), false),
        ] {
            let answer = postcard::to_allocvec(&partial).expect("written");

            let read = read_partial(&answer, &[3, 5]);

            assert_eq!(read.is_ok(), is_believed, "{what}: {read:?}");
        }
        assert!(read_partial(b"\xff", &[3]).is_err());
        let late = Partial { is_timed_out: true, ..said(&[3], &[], &[], 0) };
        let answer = postcard::to_allocvec(&late).expect("written");
        assert!(read_partial(&answer, &[3, 5]).is_ok(), "what there was no time for is not told of");
    }
}
