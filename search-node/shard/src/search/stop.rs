//! Ending a search before it has seen all matches: whoever asked has no time left, or does not want it any more.
//!
//! The shard has no clock and knows no requests: it asks whoever searches, once every few hundred documents.

use std::cell::Cell;

use super::SearchError;

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

/// Says whether a search ends now.
pub type AskStop<'a> = &'a (dyn Fn() -> Option<Stop> + Sync);

/// For a search that nobody ends.
pub(crate) fn never() -> Option<Stop> {
    None
}

/// The fault that ends the work for a search when that ends; also where the time is up, as half of such work is of no use.
pub(crate) fn goes_on(stop: AskStop<'_>) -> Result<(), SearchError> {
    match stop() {
        None => Ok(()),
        Some(Stop::TimeIsUp) => Err(SearchError::TimeIsUp),
        Some(Stop::Cancelled) => Err(SearchError::Cancelled),
    }
}

/// Looks whether a search ends, as its documents go by.
pub(crate) struct Watch<'a> {
    ask: AskStop<'a>,
    until_look: Cell<u32>,
    stopped: Cell<Option<Stop>>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(ask: AskStop<'a>) -> Self {
        Self { ask, until_look: Cell::new(DOCUMENTS_BETWEEN), stopped: Cell::new(None) }
    }

    /// Ends the search, as who did something for it was told.
    pub(crate) fn note(&self, stop: Stop) {
        self.stopped.set(Some(stop));
    }

    /// Who says whether it ends.
    pub(crate) fn ask(&self) -> AskStop<'a> {
        self.ask
    }

    /// Whether the search ends, looked at now.
    pub(crate) fn is_over(&self) -> bool {
        if !self.has_ended() {
            self.stopped.set((self.ask)());
        }
        self.has_ended()
    }

    /// Whether a look has shown that the search ends.
    pub(crate) fn has_ended(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// The same once so many documents more went by, looked at only now and then.
    #[inline]
    pub(crate) fn is_over_after(&self, documents: u32) -> bool {
        match self.until_look.get().checked_sub(documents) {
            Some(left) => {
                self.until_look.set(left);
                false
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
        match self.stopped.get() {
            None => Ok(false),
            Some(Stop::TimeIsUp) => Ok(true),
            Some(Stop::Cancelled) => Err(SearchError::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn it_is_asked_now_and_then_and_never_again_once_it_ended() {
        let asked = AtomicUsize::new(0);
        let ask = || {
            asked.fetch_add(1, Ordering::Relaxed);
            (asked.load(Ordering::Relaxed) == 3).then_some(Stop::TimeIsUp)
        };
        let watch = Watch::new(&ask);

        let seen = (0..u32::MAX).take_while(|_| !watch.is_over_after(1)).count();

        assert_eq!(seen as u32, 3 * (DOCUMENTS_BETWEEN + 1) - 1);
        assert!(watch.is_over() && watch.is_over_after(1) && watch.has_ended());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert_eq!(watch.end().ok(), Some(true));
    }
}
