//! How fast copies are filled: so many bytes a second at most, all of them together.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

/// What may be taken at once after a pause: a quarter of a second's worth, so that the disk is never flooded.
const BURST: Duration = Duration::from_millis(250);
/// No timer is finer than that.
const WAIT_MIN: Duration = Duration::from_millis(1);
/// How long is waited at once, however low the bound is: what is left is reckoned anew then.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// A bound on bytes over time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Held by whoever's turn it is; the others wait behind, in the order in which they came.
    debt: Mutex<Option<Debt>>,
}

/// What was taken and is not paid yet. In bytes, so that it says nothing of a bound that was another one.
#[derive(Debug)]
struct Debt {
    /// Less than nothing for what may be taken at once.
    bytes: f64,
    paid_until: Instant,
}

impl Pace {
    /// Waits until so many more bytes may be taken. `bound` reads how many there may be in a second, if that is bounded, from what
    /// `told` shows; whoever waits does so by what it shows now.
    pub(super) async fn take<T>(
        &self,
        bytes: u64,
        mut told: watch::Receiver<T>,
        bound: impl Fn(&T) -> Option<u64>,
    ) {
        let mut turn = self.debt.lock().await;
        loop {
            let per_second = bound(&told.borrow_and_update());
            let Some(per_second) = per_second.map(|bytes| bytes.max(1) as f64) else {
                *turn = None;
                return;
            };
            let debt = turn.get_or_insert_with(|| Debt::none(per_second));
            debt.pay(per_second);
            if debt.bytes < 1.0 {
                debt.bytes += bytes as f64;
                return;
            }
            let left = Duration::try_from_secs_f64(debt.bytes / per_second).unwrap_or(WAIT_MAX);
            tokio::select! {
                () = sleep(left.clamp(WAIT_MIN, WAIT_MAX)) => {}
                Ok(()) = told.changed() => debt.pay(per_second),
            }
        }
    }
}

impl Debt {
    fn none(per_second: f64) -> Self {
        Self { bytes: -per_second * BURST.as_secs_f64(), paid_until: Instant::now() }
    }

    /// Takes off what the time since then was good for.
    fn pay(&mut self, per_second: f64) {
        let now = Instant::now();
        let paid = now.duration_since(self.paid_until).as_secs_f64() * per_second;
        self.bytes = (self.bytes - paid).max(-per_second * BURST.as_secs_f64());
        self.paid_until = now;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn take(pace: &Pace, bytes: u64, told: &watch::Sender<Option<u64>>) {
        pace.take(bytes, told.subscribe(), |bound| *bound).await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_taken_in_a_second_than_is_allowed() {
        let (pace, told) = (Pace::default(), watch::Sender::new(Some(1_000)));
        let began = Instant::now();

        for _ in 0..30 {
            take(&pace, 100, &told).await;
        }

        let took = began.elapsed();
        assert!(took >= Duration::from_millis(2_600) && took < Duration::from_millis(3_000), "{took:?}");
        let began = Instant::now();
        take(&Pace::default(), u64::MAX, &watch::Sender::new(None)).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bound_that_is_changed_counts_from_then_on() {
        let (pace, told) = (Pace::default(), watch::Sender::default());
        let began = Instant::now();

        for per_second in [1_000, 100_000] {
            told.send_replace(Some(per_second));
            for _ in 0..20 {
                take(&pace, 100, &told).await;
            }
        }

        let took = began.elapsed();
        assert!(took >= Duration::from_millis(1_600) && took < Duration::from_millis(2_100), "{took:?}");
    }

    /// A bound that was set by mistake holds up nobody once it is put right, neither who waits nor who comes.
    #[tokio::test(start_paused = true)]
    async fn who_waits_does_so_by_the_bound_as_it_is_now() {
        for (mended, at_most) in [(Some(10 << 20), Duration::from_secs(1)), (None, Duration::ZERO)] {
            let (pace, told) = (Arc::new(Pace::default()), watch::Sender::new(Some(1 << 10)));
            let waiting: Vec<_> = (0..5)
                .map(|_| {
                    let (pace, told) = (Arc::clone(&pace), told.subscribe());
                    tokio::spawn(async move { pace.take(512 << 10, told, |bound| *bound).await })
                })
                .collect();
            sleep(Duration::from_secs(100)).await;
            assert_eq!(waiting.iter().filter(|one| one.is_finished()).count(), 1, "512 s for the first one");
            let began = Instant::now();

            told.send_replace(mended);

            for one in waiting {
                one.await.expect("taken");
            }
            take(&pace, 1, &told).await;
            assert!(began.elapsed() <= at_most, "{:?}", began.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_has_taken_nothing() {
        let (pace, told) = (Pace::default(), watch::Sender::new(Some(1_000)));
        take(&pace, 1_000, &told).await;
        let gone = tokio::time::timeout(Duration::from_millis(10), take(&pace, 1 << 40, &told)).await;
        assert!(gone.is_err(), "it has to wait");
        let began = Instant::now();

        take(&pace, 1, &told).await;

        assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
