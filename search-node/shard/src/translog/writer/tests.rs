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

/// Makes a translog of one synced generation as an older build wrote it: headers of version 1, slots of 72 bytes.
fn make_older(folder: &Path) {
    let path = generation_path(folder, 1);
    let mut bytes = fs_err::read(&path).expect("read");
    bytes[8] = 1;
    bytes[44..60].fill(0);
    let checksum = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
    fs_err::write(&path, bytes).expect("written");
    let path = folder.join("translog.ckp");
    let mut bytes = fs_err::read(&path).expect("read");
    for slot in bytes.chunks_mut(512) {
        slot[7] = b'2';
        let checksum = crc32fast::hash(&slot[..72]);
        slot[72..].fill(0);
        slot[72..76].copy_from_slice(&checksum.to_le_bytes());
    }
    fs_err::write(&path, bytes).expect("written");
}

#[test]
fn a_translog_of_an_older_build_is_opened_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let (translog, _) = open(folder.path(), -1).expect("opens");
        for uid in ["covered", "a", "b"] {
            translog.append(&draft(uid, b"{}")).expect("appended");
        }
        translog.sync_all().expect("synced");
    }
    make_older(folder.path());

    let (translog, operations) = open(folder.path(), 0).expect("opens");

    assert_eq!(uids(&operations), ["covered", "a", "b"]);
    assert_eq!((translog.global(), translog.history_from(), translog.term()), (2, 1, 2));
    assert_eq!(translog.append(&draft("c", b"{}")).expect("appended").0, 3);
    translog.sync_all().expect("synced");
    drop(translog);
    let opening = Opening { own_terms: false, is_only_copy: false, ..Opening::for_tests(0) };
    let (translog, _) = Translog::open(HostDisk::shared(), folder.path(), &opening).expect("opens");
    assert_eq!((translog.global(), translog.local(), translog.history_from()), (3, 3, 1));
}

/// A copy of several believes in no more than it was told, and does not lose that.
#[test]
fn a_global_checkpoint_is_durable_with_the_next_sync_and_never_ahead_of_the_operations() {
    let folder = tempfile::tempdir().expect("a folder");
    let opening = Opening { own_terms: false, is_only_copy: false, ..Opening::for_tests(-1) };
    let open = || Translog::open(HostDisk::shared(), folder.path(), &opening).expect("opens").0;
    let translog = open();
    for uid in ["a", "b", "c"] {
        translog.append(&draft(uid, b"{}")).expect("appended");
    }
    translog.raise_global(2);
    assert_eq!(translog.global(), 2);
    // Nothing is synced: neither the operations nor what is known of them.
    translog.trim(1).expect("written down");
    drop(translog);

    let translog = open();
    assert_eq!((translog.global(), translog.max_seq_no()), (-1, -1));
    translog.append(&draft("a", b"{}")).expect("appended");
    translog.raise_global(0);
    translog.sync_all().expect("synced");
    drop(translog);

    assert_eq!(open().global(), 0);
}
