//! A translog read offline, for a person: what is in it, what does not verify, and what can be saved.

use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, CheckpointFile, SharedPart};
use super::error::TranslogError;
use super::file::{self, HEADER_BYTES, Header, Records, generation_path, generations};
use super::operation::{Operation, Seed, decode};
use super::recovery::has_operations;
use disk::{Disk, create_folder_durably};

/// What is in a translog, read without changing it.
#[derive(Debug)]
pub struct Inspection {
    /// The generations on disk.
    pub generations: Vec<u64>,
    /// Operations that verify.
    pub operations: u64,
    /// The lowest and the highest sequence number among them.
    pub seq_nos: Option<(u64, u64)>,
    /// What does not verify, one line each.
    pub faults: Vec<String>,
}

/// What could be saved of a damaged translog.
#[derive(Debug)]
pub struct Salvage {
    /// Operations that were saved.
    pub operations: u64,
    /// Sequence numbers between the lowest and the highest saved one that are lost, as ranges with both ends.
    pub lost: Vec<(u64, u64)>,
    /// Where the damaged translog was moved.
    pub damaged: PathBuf,
}

/// Reads a translog's folder, going on after faults; every operation that verifies is given to `each`.
pub fn inspect(folder: &Path, each: &mut dyn FnMut(&Operation)) -> Result<Inspection, TranslogError> {
    let present = generations(folder).map_err(TranslogError::io(folder))?;
    let mut inspection =
        Inspection { generations: present.clone(), operations: 0, seq_nos: None, faults: Vec::new() };
    let checkpoint = match checkpoint_of(folder, &present)? {
        Found::Checkpoint(checkpoint) => checkpoint,
        Found::Guess(checkpoint, fault) => {
            inspection.faults.push(fault);
            checkpoint
        }
        Found::Nothing => {
            inspection.faults.push("translog.ckp: missing, so nothing was ever acknowledged here".to_owned());
            return Ok(inspection);
        }
    };
    let wanted = checkpoint.min_generation..=checkpoint.generation;
    let there: Vec<u64> = present.iter().copied().filter(|generation| wanted.contains(generation)).collect();
    for (first, last) in gaps(&there, *wanted.start(), *wanted.end()) {
        let files = if first == last {
            format!("translog-{first}.tlog: the file is")
        } else {
            format!("translog-{first}.tlog to translog-{last}.tlog: the files are")
        };
        inspection.faults.push(format!("{files} missing (acknowledged operations are lost)"));
    }
    for generation in present {
        let mut note = |operation: &Operation| {
            let (low, high) = inspection.seq_nos.unwrap_or((operation.seq_no, operation.seq_no));
            inspection.seq_nos = Some((low.min(operation.seq_no), high.max(operation.seq_no)));
            inspection.operations += 1;
            each(operation);
        };
        inspection.faults.extend(inspect_generation(folder, &checkpoint, generation, &mut note));
    }
    Ok(inspection)
}

/// What is known of a translog beside its operations.
enum Found {
    Checkpoint(Checkpoint),
    /// The checkpoint is damaged or lost; this is what the headers of the files say, and what is wrong.
    Guess(Checkpoint, String),
    /// Nothing was ever acknowledged.
    Nothing,
}

