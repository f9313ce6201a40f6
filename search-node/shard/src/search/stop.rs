//! Ending a search before it has seen all matches: whoever asked has no time left, or does not want it any more.
//!
//! The shard has no clock and knows no requests: it asks whoever searches, once every few hundred documents.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use super::SearchError;
use super::room::Room;

/// Documents between two looks. A look costs about as much as a few documents; so many take well below a millisecond, or a few
/// where much is computed of each.
const DOCUMENTS_BETWEEN: u32 = 512;

/// Why a search ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// What was found so far is the answer.
    TimeIsUp,
    /// Nobody wants an answer.
    Cancelled,
}

/// Says whether a search ends, to all that work for it, on whatever threads: once one of them was told so, it is over for each.
#[derive(Clone)]
pub struct Ending(Arc<Asked>);

/// Whoever works for a search is lent what says whether it ends.
pub type AskStop<'a> = &'a Ending;

struct Asked {
    ask: Box<dyn Fn() -> Option<Stop> + Send + Sync>,
    /// What is asked for memory, for as long as the search goes on: who keeps this for longer keeps no memory with it.
    room: Option<Weak<dyn Room>>,
    /// What was answered, once that was not to go on.
    said: OnceLock<Stop>,
}

impl Ending {
    /// What `ask` says, whenever somebody wants to know.
    pub fn when(ask: impl Fn() -> Option<Stop> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Asked { ask: Box::new(ask), room: None, said: OnceLock::new() }))
    }

    /// The same; what the search holds is asked for there.
    pub fn in_room(room: Weak<dyn Room>, ask: impl Fn() -> Option<Stop> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Asked { ask: Box::new(ask), room: Some(room), said: OnceLock::new() }))
    }

    /// Takes so many bytes of the memory of the search; where there are none, it ends.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Stop> {
        self.in_room_of(|room| room.take(bytes))
    }

    /// The same for what comes and goes while it goes on.
    pub(crate) fn lend(&self, bytes: usize) -> Result<(), Stop> {
        self.in_room_of(|room| room.lend(bytes))
    }

    fn in_room_of(&self, ask: impl FnOnce(&dyn Room) -> Result<(), Stop>) -> Result<(), Stop> {
        let room = self.0.room.as_ref().and_then(Weak::upgrade);
        room.map_or(Ok(()), |room| ask(&*room)).inspect_err(|stop| self.note(*stop))
    }

    /// For a search that nobody ends.
    pub fn never() -> Self {
        Self::when(|| None)
    }

    /// What is said now, whatever was said before.
    pub(crate) fn ask(&self) -> Option<Stop> {
        (self.0.ask)()
    }

    /// Why the search ends, if it does: nobody is asked again once that was said.
    pub(crate) fn look(&self) -> Option<Stop> {
        self.said().or_else(|| self.ask().inspect(|stop| self.note(*stop)))
    }

    /// The same, as far as it was said already.
    #[inline]
    pub(crate) fn said(&self) -> Option<Stop> {
        self.0.said.get().copied()
    }

    /// Ends the search, as who did something for it was told.
    pub(crate) fn note(&self, stop: Stop) {
        self.0.said.get_or_init(|| stop);
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Ending").field(&self.0.said).finish()
    }
}

impl From<Stop> for SearchError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::TimeIsUp => Self::TimeIsUp,
            Stop::Cancelled => Self::Cancelled,
        }
    }
}

/// For a search that nobody ends.
#[cfg(test)]
pub(crate) fn never() -> Ending {
    Ending::never()
}

/// The fault that ends the work for a search when that ends; also where the time is up, as half of such work is of no use.
pub(crate) fn goes_on(stop: AskStop<'_>) -> Result<(), SearchError> {
    stop.look().map_or(Ok(()), |stop| Err(stop.into()))
}

/// Looks whether a search ends, as its documents go by.
pub(crate) struct Watch<'a> {
    stop: AskStop<'a>,
    until_look: Cell<u32>,
    /// What is done at each look beside it.
    at_look: Option<&'a dyn Fn()>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(stop: AskStop<'a>) -> Self {
        Self { stop, until_look: Cell::new(DOCUMENTS_BETWEEN), at_look: None }
    }

    /// The same; at each look something is done.
    pub(super) fn with(stop: AskStop<'a>, at_look: &'a dyn Fn()) -> Self {
        Self { at_look: Some(at_look), ..Self::new(stop) }
    }

    /// Ends the search, as who did something for it was told.
    pub(crate) fn note(&self, stop: Stop) {
        self.stop.note(stop);
    }

    /// Who says whether it ends.
    pub(crate) fn ask(&self) -> AskStop<'a> {
        self.stop
    }

    /// Whether the search ends, looked at now.
    pub(crate) fn is_over(&self) -> bool {
        self.at_look.iter().for_each(|act| act());
        self.stop.look().is_some()
    }

    /// Whether a look has shown that the search ends, whoever had it.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.stop.said().is_some()
    }

    /// The same once so many documents more went by, looked at only now and then. What finds the documents looks too, and has no more of them
    /// once it saw the end: a document that is met behind that may score too little.
    #[inline]
    pub(crate) fn is_over_after(&self, documents: u32) -> bool {
        match self.until_look.get().checked_sub(documents) {
            Some(left) => {
                self.until_look.set(left);
                self.has_ended()
            }
            None => {
                let is_over = self.is_over();
                // Once it is over, every document is looked at.
                self.until_look.set(if is_over { 0 } else { DOCUMENTS_BETWEEN });
                is_over
            }
        }
    }

    /// Whether the answer is a part of what there is; an error where nobody wants it.
    pub(crate) fn end(&self) -> Result<bool, SearchError> {
        match self.stop.said() {
            None => Ok(false),
            Some(Stop::TimeIsUp) => Ok(true),
            Some(Stop::Cancelled) => Err(SearchError::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn it_is_asked_now_and_then_and_never_again_once_it_ended() {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&asked);
        let stop =
            Ending::when(move || (counted.fetch_add(1, Ordering::Relaxed) == 2).then_some(Stop::TimeIsUp));
        let watch = Watch::new(&stop);

        let seen = (0..u32::MAX).take_while(|_| !watch.is_over_after(1)).count();

        assert_eq!(seen as u32, 3 * (DOCUMENTS_BETWEEN + 1) - 1);
        assert!(watch.is_over() && watch.is_over_after(1) && watch.has_ended());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert_eq!(watch.end().ok(), Some(true));
    }

    #[test]
    fn what_one_thread_was_told_is_over_for_all() {
        let stop = Ending::when(|| Some(Stop::Cancelled));
        let watch = Watch::new(&stop);
        assert!(!watch.has_ended());
        std::thread::scope(|scope| scope.spawn(|| stop.look()).join()).expect("a look");
        assert!(watch.is_over_after(1));
        assert!(matches!(watch.end(), Err(SearchError::Cancelled)));
    }
}
