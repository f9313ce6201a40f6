//! A translog that is damaged, or was never one: recovery, inspection and salvage.
//!
//! The first eight bytes are wishes, the rest is the matter. Either each line of it is a write (`id source`, or `-id` for a
//! delete), the translog is as the product would have written it, and one damage is done to it; or the matter is cut into
//! records of any content behind checksums that are right.
//!
//! # Invariants
//!
//! - A damaged translog is refused, or everything that was acknowledged is in the shard.
//! - Every record before the damage is found by an inspection, and kept by a salvage, as it was and in its place.
//! - What was salvaged opens, and holds exactly what the salvaged records say.

use std::collections::BTreeMap;
use std::path::Path;

use shard::{HostDisk, Inspection, Operation, OperationKind, inspect_translog, salvage_translog};

use crate::shard_files::open;
use crate::translog_format::{Checkpoint, HEADER_BYTES, Written, body, checkpoint, header, push_record};
use crate::{Target, scratch};

const WRITES_MAX: usize = 40;
/// What an inspection may find wrong with two files, and more.
const FAULTS_MAX: usize = 2000;

pub(crate) struct Translogs;

/// The first bytes of an input.
struct Wishes {
    how: u8,
    what: u8,
    a: u16,
    b: u16,
    c: u16,
}

impl Wishes {
    fn read(input: &[u8]) -> Option<(Self, &[u8])> {
        let (bytes, rest) = input.split_first_chunk::<8>()?;
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let wishes = Self { how: bytes[0], what: bytes[1], a: short(2), b: short(4), c: short(6) };
        Some((wishes, rest))
    }
}

impl Target for Translogs {
    fn run(&mut self, input: &[u8]) {
        let Some((wishes, matter)) = Wishes::read(input) else { return };
        if wishes.how & 1 == 0 {
            damaged(&wishes, matter);
        } else {
            made_up(&wishes, matter);
        }
    }
}

/// The writes that lines stand for.
fn writes(matter: &[u8]) -> Vec<Written> {
    let lines = matter.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(WRITES_MAX);
    lines
        .map(|line| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            match line.strip_prefix(b"-") {
                Some(uid) => Written { uid: text(uid), source: None },
                None => {
                    let mut parts = line.splitn(2, |byte| *byte == b' ');
                    let uid = text(parts.next().unwrap_or_default());
                    Written { uid, source: Some(parts.next().unwrap_or_default().to_vec()) }
                }
            }
        })
        .filter(|written| written.uid.len() <= 512)
        .collect()
}

/// Two generations with all writes, and the place of each record.
struct Genuine {
    files: [Vec<u8>; 2],
    /// Generation and end of each record.
    ends: Vec<(usize, usize)>,
}

impl Genuine {
    fn of(writes: &[Written], split: usize) -> Self {
        let mut files = [header(1), header(2)];
        let mut ends = Vec::new();
        for (seq_no, written) in writes.iter().enumerate() {
            let generation = usize::from(seq_no >= split);
            push_record(&mut files[generation], generation as u64 + 1, &body(written, seq_no as u64));
            ends.push((generation, files[generation].len()));
        }
        Self { files, ends }
    }

    fn checkpoint(&self) -> Vec<u8> {
        checkpoint(Checkpoint {
            generation: 2,
            durable_offset: self.files[1].len() as u64,
            min_generation: 1,
            max_seq_no: self.ends.len() as i64 - 1,
            global: self.ends.len() as i64 - 1,
        })
    }
}

/// Does one damage; gives the first place that differs.
fn damage(wishes: &Wishes, matter: &[u8], file: &mut Vec<u8>) -> usize {
    let at = usize::from(wishes.a) % file.len();
    match wishes.what % 5 {
        0 => file[at] ^= (wishes.b as u8) | 1,
        1 => file.truncate(at),
        2 => {
            let end = (at + 1 + usize::from(wishes.b) % 64).min(file.len());
            drop(file.drain(at..end));
        }
        3 => {
            let piece: Vec<u8> = matter.iter().copied().take(1 + usize::from(wishes.b) % 64).collect();
            file.splice(at..at, piece);
        }
        // None at all.
        _ => return file.len(),
    }
    at
}

