//! The power of a replica is cut at every place: while it applies, syncs, flushes, hears of a new primary, drops, rolls back, and while
//! it is filled with files.
//!
//! `REPLICA_STRIDE` (default 11) tries only each so-manieth place; 1 tries every one.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use shard::{Applied, DiskOperation, EngineError, FilesReceiver, Operation, OperationKind, Shard};
use testkit::{Chance, CrashDisk, Fate, PowerCut, RecordedDisk, Survival, scratch};

use crate::copy::{NOW, open};
use crate::setting;

const IDS: usize = 7;

#[derive(Debug, Clone)]
enum Step {
    Apply(Operation),
    Sync,
    Refresh,
    Flush,
    Raise(i64),
    Term(u64),
    Drop(Vec<u64>),
    RollBack,
    Reopen,
}

/// What a replica was told, as its primaries would tell it.
struct Script {
    chance: Chance,
    steps: Vec<Step>,
    term: u64,
    next: u64,
    global: i64,
}

fn operation(chance: &mut Chance, seq_no: u64, term: u64) -> Operation {
    let kind = match chance.below(8) {
        0..=1 => OperationKind::Delete,
        2 => OperationKind::NoOp,
        _ => OperationKind::Index,
    };
    let source = match kind {
        OperationKind::Index => json!({"n": seq_no, "t": format!("in term {term}")}).to_string().into_bytes(),
        _ => Vec::new(),
    };
    let uid = if kind == OperationKind::NoOp { String::new() } else { chance.below(IDS).to_string() };
    Operation { kind, seq_no, term, version: seq_no + 1, uid, routing: String::new(), source }
}

impl Script {
    fn of(seed: u64) -> Vec<Step> {
        let mut script = Self { chance: Chance::new(seed), steps: Vec::new(), term: 1, next: 0, global: -1 };
        for round in 0..9 {
            script.operations();
            match round % 3 {
                0 => script.settle(),
                1 => script.next_primary(),
                _ => script.steps.extend([Step::Refresh, Step::Flush, Step::Reopen]),
            }
        }
        script.operations();
        script.settle();
        script.steps
    }

    /// Operations, not in order.
    fn operations(&mut self) {
        let count = 4 + self.chance.below(4) as u64;
        let mut sent: Vec<Operation> = (self.next..self.next + count)
            .map(|seq_no| operation(&mut self.chance, seq_no, self.term))
            .collect();
        self.next += count;
        while !sent.is_empty() {
            let at = self.chance.below(sent.len());
            self.steps.push(Step::Apply(sent.swap_remove(at)));
            match self.chance.below(8) {
                0 => self.steps.push(Step::Sync),
                1 => self.steps.push(Step::Refresh),
                2 => self.steps.push(Step::Flush),
                _ => {}
            }
        }
    }

    /// All copies have everything, and it is committed.
    fn settle(&mut self) {
        self.global = self.next as i64 - 1;
        self.steps.extend([Step::Sync, Step::Raise(self.global), Step::Flush]);
    }

    /// A new primary has other operations in the place of some, and lacks the last.
    fn next_primary(&mut self) {
        self.term += 1;
        self.steps.push(Step::Term(self.term));
        let first = (self.global + 1) as u64;
        for seq_no in first..self.next - 1 {
            if self.chance.one_in(3) {
                let replaced = operation(&mut self.chance, seq_no, self.term);
                self.steps.push(Step::Apply(replaced));
            }
        }
        self.next -= 1;
        self.steps.extend([Step::Sync, Step::Drop(vec![self.next]), Step::Refresh, Step::RollBack]);
    }
}

/// What may be found on the disk.
#[derive(Debug, Default, Clone)]
struct Expected {
    /// The term of each operation that is durable.
    durable: BTreeMap<u64, u64>,
    /// What was written or dropped since then, in order.
    since: Vec<(u64, Option<u64>)>,
    terms: (u64, u64),
    global_max: i64,
    contents: BTreeMap<(u64, u64), Operation>,
}

impl Expected {
    fn after(steps: &[Step], marks: &[usize]) -> Self {
        let mut expected = Self { terms: (1, 1), global_max: -1, ..Self::default() };
        for mark in marks {
            let step = &steps[mark / 2];
            if mark % 2 == 0 { expected.begin(step) } else { expected.end(step) }
        }
        expected
    }

    fn begin(&mut self, step: &Step) {
        match step {
            Step::Apply(operation) => {
                self.contents.insert((operation.seq_no, operation.term), operation.clone());
                self.since.push((operation.seq_no, Some(operation.term)));
            }
            Step::Drop(seq_nos) => self.since.extend(seq_nos.iter().map(|seq_no| (*seq_no, None))),
            Step::Term(term) => self.terms.1 = *term,
            Step::Raise(global) => self.global_max = *global,
            _ => {}
        }
    }

