//! Room: what a search holds beside its hits is asked for before it holds it, as nobody knows beforehand how many buckets there will be, or what a
//! script makes.

use std::fmt;
use std::sync::Arc;

use super::stop::Stop;

/// Says whether there is memory for so many bytes more; whoever runs the shards knows, and takes back what was given when a search ends.
pub trait Room: fmt::Debug + Send + Sync {
    /// Gives so many bytes. Who gets none ends what it does, as the whole search does: its time was up before there were any, or there will be
    /// none, and whoever is asked knows why.
    fn take(&self, bytes: usize) -> Result<(), Stop>;

    /// The same for what comes and goes while a search goes on, as what a script makes of each document: nobody else is given it meanwhile.
    fn lend(&self, bytes: usize) -> Result<(), Stop> {
        self.take(bytes)
    }
}

/// The room of one request; none where nobody looks after memory. It says nothing about what is asked, so that all are equal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Within(Option<Arc<dyn Room>>);

impl PartialEq for Within {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Within {
    pub(crate) fn new(room: Arc<dyn Room>) -> Self {
        Self(Some(room))
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter { room: self.clone(), left: FREE_BYTES, step: STEP_LEAST }
    }
}

/// So much is not worth asking for.
const FREE_BYTES: usize = 1 << 10;
/// How much is asked for at once, at first and at most: few ask for little, and those that take much ask seldom.
const STEP_LEAST: usize = 4 << 10;
const STEP_MOST: usize = 256 << 10;

/// What one of many has been given of the room and not used yet.
#[derive(Debug)]
pub(crate) struct Meter {
    room: Within,
    left: usize,
    step: usize,
}

impl Meter {
    /// Takes so many bytes, if there is room for them.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.ask(bytes),
        }
    }

    #[cold]
    fn ask(&mut self, bytes: usize) -> Result<(), Stop> {
        let Within(Some(room)) = &self.room else {
            self.left = usize::MAX;
            return Ok(());
        };
        let wanted = bytes.max(self.step);
        self.step = (2 * self.step).min(STEP_MOST);
        room.take(wanted)?;
        self.left += wanted - bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// So many bytes, of which it is counted how many were given, and how often it was asked.
    #[derive(Debug)]
    struct Bounded {
        most: usize,
        given: AtomicUsize,
        asked: AtomicUsize,
    }

    impl Bounded {
        fn new(most: usize) -> Arc<Self> {
            Arc::new(Self { most, given: AtomicUsize::new(0), asked: AtomicUsize::new(0) })
        }
    }

    impl Room for Bounded {
        fn take(&self, bytes: usize) -> Result<(), Stop> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let next = |given: usize| Some(given + bytes).filter(|given| *given <= self.most);
            let given = self.given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
            given.map(drop).map_err(|_| Stop::Cancelled)
        }
    }

    #[test]
    fn little_is_not_asked_for_and_much_is_seldom() {
        let room = Bounded::new(10 << 20);
        let mut meter = Within::new(Arc::<Bounded>::clone(&room)).meter();
        assert_eq!(meter.take(FREE_BYTES), Ok(()));
        assert_eq!(room.asked.load(Ordering::Relaxed), 0);

        let taken = (0..).take_while(|_| meter.take(100).is_ok()).count();

        let asked = room.asked.load(Ordering::Relaxed);
        assert!((100 * taken).abs_diff(10 << 20) < 2 * STEP_MOST, "{taken}");
        assert!(asked < 60, "{asked}");
        assert_eq!(meter.take(STEP_MOST), Err(Stop::Cancelled), "it stays full");
    }

    #[test]
    fn where_nobody_looks_there_is_room() {
        let mut meter = Within::default().meter();
        assert!((0..1000).all(|_| meter.take(1 << 30).is_ok()));
    }
}