fn damaged(wishes: &Wishes, matter: &[u8]) {
    let writes = writes(matter);
    let mut genuine = Genuine::of(&writes, usize::from(wishes.c) % (writes.len() + 1));
    let mut checkpoint = genuine.checkpoint();
    let victim = usize::from(wishes.how >> 1 & 1);
    let is_checkpoint = wishes.how & 4 != 0;
    let place = if is_checkpoint {
        damage(wishes, matter, &mut checkpoint);
        usize::MAX
    } else {
        damage(wishes, matter, &mut genuine.files[victim])
    };
    let is_before = |end: &(usize, usize)| end.0 != victim || end.1 <= place;
    let is_kept: Vec<bool> = genuine.ends.iter().map(is_before).collect();
    let folder = scratch::folder();
    let [first, second] = &genuine.files;
    lay_out(folder.path(), &[(1, first), (2, second)], &checkpoint);

    let found = inspect(folder.path());
    if is_checkpoint {
        let (found, _) = found.as_ref().expect("the headers say what a damaged checkpoint does not");
        check_contains(found, writes.iter());
    } else if let Some((found, _)) = &found
        && place >= HEADER_BYTES
    {
        let expected = writes.iter().zip(&is_kept).filter(|(_, kept)| **kept).map(|(written, _)| written);
        check_contains(found, expected);
    }
    salvage(folder.path(), found.as_ref().map(|(found, _)| found.as_slice()));
    if let Ok(shard) = open(folder.path()) {
        check_shard(&shard, &writes);
    }
}

/// Records of any content, and a checkpoint of any numbers.
fn made_up(wishes: &Wishes, matter: &[u8]) {
    let mut file = header(1);
    let mut rest = matter;
    while let Some((length, after)) = rest.split_first() {
        let length = usize::from(*length).min(after.len());
        push_record(&mut file, 1, &after[..length]);
        rest = &after[length..];
    }
    let wide = |short: u16| match short {
        0xff00.. => u64::MAX - u64::from(short & 0xff),
        0xfe00.. => i64::MAX as u64 - 0x7f + u64::from(short & 0xff),
        other => u64::from(other),
    };
    let is_plain = wishes.how & 2 != 0;
    let checkpoint = checkpoint(Checkpoint {
        generation: if is_plain { 1 } else { wide(wishes.a) },
        durable_offset: if is_plain { file.len() as u64 } else { wide(wishes.b) },
        min_generation: if is_plain { 1 } else { wide(wishes.c) },
        max_seq_no: if wishes.what & 1 == 0 { -1 } else { wide(wishes.b) as i64 },
        global: if wishes.what & 2 == 0 { -1 } else { wide(wishes.a) as i64 },
    });
    let folder = scratch::folder();
    lay_out(folder.path(), &[(1, &file)], &checkpoint);

    let found = inspect(folder.path());
    salvage(folder.path(), found.as_ref().map(|(found, _)| found.as_slice()));
    drop(open(folder.path()));
}

fn lay_out(folder: &Path, generations: &[(u64, &Vec<u8>)], checkpoint: &[u8]) {
    let folder = folder.join("translog");
    fs_err::create_dir_all(&folder).expect("made");
    for (generation, bytes) in generations {
        fs_err::write(folder.join(format!("translog-{generation}.tlog")), bytes).expect("written");
    }
    fs_err::write(folder.join("translog.ckp"), checkpoint).expect("written");
}

/// The operations that verify, and what does not.
fn inspect(folder: &Path) -> Option<(Vec<Operation>, Inspection)> {
    let mut found = Vec::new();
    let looked = inspect_translog(&folder.join("translog"), &mut |operation| found.push(operation.clone()));
    let inspection = looked.ok()?;
    assert_eq!(inspection.operations as usize, found.len());
    assert!(inspection.faults.len() <= FAULTS_MAX, "{} faults", inspection.faults.len());
    Some((found, inspection))
}

