//! How long a search goes on: until its time is up, or until nobody wants it any more.

use std::time::{Duration, Instant};

use daemon::CancellationToken;
use shard::{Ending, Stop};

/// When a search ends at the latest.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    /// What was found until then is the answer.
    deadline: Option<Instant>,
    pub(super) cancelled: CancellationToken,
}

impl Until {
    /// Begins now. A time that no clock can show is none.
    pub(crate) fn new(timeout: Option<Duration>, cancelled: CancellationToken) -> Self {
        Self::since(Instant::now(), timeout, cancelled)
    }

    pub(crate) fn since(begun: Instant, timeout: Option<Duration>, cancelled: CancellationToken) -> Self {
        Self { deadline: timeout.and_then(|timeout| begun.checked_add(timeout)), cancelled }
    }

    /// Whether it ends now.
    pub(super) fn stop(&self) -> Option<Stop> {
        if self.cancelled.is_cancelled() {
            return Some(Stop::Cancelled);
        }
        self.is_time_up().then_some(Stop::TimeIsUp)
    }

    /// Comes back when it ends.
    pub(super) async fn ended(&self) {
        let time = async {
            match self.left() {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.cancelled.cancelled() => {}
            () = time => {}
        }
    }

    pub(super) fn is_time_up(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// The time that is left; none where it has no end.
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// Ends what nobody wants any more, however long it takes.
pub(crate) fn when_cancelled(cancelled: &CancellationToken) -> Ending {
    let cancelled = cancelled.clone();
    Ending::when(move || cancelled.is_cancelled().then_some(Stop::Cancelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_counts_more_than_the_time() {
        let cancelled = CancellationToken::new();
        let endless = Until::new(None, cancelled.clone());
        let over = Until::new(Some(Duration::ZERO), cancelled.clone());
        let beyond = Until::new(Some(Duration::MAX), cancelled.clone());
        assert_eq!((endless.stop(), endless.left()), (None, None));
        assert_eq!((over.stop(), over.left()), (Some(Stop::TimeIsUp), Some(Duration::ZERO)));
        assert_eq!(beyond.stop(), None);

        cancelled.cancel();

        assert_eq!([endless, over, beyond].map(|until| until.stop()), [Some(Stop::Cancelled); 3]);
    }
}
