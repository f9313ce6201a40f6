//! Field data: what is computed of a segment when somebody asks and worth keeping, over all shards of a node within one bound.
//!
//! Each value belongs to a segment and has a name there. It is made once, while others who want it wait, and it is charged for as long as
//! anybody holds it. Where there is no room, those that nobody holds go, the ones unused for longest first; where that is not
//! enough, what is asked for is refused.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tantivy::index::SegmentId;

/// How often who waits for a value that another one makes looks whether it still wants it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What shards keep of their segments in memory.
#[derive(Debug)]
pub struct Fielddata {
    bytes_max: usize,
    /// What all values take that anybody holds.
    bytes: AtomicUsize,
    /// Counts uses, so that the least recent one is known.
    uses: AtomicU64,
    segments: Mutex<HashMap<SegmentId, Kept>>,
}

/// What is kept of a segment.
#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<String, Arc<Slot>>,
    /// How often something had to go for something else.
    evictions: u64,
}

/// A place for a value; locked while it is made.
#[derive(Debug, Default)]
struct Slot {
    value: Mutex<Option<Value>>,
    used: AtomicU64,
}

type Value = Arc<dyn Any + Send + Sync>;

/// There is no room for what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// What would be held with it.
    pub(crate) wanted: usize,
    /// What may be held.
    pub(crate) limit: usize,
}

/// The bytes that a value takes, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    of: Arc<Fielddata>,
    of_segment: Arc<AtomicUsize>,
    bytes: usize,
}

/// What is kept of one segment, for as long as that is there.
#[derive(Debug)]
pub(crate) struct SegmentFielddata {
    of: Arc<Fielddata>,
    segment: SegmentId,
    bytes: Arc<AtomicUsize>,
}

impl Fielddata {
    /// For so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            segments: Mutex::default(),
        })
    }

    /// Bytes that are held now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn slot(&self, segment: SegmentId, name: &str) -> Arc<Slot> {
        let mut segments = self.segments.lock();
        let slots = &mut segments.entry(segment).or_default().slots;
        let slot = match slots.get(name) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(slots.entry(name.to_owned()).or_default()),
        };
        slot.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        slot
    }

    /// Takes values away that nobody holds until no more than so many bytes are held, or there are no such values.
    fn evict_to(&self, bytes_max: usize) {
        let mut segments = self.segments.lock();
        let mut idle: Vec<(u64, SegmentId, String)> = Vec::new();
        for (segment, kept) in segments.iter() {
            let of_segment = kept.slots.iter().filter(|(_, slot)| slot.is_idle());
            idle.extend(
                of_segment.map(|(name, slot)| (slot.used.load(Ordering::Relaxed), *segment, name.clone())),
            );
        }
        idle.sort_unstable();
        for (_, segment, name) in idle {
            if self.bytes() <= bytes_max {
                break;
            }
            // Whoever came for it meanwhile makes it again.
            if let Some(kept) = segments.get_mut(&segment) {
                kept.evictions += u64::from(kept.slots.remove(&name).is_some());
            }
        }
    }

    fn forget(&self, segment: SegmentId) {
        let kept = self.segments.lock().remove(&segment);
        drop(kept);
    }
}

impl Slot {
    /// Whether a value is there that nobody else holds.
    fn is_idle(&self) -> bool {
        let value = self.value.try_lock();
        value.is_some_and(|value| value.as_ref().is_some_and(|value| Arc::strong_count(value) == 1))
    }
}

