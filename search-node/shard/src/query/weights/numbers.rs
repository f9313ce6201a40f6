//! The numbers that functions compute of a document: of the value of a field, by chance, by distance.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::{DocId, Score};

use super::function_score::{DocumentNumber, NumberInSegment};
use crate::engine::{AllIdentities, identities_in};
use crate::json_values::plain;
use crate::mapping::Point;
use crate::query::QueryError;
use crate::query::ast::{DecayMode, Modifier};
use crate::query::distance::{Falling, metres_between};
use crate::query::doc_values::{ValueField, Values};
use crate::query::weights::weighed::AllSegments;
use crate::shard::uid_parts;

/// What is made of a field's value.
#[derive(Debug)]
pub(in crate::query) struct FieldValue {
    pub(in crate::query) path: String,
    /// None where the mapping does not have it.
    pub(in crate::query) field: Option<ValueField>,
    pub(in crate::query) factor: f32,
    pub(in crate::query) modifier: Modifier,
    pub(in crate::query) missing: Option<f64>,
}

impl DocumentNumber for FieldValue {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>> {
        let values = self.field.as_ref().map_or(Ok(Values::None), |field| field.open(reader))?;
        Ok(Box::new(OpenFieldValue {
            path: self.path.clone(),
            values,
            factor: f64::from(self.factor),
            modifier: self.modifier,
            missing: self.missing,
            numbers: Vec::new(),
        }))
    }
}

struct OpenFieldValue {
    path: String,
    values: Values,
    factor: f64,
    modifier: Modifier,
    missing: Option<f64>,
    numbers: Vec<f64>,
}

impl NumberInSegment for OpenFieldValue {
    fn of(&mut self, document: DocId, _score: Score) -> Result<f64, QueryError> {
        self.values.numbers(document, &mut self.numbers);
        let value = self.numbers.first().copied().or(self.missing).ok_or_else(|| QueryError {
            kind: "exception",
            reason: format!("Missing value for field [{}]", self.path),
        })?;
        let found = modified(self.modifier, value * self.factor);
        if found < 0.0 {
            let found = if found.is_infinite() { "-Infinity".to_owned() } else { format!("{found:?}") };
            let hint = match self.modifier {
                Modifier::Log => "; consider using log1p or log2p instead of log to avoid negative scores",
                Modifier::Ln => "; consider using ln1p or ln2p instead of ln to avoid negative scores",
                _ => "",
            };
            return Err(QueryError::argument(format!(
                "field value function must not produce negative scores, but got: [{found}] for field value: [{value:?}]{hint}"
            )));
        }
        if !found.is_finite() {
            return Err(QueryError {
                kind: "exception",
                reason: format!(
                    "Result of field modification [{}({:?})] must be a number",
                    shown(self.modifier),
                    value * self.factor
                ),
            });
        }
        Ok(found)
    }
}

fn modified(modifier: Modifier, number: f64) -> f64 {
    match modifier {
        Modifier::None => number,
        Modifier::Log => number.log10(),
        Modifier::Log1p => (number + 1.0).log10(),
        Modifier::Log2p => (number + 2.0).log10(),
        Modifier::Ln => number.ln(),
        Modifier::Ln1p => number.ln_1p(),
        Modifier::Ln2p => (number + 2.0).ln(),
        Modifier::Square => number * number,
        Modifier::Sqrt => number.sqrt(),
        Modifier::Reciprocal => 1.0 / number,
    }
}

fn shown(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::None => "none",
        Modifier::Log => "log",
        Modifier::Log1p => "log1p",
        Modifier::Log2p => "log2p",
        Modifier::Ln => "ln",
        Modifier::Ln1p => "ln1p",
        Modifier::Ln2p => "ln2p",
        Modifier::Square => "square",
        Modifier::Sqrt => "sqrt",
        Modifier::Reciprocal => "reciprocal",
    }
}

/// From where distances count.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) enum Origin {
    Number(f64),
    Point(Point),
}

/// How near the values of a field are.
#[derive(Debug, Clone)]
pub(in crate::query) struct Nearness {
    pub(in crate::query) field: ValueField,
    pub(in crate::query) origin: Origin,
    pub(in crate::query) falling: Falling,
    pub(in crate::query) mode: DecayMode,
}

impl DocumentNumber for Nearness {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>> {
        let (origin, falling, mode) = (self.origin, self.falling, self.mode);
        Ok(Box::new(OpenNearness {
            values: self.field.open(reader)?,
            origin,
            falling,
            mode,
            numbers: Vec::new(),
        }))
    }
}

struct OpenNearness {
    values: Values,
    origin: Origin,
    falling: Falling,
    mode: DecayMode,
    numbers: Vec<f64>,
}

impl NumberInSegment for OpenNearness {
    fn of(&mut self, document: DocId, _score: Score) -> Result<f64, QueryError> {
        distances(&self.values, self.origin, document, &mut self.numbers);
        let behind = self.numbers.iter().map(|distance| self.falling.behind(*distance));
        let count = self.numbers.len() as f64;
        let behind = match self.mode {
            // A document without a value counts as if it were at the origin.
            _ if self.numbers.is_empty() => 0.0,
            DecayMode::Min => behind.fold(f64::INFINITY, f64::min),
            DecayMode::Max => behind.fold(0.0, f64::max),
            DecayMode::Sum => behind.sum(),
            DecayMode::Avg => behind.sum::<f64>() / count,
        };
        Ok(self.falling.at(behind))
    }
}