    fn end(&mut self, step: &Step) {
        match step {
            Step::Term(term) => self.terms.0 = *term,
            Step::Sync | Step::Flush | Step::Drop(_) | Step::RollBack | Step::Reopen => {}
            _ => return,
        }
        for (seq_no, term) in self.since.drain(..) {
            match term {
                Some(term) => drop(self.durable.insert(seq_no, term)),
                None => drop(self.durable.remove(&seq_no)),
            }
        }
    }

    fn check(&self, shard: &Shard) -> Result<(), String> {
        let (term, global, held) = shard.held();
        if term < self.terms.0 || term > self.terms.1 {
            return Err(format!("term {term} is none of {:?}", self.terms));
        }
        if global > self.global_max || global > shard.local() {
            return Err(format!(
                "global checkpoint {global}, told {}, local {}",
                self.global_max,
                shard.local()
            ));
        }
        let mut kept = BTreeMap::new();
        let highest = self.contents.keys().last().map_or(0, |(seq_no, _)| seq_no + 1);
        for seq_no in 0..highest {
            let before = self.durable.get(&seq_no).copied();
            // What all copies have was durable before, and has not changed since.
            let found = if seq_no as i64 <= global { before } else { held.get(&(seq_no as i64)).copied() };
            if found != before && !self.since.contains(&(seq_no, found)) {
                return Err(format!("operation {seq_no} is of {found:?}, and {before:?} was durable"));
            }
            kept.extend(found.map(|term| (seq_no, &self.contents[&(seq_no, term)])));
        }
        self.check_documents(shard, &kept)
    }

    fn check_documents(&self, shard: &Shard, kept: &BTreeMap<u64, &Operation>) -> Result<(), String> {
        let mut documents: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for operation in kept.values().filter(|operation| operation.kind != OperationKind::NoOp) {
            let is_there = operation.kind == OperationKind::Index;
            documents.insert(&operation.uid, is_there.then_some(operation.seq_no));
        }
        for (uid, seq_no) in &documents {
            let stored = shard.get(uid).map_err(|error| error.to_string())?;
            let shown = stored.as_ref().map(|stored| stored.seq_no);
            let source = stored.and_then(|stored| serde_json::from_slice::<Value>(&stored.source).ok());
            if shown != *seq_no || source.map(|source| source["n"].as_u64()) != seq_no.map(Some) {
                return Err(format!("document {uid} is {shown:?} and should be {seq_no:?}"));
            }
        }
        let digest = shard.digest(NOW).map_err(|error| error.to_string())?;
        let live = documents.values().flatten().count() as u64;
        if digest.documents == live {
            Ok(())
        } else {
            Err(format!("{} documents of {live}", digest.documents))
        }
    }
}

