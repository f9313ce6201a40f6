//! Memory and swap.

use event::{Value, json};
use procfs::{Current, Meminfo};

use super::{SampleError, share};

pub(super) fn sample() -> Result<Vec<Value>, SampleError> {
    let memory = Meminfo::current()?;
    let used = memory.mem_total.saturating_sub(memory.mem_free);
    // Kernels before 3.14 do not say what is available; free memory and caches come near.
    let available = memory.mem_available.unwrap_or(memory.mem_free + memory.buffers + memory.cached);
    let actual = memory.mem_total.saturating_sub(available);
    let swap = memory.swap_total.saturating_sub(memory.swap_free);
    Ok(vec![json!({"system": {"memory": {
        "total": memory.mem_total, "free": memory.mem_free, "cached": memory.cached,
        "used": {"bytes": used, "pct": share(used, memory.mem_total)},
        "actual": {"free": available, "used": {"bytes": actual, "pct": share(actual, memory.mem_total)}},
        "swap": {
            "total": memory.swap_total, "free": memory.swap_free,
            "used": {"bytes": swap, "pct": share(swap, memory.swap_total)},
        },
    }}})])
}
