//! The documents of one of several parts.

use std::fmt;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score};

use super::explained::matched;
use super::numbers::{mix, murmur};
use super::walked::Walked;
use crate::engine::{AllIdentities, identities_in};
use crate::query::QueryError;
use crate::query::doc_values::{ValueField, Values};
use crate::query::faults::Faults;
use crate::search::Slice;
use crate::uids::UidIndex;

/// What decides to which part a document belongs.
#[derive(Clone)]
pub(in crate::query) enum Decides {
    Id(Arc<AllIdentities>),
    Document,
    Numbers(ValueField),
}

/// Matches the documents of a part.
#[derive(Clone)]
pub(in crate::query) struct InSlice {
    pub(in crate::query) decides: Decides,
    pub(in crate::query) slice: Slice,
    pub(in crate::query) faults: Faults,
}

impl fmt::Debug for InSlice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "InSlice({} of {})", self.slice.number, self.slice.of)
    }
}

impl Query for InSlice {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for InSlice {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let (slice, most) = (self.slice, reader.max_doc());
        Ok(match &self.decides {
            Decides::Document => Box::new(Walked::new(most, &self.faults, move |document| {
                slice.has(document).then_some(boost)
            })),
            Decides::Id(identities) => {
                let uids = identities_in(identities, reader)?.uids.clone();
                let mut run = Run {
                    uids,
                    slice,
                    most,
                    from: None,
                    is_inside: [false; RUN],
                    faults: self.faults.clone(),
                };
                Box::new(Walked::new(most, &self.faults, move |document| run.has(document).then_some(boost)))
            }
            Decides::Numbers(field) => {
                let (values, mut numbers) = (field.open(reader)?, Vec::new());
                let mut has = move |document| slice.has_hash(hash_of(&values, document, &mut numbers));
                Box::new(Walked::new(most, &self.faults, move |document| has(document).then_some(boost)))
            }
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "is in the slice")
    }
}

fn hash_of(values: &Values, document: DocId, numbers: &mut Vec<f64>) -> u32 {
    values.numbers(document, numbers);
    numbers.iter().fold(0, |hash, number| {
        let bits = number.to_bits();
        mix(hash ^ mix(bits as u32) ^ (bits >> 32) as u32)
    })
}

/// Ids are read by runs: each is written by what differs from the one before.
const RUN: usize = 32;

/// Documents are spread over shards by a hash of their ids, too, and it must not be the same one.
const SEED: u32 = 0x9747_b28c;

/// Which documents of a run belong to the slice.
struct Run {
    uids: UidIndex,
    slice: Slice,
    /// How many documents there are.
    most: DocId,
    /// The first document of the run that was read.
    from: Option<DocId>,
    is_inside: [bool; RUN],
    faults: Faults,
}

impl Run {
    fn has(&mut self, document: DocId) -> bool {
        let from = document - document % RUN as DocId;
        if self.from != Some(from) {
            self.from = Some(from);
            if let Err(error) = self.read(from) {
                self.faults.note(QueryError::shard(format!("ids cannot be read: {error}")));
            }
        }
        self.is_inside[(document - from) as usize]
    }

    fn read(&mut self, from: DocId) -> tantivy::Result<()> {
        self.is_inside = [false; RUN];
        let mut scan = self.uids.scan();
        for document in from..self.most.min(from + RUN as DocId) {
            let hash = murmur(scan.seek(document)?, SEED);
            self.is_inside[(document - from) as usize] = self.slice.has_hash(hash);
        }
        Ok(())
    }
}
