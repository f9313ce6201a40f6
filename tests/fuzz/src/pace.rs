//! How long the product takes for an input, where it promises not to take long.
//!
//! A machine that does other things as well makes everything late now and then: what was too slow is done again, and the quickest time counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What an input of so many bytes may take at most; a larger one takes as many times more as it is larger.
const WITHIN: Duration = Duration::from_millis(50);
const WITHIN_BYTES: usize = 64 << 10;
/// How much slower a build without optimizations is, and then some: it is held to the form of the promise, and a release build to its letter.
const DEBUG_FACTOR: u32 = 20;
/// How often it is done again.
const AGAIN: usize = 4;

/// The longest call since [`begin`], in nanoseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Does something that must not take long.
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = act();
    LONGEST.fetch_max(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
    done
}

/// Runs something, and again where a part of it was too slow for an input of so many bytes.
pub(crate) fn hold(bytes: usize, mut run: impl FnMut()) {
    let allowed = allowed(bytes);
    let mut quickest = Duration::MAX;
    for _ in 0..=AGAIN {
        LONGEST.store(0, Ordering::Relaxed);
        run();
        quickest = quickest.min(Duration::from_nanos(LONGEST.load(Ordering::Relaxed)));
        if quickest <= allowed {
            return;
        }
    }
    panic!("{quickest:?} for {bytes} bytes of input, which may take {allowed:?}");
}

/// What an input of so many bytes may take. `FUZZ_TIME_FACTOR` says how much slower a build is that is watched, as those of libFuzzer are.
fn allowed(bytes: usize) -> Duration {
    let factor = std::env::var("FUZZ_TIME_FACTOR").ok().and_then(|text| text.parse().ok());
    let factor: u32 = factor.unwrap_or(if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 });
    WITHIN.mul_f64((bytes as f64 / WITHIN_BYTES as f64).max(1.0)) * factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_once_is_done_again_and_what_is_slow_breaks_the_promise() {
        let mut times = vec![Duration::ZERO, allowed(1) * 2];
        hold(1, || timed(|| std::thread::park_timeout(times.pop().unwrap_or_default())));
        assert!(times.is_empty());

        let slow = || hold(1, || LONGEST.store(u64::MAX, Ordering::Relaxed));
        assert!(std::panic::catch_unwind(slow).is_err());
        assert_eq!(allowed(WITHIN_BYTES * 3), allowed(0) * 3);
    }
}
