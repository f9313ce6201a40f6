//! A large search on several threads: each has its own hits and aggregations, which are joined in the end.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::{AskedSegment, Asking, Claims, Common, Matching, Walk};
use crate::aggs::{AggPartial, reduce};
use crate::search::SearchError;
use crate::search::found::Found;
use crate::search::helpers::{Busy, Helpers};
use crate::search::stop::{AskStop, Stop, Watch};

/// What one thread found.
struct Part<'a> {
    /// Whether it ended before it had seen everything.
    end: Result<bool, SearchError>,
    found: Found<'a>,
    aggs: AggPartial,
}

/// A search that several threads work at.
struct Work<'a, 'w> {
    common: Common<'a, 'w>,
    asked: Matching<'w>,
    order: &'w [AskedSegment<'a>],
    claims: Claims,
    stop: AskStop<'w>,
}

impl Common<'_, '_> {
    /// Whether several threads may walk at once: not where segments are asked until there is enough, nor where it is measured what takes
    /// how long.
    pub(super) fn may_be_helped(&self) -> bool {
        let Self { request, beside, scored, .. } = *self;
        request.terminate_after.is_none()
            && request.profiler.is_none()
            && beside.is_empty()
            && !request.is_in_index_order(scored)
            && self.sorted_by().is_none()
    }
}

impl<'a> Walk<'a, '_> {
    /// Walks over all segments, with helpers once it turns out to be much.
    pub(super) fn together(
        &self,
        asked: Matching<'_>,
        order: &[AskedSegment<'a>],
        helpers: &Arc<Helpers>,
        (found, aggs): (&mut Found<'a>, &mut AggPartial),
    ) -> Result<(), SearchError> {
        let is_whole_way = matches!(asked.asking, Asking::Way(way) if !way.is_by_parts());
        let are_whole = self.common.is_counted_alone() || is_whole_way;
        let documents = order.iter().map(|segment| segment.reader.max_doc());
        let claims = Claims::new(documents, helpers.part, are_whole);
        let (stop, others) = (self.watch.ask(), found.beside());
        let work = Work { common: self.common, asked, order, claims, stop };
        let is_partial = std::thread::scope(|scope| {
            let (looks, helping) = (Cell::new(0_u32), RefCell::new(Vec::new()));
            let get_help = || {
                looks.set(looks.get().wrapping_add(1));
                if looks.get().is_multiple_of(helpers.looks_between)
                    && work.claims.have_more()
                    && let Some(busy) = helpers.take()
                {
                    helping.borrow_mut().extend(work.help(scope, others.beside(), busy));
                }
            };
            let mut ends = vec![work.walk(&Watch::with(stop, &get_help), found, aggs)];
            for helper in helping.take() {
                let part = helper.join().unwrap_or_else(|broken| resume_unwind(broken));
                found.join(part.found);
                *aggs = reduce(&self.common.request.aggs, std::mem::take(aggs), part.aggs);
                ends.push(part.end);
            }
            all_of(ends)
        })?;
        if is_partial {
            self.watch.note(Stop::TimeIsUp);
        }
        Ok(())
    }
}

impl<'a> Work<'a, '_> {
    /// A thread that helps; none where it cannot be started.
    fn help<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        mut found: Found<'a>,
        busy: Busy,
    ) -> Option<ScopedJoinHandle<'scope, Part<'a>>> {
        let help = move || {
            let _busy = busy;
            let mut aggs = AggPartial::default();
            let end = self.walk(&Watch::new(self.stop), &mut found, &mut aggs);
            Part { end, found, aggs }
        };
        Builder::new().name("search-help".to_owned()).spawn_scoped(scope, help).ok()
    }

    /// Walks over segments and parts of them until all are taken; whether it ended before. Where this thread cannot go on, what the others do
    /// is of no use.
    fn walk(
        &self,
        watch: &Watch<'_>,
        found: &mut Found<'a>,
        aggs: &mut AggPartial,
    ) -> Result<bool, SearchError> {
        let _told = IfBroken(self.stop);
        let walk = Walk { common: self.common, watch };
        let end = match self.walk_claimed(&walk, found, aggs) {
            Ok(()) => watch.end(),
            Err(SearchError::TimeIsUp) => Ok(true),
            Err(error) => Err(error),
        };
        if end.is_err() {
            self.stop.note(Stop::Cancelled);
        }
        end
    }

    fn walk_claimed(
        &self,
        walk: &Walk<'a, '_>,
        found: &mut Found<'a>,
        aggs: &mut AggPartial,
    ) -> Result<(), SearchError> {
        while let Some((place, parts)) = self.claims.next()
            && !walk.watch.is_over()
        {
            walk.segment(self.asked, (&self.order[place], None), parts, (found, aggs))?;
        }
        Ok(())
    }
}

/// Ends the others where a thread breaks.
struct IfBroken<'s>(AskStop<'s>);

impl Drop for IfBroken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.note(Stop::Cancelled);
        }
    }
}

/// How all of them ended. Who failed says why; the others were cancelled then.
fn all_of(ends: Vec<Result<bool, SearchError>>) -> Result<bool, SearchError> {
    let (mut is_partial, mut failed) = (false, None);
    for end in ends {
        match (end, &failed) {
            (Ok(own), _) => is_partial |= own,
            (Err(error), None | Some(SearchError::Cancelled)) => failed = Some(error),
            (Err(_), Some(_)) => {}
        }
    }
    failed.map_or(Ok(is_partial), Err)
}
