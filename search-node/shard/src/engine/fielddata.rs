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
use parking_lot::{Condvar, Mutex, MutexGuard};

pub(crate) use charge::{Charge, NoRoom};

/// How often who waits for a value that another one makes looks whether it still wants it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    /// Waits, and has the place again if it is wanted, and for as long as `goes_on` says so.
    fn wait(&self, wait: &mut dyn FnMut() -> bool, goes_on: &dyn Fn() -> bool);
}

/// Where nobody else wants the place.
struct InPlace;

impl Aside for InPlace {
    fn wait(&self, wait: &mut dyn FnMut() -> bool, _: &dyn Fn() -> bool) {
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
    /// Counts the segments, none of which is another one: shards of a node may have the same segment, each by its own file name, and what is
    /// computed for one of them need not be right for the other.
    segments: AtomicU64,
    kept: Mutex<AllKept>,
    aside: Arc<dyn Aside>,
}

/// What is kept of all segments.
#[derive(Default)]
struct AllKept {
    segments: HashMap<u64, Kept>,
    /// Each value by when it was last used: its segment, and the first of its names.
    by_use: BTreeMap<u64, (u64, Arc<str>)>,
}

/// What is kept of a segment.
struct Kept {
    slots: HashMap<Arc<str>, Slot>,
    /// Counts for the shard how often something had to go for something else.
    evictions: Arc<AtomicU64>,
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
    segment: u64,
    evictions: Arc<AtomicU64>,
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
            segments: AtomicU64::new(0),
            kept: Mutex::default(),
            aside,
        })
    }

    /// Bytes that are held now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes values away that nobody holds, those unused for longest first, until no more than so many bytes are held, or there are no such
    /// values; whether any went.
    fn evict_to(&self, bytes_max: usize) -> bool {
        let mut kept = self.kept.lock();
        let AllKept { segments, by_use } = &mut *kept;
        let (mut has_evicted, mut from) = (false, 0);
        while self.bytes() > bytes_max {
            let Some((used, (segment, name))) = by_use.range(from..).next() else { break };
            let used = *used;
            from = used + 1;
            let Some(kept) = segments.get_mut(segment) else { continue };
            let Some(Slot::Made(made)) = kept.slots.get(name) else { continue };
            if made.is_idle() {
                // Whoever comes for it makes it again.
                let made = Arc::clone(made);
                made.names.iter().for_each(|name| drop(kept.slots.remove(name)));
                kept.evictions.fetch_add(1, Ordering::Relaxed);
                by_use.remove(&used);
                has_evicted = true;
            }
        }
        has_evicted
    }

    fn forget(&self, segment: u64) {
        let gone = {
            let mut kept = self.kept.lock();
            let gone = kept.segments.remove(&segment);
            gone.iter().for_each(|of| of.made().for_each(|made| drop(kept.by_use.remove(&made.used()))));
            gone
        };
        drop(gone);
    }

    /// Notes that a value is used.
    fn touch(&self, made: &Made, by_use: &mut BTreeMap<u64, (u64, Arc<str>)>) {
        let used = self.next_use();
        let before = made.used.swap(used, Ordering::Relaxed);
        let of = by_use.remove(&before);
        by_use.extend(of.map(|of| (used, of)));
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}

impl Kept {
    /// The values that are there, each once.
    fn made(&self) -> impl Iterator<Item = &Arc<Made>> {
        self.slots.iter().filter_map(|(name, slot)| match slot {
            Slot::Made(made) if made.names.first() == Some(name) => Some(made),
            _ => None,
        })
    }
}

