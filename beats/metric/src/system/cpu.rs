//! Shares of processor time since the last sample.

use event::{Map, Value, json};
use procfs::{CpuTime, CurrentSI, KernelStats};

use super::{SampleError, rounded};

pub(super) fn sample(last: &mut Option<CpuTime>) -> Result<Vec<Value>, SampleError> {
    let stats = KernelStats::current()?;
    let cores = stats.cpu_time.len().max(1);
    let before = last.as_ref().map(ticks).unwrap_or_default();
    let now = ticks(&stats.total);
    *last = Some(stats.total);
    Ok(vec![figures(&before, &now, cores)])
}

const STATES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

fn ticks(time: &CpuTime) -> [u64; 8] {
    [
        time.user,
        time.nice,
        time.system,
        time.idle,
        time.iowait.unwrap_or(0),
        time.irq.unwrap_or(0),
        time.softirq.unwrap_or(0),
        time.steal.unwrap_or(0),
    ]
}

/// `pct` is of one core, so that it reaches the number of cores; `norm.pct` is of all.
fn figures(before: &[u64; 8], now: &[u64; 8], cores: usize) -> Value {
    let spent: Vec<u64> = now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before)).collect();
    let all = spent.iter().sum::<u64>().max(1) as f64;
    let pair = |ticks: u64| {
        let norm = ticks as f64 / all;
        json!({"pct": rounded(norm * cores as f64), "norm": {"pct": rounded(norm)}})
    };
    let mut cpu = Map::new();
    for (name, ticks) in STATES.iter().zip(&spent) {
        cpu.insert((*name).to_owned(), pair(*ticks));
    }
    let busy = spent.iter().sum::<u64>() - spent[3] - spent[4];
    cpu.insert("total".to_owned(), pair(busy));
    cpu.insert("cores".to_owned(), cores.into());
    json!({"system": {"cpu": cpu}, "host": {"cpu": {"usage": rounded(busy as f64 / all)}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between_samples() {
        let before = [100, 0, 100, 100, 0, 0, 0, 0];
        let now = [150, 0, 125, 200, 25, 0, 0, 0];

        let figures = figures(&before, &now, 4);

        let cpu = &figures["system"]["cpu"];
        assert_eq!(cpu["user"], json!({"pct": 1.0, "norm": {"pct": 0.25}}));
        assert_eq!(cpu["idle"]["norm"]["pct"], 0.5);
        assert_eq!(cpu["total"], json!({"pct": 1.5, "norm": {"pct": 0.375}}));
        assert_eq!(figures["host"]["cpu"]["usage"], 0.375);
    }
}
