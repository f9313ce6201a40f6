//! A script of what a node does to its store, the same for the same seed, and what may be found at any place of it.

use std::collections::BTreeMap;
use std::path::Path;

use testkit::{Chance, RecordedDisk};

use super::{open, open_on, record, snapshots_on};
use crate::log_store::{Ballot, LogStore, Position, StoreError};
use crate::payload::Members;
use crate::snapshot::{Snapshot, SnapshotFile};

/// One step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// So many entries of a term, from an index on.
    Append {
        term: u64,
        first: u64,
        count: u64,
    },
    Truncate {
        index: u64,
    },
    Vote(Ballot),
    /// A snapshot up to here is written.
    Snapshot(Position),
    /// The log up to here is given up.
    Purge(Position),
}

/// Steps as a node might do them.
pub(super) fn script(seed: u64, length: usize) -> Vec<Step> {
    let mut chance = Chance::new(seed);
    let (mut steps, mut terms) = (Vec::new(), BTreeMap::<u64, u64>::new());
    let (mut term, mut covered, mut next) = (1, 0, 0);
    while steps.len() < length {
        match chance.below(10) {
            0..=4 => {
                let count = 1 + chance.below(6) as u64;
                terms.extend((next..next + count).map(|index| (index, term)));
                steps.push(Step::Append { term, first: next, count });
                next += count;
            }
            5 | 6 => {
                term += 1;
                steps.push(Step::Vote(Ballot {
                    term,
                    node: chance.below(3) as u64,
                    is_committed: chance.one_in(2),
                }));
            }
            7 if next > covered + 2 => {
                // Mostly a few entries, now and then as far back as may be.
                let far = (next - covered - 1) as usize;
                let back = 1 + if chance.one_in(3) { chance.below(far) } else { chance.below(3) } as u64;
                next = next.saturating_sub(back).max(covered + 1);
                terms.split_off(&next);
                steps.push(Step::Truncate { index: next });
            }
            8 if next > covered + 1 => {
                covered += 1 + chance.below((next - covered - 1) as usize) as u64;
                let at = Position { term: terms[&covered], node: 1, index: covered };
                steps.extend([Step::Snapshot(at), Step::Purge(at)]);
            }
            9 if chance.one_in(4) => {
                // A snapshot came from the leader, and reaches beyond the log.
                covered = next + chance.below(20) as u64;
                next = covered + 1;
                let at = Position { term, node: 1, index: covered };
                steps.extend([Step::Snapshot(at), Step::Purge(at)]);
            }
            _ => {}
        }
    }
    steps
}

/// The store and the snapshot of a node.
pub(super) struct Node {
    pub(super) store: LogStore,
    pub(super) file: SnapshotFile,
}

impl Node {
    pub(super) fn open(disk: &RecordedDisk) -> Result<Self, StoreError> {
        let store = open_on(disk)?;
        Ok(Self { store, file: snapshots_on(&disk.shared(), disk.history().root())? })
    }

    pub(super) fn step(&mut self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Append { term, first, count } => {
                let records: Vec<_> = (first..first + count).map(|index| record(term, index)).collect();
                self.store.append(&records)
            }
            Step::Truncate { index } => self.store.truncate(index),
            Step::Vote(vote) => self.store.save_vote(vote),
            Step::Snapshot(at) => {
                let state = vec![at.index as u8; 300];
                let snapshot = Snapshot::new(Some(at), Members::default(), None, at.index.to_string(), state);
                self.file.replace(&snapshot.manifest, &snapshot.encode().expect("bytes"))
            }
            Step::Purge(at) => self.store.purge(at),
        }
    }
}

/// What was acknowledged.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    vote: Option<Ballot>,
    terms: BTreeMap<u64, u64>,
    purged: Option<Position>,
    snapshot: Option<u64>,
    /// What was begun and may be found undone, done, or done in part.
    open: Option<Step>,
}

impl Expected {
    /// After these marks: a step that begins is twice its place, one that has returned one more.
    pub(super) fn after(steps: &[Step], marks: &[usize]) -> Self {
        let mut expected = Self::default();
        for mark in marks {
            match mark % 2 {
                0 => expected.begin(steps[mark / 2]),
                _ => expected.end(),
            }
        }
        expected
    }

