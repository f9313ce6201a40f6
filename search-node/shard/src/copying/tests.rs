//! What a copy is made of, and what is refused.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::engine::{Applied, EngineOptions, Flushed, Shared, Workers};
use crate::mapping::parse_mapping;
use crate::shard::Shard;
use crate::translog::{Operation, OperationKind};
use disk::HostDisk;

const NOW: i64 = 1_795_515_630_123;

fn open(folder: &Path) -> Result<Shard, EngineError> {
    fs_err::create_dir_all(folder).expect("a folder");
    let fields = json!({"properties": {"n": {"type": "long"}}});
    let options = EngineOptions {
        own_terms: false,
        is_only_copy: false,
        flush_wait: Duration::ZERO,
        ..EngineOptions::default()
    };
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    Shard::open(folder, Arc::new(parse_mapping(&fields).expect("valid")), options, shared)
}

fn apply(shard: &Shard, numbers: std::ops::Range<u64>) {
    let mut run = shard.apply_run(shard.term(), NOW);
    for seq_no in numbers {
        let source = json!({"n": seq_no}).to_string().into_bytes();
        let (kind, uid, routing) = (OperationKind::Index, format!("id{}", seq_no % 7), String::new());
        let operation = Operation { kind, seq_no, term: 1, version: 1, uid, routing, source };
        assert!(matches!(run.apply(&operation), Ok(Applied::Done(_))));
    }
}

fn commit(shard: &Shard) {
    shard.raise_global(shard.local());
    assert_eq!(shard.flush(NOW).expect("flushed"), Flushed::Done);
}

/// Sends what is missing.
fn send(source: &crate::FilesSnapshot, target: &mut FilesReceiver) {
    for file in target.missing() {
        let bytes = source.read(&file.name, 0, file.bytes as usize).expect("read");
        assert_eq!(bytes.len() as u64, file.bytes);
        target.write(&file.name, 0, &bytes).expect("written");
    }
}

#[test]
fn a_copy_of_the_files_and_of_what_came_since_is_equal() {
    let folders = tempfile::tempdir().expect("a folder");
    let source = open(&folders.path().join("source")).expect("opens");
    source.keep_history_from(Some(0));
    apply(&source, 0..20);
    commit(&source);
    let snapshot = source.snapshot_files(NOW).expect("files");
    assert!(snapshot.files[0].is_manifest() && snapshot.max_seq_no == 19);

    // Everything goes on meanwhile, and what the snapshot needs stays.
    apply(&source, 20..30);
    commit(&source);
    source.force_merge(crate::ForceMerge::Segments(1)).expect("merged");
    commit(&source);
    apply(&source, 30..33);
    let folder = folders.path().join("target");
    let mut target = FilesReceiver::begin(HostDisk::shared(), &folder, &snapshot.files).expect("begun");
    assert!(matches!(open(&folder), Err(EngineError::Unfinished { .. })), "no shard yet");
    assert!(matches!(Shard::peek(&folder), Err(EngineError::Unfinished { .. })));
    send(&snapshot, &mut target);
    assert_eq!(target.finish(3).expect("finished").max_seq_no, 19);

    let target = open(&folder).expect("opens");
    assert_eq!((target.term(), target.global(), target.local(), target.history_from()), (3, 19, 19, 20));
    let mut history = source.history(20, None).expect("kept");
    let mut run = target.apply_run(3, NOW);
    loop {
        let batch = history.next_batch(100).expect("read");
        if batch.is_empty() {
            break;
        }
        for operation in &batch {
            run.apply(operation).expect("applied");
        }
    }
    assert_eq!(target.digest(NOW).expect("digest"), source.digest(NOW).expect("digest"));
}