impl Charge {
    /// Charges so many bytes instead of those before, which must fit.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let others = self.of.bytes().saturating_sub(self.bytes);
        let limit = self.of.bytes_max;
        if others.saturating_add(bytes) > limit {
            self.of.evict_to(limit.saturating_sub(bytes).saturating_add(self.bytes));
            let wanted = self.of.bytes().saturating_sub(self.bytes).saturating_add(bytes);
            if wanted > limit {
                return Err(NoRoom { wanted, limit });
            }
        }
        self.change(bytes);
        Ok(())
    }

    /// The same for little that cannot be done without; others go for it if they can.
    pub(crate) fn set_in_any_case(&mut self, bytes: usize) {
        if self.set(bytes).is_err() {
            self.change(bytes);
        }
    }

    fn change(&mut self, bytes: usize) {
        for held in [&self.of.bytes, &*self.of_segment] {
            held.fetch_add(bytes, Ordering::Relaxed);
            held.fetch_sub(self.bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.change(0);
    }
}

impl SegmentFielddata {
    pub(super) fn new(of: &Arc<Fielddata>, segment: SegmentId) -> Self {
        Self { of: Arc::clone(of), segment, bytes: Arc::default() }
    }

    /// Bytes that are held of the segment.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How often something of the segment had to go for something else.
    pub(crate) fn evictions(&self) -> u64 {
        self.of.segments.lock().get(&self.segment).map_or(0, |kept| kept.evictions)
    }

    /// Forgets every value; those that somebody holds are charged until they are given back.
    pub(crate) fn clear(&self) {
        let mut segments = self.of.segments.lock();
        segments.get_mut(&self.segment).into_iter().for_each(|kept| kept.slots.clear());
    }

    fn charge(&self) -> Charge {
        Charge { of: Arc::clone(&self.of), of_segment: Arc::clone(&self.bytes), bytes: 0 }
    }

    /// The value of a name, made if it is not there; it is given the charge of its bytes to hold. `goes_on` is asked now and then while another
    /// one makes it, and its fault ends the waiting.
    pub(crate) fn get_or_make<T: Any + Send + Sync, E>(
        &self,
        name: &str,
        goes_on: impl Fn() -> Result<(), E>,
        make: impl FnOnce(Charge) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let slot = self.of.slot(self.segment, name);
        let mut value = loop {
            match slot.value.try_lock_for(LOOK_EVERY) {
                Some(value) => break value,
                None => goes_on()?,
            }
        };
        if let Some(known) = value.as_ref().and_then(|value| Arc::clone(value).downcast().ok()) {
            return Ok(known);
        }
        let made = Arc::new(make(self.charge())?);
        *value = Some(Arc::clone(&made) as Value);
        Ok(made)
    }
}

impl Drop for SegmentFielddata {
    fn drop(&mut self) {
        self.of.forget(self.segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> SegmentId {
        SegmentId::generate_random()
    }

    struct Held(#[expect(dead_code, reason = "held, not read")] Charge, u32);

    fn get(of: &SegmentFielddata, name: &str, bytes: usize, number: u32) -> Result<Arc<Held>, NoRoom> {
        of.get_or_make(name, || Ok(()), |mut charge| charge.set(bytes).map(|()| Held(charge, number)))
    }

    #[test]
    fn values_are_made_once_and_the_least_used_go_first() {
        let all = Fielddata::new(100);
        let (a, b) = (SegmentFielddata::new(&all, segment()), SegmentFielddata::new(&all, segment()));

        for (of, number, found) in [(&a, 1, 1), (&b, 2, 2), (&a, 9, 1)] {
            assert_eq!(get(of, "x", 40, number).expect("room").1, found);
        }
        assert_eq!((all.bytes(), a.bytes()), (80, 40));
        get(&a, "y", 30, 3).expect("room is made");

        assert_eq!((all.bytes(), a.bytes(), b.bytes()), (70, 70, 0));
        assert_eq!((a.evictions(), b.evictions()), (0, 1));
        assert_eq!(get(&a, "x", 40, 4).expect("kept").1, 1, "it was used after the other one");
        assert_eq!(get(&b, "x", 30, 5).expect("made again").1, 5);
        assert_eq!(all.bytes(), 100);
    }

    #[test]
    fn what_is_held_stays_and_what_does_not_fit_beside_it_is_refused() {
        let all = Fielddata::new(100);
        let of = SegmentFielddata::new(&all, segment());

        let held = get(&of, "x", 60, 1).expect("room");
        let refused = get(&of, "y", 50, 2).err();

        assert_eq!(refused, Some(NoRoom { wanted: 110, limit: 100 }));
        assert_eq!(all.bytes(), 60);
        drop(held);
        assert_eq!(get(&of, "y", 50, 3).expect("the other goes").1, 3);
        assert_eq!(all.bytes(), 50);
        let more = of.get_or_make::<_, NoRoom>(
            "z",
            || Ok(()),
            |mut charge| {
                charge.set_in_any_case(101);
                Ok(Held(charge, 4))
            },
        );
        assert_eq!((more.map(|held| held.1), all.bytes()), (Ok(4), 101));
    }

    #[test]
    fn a_segment_takes_its_values_with_it() {
        let all = Fielddata::new(100);
        let of = SegmentFielddata::new(&all, segment());
        let held = get(&of, "x", 60, 1).expect("room");
        get(&of, "y", 30, 1).expect("room");

        drop(of);

        assert_eq!(all.bytes(), 60, "somebody holds one of them");
        drop(held);
        assert_eq!(all.bytes(), 0);
        assert!(all.segments.lock().is_empty());
    }

    #[test]
    fn who_waits_for_another_can_be_told_to_stop() {
        let all = Fielddata::new(100);
        let of = SegmentFielddata::new(&all, segment());

        std::thread::scope(|scope| {
            let made = get_slowly(&of, || {
                let waiting =
                    scope.spawn(|| of.get_or_make::<Held, _>("x", || Err("stop"), |_| Err("made twice")));
                waiting.join().expect("no panic").err()
            });
            assert_eq!(made, Some("stop"));
        });
        assert_eq!(get(&of, "x", 1, 2).expect("there").1, 7);
    }

    /// Makes a value, and calls `meanwhile` while it does.
    fn get_slowly<R>(of: &SegmentFielddata, meanwhile: impl FnOnce() -> R) -> R {
        let mut result = None;
        let made = of.get_or_make::<_, &str>(
            "x",
            || Ok(()),
            |charge| {
                result = Some(meanwhile());
                Ok(Held(charge, 7))
            },
        );
        made.expect("made");
        result.expect("called")
    }
}
