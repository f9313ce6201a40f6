//! A trouble that lasts: it is told once when it begins and once when it is over, however often it is met in between.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the trouble lasts.
#[derive(Debug, Default)]
pub(crate) struct Episode {
    lasts: AtomicBool,
}

impl Episode {
    /// It was met; whether that is news.
    pub(crate) fn begins(&self) -> bool {
        !self.lasts.swap(true, Ordering::AcqRel)
    }

    /// It was not met; whether that is news.
    pub(crate) fn ends(&self) -> bool {
        // Read first: those who never meet it would pass the line from core to core for nothing.
        self.lasts() && self.lasts.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn lasts(&self) -> bool {
        self.lasts.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_news_when_it_begins_and_when_it_ends() {
        let episode = Episode::default();
        assert!(!episode.ends(), "there was none");

        for round in 0..2 {
            let begun: Vec<bool> = (0..3).map(|_| episode.begins()).collect();
            assert_eq!((begun, episode.lasts()), (vec![true, false, false], true), "{round}");
            let ended: Vec<bool> = (0..3).map(|_| episode.ends()).collect();
            assert_eq!((ended, episode.lasts()), (vec![true, false, false], false), "{round}");
        }
    }
}
