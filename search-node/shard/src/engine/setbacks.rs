//! Setbacks: segments whose merge failed, and when they may be merged again.
//!
//! A segment that is not what was written stays so. A full disk or a failing read passes: then the segments are left alone for
//! a while that grows with each failure, for a merge that fails has read and written much for nothing.

use std::collections::HashMap;

use tantivy::index::SegmentId;

use crate::store::IntegrityError;

/// A disk that was full is seldom free again sooner.
const FIRST_WAIT_MILLIS: i64 = 30_000;
/// An operator who has freed the disk need not wait longer than this, and a merge that fails again costs little at this rate.
const WAIT_MILLIS_MAX: i64 = 15 * 60_000;

#[derive(Debug)]
enum Setback {
    Damaged(IntegrityError),
    Failed {
        times: u32,
        /// None until somebody tells the time: a merge in the background does not know it.
        until_millis: Option<i64>,
    },
}

/// The setbacks of a shard's segments.
#[derive(Debug, Default)]
pub(super) struct Setbacks {
    by_segment: HashMap<SegmentId, Setback>,
    /// The time as it was told last.
    now_millis: i64,
}

impl Setbacks {
    /// These segments could not be merged this time.
    pub(super) fn add(&mut self, segments: impl IntoIterator<Item = SegmentId>) {
        for segment in segments {
            let before = match self.by_segment.get(&segment) {
                Some(Setback::Damaged(_)) => continue,
                Some(Setback::Failed { times, .. }) => *times,
                None => 0,
            };
            let failed = Setback::Failed { times: before.saturating_add(1), until_millis: None };
            self.by_segment.insert(segment, failed);
        }
    }

    /// This segment is not what was written; trying again would find the same.
    pub(super) fn mark_damaged(&mut self, segment: SegmentId, error: IntegrityError) {
        self.by_segment.insert(segment, Setback::Damaged(error));
    }

    /// The segment is gone.
    pub(super) fn forget(&mut self, segment: SegmentId) {
        self.by_segment.remove(&segment);
    }

    /// What is wrong with a segment that is damaged.
    pub(super) fn damage(&self, segment: SegmentId) -> Option<&IntegrityError> {
        match self.by_segment.get(&segment) {
            Some(Setback::Damaged(error)) => Some(error),
            _ => None,
        }
    }

    /// It is so late now: what failed since the time was told last waits from here on. Gives whether a segment that failed
    /// before may be merged again.
    pub(super) fn tell_time(&mut self, now_millis: i64) -> bool {
        self.now_millis = now_millis;
        let mut has_retries = false;
        for setback in self.by_segment.values_mut() {
            let Setback::Failed { times, until_millis } = setback else { continue };
            let until = *until_millis.get_or_insert(now_millis.saturating_add(wait_after(*times)));
            has_retries |= until <= now_millis;
        }
        has_retries
    }

    /// Whether a segment is to be left alone.
    pub(super) fn holds_back(&self, segment: SegmentId) -> bool {
        match self.by_segment.get(&segment) {
            None => false,
            Some(Setback::Damaged(_)) => true,
            Some(Setback::Failed { until_millis, .. }) => {
                until_millis.is_none_or(|until| self.now_millis < until)
            }
        }
    }
}

fn wait_after(times: u32) -> i64 {
    let doublings = times.saturating_sub(1).min(16);
    (FIRST_WAIT_MILLIS << doublings).min(WAIT_MILLIS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_bound() {
        let segment = SegmentId::generate_random();
        let mut setbacks = Setbacks::default();
        let mut now = 1_000_000;
        setbacks.tell_time(now);
        for wait in [30, 60, 120, 240, 480, 900, 900] {
            setbacks.add([segment]);
            assert!(setbacks.holds_back(segment), "nobody has told the time since");

            assert!(!setbacks.tell_time(now) && setbacks.holds_back(segment), "{wait} s begin");
            now += wait * 1000;
            assert!(!setbacks.tell_time(now - 1) && setbacks.holds_back(segment), "{wait} s");
            assert!(setbacks.tell_time(now) && !setbacks.holds_back(segment), "{wait} s");
        }
    }

    #[test]
    fn damage_does_not_pass() {
        let segment = SegmentId::generate_random();
        let mut setbacks = Setbacks::default();
        setbacks.mark_damaged(segment, IntegrityError { path: "a.store".into(), reason: "cut".to_owned() });
        setbacks.add([segment]);

        assert!(!setbacks.tell_time(i64::MAX), "there is nothing to try again");

        assert!(setbacks.holds_back(segment) && setbacks.damage(segment).is_some());
        setbacks.forget(segment);
        assert!(!setbacks.holds_back(segment));
    }
}
