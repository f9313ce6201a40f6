//! Field data: what is computed of a segment when somebody asks and worth keeping, over all shards of a node within one bound.
//!
//! Each value belongs to a segment and has one or more names there. It is made once, while others who want it wait, and it is charged for
//! as long as anybody holds it. Where there is no room, those that nobody holds go, the ones unused for longest first; where that is not
//! enough, what is asked for is refused.
//!
//! Who waits for a value that another one makes stands aside meanwhile: whoever runs the shards says how, so that the place that it has
//! among those who work is another's for that time.

mod charge;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use tantivy::index::SegmentId;

pub(crate) use charge::{Charge, NoRoom};

/// How often who waits for a value that another one makes looks whether it still wants it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What can be kept.
pub(crate) trait Keepable: Any + Send + Sync {
    /// The fields whose values it has, and what it takes for each.
    fn fields(&self) -> &[(String, usize)] {
        &[]
    }
}

/// Waits for somebody who has a place among those who work, and gives the place to others meanwhile. The wait tells whether the place is
/// wanted back.
pub trait Aside: Send + Sync {
    /// Waits, and has the place again if it is wanted.
    fn wait(&self, wait: &mut dyn FnMut() -> bool);
}

/// Where nobody else wants the place.
struct InPlace;

impl Aside for InPlace {
    fn wait(&self, wait: &mut dyn FnMut() -> bool) {
        wait();
    }
}

/// What shards keep of their segments in memory.
pub struct Fielddata {
    bytes_max: usize,
    /// What all values take that anybody holds.
    bytes: AtomicUsize,
    /// Counts uses, so that the least recent one is known.
    uses: AtomicU64,
    segments: Mutex<HashMap<SegmentId, Kept>>,
    aside: Arc<dyn Aside>,
}

/// What is kept of a segment.
#[derive(Default)]
struct Kept {
    slots: HashMap<Arc<str>, Slot>,
    /// How often something had to go for something else.
    evictions: u64,
}

/// The place for a name.
enum Slot {
    Making(Arc<Making>),
    Made(Arc<Made>),
}

/// A value with all of its names: they come and go together.
struct Made {
    value: Arc<dyn Keepable>,
    names: Vec<Arc<str>>,
    used: AtomicU64,
}

/// A value that was made, and its names.
type Named = (Vec<Arc<str>>, Arc<dyn Keepable>);

/// Somebody makes values.
#[derive(Default)]
struct Making {
    is_over: Mutex<bool>,
    told: Condvar,
}

/// What is kept of one segment, for as long as that is there.
pub(crate) struct SegmentFielddata {
    of: Arc<Fielddata>,
    segment: SegmentId,
    bytes: Arc<AtomicUsize>,
}

/// What is to be done for some names.
enum Next<'a> {
    /// All values are there.
    Done,
    /// These are made by nobody else.
    Make(Turn<'a>, Vec<usize>),
    WaitFor(Arc<Making>),
}

/// The turn to make some values; others wait until it is over, with or without them.
struct Turn<'a> {
    of: &'a SegmentFielddata,
    making: Arc<Making>,
    names: Vec<Arc<str>>,
}

impl fmt::Debug for Fielddata {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Fielddata")
            .field("bytes_max", &self.bytes_max)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Fielddata {
    /// For so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Self::with_aside(bytes_max, Arc::new(InPlace))
    }

    /// The same; who waits for another one stands aside.
    pub fn with_aside(bytes_max: usize, aside: Arc<dyn Aside>) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            segments: Mutex::default(),
            aside,
        })
    }

    /// Bytes that are held now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes values away that nobody holds until no more than so many bytes are held, or there are no such values; whether any
    /// went.
    fn evict_to(&self, bytes_max: usize) -> bool {
        let mut segments = self.segments.lock();
        let mut idle: Vec<(u64, SegmentId, Arc<Made>)> = Vec::new();
        for (segment, kept) in segments.iter() {
            // Each value once, by the first of its names.
            let of_segment = kept.slots.iter().filter_map(|(name, slot)| match slot {
                Slot::Made(made) if made.is_idle() && made.names.first() == Some(name) => Some(made),
                _ => None,
            });
            idle.extend(
                of_segment.map(|made| (made.used.load(Ordering::Relaxed), *segment, Arc::clone(made))),
            );
        }
        idle.sort_unstable_by_key(|(used, ..)| *used);
        let mut has_evicted = false;
        for (_, segment, made) in idle {
            if self.bytes() <= bytes_max {
                break;
            }
            // Whoever comes for it makes it again.
            if let Some(kept) = segments.get_mut(&segment) {
                made.names.iter().for_each(|name| drop(kept.slots.remove(name)));
                kept.evictions += 1;
                has_evicted = true;
            }
        }
        has_evicted
    }

    fn forget(&self, segment: SegmentId) {
        let kept = self.segments.lock().remove(&segment);
        drop(kept);
    }
}

