//! The script: writes, refreshes, flushes, merges, growth and openings, the same for the same seed; and the hand that does it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Condition, EngineError, EngineOptions, ForceMerge, MergeOptions, Shard, Shared, Workers, WriteOutcome,
    WriteRequest, Written, create_folder_durably,
};

use crate::disk::Recorded;

pub(crate) const NOW: i64 = 1_795_515_630_123;
pub(crate) const IDS: u64 = 24;
/// The value of a document from which on it is so large that its segment is written out at once.
const LARGE: u64 = 1 << 40;

/// One step of the script; its place in the script is its mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Put {
        id: u64,
        value: u64,
    },
    Delete {
        id: u64,
    },
    /// Everything before is acknowledged once this has returned.
    Sync,
    Refresh,
    Flush,
    /// All segments become one.
    Merge,
    /// The merges that refreshes have begun are done.
    Background,
    Grow,
    Reopen,
}

/// The same steps for the same seed.
pub(crate) fn script(seed: u64, operations: usize) -> Vec<Step> {
    let mut state = seed | 1;
    let mut next = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut steps = Vec::new();
    for operation in 0..operations as u64 {
        let (id, value) = (next(IDS), if next(12) == 0 { LARGE + operation } else { operation });
        steps.push(if next(4) == 0 { Step::Delete { id } } else { Step::Put { id, value } });
        if next(2) == 0 {
            steps.push(Step::Sync);
        }
        match next(40) {
            0..=7 => steps.push(Step::Refresh),
            8..=10 => steps.push(Step::Flush),
            11 => steps.push(Step::Merge),
            12 | 13 => steps.push(Step::Grow),
            14 => steps.push(Step::Reopen),
            15..=19 => steps.push(Step::Background),
            _ => {}
        }
        if operation == operations as u64 / 2 {
            steps.extend([Step::Flush, Step::Reopen]);
        }
    }
    steps.extend([Step::Refresh, Step::Background, Step::Sync]);
    steps
}

pub(crate) fn mapping(generation: usize) -> Arc<Mapping> {
    let mut properties = json!({
        "n": {"type": "long"},
        "a": {"type": "nested", "properties": {"x": {"type": "long"}}},
        "blob": {"type": "keyword", "index": false, "doc_values": false}
    });
    for n in 0..generation {
        properties[format!("text{n}")] = json!({"type": "text"});
    }
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

fn document(generation: usize, value: u64) -> Value {
    let mut document = json!({"n": value, "a": [{"x": value}, {"x": 1}]});
    if generation > 0 {
        document[format!("text{}", generation - 1)] = json!(format!("word{value} common"));
    }
    if value >= LARGE {
        document["blob"] = json!("x".repeat(64 << 10));
    }
    document
}

/// Opens the shard on this disk, or on the host's.
pub(crate) fn open(
    folder: &Path,
    disk: Option<&Recorded>,
    workers: &Arc<Workers>,
    generation: usize,
) -> Result<Shard, EngineError> {
    let shared = Shared { workers: Arc::clone(workers), ..Shared::default() };
    let shared = match disk {
        Some(disk) => Shared { disk: disk.shared(), ..shared },
        None => shared,
    };
    let merge = MergeOptions { factor: 3, throttle_max: Duration::ZERO, ..MergeOptions::default() };
    // A segment is written out as soon as it is weighed, which a large document brings about.
    let options = EngineOptions { writers: 1, segment_buffer_bytes: 1, merge, ..EngineOptions::default() };
    // Whoever has the shard made makes its folder first.
    create_folder_durably(shared.disk.as_ref(), folder)?;
    Shard::open(folder, mapping(generation), options, shared)
}

pub(crate) fn write(shard: &Shard, id: u64, document: Option<&Value>) -> Result<Written, EngineError> {
    let source = document.map(|document| document.to_string().into_bytes());
    let id = format!("id{id}");
    let request = WriteRequest {
        uid: &id,
        doc_type: None,
        id: &id,
        routing: None,
        source: source.as_deref(),
        condition: Condition::None,
        is_new_id: false,
        now_millis: NOW,
    };
    match shard.write(&request)? {
        WriteOutcome::Written(written) => Ok(written),
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

pub(crate) fn put(shard: &Shard, generation: usize, id: u64, value: u64) -> Result<Written, EngineError> {
    write(shard, id, Some(&document(generation, value)))
}

/// Does the steps on a disk.
pub(crate) struct Hand {
    disk: Recorded,
    folder: PathBuf,
    workers: Arc<Workers>,
    shard: Option<Shard>,
    pub(crate) generation: usize,
    /// Segments that were written out before a refresh.
    pub(crate) spills: usize,
    /// Merges that were done in the background.
    pub(crate) merges: usize,
}

impl Hand {
    pub(crate) fn new(disk: &Recorded) -> Self {
        Self {
            folder: disk.crash.root().join("shard"),
            disk: disk.clone(),
            workers: Workers::on_demand(),
            shard: None,
            generation: 0,
            spills: 0,
            merges: 0,
        }
    }

    /// The shard, opened if it is not.
    pub(crate) fn shard(&mut self) -> Result<&Shard, EngineError> {
        if self.shard.is_none() {
            self.shard = Some(open(&self.folder, Some(&self.disk), &self.workers, self.generation)?);
        }
        Ok(self.shard.as_ref().expect("opened"))
    }

    /// Ends the program that has the shard open, after the merges that are under way.
    pub(crate) fn close(&mut self) {
        self.workers.work_off();
        self.shard = None;
    }

    pub(crate) fn fenced(&self) -> Option<String> {
        self.shard.as_ref().and_then(Shard::fenced)
    }

    pub(crate) fn step(&mut self, step: Step) -> Result<(), EngineError> {
        let generation = self.generation;
        match step {
            Step::Put { id, value } => {
                let shard = self.shard()?;
                let had_spilled = shard.wants_refresh();
                put(shard, generation, id, value)?;
                let has_spilled = !had_spilled && shard.wants_refresh();
                self.spills += usize::from(has_spilled);
            }
            Step::Delete { id } => drop(write(self.shard()?, id, None)?),
            Step::Sync => self.shard()?.sync_all()?,
            Step::Refresh => drop(self.shard()?.refresh(NOW)?),
            Step::Flush => drop(self.shard()?.flush(NOW)?),
            Step::Merge => {
                self.workers.work_off();
                self.shard()?.force_merge(ForceMerge::Segments(1))?;
            }
            Step::Background => self.merges += self.workers.work_off(),
            Step::Grow => {
                self.shard()?.set_mapping(mapping(generation + 1), NOW)?;
                self.generation += 1;
            }
            Step::Reopen => {
                self.shard()?.sync_all()?;
                self.close();
                self.shard()?;
            }
        }
        Ok(())
    }
}