fn checkpoint_of(folder: &Path, present: &[u64]) -> Result<Found, TranslogError> {
    let fault = match CheckpointFile::read(folder) {
        Ok(Some(checkpoint)) => return Ok(Found::Checkpoint(checkpoint)),
        Ok(None) if !has_operations(folder, 0) => return Ok(Found::Nothing),
        Ok(None) => "translog.ckp: missing or empty, so how much was acknowledged is not known".to_owned(),
        Err(error @ TranslogError::Corrupt { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    let id = present.iter().find_map(|generation| file::translog_id(folder, *generation));
    let (Some(translog_id), Some(oldest), Some(newest)) = (id, present.first(), present.last()) else {
        return Err(TranslogError::corrupt(folder, 0, "neither the checkpoint nor any header verifies"));
    };
    let durable_offset = HEADER_BYTES;
    let guess = Checkpoint {
        translog_id,
        generation: *newest,
        durable_offset,
        min_generation: *oldest,
        max_seq_no: -1,
        is_closed: false,
        shared: None,
    };
    Ok(Found::Guess(guess, fault))
}

fn inspect_generation(
    folder: &Path,
    checkpoint: &Checkpoint,
    generation: u64,
    each: &mut dyn FnMut(&Operation),
) -> Option<String> {
    let seed = Seed { translog_id: checkpoint.translog_id, generation };
    let mut records = match Records::open(folder, seed) {
        Ok(records) => records,
        Err(error) => return Some(error.to_string()),
    };
    loop {
        match records.next() {
            Ok(Some(operation)) => each(&operation),
            Ok(None) => break,
            Err(error) => return Some(error.to_string()),
        }
    }
    let is_short = generation == checkpoint.generation && records.offset() < checkpoint.durable_offset;
    let reason = records.stopped().or(is_short.then_some("the file is cut off"))?;
    let is_acked = generation < checkpoint.generation || is_short;
    let weight = match is_acked {
        true if generation < checkpoint.min_generation => "kept for other copies only; nothing is lost here",
        true => "acknowledged operations are lost",
        false => "never acknowledged",
    };
    Some(format!("translog-{generation}.tlog: byte {}: {reason} ({weight})", records.offset()))
}

/// Moves a damaged translog aside and writes a new one with every operation that verifies, wherever it stands.
///
/// A record verifies only at its own place, so that looking for the next one byte by byte after a fault finds true records
/// and nothing else.
pub fn salvage(disk: &dyn Disk, folder: &Path) -> Result<Salvage, TranslogError> {
    let present = generations(folder).map_err(TranslogError::io(folder))?;
    let (Found::Checkpoint(checkpoint) | Found::Guess(checkpoint, _)) = checkpoint_of(folder, &present)?
    else {
        return Err(TranslogError::corrupt(folder, 0, "there is no translog to save anything from"));
    };
    let term_of = |generation: &u64| {
        let seed = Seed { translog_id: checkpoint.translog_id, generation: *generation };
        Records::open(folder, seed).ok().map(|records| records.term())
    };
    let term = present.iter().filter_map(term_of).max().unwrap_or(1);
    let damaged = aside(folder);
    disk.rename(folder, &damaged).map_err(TranslogError::io(folder))?;
    create_folder_durably(disk, folder).map_err(TranslogError::io(folder))?;
    // The number that it began with: a translog that was never trimmed must not look as if it had been.
    let generation = checkpoint.min_generation;
    let seed = Seed { translog_id: *uuid::Uuid::new_v4().as_bytes(), generation };
    let path = generation_path(folder, generation);
    let saved = file::create(disk, folder, seed, Header { term, before: -1 })?;
    let mut offset = HEADER_BYTES;
    let mut seq_nos = Vec::new();
    for old in present {
        let old_seed = Seed { translog_id: checkpoint.translog_id, generation: old };
        let old_path = generation_path(&damaged, old);
        let bytes = fs_err::read(&old_path).map_err(TranslogError::io(&old_path))?;
        for operation in every_record(&bytes, old_seed) {
            let mut record = Vec::new();
            offset += operation.draft().encode(&mut record, seed, offset, operation.seq_no) as u64;
            let at = offset - record.len() as u64;
            saved.write_at(&record, at).map_err(TranslogError::io(&path))?;
            seq_nos.push(operation.seq_no);
        }
    }
    saved.sync().map_err(TranslogError::io(&path))?;
    seq_nos.sort_unstable();
    let lost = match (seq_nos.first(), seq_nos.last()) {
        (Some(first), Some(last)) => gaps(&seq_nos, *first, checkpoint.max_seq_no.max(*last as i64) as u64),
        _ => Vec::new(),
    };
    let max_seq_no = seq_nos.last().map_or(checkpoint.max_seq_no, |newest| *newest as i64);
    CheckpointFile::open(disk, folder)?.write(&Checkpoint {
        translog_id: seed.translog_id,
        generation,
        durable_offset: offset,
        min_generation: generation,
        max_seq_no: max_seq_no.max(checkpoint.max_seq_no),
        is_closed: false,
        // What was lost may have been anywhere: only what comes from now on can be told to another copy.
        shared: Some(SharedPart {
            global: -1,
            oldest_generation: generation,
            history_from: (max_seq_no.max(checkpoint.max_seq_no) + 1) as u64,
        }),
    })?;
    Ok(Salvage { operations: seq_nos.len() as u64, lost, damaged })
}

fn aside(folder: &Path) -> PathBuf {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    (1..)
        .map(|n| folder.with_file_name(format!("{name}.damaged-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_default()
}

fn every_record(bytes: &[u8], seed: Seed) -> impl Iterator<Item = Operation> + '_ {
    let mut at = HEADER_BYTES as usize;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match decode(&bytes[at..], seed, at as u64) {
                Ok((operation, length)) => {
                    at += length;
                    return Some(operation);
                }
                Err(_) => at += 1,
            }
        }
        None
    })
}

/// The numbers from `first` to `last` that are missing from a sorted list, as ranges with both ends.
fn gaps(sorted: &[u64], first: u64, last: u64) -> Vec<(u64, u64)> {
    let mut gaps = Vec::new();
    let mut next = first;
    for number in sorted {
        if *number > next {
            gaps.push((next, number - 1));
        }
        next = next.max(number.saturating_add(1));
    }
    if next <= last {
        gaps.push((next, last));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translog::{Draft, Opening, OperationKind, Translog};
    use disk::HostDisk;

    #[test]
    fn missing_numbers_are_named_as_ranges() {
        assert_eq!(gaps(&[3, 4, 7, 9], 3, 9), [(5, 6), (8, 8)]);
        assert_eq!(gaps(&[3, 3], 3, 5), [(4, 5)]);
        assert_eq!(gaps(&[], 4, 5), [(4, 5)]);
    }

    /// A damaged record costs itself; those before and after it are saved, and the translog opens again.
    #[test]
    fn what_verifies_is_saved_and_what_is_lost_is_named() {
        let shard = tempfile::tempdir().expect("a folder");
        let folder = shard.path().join("translog");
        let (translog, _) =
            Translog::open(HostDisk::shared(), &folder, &Opening::for_tests(-1)).expect("opens");
        let locations: Vec<_> = ["a", "b", "c", "d"]
            .iter()
            .map(|uid| {
                let draft = Draft {
                    kind: OperationKind::Index,
                    term: 1,
                    version: 1,
                    uid,
                    routing: "",
                    source: b"{}",
                };
                translog.append(&draft).expect("appended").1
            })
            .collect();
        translog.sync_all().expect("synced");
        drop(translog);
        let path = generation_path(&folder, 1);
        let mut bytes = fs_err::read(&path).expect("read");
        bytes[locations[1].offset_for_tests() as usize + 12] ^= 1;
        fs_err::write(&path, &bytes).expect("damaged");
        assert!(
            Translog::open(HostDisk::shared(), &folder, &Opening::for_tests(-1)).is_err(),
            "a damaged translog is not opened"
        );
        let inspection = inspect(&folder, &mut |_| ()).expect("inspected");
        assert!(inspection.faults[0].contains("acknowledged operations are lost"), "{:?}", inspection.faults);

        let salvage = salvage(&HostDisk, &folder).expect("salvaged");

        assert_eq!((salvage.operations, salvage.lost.as_slice()), (3, [(1, 1)].as_slice()));
        let (_, recovered) =
            Translog::open(HostDisk::shared(), &folder, &Opening::for_tests(-1)).expect("opens again");
        let mut uids = Vec::new();
        recovered
            .expect("a translog")
            .for_each(|operation| {
                uids.push(operation.uid);
                Ok::<(), TranslogError>(())
            })
            .expect("read");
        assert_eq!(uids, ["a", "c", "d"]);
    }

    /// The headers say which translog it is, so that a lost checkpoint costs no operation.
    #[test]
    fn a_lost_checkpoint_costs_no_operation() {
        for lost in [&[][..], &[0xff; 1024][..]] {
            let shard = tempfile::tempdir().expect("a folder");
            let folder = shard.path().join("translog");
            let (translog, _) =
                Translog::open(HostDisk::shared(), &folder, &Opening::for_tests(-1)).expect("opens");
            for uid in ["a", "b"] {
                let kind = OperationKind::Delete;
                let draft = Draft { kind, term: 1, version: 1, uid, routing: "", source: b"" };
                translog.append(&draft).expect("appended");
            }
            translog.sync_all().expect("synced");
            drop(translog);
            fs_err::write(folder.join("translog.ckp"), lost).expect("damaged");

            let inspection = inspect(&folder, &mut |_| ()).expect("inspected");
            assert_eq!((inspection.operations, inspection.faults.len()), (2, 1), "{:?}", inspection.faults);
            let salvage = salvage(&HostDisk, &folder).expect("salvaged");
            assert_eq!((salvage.operations, salvage.lost.len()), (2, 0));
            assert!(
                Translog::open(HostDisk::shared(), &folder, &Opening::for_tests(-1)).is_ok(),
                "opens again"
            );
        }
    }
}
