//! Claims: which thread of a search walks over what. Each takes whole segments as long as there are any, and then parts of those
//! that others are at.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use tantivy::{DocId, TERMINATED};

/// The segments of a search, by their places in the order in which they are asked.
pub(super) struct Claims {
    segments: Vec<Left>,
    next: AtomicUsize,
    /// Whether each segment is one thread's.
    are_whole: bool,
}

/// What of a segment nobody has taken.
struct Left {
    /// The first document of the next part.
    next: AtomicU32,
    documents: u32,
    /// How many are taken at a time.
    part: u32,
}

/// The parts of a segment that a thread walks over: the one that it has, and as many more as it gets.
pub(super) struct Parts<'a> {
    own: Range<DocId>,
    /// None where all of it is one thread's.
    left: Option<&'a Left>,
    /// Whether another thread has begun the segment: this one may have walked over later ones before.
    is_help: bool,
}

impl Claims {
    /// Segments of so many documents, of which `part` are taken at a time, or each of them whole.
    pub(super) fn new(documents: impl Iterator<Item = u32>, part: u32, are_whole: bool) -> Self {
        let left = |documents| Left { next: AtomicU32::new(0), documents, part };
        Self { segments: documents.map(left).collect(), next: AtomicUsize::new(0), are_whole }
    }

    /// Whether there is something that another thread could do.
    pub(super) fn have_more(&self) -> bool {
        let begins = self.next.load(Ordering::Acquire) < self.segments.len();
        begins || !self.are_whole && self.segments.iter().any(Left::is_worth_help)
    }

    /// The place of a segment that nobody has begun, or that is worth help, and parts of it.
    pub(super) fn next(&self) -> Option<(usize, Parts<'_>)> {
        loop {
            let begun = || self.segments.iter().position(Left::is_worth_help).filter(|_| !self.are_whole);
            let own = self.next_to_begin();
            let place = own.or_else(begun)?;
            if self.are_whole {
                return Some((place, Parts::whole()));
            }
            // Others may have taken all of it meanwhile.
            let left = &self.segments[place];
            if let Some(part) = left.claim() {
                return Some((place, Parts { own: part, left: Some(left), is_help: own.is_none() }));
            }
        }
    }

    fn next_to_begin(&self) -> Option<usize> {
        let place = self.next.fetch_add(1, Ordering::AcqRel);
        (place < self.segments.len()).then_some(place)
    }
}

impl Left {
    /// Whether there is more of it than whoever walks over it has soon done.
    fn is_worth_help(&self) -> bool {
        self.next.load(Ordering::Acquire).saturating_add(self.part) < self.documents
    }

    /// The next part.
    fn claim(&self) -> Option<Range<DocId>> {
        let end = |next: u32| next.saturating_add(self.part).min(self.documents);
        let next = |next| (next < self.documents).then(|| end(next));
        let start = self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(start..end(start))
    }
}

impl Parts<'_> {
    /// All of a segment.
    pub(super) fn whole() -> Self {
        Self { own: 0..TERMINATED, left: None, is_help: false }
    }

    /// The first document of the part that the thread has.
    pub(super) fn start(&self) -> DocId {
        self.own.start
    }

    /// Whether another thread has begun the segment.
    pub(super) fn is_help(&self) -> bool {
        self.is_help
    }

    /// The part that the thread has.
    pub(super) fn own(&self) -> Range<DocId> {
        self.own.clone()
    }

    /// Goes on to the part that a document is in, or to a later one, if the thread gets one; whether it did. A document behind all takes what
    /// is left, as nobody finds any there.
    pub(super) fn go_to(&mut self, document: DocId) -> bool {
        while document >= self.own.end {
            let Some(next) = self.left.and_then(Left::claim) else { return false };
            self.own = next;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: u32 = 100;

    fn claims(documents: &[u32], are_whole: bool) -> Claims {
        Claims::new(documents.iter().copied(), PART, are_whole)
    }

    #[test]
    fn segments_are_begun_first_and_then_helped_with() {
        let claims = claims(&[10, 3 * PART + 1, PART], false);
        assert!(claims.have_more());
        let begun: Vec<_> =
            (0..3).filter_map(|_| claims.next()).map(|(place, parts)| (place, parts.own)).collect();
        assert_eq!(begun, [(0, 0..10), (1, 0..PART), (2, 0..PART)]);

        let helped: Vec<_> =
            (0..4).filter_map(|_| claims.next()).map(|(place, parts)| (place, parts.own)).collect();

        assert_eq!(helped, [(1, PART..2 * PART), (1, 2 * PART..3 * PART)]);
        assert!(!claims.have_more());
    }

    #[test]
    fn parts_are_all_documents_once_and_each_thread_goes_forward() {
        let claims = claims(&[5 * PART + 7], false);
        let Some((0, mut parts)) = claims.next() else { panic!("there is one") };
        let (mut own, mut others) = (vec![parts.own.clone()], Vec::new());
        while let Some((_, theirs)) = claims.next() {
            others.push(theirs.own);
            if parts.go_to(parts.own.end) {
                own.push(parts.own.clone());
            }
        }
        while parts.go_to(parts.own.end) {
            own.push(parts.own.clone());
        }

        assert!(own.is_sorted_by_key(|part| part.start) && others.is_sorted_by_key(|part| part.start));
        assert!(own.len() > 1 && others.len() > 1, "{own:?} {others:?}");
        let mut all = [own, others].concat();
        all.sort_by_key(|part| part.start);
        assert_eq!(all.first().map(|part| part.start), Some(0));
        assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{all:?}");
        assert_eq!(all.last().map(|part| part.end), Some(5 * PART + 7));
    }

    #[test]
    fn a_walk_that_is_done_leaves_nothing_to_others() {
        let claims = claims(&[5 * PART], false);
        let Some((0, mut parts)) = claims.next() else { panic!("there is one") };
        assert!(parts.go_to(PART - 1) && parts.own == (0..PART));
        assert!(parts.go_to(2 * PART) && parts.own == (2 * PART..3 * PART));
        assert!(claims.have_more());

        assert!(!parts.go_to(TERMINATED));

        assert!(claims.next().is_none() && !claims.have_more());
    }

    #[test]
    fn nobody_helps_with_what_is_one_threads() {
        let claims = claims(&[5 * PART, 5 * PART], true);
        let Some((0, mut parts)) = claims.next() else { panic!("there is one") };
        assert!(parts.go_to(4 * PART) && claims.have_more());
        assert!(claims.next().is_some_and(|(place, _)| place == 1));

        assert!(!claims.have_more() && claims.next().is_none() && !parts.go_to(TERMINATED));
    }
}