/// Salvages a copy, which must open and hold what was found before.
fn salvage(folder: &Path, found: Option<&[Operation]>) {
    let copy = scratch::folder();
    let target = copy.path().join("translog");
    fs_err::create_dir_all(&target).expect("made");
    for entry in fs_err::read_dir(folder.join("translog")).expect("a folder") {
        let entry = entry.expect("an entry");
        fs_err::copy(entry.path(), target.join(entry.file_name())).expect("copied");
    }
    let salvage = match salvage_translog(&HostDisk, &target) {
        Ok(salvage) => salvage,
        Err(error) => {
            assert!(found.is_none_or(<[Operation]>::is_empty), "found, and not saved: {error}");
            return;
        }
    };
    let (saved, inspection) = inspect(copy.path()).expect("what was salvaged can be inspected");
    assert_eq!((salvage.operations as usize, inspection.faults), (saved.len(), Vec::new()));
    let mut left = saved.iter();
    for operation in found.into_iter().flatten() {
        assert!(left.any(|saved| saved == operation), "lost by the salvage: {operation:?}");
    }
    let shard = match open(copy.path()) {
        Ok(shard) => shard,
        // The translog says that there was a durable state, which is not here.
        Err(error) if error.contains("the manifest is missing") => return,
        Err(error) => panic!("what was salvaged does not open: {error}"),
    };
    let is_in_order = saved.windows(2).all(|pair| pair[0].seq_no < pair[1].seq_no);
    if is_in_order {
        let writes: Vec<Written> = saved.iter().filter_map(written).collect();
        check_shard(&shard, &writes);
    }
}

fn written(operation: &Operation) -> Option<Written> {
    let uid = operation.uid.clone();
    match operation.kind {
        OperationKind::Index => Some(Written { uid, source: Some(operation.source.clone()) }),
        OperationKind::Delete => Some(Written { uid, source: None }),
        OperationKind::NoOp | OperationKind::Void => None,
    }
}

/// `expected` are among the operations found, in their order.
fn check_contains<'w>(found: &[Operation], expected: impl Iterator<Item = &'w Written>) {
    let mut left = found.iter().filter_map(written);
    for written in expected {
        assert!(left.any(|found| found == *written), "lost: {written:?}");
    }
}

/// The shard holds what the writes leave. No write lets in a source that is no text; one that is none all the same is kept
/// as far as it is.
fn check_shard(shard: &shard::Shard, writes: &[Written]) {
    let newest: BTreeMap<&str, &Option<Vec<u8>>> =
        writes.iter().map(|written| (written.uid.as_str(), &written.source)).collect();
    for (uid, source) in newest {
        let stored = shard.get(uid).expect("got").map(|stored| stored.source);
        let expected = source.as_ref().map(|source| String::from_utf8_lossy(source));
        let is_as_written = stored.as_deref() == expected.as_ref().map(|source| source.as_bytes());
        assert!(is_as_written, "{uid:?} is {stored:?} and should be {expected:?}");
    }
}

/// Inputs for the corpus.
pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let matter = b"a {\"n\":1,\"t\":\"one common\"}\nb {\"n\":2,\"k\":\"x\"}\n-a\nc not JSON\na {\"n\":3}\n";
    let with = |wishes: [u8; 8], matter: &[u8]| [&wishes, matter].concat();
    let mut records = Vec::new();
    for (seq_no, written) in writes(matter).iter().enumerate() {
        let body = body(written, seq_no as u64);
        records.push(body.len() as u8);
        records.extend_from_slice(&body);
    }
    vec![
        ("whole", with([0, 4, 0, 0, 0, 0, 2, 0], matter)),
        ("flipped", with([0, 0, 90, 0, 4, 0, 4, 0], matter)),
        ("cut", with([2, 1, 100, 0, 0, 0, 2, 0], matter)),
        ("piece-lost", with([0, 2, 120, 0, 9, 0, 5, 0], matter)),
        ("piece-more", with([0, 3, 70, 0, 30, 0, 5, 0], matter)),
        ("checkpoint-flipped", with([4, 0, 40, 0, 1, 0, 2, 0], matter)),
        ("made-up", with([3, 0, 0, 0, 0, 0, 0, 0], &records)),
        ("made-up-numbers", with([1, 1, 2, 0, 255, 255, 1, 0], &records)),
    ]
}
