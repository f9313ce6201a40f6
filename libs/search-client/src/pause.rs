//! The pause between tries: it doubles from `init` to `max`, spread by a random share so that senders do not march in step.

use std::time::Duration;

use rand::RngExt;

/// A growing pause.
#[derive(Debug, Clone)]
pub struct Pause {
    init: Duration,
    max: Duration,
    next: Duration,
}

impl Pause {
    /// A pause that starts at `init` and grows to `max`.
    pub fn new(init: Duration, max: Duration) -> Self {
        Self { init, max, next: init }
    }

    /// How long to wait now: between half of the current span and all of it.
    pub fn step(&mut self) -> Duration {
        let span = self.next;
        self.next = (span * 2).min(self.max);
        span.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Back to the start, after a success.
    pub fn reset(&mut self) {
        self.next = self.init;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit_and_starts_anew() {
        let mut pause = Pause::new(Duration::from_secs(1), Duration::from_secs(3));

        for most in [1, 2, 3, 3] {
            let step = pause.step();
            assert!(
                step <= Duration::from_secs(most) && step >= Duration::from_millis(500) * most as u32,
                "{step:?}"
            );
        }
        pause.reset();
        assert!(pause.step() <= Duration::from_secs(1));
    }
}