impl Made {
    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

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
    /// Waits until it is over; `goes_on` is asked now and then, and its fault ends the waiting. Nobody is kept from the lock by what that does.
    fn wait<E>(&self, goes_on: impl Fn() -> Result<(), E>) -> Result<(), E> {
        let mut is_over = self.is_over.lock();
        while !*is_over {
            if self.told.wait_for(&mut is_over, LOOK_EVERY).timed_out() && !*is_over {
                MutexGuard::unlocked(&mut is_over, &goes_on)?;
            }
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// Keeps what was made, each value under some of the names.
    fn keep(&self, made: Vec<Named>) {
        let mut kept = self.of.of.kept.lock();
        let AllKept { segments, by_use } = &mut *kept;
        // A segment may be gone meanwhile.
        let Some(kept) = segments.get_mut(&self.of.segment) else { return };
        for (names, value) in made {
            let Some(first) = names.first().cloned() else { continue };
            let used = self.of.of.next_use();
            by_use.insert(used, (self.of.segment, first));
            let made = Arc::new(Made { value, names, used: AtomicU64::new(used) });
            for name in &made.names {
                kept.slots.insert(Arc::clone(name), Slot::Made(Arc::clone(&made)));
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut all = self.of.of.kept.lock();
        if let Some(kept) = all.segments.get_mut(&self.of.segment) {
            for name in &self.names {
                let is_own = |slot: &Slot| matches!(slot, Slot::Making(of) if Arc::ptr_eq(of, &self.making));
                if kept.slots.get(name).is_some_and(is_own) {
                    kept.slots.remove(name);
                }
            }
        }
        drop(all);
        *self.making.is_over.lock() = true;
        self.making.told.notify_all();
    }
}

impl SegmentFielddata {
    /// That of a segment of a shard, whose `evictions` are counted.
    pub(super) fn new(of: &Arc<Fielddata>, evictions: &Arc<AtomicU64>) -> Self {
        let segment = of.segments.fetch_add(1, Ordering::Relaxed);
        Self { of: Arc::clone(of), segment, evictions: Arc::clone(evictions), bytes: Arc::default() }
    }

    /// Bytes that are held of the segment.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<String> {
        let all = self.of.kept.lock();
        let made = all.segments.get(&self.segment).into_iter().flat_map(Kept::made);
        made.flat_map(|made| made.names.iter().map(ToString::to_string)).collect()
    }

    #[cfg(test)]
    fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// How many values of the segment are kept.
    pub(crate) fn entries(&self) -> u64 {
        let all = self.of.kept.lock();
        all.segments.get(&self.segment).map_or(0, |kept| kept.made().count() as u64)
    }

    /// The value of a name, if it is there.
    pub(crate) fn get<T: Keepable>(&self, name: &str) -> Option<Arc<T>> {
        let mut all = self.of.kept.lock();
        let AllKept { segments, by_use } = &mut *all;
        let Slot::Made(made) = segments.get(&self.segment)?.slots.get(name)? else { return None };
        self.of.touch(made, by_use);
        made.get()
    }

    /// Adds what is kept of each field.
    pub(crate) fn add_fields(&self, bytes: &mut BTreeMap<String, usize>) {
        let all = self.of.kept.lock();
        for made in all.segments.get(&self.segment).into_iter().flat_map(Kept::made) {
            for (field, taken) in made.value.fields() {
                *bytes.entry(field.clone()).or_default() += taken;
            }
        }
    }

    /// Forgets the value of a name, with its other names; who holds it is charged until it is given back.
    pub(crate) fn remove(&self, name: &str) {
        let mut all = self.of.kept.lock();
        let AllKept { segments, by_use } = &mut *all;
        let Some(kept) = segments.get_mut(&self.segment) else { return };
        let Some(Slot::Made(made)) = kept.slots.get(name) else { return };
        let made = Arc::clone(made);
        made.names.iter().for_each(|name| drop(kept.slots.remove(name)));
        by_use.remove(&made.used());
    }

    /// Forgets every value; those that somebody holds are charged until they are given back.
    pub(crate) fn clear(&self) {
        let mut all = self.of.kept.lock();
        let AllKept { segments, by_use } = &mut *all;
        if let Some(kept) = segments.get_mut(&self.segment) {
            kept.made().for_each(|made| drop(by_use.remove(&made.used())));
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

    /// The value of a name, made if it is not there; none while another one makes it.
    pub(crate) fn get_or_make_alone<T: Keepable, E>(
        &self,
        name: &str,
        make: impl FnOnce(Charge) -> Result<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let names = [Arc::from(name)];
        let mut found = [None];
        match self.next(&names, &mut found) {
            Next::Done | Next::WaitFor(_) => Ok(found.into_iter().flatten().next()),
            Next::Make(turn, _) => {
                let value = Arc::new(make(self.charge())?);
                let kept: Arc<dyn Keepable> = Arc::<T>::clone(&value);
                turn.keep(vec![(names.to_vec(), kept)]);
                Ok(Some(value))
            }
        }
    }

    /// The values of several names. Those that nobody has or makes are made in one go: `make` is told which names, and tells which of them
    /// each value is for; a name that it leaves out has none. A value may be kept already and be given up again while others are made, so
    /// those found are held.
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
                    if missing.iter().any(|place| found[*place].is_none()) {
                        return Ok(());
                    }
                }
                Next::WaitFor(making) => {
                    let mut told = Ok(());
                    let mut wait = || {
                        told = making.wait(&goes_on);
                        told.is_ok()
                    };
                    self.of.aside.wait(&mut wait, &|| goes_on().is_ok());
                    told?;
                    // Who was given up meanwhile may be without a place.
                    goes_on()?;
                }
            }
        }
    }

    /// Takes what is there, and then either all that nobody makes, or the first that another one makes.
    fn next<T: Keepable>(&self, names: &[Arc<str>], found: &mut [Option<Arc<T>>]) -> Next<'_> {
        let (mut missing, mut awaited) = (Vec::new(), None);
        let mut all = self.of.kept.lock();
        let AllKept { segments, by_use } = &mut *all;
        let none_yet = || Kept { slots: HashMap::new(), evictions: Arc::clone(&self.evictions) };
        let kept = segments.entry(self.segment).or_insert_with(none_yet);
        for (place, name) in names.iter().enumerate() {
            match kept.slots.get(name) {
                _ if found[place].is_some() => {}
                Some(Slot::Making(making)) => awaited = awaited.or_else(|| Some(Arc::clone(making))),
                Some(Slot::Made(made)) => match made.get() {
                    Some(value) => {
                        self.of.touch(made, by_use);
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
mod tests;
