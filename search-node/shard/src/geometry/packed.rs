//! Shapes as bytes. The layout is in `docs/formats/segment.md`.

use super::{Part, Spot};

/// How the bytes of a shape begin: which layout they have.
const LAYOUT: u8 = 1;
const POINT: u8 = 1;
const LINE: u8 = 2;
const AREA: u8 = 3;

/// The bytes of a shape.
pub(crate) fn pack(parts: &[Part]) -> Vec<u8> {
    let mut packed = vec![LAYOUT];
    put_count(&mut packed, parts.len());
    for part in parts {
        // The first place is told from the middle of the grid, each other one from the one before.
        let mut last = Spot { x: 0, y: 0 };
        match part {
            Part::Point(spot) => {
                packed.push(POINT);
                put_spot(&mut packed, &mut last, *spot);
            }
            Part::Line(line) => {
                packed.push(LINE);
                put_run(&mut packed, &mut last, line);
            }
            Part::Area(rings) => {
                packed.push(AREA);
                put_count(&mut packed, rings.len());
                for ring in rings {
                    // The last place is the first one.
                    put_run(&mut packed, &mut last, &ring[..ring.len().saturating_sub(1)]);
                }
            }
        }
    }
    packed
}

/// The parts of one shape after the other; none where the bytes are not those of shapes.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut rest = bytes;
    let mut parts = Vec::new();
    while let Some(layout) = take(&mut rest) {
        if layout != LAYOUT {
            return None;
        }
        for _ in 0..take_count(&mut rest)? {
            let mut last = Spot { x: 0, y: 0 };
            parts.push(match take(&mut rest)? {
                POINT => Part::Point(take_spot(&mut rest, &mut last)?),
                LINE => Part::Line(take_run(&mut rest, &mut last)?),
                AREA => {
                    let mut rings = Vec::new();
                    for _ in 0..take_count(&mut rest)? {
                        let mut ring = take_run(&mut rest, &mut last)?;
                        ring.push(*ring.first()?);
                        rings.push(ring);
                    }
                    Part::Area(rings)
                }
                _ => return None,
            });
        }
    }
    Some(parts)
}

fn put_number(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn put_count(packed: &mut Vec<u8>, count: usize) {
    put_number(packed, count as u64);
}

/// A difference, so that small ones of either sign are short.
fn put_difference(packed: &mut Vec<u8>, from: i32, to: i32) {
    let difference = i64::from(to) - i64::from(from);
    put_number(packed, (difference << 1 ^ difference >> 63) as u64);
}

fn put_spot(packed: &mut Vec<u8>, last: &mut Spot, spot: Spot) {
    put_difference(packed, last.x, spot.x);
    put_difference(packed, last.y, spot.y);
    *last = spot;
}

fn put_run(packed: &mut Vec<u8>, last: &mut Spot, run: &[Spot]) {
    put_count(packed, run.len());
    run.iter().for_each(|spot| put_spot(packed, last, *spot));
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// How many there are. Each takes a byte at least, so that no room is made for more than there can be.
fn take_count(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_number(rest)?).ok().filter(|count| *count <= rest.len())
}

fn take_difference(rest: &mut &[u8], from: i32) -> Option<i32> {
    let number = take_number(rest)?;
    let difference = (number >> 1) as i64 ^ -((number & 1) as i64);
    i32::try_from(i64::from(from).checked_add(difference)?).ok()
}

fn take_spot(rest: &mut &[u8], last: &mut Spot) -> Option<Spot> {
    *last = Spot { x: take_difference(rest, last.x)?, y: take_difference(rest, last.y)? };
    Some(*last)
}

fn take_run(rest: &mut &[u8], last: &mut Spot) -> Option<Vec<Spot>> {
    let count = take_count(rest)?;
    (0..count).map(|_| take_spot(rest, last)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let spot = || (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Spot { x, y });
        let ring = || {
            prop::collection::vec(spot(), 1..20).prop_map(|mut ring| {
                ring.push(ring[0]);
                ring
            })
        };
        let part = prop_oneof![
            spot().prop_map(Part::Point),
            prop::collection::vec(spot(), 0..20).prop_map(Part::Line),
            prop::collection::vec(ring(), 0..4).prop_map(Part::Area),
        ];
        prop::collection::vec(part, 0..5)
    }

    proptest! {
        #[test]
        fn shapes_come_back_as_they_were(one in parts(), other in parts()) {
            let bytes = [pack(&one), pack(&other)].concat();
            prop_assert_eq!(unpack(&bytes), Some([one, other].concat()));
        }

        #[test]
        fn bytes_of_anything_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
            let _ = unpack(&[&[LAYOUT][..], &bytes].concat());
        }
    }
}