    pub(super) fn begin(&mut self, step: Step) {
        self.open = Some(step);
    }

    pub(super) fn end(&mut self) {
        match self.open.take() {
            Some(Step::Append { term, first, count }) => {
                self.terms.extend((first..first + count).map(|index| (index, term)));
            }
            Some(Step::Truncate { index }) => drop(self.terms.split_off(&index)),
            Some(Step::Vote(vote)) => self.vote = Some(vote),
            Some(Step::Snapshot(at)) => self.snapshot = Some(at.index),
            Some(Step::Purge(at)) => {
                self.purged = Some(at);
                self.terms = self.terms.split_off(&(at.index + 1));
            }
            None => {}
        }
    }

    /// Compares with what a folder holds.
    pub(super) fn check(&self, root: &Path) -> Result<(), String> {
        let store = open(&root.join("raft")).map_err(|error| error.to_string())?;
        let file = snapshots_on(&disk::HostDisk::shared(), root).map_err(|error| error.to_string())?;
        self.compare(&Node { store, file })
    }

    pub(super) fn compare(&self, node: &Node) -> Result<(), String> {
        let store = &node.store;
        self.check_vote(store.vote())?;
        let snapshot = node.file.manifest().and_then(|manifest| manifest.last).map(|last| last.index);
        let is_newer = matches!(self.open, Some(Step::Snapshot(at)) if Some(at.index) == snapshot);
        if snapshot != self.snapshot && !is_newer {
            return Err(format!("the snapshot reaches {snapshot:?}, {:?} was acknowledged", self.snapshot));
        }
        let is_purged = matches!(self.open, Some(Step::Purge(at)) if Some(at) == store.purged());
        if store.purged() != self.purged && !is_purged {
            return Err(format!("{:?} was given up, {:?} was acknowledged", store.purged(), self.purged));
        }
        if store.purged().map(|purged| purged.index) > snapshot {
            return Err(format!("{:?} was given up, and the snapshot reaches {snapshot:?}", store.purged()));
        }
        self.check_entries(store)
    }

    fn check_vote(&self, found: Option<Ballot>) -> Result<(), String> {
        let is_newer = matches!(self.open, Some(Step::Vote(vote)) if Some(vote) == found);
        match found == self.vote || is_newer {
            true => Ok(()),
            false => Err(format!("the vote is {found:?}, {:?} was acknowledged", self.vote)),
        }
    }

    fn check_entries(&self, store: &LogStore) -> Result<(), String> {
        let found = store.read(0..u64::MAX, usize::MAX).map_err(|error| error.to_string())?;
        let first = store.purged().map_or(0, |purged| purged.index + 1);
        for (entry, index) in found.iter().zip(first..) {
            let promised = self.terms.get(&index).copied();
            let begun = match self.open {
                Some(Step::Append { term, first, count }) if (first..first + count).contains(&index) => {
                    Some(term)
                }
                _ => None,
            };
            let is_right = promised.or(begun).is_some_and(|term| *entry == record(term, index));
            if !is_right {
                return Err(format!("entry {index} is {:?}; {promised:?} was acknowledged", entry.at));
            }
        }
        let needed = match self.open {
            Some(Step::Truncate { index }) => self.terms.range(..index).next_back(),
            _ => self.terms.last_key_value(),
        };
        let next = first + found.len() as u64;
        match needed {
            Some((last, _)) if *last >= next => Err(format!("entries {next} to {last} are lost")),
            _ => Ok(()),
        }
    }

    /// What was found counts from now on: it is on the disk.
    pub(super) fn settle(&mut self, node: &Node) -> Result<(), String> {
        self.compare(node)?;
        self.open = None;
        self.vote = node.store.vote();
        self.purged = node.store.purged();
        self.snapshot = node.file.manifest().and_then(|manifest| manifest.last).map(|last| last.index);
        let found = node.store.read(0..u64::MAX, usize::MAX).map_err(|error| error.to_string())?;
        self.terms = found.iter().map(|entry| (entry.at.index, entry.at.term)).collect();
        Ok(())
    }
}