fn done(shard: &Shard, operation: &Operation) -> Result<(), EngineError> {
    match shard.apply_run(shard.term(), NOW).apply(operation)? {
        Applied::Done(_) => Ok(()),
        Applied::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

fn act(shard: Shard, disk: &RecordedDisk, folder: &Path, step: &Step) -> Result<Shard, EngineError> {
    match step {
        Step::Apply(operation) => done(&shard, operation)?,
        Step::Sync => shard.sync_all()?,
        Step::Refresh => drop(shard.refresh(NOW)?),
        Step::Flush => drop(shard.flush(NOW)?),
        Step::Raise(global) => shard.raise_global(*global),
        Step::Term(term) => shard.set_term(*term)?,
        Step::Drop(seq_nos) => shard.drop_operations(shard.term(), seq_nos)?,
        Step::RollBack => return shard.roll_back(),
        Step::Reopen => {
            shard.close()?;
            return open(disk, folder, 1);
        }
    }
    Ok(shard)
}

/// Does all steps, or those up to the first that fails. What a flush that must roll back first has not made durable is durable by the
/// next step only.
fn run(steps: &[Step], disk: &RecordedDisk) -> Result<(), EngineError> {
    let crash = disk.history();
    let folder = crash.root().join("shard");
    let mut shard = open(disk, &folder, 1)?;
    for (place, step) in steps.iter().enumerate() {
        crash.mark(2 * place);
        let is_refused = matches!(step, Step::Flush) && shard.must_roll_back();
        shard = act(shard, disk, &folder, step)?;
        if !is_refused {
            crash.mark(2 * place + 1);
        }
    }
    Ok(())
}

fn survival_of(turn: usize, cut: usize) -> Survival {
    match turn % 3 {
        0 => Survival::Nothing,
        1 => Survival::AllButTheTornLast,
        _ => Survival::Some { seed: cut as u64 },
    }
}

fn check_cut(steps: &[Step], crash: &CrashDisk, cut: usize, survival: Survival) -> Result<(), String> {
    let root = scratch();
    PowerCut::after(crash, cut, survival).lay_out(root.path()).map_err(|error| error.to_string())?;
    let expected = Expected::after(steps, &crash.marks_before(cut));
    let disk = RecordedDisk::over(&CrashDisk::over(root.path()).map_err(|error| error.to_string())?);
    let folder = root.path().join("shard");
    let fault = |error: EngineError| error.to_string();
    let shard = open(&disk, &folder, 1).map_err(fault)?;
    expected.check(&shard)?;
    // It goes on, and what it takes then is there after the next opening.
    let seq_no = 1_000;
    let later = Operation { kind: OperationKind::Delete, seq_no, ..operation(&mut Chance::new(1), 0, 1) };
    let later = Operation { uid: "later".to_owned(), source: Vec::new(), ..later };
    done(&shard, &later).and_then(|()| shard.sync_all()).map_err(fault)?;
    drop(shard);
    let shard = open(&disk, &folder, 1).map_err(fault)?;
    if shard.max_seq_no() != seq_no as i64 {
        return Err("what was taken afterwards is gone".to_owned());
    }
    expected.check(&shard)
}

fn try_cuts(steps: &[Step], crash: &CrashDisk, stride: usize) -> Result<usize, String> {
    let cuts = (0..=crash.len()).step_by(stride);
    for (turn, cut) in cuts.clone().enumerate() {
        let survival = survival_of(turn, cut);
        check_cut(steps, crash, cut, survival)
            .map_err(|reason| format!("cut {cut} of {}, {survival:?}: {reason}", crash.len()))?;
    }
    Ok(cuts.count())
}

#[test]
fn a_power_cut_at_any_point_takes_nothing_durable_and_brings_nothing_dropped_back() {
    let steps = Script::of(setting("REPLICA_SCRIPT", 5));
    let root = scratch();
    let disk = RecordedDisk::over(&CrashDisk::new(root.path()));
    run(&steps, &disk).expect("done");

    let stride = setting("REPLICA_STRIDE", 11) as usize;
    let tried = try_cuts(&steps, disk.history(), stride).unwrap_or_else(|fault| panic!("{fault}"));

    println!("{tried} power cuts among {} changes of a replica: nothing lost", disk.history().len());
}

/// A test that cannot fail proves nothing.
#[test]
fn a_replica_on_a_disk_that_forgets_syncs_is_noticed() {
    let steps = Script::of(5);
    let root = scratch();
    let disk = RecordedDisk::deciding(&CrashDisk::new(root.path()), |operation, path| {
        let is_translog = path.extension().is_some_and(|extension| extension == "tlog");
        if operation == DiskOperation::Sync && is_translog { Fate::Forgotten } else { Fate::Done }
    });
    run(&steps, &disk).expect("done");

    assert!(try_cuts(&steps, disk.history(), 7).is_err());
}

/// Calls of a disk that change something, up to the end of what `work` does with it.
fn calls_of(work: impl FnOnce(&RecordedDisk)) -> usize {
    let root = scratch();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let disk = RecordedDisk::deciding(&CrashDisk::new(root.path()), move |operation, _| {
        counted.fetch_add(usize::from(operation != DiskOperation::Read), Ordering::Relaxed);
        Fate::Done
    });
    work(&disk);
    calls.load(Ordering::Relaxed)
}

/// No space, and a fault.
const KINDS: [io::ErrorKind; 2] = [io::ErrorKind::StorageFull, io::ErrorKind::Other];

#[test]
fn a_disk_that_fails_once_at_any_call_takes_nothing_durable_and_brings_nothing_dropped_back() {
    let steps = Script::of(setting("REPLICA_SCRIPT", 11));
    let calls = calls_of(|disk| run(&steps, disk).expect("done"));
    let mut failed = 0;
    let stride = setting("REPLICA_STRIDE", 11) as usize;
    for (turn, nth) in (0..calls).step_by(stride).enumerate() {
        let root = scratch();
        let crash = CrashDisk::new(root.path());
        let outcome = run(&steps, &RecordedDisk::failing_once(&crash, nth, KINDS[turn % 2]));
        failed += usize::from(outcome.is_err());

        // Opened again where it is, and after a power cut at that moment.
        let fault = |reason: String| format!("call {nth} failed ({outcome:?}): {reason}");
        check_cut(&steps, &crash, crash.len(), survival_of(turn, nth))
            .unwrap_or_else(|r| panic!("{}", fault(r)));
        let expected = Expected::after(&steps, &crash.marks_before(crash.len()));
        let disk = RecordedDisk::over(&crash);
        let shard = open(&disk, &root.path().join("shard"), 1);
        let shard = shard.unwrap_or_else(|error| panic!("{}", fault(error.to_string())));
        expected.check(&shard).unwrap_or_else(|reason| panic!("{}", fault(reason)));
    }
    assert!(failed > 10, "{failed} of {}", calls / stride);
    println!("{failed} faults of the disk under a replica: nothing lost");
}

#[test]
fn a_disk_that_fails_once_while_a_copy_is_filled_leaves_none_that_can_be_filled_again() {
    let source_root = scratch();
    let source_disk = RecordedDisk::over(&CrashDisk::new(source_root.path()));
    let source = committed(&source_disk, &source_root.path().join("shard"), 40);
    let right = source.digest(NOW).expect("digest");
    let calls = calls_of(|disk| fill(&source, disk, &disk.history().root().join("shard")).expect("filled"));
    for nth in 0..calls {
        let root = scratch();
        let crash = CrashDisk::new(root.path());
        let folder = root.path().join("shard");
        let failing = RecordedDisk::failing_once(&crash, nth, KINDS[nth % 2]);
        assert!(fill(&source, &failing, &folder).is_err(), "call {nth}");

        let disk = RecordedDisk::over(&crash);
        if let Ok(shard) = open(&disk, &folder, 1) {
            // Before anything was touched, or once all was done but for the last sync.
            let digest = shard.digest(NOW).expect("digest");
            assert!(digest.documents == 0 || digest == right, "call {nth}: {digest:?}");
        }
        fill(&source, &disk, &folder).expect("filled");
        assert_eq!(open(&disk, &folder, 1).expect("opens").digest(NOW).expect("digest"), right, "call {nth}");
    }
}

/// Fills the copy in `folder` with the files of another.
fn fill(source: &Shard, disk: &RecordedDisk, folder: &Path) -> Result<(), EngineError> {
    let snapshot = source.snapshot_files(NOW)?;
    let mut receiver = FilesReceiver::begin(disk.shared(), folder, &snapshot.files)?;
    for file in receiver.missing() {
        let content = snapshot.read(&file.name, 0, file.bytes as usize)?;
        for (turn, part) in content.chunks(1_000).enumerate() {
            receiver.write(&file.name, turn as u64 * 1_000, part)?;
        }
    }
    receiver.finish(source.term()).map(drop)
}

/// A shard with these operations, all of them committed.
fn committed(disk: &RecordedDisk, folder: &Path, last: u64) -> Shard {
    let shard = open(disk, folder, 1).expect("opens");
    let mut chance = Chance::new(last);
    for seq_no in 0..=last {
        done(&shard, &operation(&mut chance, seq_no, 1)).expect("applied");
    }
    shard.raise_global(last as i64);
    assert_eq!(shard.flush(NOW).expect("flushed"), shard::Flushed::Done);
    shard
}

#[test]
fn a_power_cut_while_a_copy_is_filled_leaves_the_old_one_or_none_or_the_new_one() {
    let source_root = scratch();
    let source_disk = RecordedDisk::over(&CrashDisk::new(source_root.path()));
    let source = committed(&source_disk, &source_root.path().join("shard"), 40);
    let right = source.digest(NOW).expect("digest");
    let root = scratch();
    let disk = RecordedDisk::over(&CrashDisk::new(root.path()));
    let old = {
        let shard = committed(&disk, &root.path().join("shard"), 9);
        let digest = shard.digest(NOW).expect("digest");
        shard.close().expect("closed");
        digest
    };
    let begin = disk.history().len();
    fill(&source, &disk, &root.path().join("shard")).expect("filled");

    let (mut seen, end) = ([0; 3], disk.history().len());
    for (turn, cut) in (begin..=end).enumerate() {
        let survivals = if cut == end { vec![Survival::Nothing] } else { vec![survival_of(turn, cut)] };
        for survival in survivals {
            let root = scratch();
            PowerCut::after(disk.history(), cut, survival).lay_out(root.path()).expect("laid out");
            let left = RecordedDisk::over(&CrashDisk::over(root.path()).expect("a disk"));
            let folder = root.path().join("shard");
            let state = match open(&left, &folder, 1) {
                Ok(shard) => {
                    let digest = shard.digest(NOW).expect("digest");
                    assert!(digest == old || digest == right, "cut {cut}, {survival:?}");
                    usize::from(digest == right) * 2
                }
                Err(EngineError::Unfinished { .. }) => {
                    fill(&source, &left, &folder).expect("filled");
                    let shard = open(&left, &folder, 1).expect("opens");
                    assert_eq!(shard.digest(NOW).expect("digest"), right, "cut {cut}, {survival:?}");
                    assert_eq!((shard.global(), shard.history_from()), (40, 41));
                    1
                }
                Err(error) => panic!("cut {cut} of {begin}..{end}, {survival:?}: {error}"),
            };
            seen[state] += 1;
            assert!(cut < end || state == 2, "it was filled");
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    println!("{} power cuts while a copy was filled: {seen:?} old, none, new", end - begin + 1);
}