#[test]
fn files_that_are_there_already_are_not_sent_again_and_others_go() {
    let folders = tempfile::tempdir().expect("a folder");
    let source = open(&folders.path().join("source")).expect("opens");
    apply(&source, 0..7);
    commit(&source);
    let folder = folders.path().join("target");
    let fill = |with: &dyn Fn(&mut FilesReceiver)| {
        let snapshot = source.snapshot_files(NOW).expect("files");
        let mut target = FilesReceiver::begin(HostDisk::shared(), &folder, &snapshot.files).expect("begun");
        with(&mut target);
        send(&snapshot, &mut target);
        target.finish(1).expect("finished");
    };
    fill(&|_| ());
    apply(&source, 7..9);
    commit(&source);
    fs_err::write(folder.join("index/left-over"), b"x").expect("written");
    let of_both = source.snapshot_files(NOW).expect("files").files;
    let damaged = of_both
        .into_iter()
        .find(|file| folder.join("index").join(&file.name).exists() && !file.is_manifest());
    let damaged = damaged.expect("a file that both have").name;
    let mut bytes = fs_err::read(folder.join("index").join(&damaged)).expect("read");
    bytes[0] ^= 1;
    fs_err::write(folder.join("index").join(&damaged), bytes).expect("damaged");

    fill(&|target| {
        let missing = target.missing();
        let all = source.snapshot_files(NOW).expect("files").files.len();
        assert!(missing.len() < all, "{} of {all}", missing.len());
        assert!(missing.iter().any(|file| file.name == damaged), "what is damaged is sent again");
    });

    assert!(!folder.join("index/left-over").exists());
    let target = open(&folder).expect("opens");
    assert_eq!(target.digest(NOW).expect("digest"), source.digest(NOW).expect("digest"));
}

#[test]
fn names_that_lead_elsewhere_and_impossible_lists_are_refused() {
    let file = |name: &str| FileInfo { name: name.to_owned(), bytes: 1, checksum: 0 };
    let segment = "0123456789abcdef0123456789abcdef";
    let good = format!("{segment}.12.del");
    assert!(check_list(&[file("manifest"), file(&good), file(&format!("{segment}.store"))]).is_ok());

    for name in [
        "../manifest",
        "/etc/passwd",
        "..",
        "",
        "meta.json",
        "translog.ckp",
        segment,
        &format!("{segment}."),
        &format!("{segment}..store"),
        &format!("{segment}.store/../x"),
        &format!("{segment}.st\0re"),
        &format!("{segment}.{}", "x".repeat(200)),
        &format!("../{}.store", &segment[3..]),
        &format!("{segment}.Store"),
    ] {
        let error = check_list(&[file("manifest"), file(name)]).expect_err(name).to_string();
        assert!(error.contains("is refused"), "{error}");
    }
    assert!(check_list(&[file(&good)]).is_err(), "no manifest");
    assert!(check_list(&[file("manifest"), file(&good), file(&good)]).is_err(), "twice");
    let huge = FileInfo { bytes: u64::MAX, ..file("manifest") };
    assert!(check_list(&[huge]).is_err());
}

/// Whatever a peer sends that is not what it announced, the folder is no shard, and can be filled again.
#[test]
fn what_is_not_as_announced_makes_no_shard() {
    let folders = tempfile::tempdir().expect("a folder");
    let source = open(&folders.path().join("source")).expect("opens");
    apply(&source, 0..7);
    commit(&source);
    let snapshot = source.snapshot_files(NOW).expect("files");
    let folder = folders.path().join("target");
    let begin = |files: &[FileInfo]| FilesReceiver::begin(HostDisk::shared(), &folder, files).expect("begun");

    for victim in 0..snapshot.files.len() {
        let name = snapshot.files[victim].name.as_str();
        let last = snapshot.files[victim].bytes - 1;
        let mut target = begin(&snapshot.files);
        send(&snapshot, &mut target);
        let right = snapshot.read(name, last / 2, 1).expect("read")[0];
        target.write(name, last / 2, &[right ^ 1]).expect("written");
        let refused = target.finish(1);
        assert!(matches!(refused, Err(EngineError::ForeignFile { .. })), "{name} flipped: {refused:?}");
        assert!(matches!(open(&folder), Err(EngineError::Unfinished { .. })), "{name}");

        let mut target = begin(&snapshot.files);
        for file in target.missing() {
            let bytes = snapshot.read(&file.name, 0, file.bytes as usize).expect("read");
            let short = bytes.len() - usize::from(file.name == name);
            target.write(&file.name, 0, &bytes[..short]).expect("written");
        }
        let refused = target.finish(1).map(drop);
        assert!(refused.is_err(), "{name} cut off");
        FilesReceiver::discard(&HostDisk, &folder).expect("discarded");
    }
    let mut target = begin(&snapshot.files);
    assert!(target.write("manifest", u64::MAX, b"x").is_err(), "beyond any end");
    assert!(target.write(&snapshot.files[1].name, snapshot.files[1].bytes, b"x").is_err(), "beyond its end");
    assert!(target.write("other", 0, b"x").is_err(), "not announced");
    let fewer = begin(&snapshot.files[..snapshot.files.len() - 1]);
    let refused = {
        let mut target = fewer;
        send(&snapshot, &mut target);
        target.finish(1)
    };
    assert!(refused.is_err_and(|error| error.to_string().contains("other files")));
    let mut target = begin(&snapshot.files);
    send(&snapshot, &mut target);
    assert!(target.finish(1).is_ok() && open(&folder).is_ok());
    assert!(snapshot.read("other", 0, 1).is_err() && snapshot.read("manifest", u64::MAX, 1).is_err());
}