impl Made {
    /// Whether nobody else holds the value.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.value) == 1
    }

    /// The value, if it is of a type.
    fn get<T: Keepable>(&self) -> Option<Arc<T>> {
        let value: Arc<dyn Any + Send + Sync> = Arc::<dyn Keepable>::clone(&self.value);
        value.downcast().ok()
    }
}

impl Making {
    /// Waits until it is over; `goes_on` is asked now and then, and its fault ends the waiting.
    fn wait<E>(&self, goes_on: impl Fn() -> Result<(), E>) -> Result<(), E> {
        let mut is_over = self.is_over.lock();
        while !*is_over {
            if self.told.wait_for(&mut is_over, LOOK_EVERY).timed_out() && !*is_over {
                goes_on()?;
            }
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// Keeps what was made, each value under some of the names.
    fn keep(&self, made: Vec<Named>) {
        let used = self.of.of.uses.fetch_add(1, Ordering::Relaxed);
        let mut segments = self.of.of.segments.lock();
        // A segment may be gone meanwhile.
        let Some(kept) = segments.get_mut(&self.of.segment) else { return };
        for (names, value) in made {
            let made = Arc::new(Made { value, names, used: AtomicU64::new(used) });
            for name in &made.names {
                kept.slots.insert(Arc::clone(name), Slot::Made(Arc::clone(&made)));
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut segments = self.of.of.segments.lock();
        if let Some(kept) = segments.get_mut(&self.of.segment) {
            for name in &self.names {
                let is_own = |slot: &Slot| matches!(slot, Slot::Making(of) if Arc::ptr_eq(of, &self.making));
                if kept.slots.get(name).is_some_and(is_own) {
                    kept.slots.remove(name);
                }
            }
        }
        drop(segments);
        *self.making.is_over.lock() = true;
        self.making.told.notify_all();
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

    /// Adds what is kept of each field.
    pub(crate) fn add_fields(&self, bytes: &mut BTreeMap<String, usize>) {
        let segments = self.of.segments.lock();
        for (name, slot) in segments.get(&self.segment).into_iter().flat_map(|kept| &kept.slots) {
            if let Slot::Made(made) = slot
                && made.names.first() == Some(name)
            {
                for (field, taken) in made.value.fields() {
                    *bytes.entry(field.clone()).or_default() += taken;
                }
            }
        }
    }

    /// Forgets every value; those that somebody holds are charged until they are given back.
    pub(crate) fn clear(&self) {
        let mut segments = self.of.segments.lock();
        if let Some(kept) = segments.get_mut(&self.segment) {
            kept.slots.retain(|_, slot| matches!(slot, Slot::Making(_)));
        }
    }

    /// A charge that is held by itself.
    pub(crate) fn charge(&self) -> Charge {
        Charge::new(&self.of, &self.bytes)
    }

    /// The value of a name, made if it is not there; it is given the charge of its bytes to hold. `goes_on` is asked now and then while another
    /// one makes it, and its fault ends the waiting.
    pub(crate) fn get_or_make<T: Keepable, E>(
        &self,
        name: &str,
        goes_on: impl Fn() -> Result<(), E>,
        mut make: impl FnMut(Charge) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let names = [Arc::from(name)];
        let mut found = [None];
        self.get_or_make_all(&names, &mut found, goes_on, |_, charge| Ok(vec![(vec![0], make(charge())?)]))?;
        match found {
            [Some(found)] => Ok(found),
            // It was made and is nowhere: make it for this one alone.
            [None] => Ok(Arc::new(make(self.charge())?)),
        }
    }

    /// The values of several names. Those that nobody has or makes are made in one go: `make` is told which names, and tells which of them
    /// each value is for. A value may be kept already and be given up again while others are made, so those found are held.
    pub(crate) fn get_or_make_all<T: Keepable, E>(
        &self,
        names: &[Arc<str>],
        found: &mut [Option<Arc<T>>],
        goes_on: impl Fn() -> Result<(), E>,
        mut make: impl FnMut(&[usize], &dyn Fn() -> Charge) -> Result<Vec<(Vec<usize>, T)>, E>,
    ) -> Result<(), E> {
        loop {
            match self.next(names, found) {
                Next::Done => return Ok(()),
                Next::Make(turn, missing) => {
                    let mut kept: Vec<Named> = Vec::new();
                    for (places, value) in make(&missing, &|| self.charge())? {
                        let value = Arc::new(value);
                        places.iter().for_each(|place| found[*place] = Some(Arc::clone(&value)));
                        kept.push((places.iter().map(|place| Arc::clone(&names[*place])).collect(), value));
                    }
                    turn.keep(kept);
                }
                Next::WaitFor(making) => {
                    let mut told = Ok(());
                    self.of.aside.wait(&mut || {
                        told = making.wait(&goes_on);
                        told.is_ok()
                    });
                    told?;
                }
            }
        }
    }

    /// Takes what is there, and then either all that nobody makes, or the first that another one makes.
    fn next<T: Keepable>(&self, names: &[Arc<str>], found: &mut [Option<Arc<T>>]) -> Next<'_> {
        let used = self.of.uses.fetch_add(1, Ordering::Relaxed);
        let (mut missing, mut awaited) = (Vec::new(), None);
        let mut segments = self.of.segments.lock();
        let kept = segments.entry(self.segment).or_default();
        for (place, name) in names.iter().enumerate() {
            match kept.slots.get(name) {
                _ if found[place].is_some() => {}
                Some(Slot::Making(making)) => awaited = awaited.or_else(|| Some(Arc::clone(making))),
                Some(Slot::Made(made)) => match made.get() {
                    Some(value) => {
                        made.used.store(used, Ordering::Relaxed);
                        found[place] = Some(value);
                    }
                    None => missing.push(place),
                },
                None => missing.push(place),
            }
        }
        if missing.is_empty() {
            return awaited.map_or(Next::Done, Next::WaitFor);
        }
        let making = Arc::<Making>::default();
        let names: Vec<_> = missing.iter().map(|place| Arc::clone(&names[*place])).collect();
        for name in &names {
            kept.slots.insert(Arc::clone(name), Slot::Making(Arc::clone(&making)));
        }
        Next::Make(Turn { of: self, making, names }, missing)
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

    impl Keepable for Held {}

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

    /// Those of several names take the room of one, and nothing is left of them once that is wanted.
    #[test]
    fn what_was_made_together_goes_together() {
        let all = Fielddata::new(100);
        let of = SegmentFielddata::new(&all, segment());
        let names: Vec<Arc<str>> = ["a", "b", "c"].map(Arc::from).to_vec();
        let made = |names: &[Arc<str>], number| {
            let mut found = vec![None; names.len()];
            let mut asked = Vec::new();
            let done = of.get_or_make_all(
                names,
                &mut found,
                || Ok(()),
                |missing, charge| {
                    asked = missing.to_vec();
                    let mut charge = charge();
                    charge.set(60).map(|()| vec![(missing.to_vec(), Held(charge, number))])
                },
            );
            done.expect("room");
            (asked, found.iter().flatten().map(|held| held.1).collect::<Vec<_>>())
        };

        assert_eq!(made(&names[..2], 1), (vec![0, 1], vec![1, 1]));
        assert_eq!(made(&names[1..2], 2), (vec![], vec![1]));
        assert_eq!(made(&names[2..], 3), (vec![0], vec![3]));
        assert_eq!((all.bytes(), of.evictions()), (60, 1));
        assert_eq!(made(&names[1..2], 4), (vec![0], vec![4]));
    }

    /// Two used to look whether there is room before either took it.
    #[test]
    fn no_two_take_the_same_room() {
        let all = Fielddata::new(100);
        let of = SegmentFielddata::new(&all, segment());
        let arrived = AtomicUsize::new(0);
        let meet = |times: usize| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 * times {
                std::hint::spin_loop();
            }
        };

        let taken = std::thread::scope(|scope| {
            let both = [0, 1].map(|_| {
                scope.spawn(|| {
                    let mut taken = Vec::new();
                    for round in 0..200 {
                        let mut charge = of.charge();
                        meet(2 * round + 1);
                        taken.push(charge.set(60).is_ok());
                        meet(2 * round + 2);
                    }
                    taken
                })
            });
            both.map(|one| one.join().expect("no panic"))
        });

        let is_one = |(one, other): (&bool, &bool)| one != other;
        assert_eq!(taken[0].iter().zip(&taken[1]).position(|pair| !is_one(pair)), None);
        assert_eq!((all.bytes(), of.bytes()), (0, 0));
    }

    struct Counting(AtomicUsize);

    impl Aside for Counting {
        fn wait(&self, wait: &mut dyn FnMut() -> bool) {
            self.0.fetch_add(1, Ordering::Relaxed);
            wait();
        }
    }

    #[test]
    fn who_waits_for_another_stands_aside() {
        let aside = Arc::new(Counting(AtomicUsize::new(0)));
        let all = Fielddata::with_aside(100, Arc::<Counting>::clone(&aside));
        let of = SegmentFielddata::new(&all, segment());

        std::thread::scope(|scope| {
            let waiting = get_slowly(&of, || {
                let waiting = scope.spawn(|| get(&of, "x", 1, 8).map(|held| held.1));
                while aside.0.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
                waiting
            });
            assert_eq!(waiting.join().expect("no panic"), Ok(7));
        });
        assert_eq!(aside.0.load(Ordering::Relaxed), 1);
    }

    /// Makes a value, and calls `meanwhile` while it does.
    fn get_slowly<R>(of: &SegmentFielddata, meanwhile: impl FnOnce() -> R) -> R {
        let (mut meanwhile, mut result) = (Some(meanwhile), None);
        let made = of.get_or_make::<_, &str>(
            "x",
            || Ok(()),
            |charge| {
                result = meanwhile.take().map(|meanwhile| meanwhile());
                Ok(Held(charge, 7))
            },
        );
        made.expect("made");
        result.expect("called")
    }
}
