//! Sorting by id: an id as places under a sort key, 15 letters in each.
//!
//! An id is longer than one number holds, so it takes as many places as it needs. The last letter of each tells whether more follow
//! and orders a beginning before what goes on from it: no id is the beginning of another any more, so that the places of the next
//! key may follow at once.

use std::cell::RefCell;

use tantivy::{DocId, TantivyError};

use super::sort::Place;
use crate::shard::uid_parts;
use crate::uids::{UidIndex, UidScan};

const LETTERS: usize = 15;
/// More letters follow in the next place.
const GOES_ON: u8 = LETTERS as u8 + 1;

/// The ids of a segment, asked for in the order of its documents.
pub(super) struct Ids<'a> {
    last: RefCell<Last<'a>>,
}

struct Last<'a> {
    scan: UidScan<'a>,
    document: Option<DocId>,
    id: String,
    /// Why an id could not be read.
    fault: Option<TantivyError>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(uids: &'a UidIndex) -> Self {
        let last = Last { scan: uids.scan(), document: None, id: String::new(), fault: None };
        Self { last: RefCell::new(last) }
    }

    /// Does something with the id of a document; an id that cannot be read counts as empty until [`Self::fault`] is asked.
    pub(super) fn with<T>(&self, document: DocId, act: impl FnOnce(&str) -> T) -> T {
        let last = &mut *self.last.borrow_mut();
        if last.document != Some(document) {
            last.document = Some(document);
            last.id.clear();
            match last.scan.seek(document) {
                Ok(uid) => last.id.push_str(uid_parts(&String::from_utf8_lossy(uid)).1),
                Err(error) => drop(last.fault.get_or_insert(error)),
            }
        }
        act(&last.id)
    }

    /// Why an id could not be read, if that happened.
    pub(super) fn fault(&self) -> Option<TantivyError> {
        self.last.borrow_mut().fault.take()
    }
}

/// The first place of an id; the rest follow in [`places`].
pub(super) fn first_place(id: &str) -> Place {
    place(id.as_bytes()).0
}

/// All places of an id.
pub(super) fn places(id: &str) -> impl Iterator<Item = Place> + '_ {
    let mut rest = Some(id.as_bytes());
    std::iter::from_fn(move || {
        let (place, following) = place(rest?);
        rest = following;
        Some(place)
    })
}

/// The place of the first letters, and what follows.
fn place(letters: &[u8]) -> (Place, Option<&[u8]>) {
    let (now, following) = letters.split_at(letters.len().min(LETTERS));
    let mut bytes = [0; LETTERS + 1];
    bytes[..now.len()].copy_from_slice(now);
    bytes[LETTERS] = if following.is_empty() { now.len() as u8 } else { GOES_ON };
    (Place::from_be_bytes(bytes), Some(following).filter(|following| !following.is_empty()))
}

/// Reads the id back from its places, the first of those that are given.
pub(super) fn id_of(places: impl Iterator<Item = Place>) -> (String, usize) {
    let (mut letters, mut count) = (Vec::new(), 0);
    for place in places {
        let bytes = place.to_be_bytes();
        count += 1;
        letters.extend_from_slice(&bytes[..LETTERS.min(usize::from(bytes[LETTERS]))]);
        if bytes[LETTERS] != GOES_ON {
            break;
        }
    }
    (String::from_utf8_lossy(&letters).into_owned(), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_the_order_of_the_ids_and_come_back() {
        let long = "x".repeat(512);
        let ids = [
            "",
            "1",
            "10",
            "2",
            "123456789012345",
            "1234567890123450",
            "123456789012346",
            "a",
            "ab",
            "é",
            &long,
            "xxxxxxxxxxxxxxx",
            "xxxxxxxxxxxxxxxx",
            "xxxxxxxxxxxxxxxxx",
            "xxxxxxxxxxxxxxx!",
        ];
        // As with a further key behind the id, whose place must not count before the id is over.
        let row = |id: &str, next: Place| places(id).chain([next]).collect::<Vec<_>>();
        for a in ids {
            let (back, count) = id_of(row(a, 7).into_iter());
            assert_eq!((back.as_str(), count), (a, row(a, 7).len() - 1));
            assert_eq!(first_place(a), row(a, 7)[0]);
            for b in ids.into_iter().filter(|b| *b != a) {
                assert_eq!(row(a, Place::MAX).cmp(&row(b, 0)), a.cmp(b), "{a} {b}");
            }
        }
    }
}