/// Another shard may be there by then.
#[test]
fn what_was_discarded_meanwhile_makes_no_shard() {
    let folders = tempfile::tempdir().expect("a folder");
    let source = open(&folders.path().join("source")).expect("opens");
    apply(&source, 0..7);
    commit(&source);
    let snapshot = source.snapshot_files(NOW).expect("files");
    let folder = folders.path().join("target");
    let mut target = FilesReceiver::begin(HostDisk::shared(), &folder, &snapshot.files).expect("begun");
    FilesReceiver::discard(&HostDisk, &folder).expect("discarded");
    drop(open(&folder).expect("another one"));
    send(&snapshot, &mut target);

    let refused = target.finish(1);

    assert!(matches!(refused, Err(EngineError::Folder { .. })), "{refused:?}");
    assert_eq!(open(&folder).expect("as it was").stats().documents, 0);
}

#[test]
fn a_shard_with_nothing_committed_says_what_it_waits_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = open(folder.path()).expect("opens");
    apply(&source, 0..3);
    let error = source.snapshot_files(NOW).map(drop).expect_err("nothing is committed");
    assert!(matches!(error, EngineError::NotCommitted { wanted: 2, global: -1 }), "{error}");

    source.raise_global(2);

    assert_eq!(source.snapshot_files(NOW).expect("committed first").max_seq_no, 2);
}

/// A link that leads to itself stands for whatever keeps a file from being opened now.
fn make_unreadable(path: &Path) -> impl Fn() + use<> {
    let (path, aside) = (path.to_owned(), path.with_extension("aside"));
    fs_err::rename(&path, &aside).expect("moved");
    std::os::unix::fs::symlink(path.file_name().expect("a name"), &path).expect("linked");
    move || fs_err::rename(&aside, &path).expect("moved back")
}

#[test]
fn a_file_that_cannot_be_read_now_is_not_damaged_and_one_that_is_cut_off_is() {
    let folders = tempfile::tempdir().expect("a folder");
    let folder = folders.path().join("source");
    let source = open(&folder).expect("opens");
    apply(&source, 0..20);
    commit(&source);
    let files = source.snapshot_files(NOW).expect("files");
    let file = files.files.iter().find(|file| file.name.ends_with(".store")).expect("sources of documents");
    let path = folder.join("index").join(&file.name);

    let mend = make_unreadable(&path);
    let unread = [
        files.damage(&file.name).map(drop).expect_err("it is not known"),
        files.read(&file.name, 0, 1).map(drop).expect_err("it cannot be read"),
        source.snapshot_files(NOW).map(drop).expect_err("it cannot be read"),
    ];
    assert!(unread.iter().all(|error| matches!(error, EngineError::Io(_))), "{unread:?}");
    assert_eq!(source.damage(), None);
    mend();
    assert!(files.damage(&file.name).expect("read").is_none());

    let bytes = fs_err::read(&path).expect("read");
    fs_err::write(&path, &bytes[..bytes.len() - 1]).expect("cut");
    let error = files.read(&file.name, 0, bytes.len()).expect_err("cut off");
    assert!(error.is_damage(), "{error}");
    assert!(
        source.damage().is_some_and(|damage| damage.contains("cut off")),
        "whoever asked need not ask again"
    );
}

#[test]
fn what_the_disk_of_a_copy_cannot_read_is_not_laid_to_its_source() {
    let folders = tempfile::tempdir().expect("a folder");
    let source = open(&folders.path().join("source")).expect("opens");
    apply(&source, 0..20);
    commit(&source);
    let snapshot = source.snapshot_files(NOW).expect("files");
    let folder = folders.path().join("target");
    let mut target = FilesReceiver::begin(HostDisk::shared(), &folder, &snapshot.files).expect("begun");
    send(&snapshot, &mut target);
    let file = snapshot.files.iter().find(|file| !file.is_manifest()).expect("a file");
    let _mend = make_unreadable(&folder.join("index").join(&file.name));

    let error = target.finish(1).expect_err("unread");

    assert!(matches!(error, EngineError::Io(_)), "{error}");
}
