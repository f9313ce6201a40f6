//! Waiting for a condition instead of a while.

use std::time::{Duration, Instant};

/// Looks until `holds` gives something, or says what was waited for.
pub fn wait_until<T>(what: &str, limit: Duration, mut holds: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = holds() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            anyhow::bail!("waited {limit:?} in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
