//! How busy the processor is: the share of the process and of all processes, from one look at `/proc` to the next.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Looks that come sooner after one another are one: clocks of the kernel tick a hundred times a second.
const APART_MILLIS: i64 = 500;

/// What the processor does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CpuFigures {
    /// The time that the process has had, all its threads together.
    pub(crate) process_millis: Option<u64>,
    /// The share of the process in all cores, in percent.
    pub(crate) process_percent: Option<u64>,
    /// The share of all processes.
    pub(crate) host_percent: Option<u64>,
}

/// Clock ticks at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Ticks {
    process: u64,
    busy: u64,
    all: u64,
}

/// What was seen last. The first look tells the shares since the host was started, those of the process since it was.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter(Mutex<Option<(i64, Ticks, CpuFigures)>>);

impl CpuMeter {
    pub(crate) fn look(&self, now_millis: i64) -> CpuFigures {
        let mut seen = self.0.lock();
        if let Some((at, _, figures)) = &*seen
            && (0..APART_MILLIS).contains(&(now_millis - at))
        {
            return *figures;
        }
        let (host, own) = (read("/proc/stat"), read("/proc/self/stat"));
        let (Some((busy, all)), Some(process)) = (host_ticks(&host), process_ticks(&own)) else {
            return CpuFigures::default();
        };
        let ticks = Ticks { process, busy, all };
        let before = seen.map_or_else(Ticks::default, |(_, before, _)| before);
        let figures = CpuFigures {
            process_millis: process
                .checked_mul(1000)
                .map(|ticks| ticks / rustix::param::clock_ticks_per_second()),
            process_percent: share(ticks.process, before.process, ticks.all, before.all),
            host_percent: share(ticks.busy, before.busy, ticks.all, before.all),
        };
        *seen = Some((now_millis, ticks, figures));
        figures
    }
}

fn read(path: &str) -> String {
    fs_err::read_to_string(path).unwrap_or_default()
}

fn share(part: u64, part_before: u64, all: u64, all_before: u64) -> Option<u64> {
    let part = part.saturating_sub(part_before).saturating_mul(100);
    part.checked_div(all.saturating_sub(all_before)).map(|percent| percent.min(100))
}

/// The ticks of the first line of `/proc/stat`: those in which something was done, and all of them.
fn host_ticks(text: &str) -> Option<(u64, u64)> {
    let numbers = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    // Time of guests is in that of users already.
    let ticks: Vec<u64> = numbers.take(8).map_while(|number| number.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: u64 = ticks.iter().sum();
    Some((all.saturating_sub(idle), all))
}

/// The ticks of a process or a thread, for itself and in the kernel. Its name, which may be any text, is in brackets before them.
pub(crate) fn process_ticks(text: &str) -> Option<u64> {
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_of_the_kernel_are_read() {
        assert_eq!(host_ticks("cpu  10 1 9 70 10 0 0 0 3 0\ncpu0 1"), Some((20, 100)));
        assert_eq!(host_ticks("nonsense"), None);
        let stat = "4711 (a) b (c)) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(process_ticks(stat), Some(300));
        assert_eq!(process_ticks("4711 (a"), None);
        assert_eq!(share(30, 10, 200, 100), Some(20));
        assert_eq!(share(30, 10, 100, 100), None);
    }

    #[test]
    fn looks_that_come_soon_after_one_another_are_one() {
        let meter = CpuMeter::default();

        let first = meter.look(0);

        assert!(first.process_millis.is_some() && first.host_percent.is_some_and(|share| share <= 100));
        assert_eq!(meter.look(APART_MILLIS - 1), first);
    }
}
