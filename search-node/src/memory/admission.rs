//! Admission: who gets memory at once, who waits for it, and who is refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;

use super::refusal::Refusal;
use super::{FRESH, Memory, TENSE};
use crate::error::ApiError;

/// How long is waited where nobody has promised anything that could be given back: for relief, not for other requests.
const FORLORN: Duration = Duration::from_secs(1);

/// What a request is to others that want memory too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes past those who wait: a thousand such make the limit.
    Small,
    /// It waits its turn, and leaves some room to small ones.
    Large,
    /// It was begun and took too little: others gain by its end, so that it waits for nobody's turn.
    Begun,
}

impl Standing {
    fn of(bytes: u64, own: u64, limit: u64) -> Self {
        match (own > 0, is_small(bytes, limit)) {
            (true, _) => Standing::Begun,
            (false, true) => Standing::Small,
            (false, false) => Standing::Large,
        }
    }

    /// Up to where memory is promised.
    fn ceiling(self, limit: u64) -> u64 {
        match self {
            Standing::Large => limit - limit / 16,
            Standing::Small | Standing::Begun => limit,
        }
    }
}

/// Whether so much is little.
pub(super) fn is_small(bytes: u64, limit: u64) -> bool {
    bytes <= limit / 1000
}

/// Held by the request that may take what others have only promised.
pub(super) type Precedence = OwnedMutexGuard<()>;

impl Memory {
    /// Promises memory to a request, which waits for it if it must, or is refused; `own` is what it has promised already.
    /// Who gets precedence keeps it until the request ends: passed around, it would leave all of them half done.
    pub(super) async fn take_or_wait(
        &self,
        bytes: u64,
        own: u64,
        precedence: &mut Option<Precedence>,
        what: &str,
    ) -> Result<(), ApiError> {
        let inner = &self.inner;
        let standing = Standing::of(bytes, own, self.limit());
        let may_pass = standing != Standing::Large || inner.waiting.load(Ordering::Acquire) == 0;
        if may_pass && self.take(bytes, standing).is_ok() {
            return Ok(());
        }
        let (limit, queue) = (self.limit(), inner.settings.queue);
        let most = standing.ceiling(limit);
        let need = own.saturating_add(bytes);
        if need > most {
            return Err(self.refuse(Refusal::Never { need, most }, what));
        }
        let waiting = Waiting::enter(&inner.waiting);
        if waiting.before >= queue {
            let wanted = self.used().saturating_add(bytes);
            return Err(self.refuse(Refusal::Crowded { wanted, queue }, what));
        }
        let waited =
            tokio::time::timeout(inner.settings.wait, self.wait_for(bytes, own, standing, precedence));
        // A wait that ran out is answered with what is wanted now.
        let taken = waited.await.unwrap_or_else(|_| Err(self.used().saturating_add(bytes)));
        taken.map_err(|wanted| self.refuse(Refusal::after_wait(wanted, most), what))
    }

    /// Promises memory to a request on a thread that others need: it does not wait.
    /// `taken` is what it has taken already: much is much also where it is asked for a little at a time.
    pub(super) fn take_now(&self, bytes: u64, taken: u64, what: &str) -> Result<(), ApiError> {
        let limit = self.limit();
        let standing = Standing::of(taken.saturating_add(bytes), 0, limit);
        let most = standing.ceiling(limit);
        if bytes > most {
            return Err(self.refuse(Refusal::Never { need: bytes, most }, what));
        }
        self.take(bytes, standing).map_err(|wanted| self.refuse(Refusal::Full { wanted, most }, what))
    }

    /// What a request is answered that gets no memory.
    fn refuse(&self, refusal: Refusal, what: &str) -> ApiError {
        self.inner.refused.fetch_add(1, Ordering::Relaxed);
        refusal.answer(what, self.limit())
    }

    /// Tries again whenever something was given back, and from time to time, for memory is also given back by those who
    /// promised nothing; until it is clear that nothing will be.
    async fn wait_for(
        &self,
        bytes: u64,
        own: u64,
        standing: Standing,
        precedence: &mut Option<Precedence>,
    ) -> Result<(), u64> {
        let inner = &self.inner;
        let _turn = if standing == Standing::Large { Some(inner.turn.lock().await) } else { None };
        let mut forlorn_since = Instant::now();
        loop {
            let freed = inner.freed.notified();
            let Err(used) = self.take(bytes, standing) else { return Ok(()) };
            if standing == Standing::Begun && precedence.is_none() {
                *precedence = inner.precedence.clone().try_lock_owned().ok();
            }
            if precedence.is_some() && self.take_what_others_promised(bytes) {
                return Ok(());
            }
            if inner.promised.load(Ordering::Acquire) > own {
                forlorn_since = Instant::now();
            } else if forlorn_since.elapsed() > FORLORN {
                return Err(used);
            }
            let _either = tokio::time::timeout(TENSE, freed).await;
        }
    }

    /// Promises memory if there is room now, or says how much would be used.
    pub(super) fn take(&self, bytes: u64, standing: Standing) -> Result<(), u64> {
        let is_small = standing == Standing::Small;
        let ceiling = standing.ceiling(self.limit());
        self.inner.promised.fetch_add(bytes, Ordering::AcqRel);
        // What others have promised does not keep a small request out: before they all fill it, it is gone.
        let used = || if is_small { self.filled().saturating_add(bytes) } else { self.used() };
        if used() <= ceiling {
            return Ok(());
        }
        self.look_unless_younger_than(FRESH);
        let used = used();
        if used <= ceiling {
            return Ok(());
        }
        self.inner.promised.fetch_sub(bytes, Ordering::AcqRel);
        Err(used)
    }

    /// Promises memory that is there, whatever others have promised: they wait, and this one goes on.
    fn take_what_others_promised(&self, bytes: u64) -> bool {
        let fits = self.filled().saturating_add(bytes) <= self.limit();
        if fits {
            self.inner.promised.fetch_add(bytes, Ordering::AcqRel);
        }
        fits
    }
}

/// Counts one who waits, also when the request is given up.
struct Waiting<'m> {
    count: &'m AtomicUsize,
    before: usize,
}

impl<'m> Waiting<'m> {
    fn enter(count: &'m AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::AcqRel) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_requests_leave_room_to_small_ones_and_to_those_begun() {
        for (bytes, own, standing, ceiling) in [
            (16, 0, Standing::Small, 16_000),
            (17, 0, Standing::Large, 15_000),
            (16, 1, Standing::Begun, 16_000),
            (9000, 1, Standing::Begun, 16_000),
        ] {
            let found = Standing::of(bytes, own, 16_000);
            assert_eq!((found, found.ceiling(16_000)), (standing, ceiling), "{bytes} {own}");
        }
    }
}
