//! What survives: torn tails, reopened translogs, many writers, trimmed generations.

use std::sync::Arc;

use super::*;
use crate::translog::{Opening, OperationKind};

fn draft<'a>(uid: &'a str, source: &'a [u8]) -> Draft<'a> {
    Draft { kind: OperationKind::Index, term: 1, version: 1, uid, routing: "", source }
}

/// Opens a translog and reads all that it holds.
fn open(folder: &Path, durable_seq_no: i64) -> Result<(Translog, Vec<Operation>), TranslogError> {
    let (translog, recovered) =
        Translog::open(HostDisk::shared(), folder, &Opening::for_tests(durable_seq_no))?;
    let mut operations = Vec::new();
    if let Some(recovered) = recovered {
        recovered.for_each(|operation| {
            operations.push(operation);
            Ok::<(), TranslogError>(())
        })?;
        assert_eq!(recovered.operations() as usize, operations.len());
    }
    Ok((translog, operations))
}

fn uids(operations: &[Operation]) -> Vec<&str> {
    operations.iter().map(|operation| operation.uid.as_str()).collect()
}

#[test]
fn what_was_synced_is_recovered_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let (translog, operations) = open(folder.path(), -1).expect("opens");
        assert!(operations.is_empty());
        for uid in ["a", "b", "c"] {
            let (_, location) = translog.append(&draft(uid, b"{}")).expect("appended");
            translog.sync(location).expect("synced");
        }
    }

    let (translog, operations) = open(folder.path(), -1).expect("opens again");

    assert_eq!(uids(&operations), ["a", "b", "c"]);
    assert_eq!(operations[2].seq_no, 2);
    assert_eq!(translog.append(&draft("d", b"{}")).expect("appended").0, 3, "numbers go on");
}

/// A tail beyond the checkpoint was never acknowledged: wherever it is cut, the shard opens with all that was.
#[test]
fn a_torn_tail_is_cut_and_never_costs_what_was_synced() {
    let folder = tempfile::tempdir().expect("a folder");
    let durable = {
        let (translog, _) = open(folder.path(), -1).expect("opens");
        let (_, location) = translog.append(&draft("kept", b"{}")).expect("appended");
        translog.sync(location).expect("synced");
        let durable = location.end().offset;
        translog.append(&draft("torn", b"0123456789")).expect("appended");
        translog.tail.lock().flush().expect("written but not synced");
        durable
    };
    let path = generation_path(folder.path(), 1);
    let whole = fs_err::read(&path).expect("read");
    let checkpoint = fs_err::read(folder.path().join("translog.ckp")).expect("read");

    for cut in durable as usize..=whole.len() {
        let copy = tempfile::tempdir().expect("a folder");
        fs_err::write(generation_path(copy.path(), 1), &whole[..cut]).expect("written");
        fs_err::write(copy.path().join("translog.ckp"), &checkpoint).expect("written");

        let (_, operations) = open(copy.path(), -1).expect("opens");

        let expected: &[&str] = if cut == whole.len() { &["kept", "torn"] } else { &["kept"] };
        assert_eq!(uids(&operations), expected, "cut at {cut}");
        let (_, again) = open(copy.path(), -1).expect("opens once more");
        assert_eq!(uids(&again), expected, "cut at {cut}, second opening");
    }
}

#[test]
fn damage_to_what_was_acknowledged_is_reported_not_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let (translog, _) = open(folder.path(), -1).expect("opens");
        for uid in ["a", "b"] {
            translog.append(&draft(uid, b"{}")).expect("appended");
        }
        translog.sync_all().expect("synced");
    }
    let path = generation_path(folder.path(), 1);
    let mut bytes = fs_err::read(&path).expect("read");
    let middle = HEADER_BYTES as usize + 20;
    bytes[middle] ^= 1;
    fs_err::write(&path, &bytes).expect("damaged");

    let error = open(folder.path(), -1).err().expect("corrupt").to_string();

    assert!(error.contains("translog-1.tlog") && error.contains("byte 64"), "{error}");
}

#[test]
fn a_trimmed_translog_forgets_only_what_was_covered() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let (translog, _) = open(folder.path(), -1).expect("opens");
        translog.append(&draft("covered", b"{}")).expect("appended");
        let Cut { generation, max_seq_no, local } = translog.roll().expect("rolled");
        assert_eq!((generation, max_seq_no, local), (2, 0, 0));
        translog.append(&draft("later", b"{}")).expect("appended");
        translog.sync_all().expect("synced");
        translog.trim(generation).expect("trimmed");
    }

    let (_, operations) = open(folder.path(), 0).expect("opens");

    assert_eq!(uids(&operations), ["later"]);
    assert!(!generation_path(folder.path(), 1).exists());
}

#[test]
fn writers_at_once_share_syncs_and_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let translog = Arc::new(open(folder.path(), -1).expect("opens").0);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let translog = Arc::clone(&translog);
                scope.spawn(move || {
                    for n in 0..50 {
                        let uid = format!("{writer}-{n}");
                        let (_, location) = translog.append(&draft(&uid, b"{}")).expect("appended");
                        translog.sync(location).expect("synced");
                    }
                });
            }
        });
    }

    let (_, operations) = open(folder.path(), -1).expect("opens");

    assert_eq!(operations.len(), 200);
    assert!(operations.windows(2).all(|pair| pair[0].seq_no + 1 == pair[1].seq_no));
}

#[test]
fn an_operation_is_read_back_before_and_after_its_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    let (translog, _) = open(folder.path(), -1).expect("opens");
    let (_, first) = translog.append(&draft("a", b"1")).expect("appended");
    translog.sync(first).expect("synced");
    let (_, second) = translog.append(&draft("b", b"2")).expect("appended");
    translog.roll().expect("rolled");

    assert_eq!(translog.read(first).expect("read").source, b"1");
    assert_eq!(translog.read(second).expect("read").source, b"2");
}

/// A translog that lost its checkpoint holds acknowledged operations: it used to be begun anew over them.
#[test]
fn a_lost_checkpoint_is_damage_and_not_a_new_translog() {
    let folder = tempfile::tempdir().expect("a folder");
    let (translog, _) = open(folder.path(), -1).expect("opens");
    translog.append(&draft("a", b"{}")).expect("appended");
    translog.sync_all().expect("synced");
    drop(translog);
    let path = folder.path().join("translog.ckp");
    let bytes = fs_err::read(&path).expect("read");

    for lost in [Some(&[][..]), Some(&[0; 1024][..]), None] {
        match lost {
            Some(content) => fs_err::write(&path, content).expect("emptied"),
            None => fs_err::remove_file(&path).expect("removed"),
        }
        assert!(matches!(open(folder.path(), -1), Err(TranslogError::Corrupt { .. })));
    }
    fs_err::write(&path, bytes).expect("restored");
    assert_eq!(uids(&open(folder.path(), -1).expect("opens").1), ["a"]);
}
