//! How fast copies are filled: so many bytes a second at most, all of them together.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// What may be taken at once after a pause: a quarter of a second's worth, so that the disk is never flooded.
const BURST: Duration = Duration::from_millis(250);

/// A bound on bytes over time.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: Option<u64>,
    /// When everything is over that was taken.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(per_second: Option<u64>) -> Self {
        Self { per_second, paid: Mutex::new(None) }
    }

    /// Waits until so many more bytes may be taken.
    pub(super) async fn take(&self, bytes: u64) {
        let Some(per_second) = self.per_second else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / per_second.max(1) as f64);
        let begins = {
            let mut paid = self.paid.lock();
            let earliest = Instant::now().checked_sub(BURST).unwrap_or_else(Instant::now);
            let begins = paid.unwrap_or(earliest).max(earliest);
            *paid = Some(begins + cost);
            begins
        };
        sleep_until(begins).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_is_taken_in_a_second_than_is_allowed() {
        let pace = Pace::new(Some(1_000));
        let began = Instant::now();

        for _ in 0..30 {
            pace.take(100).await;
        }

        let took = began.elapsed();
        assert!(took >= Duration::from_millis(2_600) && took < Duration::from_millis(3_000), "{took:?}");
        let began = Instant::now();
        Pace::new(None).take(u64::MAX).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
