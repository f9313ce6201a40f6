//! When what was written to an index is shown: by its interval, when somebody asks, and for how long nobody searches it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shard::Shard;

use super::index::{Index, first_fault};
use super::refreshes::RefreshWaiter;
use crate::error::ApiError;

impl Index {
    /// Refreshes if the index's interval has passed. Whether there was anything new.
    pub fn refresh_if_due(&self) -> Result<bool, ApiError> {
        let now = self.clock.now_millis();
        // Memory goes before intervals, also for an index that asks for none: a large load is shown in parts then.
        let is_wanted = self.open_shards().any(|shard| shard.wants_refresh() && shard.fenced().is_none());
        let interval = match self.settings.load().refresh_interval {
            Some(interval) if is_wanted || !self.is_search_idle(now) => interval,
            None if is_wanted => Duration::ZERO,
            _ => return Ok(false),
        };
        let since = now - self.refreshed_millis.load(Ordering::Acquire);
        if since < i64::try_from(interval.as_millis()).unwrap_or(i64::MAX) {
            return Ok(false);
        }
        // One that accepts nothing more has said so once and waits to be mended.
        self.refresh_those(|shard| shard.fenced().is_none())
    }

    /// Makes every write so far visible.
    pub fn refresh(&self) -> Result<bool, ApiError> {
        self.refresh_those(|_| true)
    }

    fn refresh_those(&self, is_meant: impl Fn(&Shard) -> bool) -> Result<bool, ApiError> {
        let now = self.clock.now_millis();
        self.refreshed_millis.store(now, Ordering::Release);
        let number = self.refreshes.begin();
        let mut any = false;
        let done = first_fault(self.open_shards().filter(|shard| is_meant(shard)).map(|shard| {
            let refreshed = shard.refresh(now);
            any |= self.unless_gone(&shard, refreshed)?.unwrap_or_default();
            Ok(())
        }));
        self.refreshes.finish(number);
        done.map(|()| any)
    }

    /// Shows what an index that nobody searches holds, for who asks for its figures.
    pub fn refresh_if_idle(&self) -> Result<(), ApiError> {
        if self.settings.load().refresh_interval.is_some() && self.is_search_idle(self.clock.now_millis()) {
            self.refresh()?;
        }
        Ok(())
    }

    pub(super) fn is_search_idle(&self, now_millis: i64) -> bool {
        let since = now_millis.saturating_sub(self.searched_millis.load(Ordering::Acquire));
        let after = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.settings.load().search_idle_after.is_some_and(|span| since >= after(span))
    }

    /// Waits for the next refresh, for a writer that was told so; none when too many wait already.
    pub fn next_refresh(&self) -> Option<RefreshWaiter> {
        // Who waits for a refresh needs one as much as a search does.
        self.searched_millis.store(self.clock.now_millis(), Ordering::Release);
        self.refreshes.next(self.settings.load().refresh_listeners_max)
    }

    /// Lets go of everybody who waits: the index is gone.
    pub fn close_refreshes(&self) {
        self.refreshes.close();
    }

    /// How many writers wait for a refresh.
    pub(crate) fn refresh_listeners(&self) -> usize {
        self.refreshes.waiting()
    }
}
