//! How many shards are filled here at the same time: each takes a thread, and a place for what it reads on other nodes.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

/// Turns, of which there are so many at a time.
#[derive(Debug)]
pub(super) struct Turns {
    /// Held by who is next; the others wait behind, in the order in which they came.
    line: Mutex<()>,
    taken: watch::Sender<usize>,
}

/// One turn. Dropped, it is somebody else's.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Default for Turns {
    fn default() -> Self {
        Self { line: Mutex::default(), taken: watch::Sender::new(0) }
    }
}

impl Turns {
    /// Waits for a turn. `most` reads how many there may be from what `told` shows; whoever waits does so by what it shows now.
    pub(super) async fn take<T>(
        self: &Arc<Self>,
        mut told: watch::Receiver<T>,
        most: impl Fn(&T) -> usize,
    ) -> Turn {
        let _first = self.line.lock().await;
        let mut taken = self.taken.subscribe();
        loop {
            let most = most(&told.borrow_and_update());
            if *taken.borrow_and_update() < most {
                self.taken.send_modify(|taken| *taken += 1);
                return Turn(Arc::clone(self));
            }
            tokio::select! {
                Ok(()) = taken.changed() => {}
                Ok(()) = told.changed() => {}
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.send_modify(|taken| *taken -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    /// Takes so many turns one after the other, each as soon as there is one.
    fn take_all(turns: &Arc<Turns>, told: &watch::Sender<usize>, count: usize) -> JoinSet<Turn> {
        let mut taking = JoinSet::new();
        for _ in 0..count {
            let (turns, told) = (Arc::clone(turns), told.subscribe());
            taking.spawn(async move { turns.take(told, |most| *most).await });
        }
        taking
    }

    async fn next(taking: &mut JoinSet<Turn>) -> Option<Turn> {
        timeout(SOON, taking.join_next()).await.ok().flatten().map(|turn| turn.expect("taken"))
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_have_a_turn_than_may_and_the_next_one_goes_on_when_one_has_ended() {
        let (turns, told) = (Arc::<Turns>::default(), watch::Sender::new(2));
        let mut taking = take_all(&turns, &told, 540);
        let first = next(&mut taking).await.expect("a turn");
        let _second = next(&mut taking).await.expect("another one");
        assert!(next(&mut taking).await.is_none(), "two at most");

        drop(first);

        let _third = next(&mut taking).await.expect("it is free again");
        assert!(next(&mut taking).await.is_none(), "two at most");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bound_that_is_changed_counts_for_who_waits() {
        let (turns, told) = (Arc::<Turns>::default(), watch::Sender::new(0));
        let mut taking = take_all(&turns, &told, 3);
        assert!(next(&mut taking).await.is_none(), "none at all");

        told.send_replace(2);

        let _kept = (next(&mut taking).await.expect("a turn"), next(&mut taking).await.expect("another one"));
        assert!(next(&mut taking).await.is_none(), "two at most");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_has_no_turn() {
        let (turns, told) = (Arc::<Turns>::default(), watch::Sender::new(1));
        let turn = turns.take(told.subscribe(), |most| *most).await;
        let gone = timeout(SOON, turns.take(told.subscribe(), |most| *most)).await;
        assert!(gone.is_err(), "it has to wait");

        drop(turn);

        assert!(timeout(SOON, turns.take(told.subscribe(), |most| *most)).await.is_ok());
    }
}
