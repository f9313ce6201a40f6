//! Processes and threads by state.

use event::{Value, json};

use super::SampleError;

pub(super) fn sample() -> Result<Vec<Value>, SampleError> {
    let mut counts = Counts::default();
    for process in procfs::process::all_processes()? {
        // A process that ended while the table was read is none.
        let Ok(stat) = process.and_then(|process| process.stat()) else {
            continue;
        };
        counts.add(stat.state, u64::try_from(stat.num_threads).unwrap_or(0));
    }
    Ok(vec![counts.figures()])
}

#[derive(Default)]
struct Counts {
    total: u64,
    running: u64,
    idle: u64,
    sleeping: u64,
    stopped: u64,
    zombie: u64,
    dead: u64,
    wakekill: u64,
    wake: u64,
    parked: u64,
    unknown: u64,
    running_threads: u64,
    blocked_threads: u64,
}

impl Counts {
    fn add(&mut self, state: char, threads: u64) {
        self.total += 1;
        let place = match state {
            'R' => &mut self.running,
            'I' => &mut self.idle,
            'S' | 'D' => &mut self.sleeping,
            'T' | 't' => &mut self.stopped,
            'Z' => &mut self.zombie,
            'X' | 'x' => &mut self.dead,
            'K' => &mut self.wakekill,
            'W' => &mut self.wake,
            'P' => &mut self.parked,
            _ => &mut self.unknown,
        };
        *place += 1;
        match state {
            'R' => self.running_threads += threads,
            'D' => self.blocked_threads += threads,
            _ => {}
        }
    }

    fn figures(&self) -> Value {
        json!({"system": {"process": {"summary": {
            "total": self.total, "running": self.running, "idle": self.idle, "sleeping": self.sleeping,
            "stopped": self.stopped, "zombie": self.zombie, "dead": self.dead, "wakekill": self.wakekill,
            "wake": self.wake, "parked": self.parked, "unknown": self.unknown,
            "threads": {"running": self.running_threads, "blocked": self.blocked_threads},
        }}}})
    }
}
