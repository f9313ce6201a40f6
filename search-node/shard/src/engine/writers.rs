//! Writers: the segments that are being filled, and who fills which.
//!
//! Whoever writes a run of documents keeps to one segment, whose tables are in their core's cache. Only when others sit
//! there already do they look for another. A write is done as a whole while its segment is held; so who holds them all
//! keeps every writer out, and writers share nothing for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::OpenSegment;
use super::buffers::Buffers;

/// Segments that were taken from their writers. Each is large, and is passed from hand to hand with every document.
pub(super) type OpenSegments = Vec<Box<OpenSegment>>;

/// The segments that are being filled.
pub(super) struct Writers {
    slots: Arc<[Slot]>,
    /// What the segments hold.
    held: Arc<Buffers>,
}

#[derive(Default)]
struct Slot {
    /// How many sit here.
    seats: AtomicUsize,
    open: Mutex<Option<Box<OpenSegment>>>,
}

/// A place at one of the segments, for as long as a run of writes lasts.
pub(super) struct Seat {
    slots: Arc<[Slot]>,
    at: usize,
}

impl Writers {
    pub(super) fn new(count: usize) -> Self {
        Self { slots: (0..count.max(1)).map(|_| Slot::default()).collect(), held: Arc::default() }
    }

    /// A seat where the fewest sit, the first of them: one writer alone fills one segment.
    pub(super) fn sit(&self) -> Seat {
        let seats = |at: &usize| self.slots[*at].seats.load(Ordering::Relaxed);
        let at = (0..self.slots.len()).min_by_key(seats).unwrap_or_default();
        self.slots[at].seats.fetch_add(1, Ordering::Relaxed);
        Seat { slots: Arc::clone(&self.slots), at }
    }

    /// The segment of a seat, or one that nobody writes to right now, where the writer then stays.
    pub(super) fn take(&self, seat: &mut Seat) -> MutexGuard<'_, Option<Box<OpenSegment>>> {
        for step in 0..self.slots.len() {
            let at = (seat.at + step) % self.slots.len();
            if let Some(open) = self.slots[at].open.try_lock() {
                seat.move_to(at);
                return open;
            }
        }
        self.slots[seat.at].open.lock()
    }

    /// Keeps every writer out. They wait.
    pub(super) fn close(&self) -> Closed<'_> {
        Closed { segments: self.slots.iter().map(|slot| slot.open.lock()).collect() }
    }

    /// Takes every open segment away that nobody writes to right now, and waits for nobody.
    pub(super) fn take_idle(&self) -> OpenSegments {
        self.slots.iter().filter_map(|slot| take_away(&mut *slot.open.try_lock()?)).collect()
    }

    /// What the open segments hold, kept by themselves.
    pub(super) fn held(&self) -> &Arc<Buffers> {
        &self.held
    }
}

/// Takes a segment away from its writers.
fn take_away(open: &mut Option<Box<OpenSegment>>) -> Option<Box<OpenSegment>> {
    let mut segment = open.take()?;
    segment.held.leave_shard();
    Some(segment)
}

/// No writer is at work while this lives.
pub(super) struct Closed<'w> {
    segments: Vec<MutexGuard<'w, Option<Box<OpenSegment>>>>,
}

impl Closed<'_> {
    /// Takes every open segment away.
    pub(super) fn take(&mut self) -> OpenSegments {
        self.segments.iter_mut().filter_map(|open| take_away(open)).collect()
    }
}

impl Seat {
    fn move_to(&mut self, at: usize) {
        if at != self.at {
            self.slots[self.at].seats.fetch_sub(1, Ordering::Relaxed);
            self.slots[at].seats.fetch_add(1, Ordering::Relaxed);
            self.at = at;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.slots[self.at].seats.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_spread_over_the_segments_and_one_alone_uses_the_first() {
        let writers = Writers::new(2);

        for _ in 0..3 {
            assert_eq!(writers.sit().at, 0);
        }
        let (first, second, third) = (writers.sit(), writers.sit(), writers.sit());
        assert_eq!((first.at, second.at, third.at), (0, 1, 0));
        drop((first, third));
        assert_eq!(writers.sit().at, 0, "left by both");
    }

    #[test]
    fn who_finds_their_segment_busy_moves_to_a_free_one_and_stays() {
        let writers = Writers::new(2);
        let (mut one, mut other) = (writers.sit(), writers.sit());
        other.move_to(0);

        let busy = writers.take(&mut one);
        drop(writers.take(&mut other));
        drop(busy);

        assert_eq!((one.at, other.at), (0, 1));
        assert_eq!(writers.sit().at, 0, "one sits at each");
    }
}
