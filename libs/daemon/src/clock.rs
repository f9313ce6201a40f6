//! The one place where wall time enters; everything that decides is given `now`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall time in nanoseconds since 1970, from the system or set by a test.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn fixed(nanos: i64) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(nanos))) }
    }

    /// Nanoseconds since 1970.
    pub fn now_nanos(&self) -> i64 {
        match &self.fixed {
            Some(nanos) => nanos.load(Ordering::Acquire),
            None => system_nanos(),
        }
    }

    /// Milliseconds since 1970.
    pub fn now_millis(&self) -> i64 {
        self.now_nanos().div_euclid(1_000_000)
    }

    /// Moves a fixed clock; the system's clock stays as it is.
    pub fn advance(&self, span: Duration) {
        if let Some(nanos) = &self.fixed {
            nanos.fetch_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX), Ordering::AcqRel);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where wall time enters")]
fn system_nanos() -> i64 {
    // A clock before 1970 is a broken machine; answering 1970 keeps the program running and is seen at once.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