/// How far each value of a document is from an origin.
pub(in crate::query) fn distances(
    values: &Values,
    origin: Origin,
    document: DocId,
    distances: &mut Vec<f64>,
) {
    match origin {
        Origin::Number(origin) => {
            values.numbers(document, distances);
            distances.iter_mut().for_each(|number| *number = (*number - origin).abs());
        }
        Origin::Point(origin) => {
            distances.clear();
            distances.extend(values.points(document).into_iter().map(|point| metres_between(origin, point)));
        }
    }
}

/// Chance that a seed makes.
#[derive(Debug, Clone)]
pub(in crate::query) struct Chance {
    pub(in crate::query) seed: u32,
    /// What tells documents apart.
    pub(in crate::query) by: ChanceBy,
}

/// What tells documents apart for chance.
#[derive(Debug, Clone)]
pub(in crate::query) enum ChanceBy {
    /// Where they lie, which changes with merges.
    Place,
    Id(AllSegments),
    Field(ValueField),
}

impl DocumentNumber for Chance {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>> {
        let by = match &self.by {
            // The number of a document is its own in its segment alone.
            ChanceBy::Place => OpenChance::Place(mix(first_bits(&reader.segment_id().uuid_string()))),
            ChanceBy::Id(segments) => OpenChance::Id(Arc::clone(&segments.0), Box::new(reader.clone())),
            ChanceBy::Field(field) => OpenChance::Field(field.open(reader)?),
        };
        Ok(Box::new(ChanceInSegment { seed: self.seed, by }))
    }
}

enum OpenChance {
    Place(u32),
    Id(Arc<AllIdentities>, Box<SegmentReader>),
    Field(Values),
}

struct ChanceInSegment {
    seed: u32,
    by: OpenChance,
}

impl NumberInSegment for ChanceInSegment {
    fn of(&mut self, document: DocId, _score: Score) -> Result<f64, QueryError> {
        let unreadable = |error: &dyn std::fmt::Display| QueryError {
            kind: "exception",
            reason: format!("a value to make chance of cannot be read: {error}"),
        };
        let hash = match &self.by {
            OpenChance::Place(segment) => mix(document.wrapping_add(*segment) ^ self.seed),
            OpenChance::Id(all, reader) => {
                let uid = identities_in(all, reader).and_then(|identities| identities.uids.uid(document));
                let uid = uid.map_err(|error| unreadable(&error))?;
                murmur(uid_parts(&uid).1.as_bytes(), self.seed)
            }
            OpenChance::Field(values) => {
                let values = values.shown(document).map_err(|error| unreadable(&error))?;
                // A document without a value has the seed's own.
                values.first().map_or(self.seed, |value| {
                    let text = plain(value);
                    murmur(text.as_bytes(), self.seed)
                })
            }
        };
        Ok(chance(hash))
    }
}

fn first_bits(text: &str) -> u32 {
    u32::from_str_radix(text.get(..8).unwrap_or_default(), 16).unwrap_or_default()
}

/// A number from 0 to 1 of the bits of a hash.
pub(in crate::query) fn chance(hash: u32) -> f64 {
    f64::from((hash & 0x00FF_FFFF) as f32 / (1u32 << 24) as f32)
}

/// The last step of MurmurHash3, which mixes the bits of a number.
pub(in crate::query) fn mix(number: u32) -> u32 {
    let number = (number ^ number >> 16).wrapping_mul(0x85EB_CA6B);
    let number = (number ^ number >> 13).wrapping_mul(0xC2B2_AE35);
    number ^ number >> 16
}

/// MurmurHash3 of 32 bits.
pub(in crate::query) fn murmur(bytes: &[u8], seed: u32) -> u32 {
    let scrambled = |block: u32| block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = block.iter().rev().fold(0u32, |block, byte| block << 8 | u32::from(*byte));
        hash = (hash ^ scrambled(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64);
    }
    let rest = blocks.remainder().iter().rev().fold(0u32, |block, byte| block << 8 | u32::from(*byte));
    hash ^= scrambled(rest);
    mix(hash ^ bytes.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_reference() {
        for (text, seed, hash) in
            [("", 0, 0), ("", 1, 0x514E_28B7), ("test", 0, 0xBA6B_D213), ("Hello, world!", 0, 0xC036_3E43)]
        {
            assert_eq!(murmur(text.as_bytes(), seed), hash, "{text}");
        }
    }

    #[test]
    fn values_are_modified_as_their_names_say() {
        for (modifier, wanted) in [
            (Modifier::None, 8.0),
            (Modifier::Log, 8f64.log10()),
            (Modifier::Log1p, 9f64.log10()),
            (Modifier::Log2p, 1.0),
            (Modifier::Ln, 8f64.ln()),
            (Modifier::Ln1p, 9f64.ln()),
            (Modifier::Ln2p, 10f64.ln()),
            (Modifier::Square, 64.0),
            (Modifier::Sqrt, 8f64.sqrt()),
            (Modifier::Reciprocal, 0.125),
        ] {
            assert!((modified(modifier, 8.0) - wanted).abs() < 1e-12, "{modifier:?}");
        }
    }
}
