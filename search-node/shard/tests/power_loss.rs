//! Power loss at every cut point of a script of writes, refreshes, flushes, merges, deletes and mapping growth.
//!
//! The script runs once on a disk that remembers every change. Then, for each place between two changes, the disk is laid
//! out as a power cut at that place could have left it, the shard is opened on it, and asked for every document: nothing
//! acknowledged is missing, nothing deleted returns, a search and a GET agree, and the shard goes on.
//!
//! `POWER_STRIDE` (default 4) tries only each so-manieth place; 1 tries every one. `POWER_SEEDS` (default 1) sets how many
//! random outcomes are tried at a place beside the two extremes; with 1 each place gets one of the three in turn.
//! `make torture` tries every place with all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Condition, Disk, DiskFile, EngineOptions, ForceMerge, QueryContext, SearchRequest, Shard, Shared,
    Workers, WriteOutcome, WriteRequest, Written, parse_query,
};
use testkit::{CrashDisk, FileId, PowerCut, Survival};

const NOW: i64 = 1_795_515_630_123;
const OPERATIONS: usize = 200;
const IDS: u64 = 24;

/// The shard's disk over the test's, with a fault on demand.
#[derive(Clone)]
struct Recorded(CrashDisk, Fault);

/// What the disk does wrong, to show that the test would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The names in the folder of segments are never made durable.
    ForgetsFolders,
    /// The content of closed files is never made durable.
    ForgetsFiles,
    /// The content of open files is never made durable.
    ForgetsWrites,
}

struct RecordedFile {
    disk: CrashDisk,
    id: FileId,
    file: fs_err::File,
    fault: Fault,
}

impl std::fmt::Debug for RecordedFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RecordedFile({})", self.id)
    }
}

impl Recorded {
    fn file(&self, opened: (FileId, fs_err::File)) -> Arc<dyn DiskFile> {
        Arc::new(RecordedFile { disk: self.0.clone(), id: opened.0, file: opened.1, fault: self.1 })
    }
}

impl Disk for Recorded {
    fn create_folder(&self, path: &Path) -> std::io::Result<()> {
        self.0.create_folder(path)
    }

    fn create_new(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        if path.exists() {
            return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists));
        }
        Ok(self.file(self.0.create(path)?))
    }

    fn create(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.0.create(path)?))
    }

    fn open(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.0.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.0.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> std::io::Result<()> {
        if self.1 == Fault::ForgetsFolders && path.ends_with("index") {
            Ok(())
        } else {
            self.0.sync_folder(path)
        }
    }

    fn sync_file(&self, path: &Path) -> std::io::Result<()> {
        if self.1 == Fault::ForgetsFiles { Ok(()) } else { self.0.sync_file(path) }
    }
}

impl DiskFile for RecordedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.disk.write_at(self.id, &self.file, bytes, offset)
    }

    fn set_length(&self, length: u64) -> std::io::Result<()> {
        self.disk.set_length(self.id, &self.file, length)
    }

    fn sync(&self) -> std::io::Result<()> {
        if self.fault != Fault::ForgetsWrites {
            self.disk.sync(self.id);
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.file.file().read_exact_at(bytes, offset)
    }
}

/// One step of the script; its place in the script is its mark.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
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
    Merge,
    Grow,
    Reopen,
}

/// The same steps for the same seed.
fn script(seed: u64, operations: usize) -> Vec<Step> {
    let mut state = seed | 1;
    let mut next = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut steps = Vec::new();
    for value in 0..operations as u64 {
        let id = next(IDS);
        steps.push(if next(4) == 0 { Step::Delete { id } } else { Step::Put { id, value } });
        if next(2) == 0 {
            steps.push(Step::Sync);
        }
        match next(40) {
            0..=4 => steps.push(Step::Refresh),
            5..=7 => steps.push(Step::Flush),
            8 | 9 => steps.push(Step::Merge),
            10 | 11 => steps.push(Step::Grow),
            12 => steps.push(Step::Reopen),
            _ => {}
        }
    }
    steps.push(Step::Sync);
    steps
}

