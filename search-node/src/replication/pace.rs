//! How fast copies are filled: so many bytes a second at most, all of them together.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// What may be taken at once after a pause: a quarter of a second's worth, so that the disk is never flooded.
const BURST: Duration = Duration::from_millis(250);

/// A bound on bytes over time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When everything is over that was taken.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits until so many more bytes may be taken, where that is bounded. The bound may be another one each time.
    pub(super) async fn take(&self, bytes: u64, per_second: Option<u64>) {
        let Some(per_second) = per_second else { return };
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
        let pace = Pace::default();
        let began = Instant::now();

        for _ in 0..30 {
            pace.take(100, Some(1_000)).await;
        }

        let took = began.elapsed();
        assert!(took >= Duration::from_millis(2_600) && took < Duration::from_millis(3_000), "{took:?}");
        let began = Instant::now();
        Pace::default().take(u64::MAX, None).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bound_that_is_changed_counts_from_then_on() {
        let pace = Pace::default();
        let began = Instant::now();

        for per_second in [1_000, 100_000] {
            for _ in 0..20 {
                pace.take(100, Some(per_second)).await;
            }
        }

        let took = began.elapsed();
        assert!(took >= Duration::from_millis(1_600) && took < Duration::from_millis(2_100), "{took:?}");
    }
}
