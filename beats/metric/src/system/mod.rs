//! The module `system`: figures of this host, from sysinfo where it has them and from procfs where it hides them.
//!
//! A metricset that counts what happened since the last sample keeps it in [`Sample`]; its first sample is from boot.

mod cpu;
mod filesystem;
mod memory;
mod network;
mod process_summary;

use event::{Value, json};
use procfs::CurrentSI;

/// What the next sample is compared with.
#[derive(Debug, Default)]
pub struct Sample {
    ticks: Option<procfs::CpuTime>,
}

/// Why a metricset has no figures.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The kernel's tables could not be read.
    #[error("the kernel's figures cannot be read: {0}")]
    Kernel(#[from] procfs::ProcError),
    /// The system library has no figure.
    #[error("the system has no such figure: {0}")]
    System(#[from] sysinfo::Error),
    /// The sampling itself failed.
    #[error("sampling failed: {0}")]
    Panicked(String),
}

/// A metricset of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metricset {
    /// Shares of processor time.
    Cpu,
    /// Run queue lengths.
    Load,
    /// Memory and swap.
    Memory,
    /// Interfaces' counters.
    Network,
    /// Each file system's room.
    Filesystem,
    /// All file systems' room.
    Fsstat,
    /// Processes by state.
    ProcessSummary,
    /// Time since boot.
    Uptime,
}

impl Metricset {
    /// The names, as in settings.
    pub const NAMES: [&'static str; 8] =
        ["cpu", "load", "memory", "network", "filesystem", "fsstat", "process_summary", "uptime"];
    const ALL: [Self; 8] = [
        Self::Cpu,
        Self::Load,
        Self::Memory,
        Self::Network,
        Self::Filesystem,
        Self::Fsstat,
        Self::ProcessSummary,
        Self::Uptime,
    ];

    /// The metricset of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The figures now, one object an event.
    pub fn sample(self, last: &mut Sample) -> Result<Vec<Value>, SampleError> {
        match self {
            Self::Cpu => cpu::sample(&mut last.ticks),
            Self::Load => Ok(vec![load()?]),
            Self::Memory => memory::sample(),
            Self::Network => network::sample(),
            Self::Filesystem => filesystem::each(),
            Self::Fsstat => filesystem::total(),
            Self::ProcessSummary => process_summary::sample(),
            Self::Uptime => {
                let ms = sysinfo::System::uptime()?.saturating_mul(1000);
                Ok(vec![json!({"system": {"uptime": {"duration": {"ms": ms}}}})])
            }
        }
    }
}

fn load() -> Result<Value, SampleError> {
    let load = sysinfo::System::load_average()?;
    let cores = procfs::KernelStats::current()?.cpu_time.len().max(1);
    let norm = |value: f64| rounded(value / cores as f64);
    Ok(json!({"system": {"load": {
        "1": load.one, "5": load.five, "15": load.fifteen, "cores": cores,
        "norm": {"1": norm(load.one), "5": norm(load.five), "15": norm(load.fifteen)},
    }}}))
}

/// Four places, as in the original; more is noise.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A part of a whole; 0 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests;