fn mapping(generation: usize) -> Arc<Mapping> {
    let mut properties = json!({"n": {"type": "long"}});
    for n in 0..generation {
        properties[format!("text{n}")] = json!({"type": "text"});
    }
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

fn open(folder: &Path, disk: Option<&Recorded>, generation: usize) -> Result<Shard, String> {
    let workers = Workers::new(0);
    let shared = match disk {
        Some(disk) => Shared { disk: Arc::new(disk.clone()), workers, ..Shared::default() },
        None => Shared { workers, ..Shared::default() },
    };
    let options = EngineOptions { writers: 1, ..EngineOptions::default() };
    Shard::open(folder, mapping(generation), options, shared).map_err(|error| error.to_string())
}

fn document(generation: usize, value: u64) -> Value {
    let mut document = json!({"n": value});
    if generation > 0 {
        document[format!("text{}", generation - 1)] = json!(format!("word{value} common"));
    }
    document
}

fn write(shard: &Shard, id: u64, document: Option<&Value>) -> Written {
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
    match shard.write(&request).expect("written") {
        WriteOutcome::Written(written) => written,
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

/// Marks: a step that begins is `2 × its place`, a step that has returned is one more.
fn run(steps: &[Step], recorded: &Recorded) {
    let disk = &recorded.0;
    let folder = disk.root().join("shard");
    let mut generation = 0;
    let mut shard = open(&folder, Some(recorded), generation).expect("opens");
    for (place, step) in steps.iter().enumerate() {
        disk.mark(2 * place);
        match *step {
            Step::Put { id, value } => drop(write(&shard, id, Some(&document(generation, value)))),
            Step::Delete { id } => drop(write(&shard, id, None)),
            Step::Sync => shard.sync_all().expect("synced"),
            Step::Refresh => drop(shard.refresh(NOW).expect("refreshed")),
            Step::Flush => shard.flush(NOW).expect("flushed"),
            Step::Merge => shard.force_merge(ForceMerge::Segments(1)).expect("merged"),
            Step::Grow => {
                generation += 1;
                shard.set_mapping(mapping(generation), NOW).expect("grown");
            }
            Step::Reopen => {
                shard.sync_all().expect("synced");
                drop(shard);
                shard = open(&folder, Some(recorded), generation).expect("opens again");
            }
        }
        disk.mark(2 * place + 1);
    }
}

/// What may be found at a cut.
struct Expected {
    /// The acknowledged value of each id; none for one that was deleted.
    acked: BTreeMap<u64, Option<u64>>,
    /// Values that may be found instead, because they were written and not acknowledged.
    possible: BTreeMap<u64, Vec<Option<u64>>>,
    generation: usize,
    /// The fewest sequence numbers that were given out and acknowledged.
    acked_operations: u64,
}

fn expected(steps: &[Step], marks: &[usize]) -> Expected {
    let mut expected =
        Expected { acked: BTreeMap::new(), possible: BTreeMap::new(), generation: 0, acked_operations: 0 };
    let mut open: Vec<(u64, Option<u64>)> = Vec::new();
    for mark in marks {
        let (step, has_returned) = (steps[mark / 2], mark % 2 == 1);
        match step {
            Step::Put { id, value } if !has_returned => open.push((id, Some(value))),
            Step::Delete { id } if !has_returned => open.push((id, None)),
            // A mapping is durable in the metadata of its index before the shard hears of it.
            Step::Grow if !has_returned => expected.generation += 1,
            Step::Sync | Step::Flush | Step::Reopen if has_returned => {
                expected.acked_operations += open.len() as u64;
                expected.acked.extend(open.drain(..));
            }
            _ => {}
        }
    }
    for (id, value) in open {
        expected.possible.entry(id).or_default().push(value);
    }
    expected
}

fn value_of(shard: &Shard, id: u64) -> Option<u64> {
    let stored = shard.get(&format!("id{id}")).expect("got")?;
    serde_json::from_slice::<Value>(&stored.source).expect("JSON")["n"].as_u64()
}

fn found(shard: &Shard) -> BTreeSet<String> {
    let request = SearchRequest {
        query: parse_query(&json!({"match_all": {}})).expect("a query"),
        post_filter: None,
        hits: 1_000,
        sort: Vec::new(),
        search_after: None,
        min_score: None,
        track_scores: false,
        track_total: true,
        aggs: Default::default(),
    };
    let reader = shard.reader();
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW };
    let answer = reader.search(&request, &context).expect("searched");
    let uids: Vec<String> = answer.hits.iter().map(|hit| reader.fetch(hit).expect("fetched").uid).collect();
    let unique: BTreeSet<String> = uids.iter().cloned().collect();
    assert_eq!(unique.len(), uids.len(), "a document is found twice: {uids:?}");
    unique
}

/// Opens the shard as the cut left it and checks every promise.
fn check(root: &Path, expected: &Expected) -> Result<(), String> {
    let folder = root.join("shard");
    let shard = open(&folder, None, expected.generation)?;
    let mut live = BTreeSet::new();
    for id in 0..IDS {
        let value = value_of(&shard, id);
        let acked = expected.acked.get(&id).copied().flatten();
        let is_possible = expected.possible.get(&id).is_some_and(|values| values.contains(&value));
        if value != acked && !is_possible {
            return Err(format!("document {id} is {value:?}, but {acked:?} was acknowledged"));
        }
        if value.is_some() {
            live.insert(format!("id{id}"));
        }
    }
    shard.refresh(NOW).map_err(|error| error.to_string())?;
    let found = found(&shard);
    if found != live {
        return Err(format!("a search finds {found:?}, GET finds {live:?}"));
    }
    let written = write(&shard, IDS, Some(&document(expected.generation, 7)));
    if written.seq_no < expected.acked_operations {
        return Err(format!("sequence number {} was given out twice", written.seq_no));
    }
    shard.sync(&written).map_err(|error| error.to_string())?;
    drop(shard);
    let again = open(&folder, None, expected.generation)?;
    if value_of(&again, IDS) != Some(7) {
        return Err("what was written after the cut is missing after the next opening".to_owned());
    }
    Ok(())
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is tried at a cut: with one seed, one of the three outcomes in `turn`; with more, all of them.
fn outcomes(cut: usize, turn: usize, seeds: u64) -> Vec<Survival> {
    let random = |n: u64| Survival::Some { seed: cut as u64 * 1_000 + n };
    if seeds > 1 {
        let extremes = [Survival::Nothing, Survival::AllButTheTornLast];
        return extremes.into_iter().chain((0..seeds).map(random)).collect();
    }
    vec![match turn % 3 {
        0 => Survival::Nothing,
        1 => Survival::AllButTheTornLast,
        _ => random(0),
    }]
}

/// A folder in memory where there is one: nothing here must reach a real disk.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

/// Tries the cuts on every core; gives how many were tried, or the first fault that one of them shows.
fn try_cuts(steps: &[Step], disk: &CrashDisk, stride: usize, seeds: u64) -> Result<usize, String> {
    let cuts = disk.len();
    let next = AtomicUsize::new(0);
    let tried = AtomicUsize::new(0);
    let fault = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let cut = turn * stride;
                    if cut > cuts || fault.lock().expect("no panic").is_some() {
                        return;
                    }
                    let expected = expected(steps, &disk.marks_before(cut));
                    for survival in outcomes(cut, turn, seeds) {
                        let folder = scratch();
                        PowerCut::after(disk, cut, survival).lay_out(folder.path()).expect("laid out");
                        if let Err(reason) = check(folder.path(), &expected) {
                            let reason = format!("cut {cut} of {cuts}, {survival:?}: {reason}");
                            fault.lock().expect("no panic").get_or_insert(reason);
                            return;
                        }
                        tried.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    fault.into_inner().expect("no panic").map_or(Ok(tried.into_inner()), Err)
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_acknowledged_and_returns_nothing_deleted() {
    let (seeds, stride) = (setting("POWER_SEEDS", 1), setting("POWER_STRIDE", 4) as usize);
    let steps = script(setting("POWER_SCRIPT", 0x57ea_d1e5), OPERATIONS);
    let root = scratch();
    let disk = CrashDisk::new(root.path());
    run(&steps, &Recorded(disk.clone(), Fault::None));

    let tried = try_cuts(&steps, &disk, stride, seeds).unwrap_or_else(|fault| panic!("{fault}"));

    println!(
        "{tried} power cuts at {} places of {} steps: nothing lost",
        disk.len() / stride + 1,
        steps.len()
    );
}

/// A test that cannot fail proves nothing: each sync that the shard relies on is left out once, and the loss is noticed.
#[test]
fn each_kind_of_forgotten_sync_is_noticed() {
    for fault in [Fault::ForgetsFolders, Fault::ForgetsFiles, Fault::ForgetsWrites] {
        let steps = script(3, 80);
        let root = scratch();
        let disk = CrashDisk::new(root.path());
        run(&steps, &Recorded(disk.clone(), fault));

        let noticed = try_cuts(&steps, &disk, 11, 1);

        assert!(noticed.is_err(), "{fault:?} went unnoticed");
    }
}
