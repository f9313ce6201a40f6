//! Claims: which thread of a search walks over what. Each takes whole segments as long as there are any, and then parts of those
//! that others are at.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use tantivy::{DocId, TERMINATED};

/// The segments of a search, by their places in the order in which they are asked.
pub(super) struct Claims {
    segments: Vec<Left>,
    next: AtomicUsize,
}

/// What of a segment nobody has taken.
struct Left {
    /// The first document of the next part.
    next: AtomicU32,
    documents: u32,
    /// How many are taken at a time.
    part: u32,
}

/// The parts of a segment, as a thread takes one after the other.
#[derive(Clone, Copy)]
pub(super) enum Parts<'a> {
    /// All of it is one thread's.
    Whole,
    /// Others may take some.
    Shared(Shared<'a>),
}

/// A segment that several threads may be at.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a>(&'a Left);

impl Claims {
    /// Segments of so many documents, of which `part` are taken at a time.
    pub(super) fn new(documents: impl Iterator<Item = u32>, part: u32) -> Self {
        let left = |documents| Left { next: AtomicU32::new(0), documents, part };
        let segments = documents.map(left).collect();
        Self { segments, next: AtomicUsize::new(0) }
    }

    /// Whether there is something that another thread could do.
    pub(super) fn have_more(&self) -> bool {
        self.next.load(Ordering::Acquire) < self.segments.len()
            || self.segments.iter().any(Left::is_worth_help)
    }

    /// The place of a segment that is walked over by one thread alone.
    pub(super) fn next_whole(&self) -> Option<usize> {
        let place = self.next.fetch_add(1, Ordering::AcqRel);
        (place < self.segments.len()).then_some(place)
    }

    /// The place of a segment that others may help with, or that is helped with, and its parts.
    pub(super) fn next(&self) -> Option<(usize, Parts<'_>)> {
        let begun = || self.segments.iter().position(Left::is_worth_help);
        let place = self.next_whole().or_else(begun)?;
        Some((place, Parts::Shared(Shared(&self.segments[place]))))
    }
}

impl Left {
    /// Whether there is more of it than whoever walks over it has soon done.
    fn is_worth_help(&self) -> bool {
        self.next.load(Ordering::Acquire).saturating_add(self.part) < self.documents
    }
}

impl Parts<'_> {
    /// The next part; the last one goes on to where walks end.
    pub(super) fn next(&self) -> Option<Range<DocId>> {
        let Self::Shared(Shared(left)) = self else { return Some(0..TERMINATED) };
        let claimed = left.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| {
            (next < left.documents).then(|| next.saturating_add(left.part).min(left.documents))
        });
        let start = claimed.ok()?;
        Some(start..start.saturating_add(left.part).min(left.documents))
    }

    /// The part that a document is in, or a later one, if this thread has another; `part` is the one that it has. A document behind all
    /// takes what is left, as nobody finds any there.
    pub(super) fn until(&self, mut part: Range<DocId>, document: DocId) -> Option<Range<DocId>> {
        while document >= part.end {
            part = match self {
                Self::Whole => return None,
                Self::Shared(_) => self.next()?,
            };
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: u32 = 100;

    #[test]
    fn segments_are_taken_whole_first_and_then_by_what_is_left_of_them() {
        let claims = Claims::new([10, 3 * PART + 1, PART].into_iter(), PART);
        assert!(claims.have_more());
        let places: Vec<_> = (0..3).filter_map(|_| claims.next()).map(|(place, _)| place).collect();
        assert_eq!(places, [0, 1, 2]);
        // Whoever has them has begun.
        let taken: Vec<_> =
            (0..4).filter_map(|_| claims.next()).map(|(place, parts)| (place, parts.next())).collect();

        assert_eq!(taken, [(1, Some(0..PART)), (1, Some(PART..2 * PART)), (1, Some(2 * PART..3 * PART))]);
        assert!(claims.next_whole().is_none());
    }

    #[test]
    fn parts_are_all_documents_once_and_each_thread_goes_forward() {
        let claims = Claims::new([5 * PART + 7].into_iter(), PART);
        let Some((0, parts)) = claims.next() else { panic!("there is one") };
        let (mut own, mut others) = (Vec::new(), Vec::new());
        while let Some(part) = parts.next() {
            own.push(part);
            others.extend(claims.next().and_then(|(_, parts)| parts.next()));
        }

        assert!(own.is_sorted_by_key(|part| part.start) && others.is_sorted_by_key(|part| part.start));
        let mut all = [own, others].concat();
        all.sort_by_key(|part| part.start);
        assert_eq!(all.first().map(|part| part.start), Some(0));
        assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{all:?}");
        assert_eq!(all.last().map(|part| part.end), Some(5 * PART + 7));
    }

    #[test]
    fn a_walk_that_is_done_leaves_nothing_to_others() {
        let claims = Claims::new([5 * PART].into_iter(), PART);
        let Some((0, parts)) = claims.next() else { panic!("there is one") };
        let first = parts.next().expect("there is one");
        assert_eq!(parts.until(first.clone(), PART - 1), Some(first.clone()));
        assert_eq!(parts.until(first.clone(), 2 * PART), Some(2 * PART..3 * PART));

        assert_eq!(parts.until(first, TERMINATED), None);

        assert!(claims.next().is_none() && !claims.have_more());
        assert_eq!(Parts::Whole.until(0..TERMINATED, TERMINATED), None);
        assert_eq!(Parts::Whole.next(), Some(0..TERMINATED));
    }
}
