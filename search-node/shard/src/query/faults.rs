//! Where a query tells, once its documents are looked at, that it cannot go on, or need not: who finds documents cannot return an error for one of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tantivy_fst::Automaton;

use super::QueryError;
use crate::search::{AskStop, Ending, SearchError, Stop};

/// Work between two looks whether a search ends, told in documents that are looked at: well below a millisecond of it.
const WORK_BETWEEN: u32 = 1024;
/// What it takes to read a document, beside a look at one.
pub(in crate::query) const READING: u32 = 256;
/// What it takes to compute something of a document, beside a look at one.
pub(in crate::query) const COMPUTING: u32 = 16;

/// The first fault of a query, if there is one, and what says whether it is still wanted. Whoever walks over its matches looks for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    fault: OnceLock<QueryError>,
    /// Who is asked now: a query may be asked for one search after the other.
    stop: Mutex<Option<Ending>>,
    /// Why documents were passed over at the end, if they were.
    ended: OnceLock<Stop>,
}

impl Faults {
    /// Who finds documents from now on looks whether the search ends.
    pub(in crate::query) fn until(&self, stop: AskStop<'_>) {
        *self.0.stop.lock() = Some(stop.clone());
    }

    /// Of a search that ends nothing is a fault: what found it was broken off.
    pub(in crate::query) fn note(&self, fault: QueryError) {
        if !self.has_ended() {
            self.0.fault.get_or_init(|| fault);
        }
    }

    /// Whether the rest of the matches is of no use.
    pub(in crate::query) fn any(&self) -> bool {
        self.0.fault.get().is_some()
    }

    /// A look whether the search ends, now and then, for who finds documents.
    pub(crate) fn looks(&self) -> Looks {
        Looks { of: self.clone(), left: WORK_BETWEEN }
    }

    /// An automaton that takes nothing more once the search ends, however many terms there are.
    pub(in crate::query) fn until_over<A>(&self, automaton: Arc<A>) -> Arc<UntilOver<A>> {
        Arc::new(UntilOver { automaton, of: self.clone(), left: AtomicU32::new(WORK_BETWEEN) })
    }

    /// The fault; also where the search was seen to end, as not all documents were found then.
    pub(crate) fn check(&self) -> Result<(), SearchError> {
        if let Some(fault) = self.0.fault.get() {
            return Err(fault.clone().into());
        }
        self.0.ended.get().map_or(Ok(()), |stop| Err((*stop).into()))
    }

    /// Whether documents were passed over as the search ends.
    #[inline]
    pub(in crate::query) fn has_ended(&self) -> bool {
        self.0.ended.get().is_some()
    }

    /// Borrows so many bytes of the memory of the search for what comes and goes; whether there were any. Where not, it ends.
    pub(in crate::query) fn lend(&self, bytes: usize) -> bool {
        let stop = self.0.stop.lock().clone();
        match stop.map_or(Ok(()), |stop| stop.lend(bytes)) {
            Ok(()) => true,
            Err(stop) => {
                self.0.ended.get_or_init(|| stop);
                false
            }
        }
    }

    #[cold]
    fn look(&self) -> bool {
        if let Some(stop) = self.0.stop.lock().as_ref().and_then(Ending::look) {
            self.0.ended.get_or_init(|| stop);
        }
        self.has_ended()
    }
}

/// Looks now and then whether a search ends, while documents are passed over that do not match: nobody else would. Who is told that it is over has no
/// more documents.
#[derive(Debug, Clone)]
pub(crate) struct Looks {
    of: Faults,
    left: u32,
}

impl Looks {
    /// Whether a look has shown that it is over.
    #[inline]
    pub(in crate::query) fn has_ended(&self) -> bool {
        self.of.has_ended()
    }

    /// Whether it is over, after so much work more.
    #[inline]
    pub(in crate::query) fn is_over_after(&mut self, work: u32) -> bool {
        match self.left.checked_sub(work) {
            Some(left) => {
                self.left = left;
                false
            }
            None => {
                let is_over = self.of.look();
                self.left = if is_over { 0 } else { WORK_BETWEEN };
                is_over
            }
        }
    }
}

/// An automaton that is asked while a search goes on.
pub(in crate::query) struct UntilOver<A> {
    automaton: Arc<A>,
    of: Faults,
    /// Counted by all that ask it, and not to the last one of them.
    left: AtomicU32,
}

impl<A> UntilOver<A> {
    fn is_over(&self) -> bool {
        match self.left.load(Ordering::Relaxed).checked_sub(1) {
            Some(left) => {
                self.left.store(left, Ordering::Relaxed);
                false
            }
            None => {
                let is_over = self.of.look();
                self.left.store(if is_over { 0 } else { WORK_BETWEEN }, Ordering::Relaxed);
                is_over
            }
        }
    }
}

impl<A: Automaton> Automaton for UntilOver<A> {
    type State = A::State;

    fn start(&self) -> Self::State {
        self.automaton.start()
    }

    fn is_match(&self, state: &Self::State) -> bool {
        self.automaton.is_match(state)
    }

    fn can_match(&self, state: &Self::State) -> bool {
        !self.is_over() && self.automaton.can_match(state)
    }

    fn will_always_match(&self, state: &Self::State) -> bool {
        self.automaton.will_always_match(state)
    }

    fn accept(&self, state: &Self::State, byte: u8) -> Self::State {
        self.automaton.accept(state, byte)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use tantivy_fst::{IntoStreamer, Map, Streamer};

    use super::*;
    use crate::query::{Shape, lower::terms_like};

    fn until(is_over: &Arc<AtomicBool>) -> (Faults, Ending) {
        let (faults, is_over) = (Faults::default(), Arc::clone(is_over));
        let stop = Ending::when(move || is_over.load(Ordering::Relaxed).then_some(Stop::TimeIsUp));
        faults.until(&stop);
        (faults, stop)
    }

    #[test]
    fn a_look_is_had_now_and_then_and_its_answer_stays() {
        let is_over = Arc::new(AtomicBool::new(false));
        let (faults, stop) = until(&is_over);
        let mut looks = faults.looks();
        assert!((0..10 * WORK_BETWEEN).all(|_| !looks.is_over_after(1)));
        is_over.store(true, Ordering::Relaxed);
        let passed = (0..u32::MAX).take_while(|_| !looks.is_over_after(1)).count();
        assert!(passed <= WORK_BETWEEN as usize && looks.is_over_after(1) && faults.has_ended());
        assert_eq!(stop.said(), Some(Stop::TimeIsUp));
        assert!(matches!(faults.check(), Err(SearchError::TimeIsUp)));
    }

    #[test]
    fn an_automaton_takes_no_more_of_a_million_terms() {
        let terms: Vec<String> = (0..1_000_000).map(|number| format!("{number:07}")).collect();
        let map = Map::from_iter(terms.iter().zip(0..)).expect("terms");
        let wildcard = Shape::Wildcard { case_insensitive: false };
        let taken = |is_over: bool| {
            let (faults, _) = until(&Arc::new(AtomicBool::new(is_over)));
            let automaton = faults.until_over(Arc::new(terms_like(wildcard, "*5").expect("a pattern")));
            let mut found = map.search(&*automaton).into_stream();
            let mut count = 0;
            while found.next().is_some() {
                count += 1;
            }
            count
        };
        assert_eq!(taken(false), 100_000);
        assert!(taken(true) < 1_000);
    }
}
