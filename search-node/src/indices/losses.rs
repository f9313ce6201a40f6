//! An index whose metadata is damaged: not served, its names taken, everything else at work, and gone when it is deleted.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shard::HostDisk;

use super::auto_create::AutoCreate;
use super::names::NameOptions;
use super::registry::Indices;
use super::test_disk::resources;
use super::{index_names, metadata};

/// A folder with the index `logs`, called `all` too, and the stream `logs-a-b`; and the folder of the first.
struct Stored {
    root: tempfile::TempDir,
    logs: PathBuf,
    stream: PathBuf,
}

impl Stored {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let indices = open(root.path());
        let logs = indices.create("logs", &json!({"aliases": {"all": {}}})).expect("made");
        let stream = indices.create_stream("logs-a-b").expect("made");
        // A shard that was opened has files.
        logs.shards().expect("opened");
        stream.shards().expect("opened");
        let (logs, stream) = (logs.folder().to_owned(), stream.folder().to_owned());
        Self { root, logs, stream }
    }

    fn open(&self) -> Indices {
        open(self.root.path())
    }
}

fn open(root: &Path) -> Indices {
    Indices::open(&root.join("indices"), AutoCreate::All, resources(HostDisk::shared())).expect("opens")
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs_err::read(path).expect("read");
    bytes[at] ^= 0x20;
    fs_err::write(path, bytes).expect("written");
}

fn check_taken(indices: &Indices, what: &str) {
    for name in ["logs", "all"] {
        let attempts = [
            indices.create(name, &Value::Null).err(),
            indices.for_write(name, false).err(),
            indices.resolve(name, NameOptions::default()).err(),
        ];
        for error in attempts {
            let error = error.expect(what);
            assert_eq!((error.status, error.kind.as_str()), (500, "corrupt_index_exception"), "{what}");
            assert!(error.reason.contains(metadata::FILE), "{what}: {}", error.reason);
            assert!(error.reason.contains("DELETE /logs"), "{what}: {}", error.reason);
        }
    }
    assert!(indices.get("logs").is_none(), "{what}");
}

#[test]
fn the_names_of_an_index_stay_taken_whichever_byte_of_its_state_is_damaged() {
    let stored = Stored::new();
    let file = stored.logs.join(metadata::FILE);
    let length = fs_err::read(&file).expect("read").len();
    for at in 0..length {
        flip(&file, at);

        check_taken(&stored.open(), &format!("byte {at}"));

        flip(&file, at);
    }
    assert!(stored.open().get("logs").is_some(), "whole again, it serves again");
    fs_err::remove_file(&file).expect("removed");
    check_taken(&stored.open(), "missing");
}

#[test]
fn without_a_file_of_names_the_name_is_found_in_what_is_left() {
    let stored = Stored::new();
    fs_err::remove_file(stored.logs.join(index_names::FILE)).expect("removed");
    let file = stored.logs.join(metadata::FILE);
    let last = fs_err::read(&file).expect("read").len() - 1;
    flip(&file, last);

    let refused = stored.open().create("logs", &Value::Null).err().expect("taken");

    assert_eq!(refused.status, 500);
}

#[test]
fn what_cannot_be_served_is_deleted_by_its_name_alone() {
    let stored = Stored::new();
    flip(&stored.logs.join(metadata::FILE), 30);
    let indices = stored.open();
    let meant = |expression: &str| {
        let meant = indices.meant(expression, NameOptions::default()).expect("resolved");
        meant.lost.iter().map(|(_, is_named)| *is_named).collect::<Vec<_>>()
    };
    assert_eq!((meant("*"), meant("logs"), meant("logs,*")), (vec![false], vec![true], vec![true]));
    assert!(indices.resolve("*", NameOptions::default()).is_ok(), "wildcards pass it over");
    assert!(indices.resolve_to_search("*", NameOptions::default(), &[]).is_err(), "but no search does");

    indices.delete_lost(&indices.lost()).expect("deleted");

    assert!(!stored.logs.exists());
    assert!(indices.resolve_to_search("*", NameOptions::default(), &[]).is_ok());
    indices.create("logs", &Value::Null).expect("the name is free");
    assert!(stored.open().lost().is_empty());
}

#[test]
fn a_stream_whose_index_cannot_be_served_is_not_begun_anew() {
    let stored = Stored::new();
    flip(&stored.stream.join(metadata::FILE), 30);
    let indices = stored.open();

    for attempt in [indices.for_write("logs-a-b", true), indices.create_stream("logs-a-b")] {
        let error = attempt.err().expect("refused");
        assert!(error.reason.contains("DELETE /_data_stream/logs-a-b"), "{}", error.reason);
    }

    indices.for_write("logs-a-c", true).expect("others are made");
}

/// As an older version could leave them: the index that is served is the one that its name means.
#[test]
fn an_index_that_is_served_under_a_name_that_was_lost_goes_on() {
    let stored = Stored::new();
    let twin = stored.root.path().join("indices/twin");
    fs_err::create_dir(&twin).expect("made");
    for file in [metadata::FILE, index_names::FILE] {
        fs_err::copy(stored.logs.join(file), twin.join(file)).expect("copied");
    }
    flip(&twin.join(metadata::FILE), 30);
    let indices = stored.open();

    assert_eq!(indices.lost().len(), 1);
    indices.for_write("logs", false).expect("written to");
    assert_eq!(indices.resolve_to_search("logs", NameOptions::default(), &[]).expect("searched").len(), 1);
    let again = indices.create("logs", &Value::Null).err().expect("taken");
    assert_eq!(again.kind, "resource_already_exists_exception");
}

/// Whoever saves a folder beside itself must not find that writes went into the copy, nor that the index is called lost for it.
#[test]
fn a_copy_of_a_folder_is_not_served_and_takes_no_name() {
    let stored = Stored::new();
    for ending in [".bak", "x", "-copy"] {
        let beside = stored.logs.with_file_name(format!(
            "{}{ending}",
            stored.logs.file_name().expect("a name").to_string_lossy()
        ));
        testkit::copy_folder(&stored.logs, &beside);

        let indices = stored.open();

        assert_eq!(indices.lost().len(), 1, "it is told");
        let index = indices.for_write("all", false).expect("the alias is the index's");
        assert_eq!((index.name.as_str(), index.folder()), ("logs", stored.logs.as_path()));
        fs_err::remove_dir_all(beside).expect("moved away");
    }
}

/// Where the folder itself is gone, its copy is not taken for it by itself; it says how to make it so.
#[test]
fn a_copy_that_is_all_that_is_left_keeps_the_names_and_says_what_to_do() {
    let stored = Stored::new();
    let beside = stored.logs.with_file_name("restored");
    fs_err::rename(&stored.logs, &beside).expect("moved");

    let error = stored.open().for_write("logs", false).map(drop).expect_err("refused");

    let uuid = stored.logs.file_name().expect("a name").to_string_lossy();
    assert!(error.reason.contains("give it that name") && error.reason.contains(&*uuid), "{}", error.reason);
    fs_err::rename(&beside, &stored.logs).expect("given its name");
    stored.open().for_write("logs", false).expect("served again");
}

#[test]
fn a_damaged_file_of_names_is_written_again_while_the_index_is_well() {
    let stored = Stored::new();
    let names = stored.logs.join(index_names::FILE);
    for damage in [Some(&b"junk"[..]), Some(b""), None] {
        match damage {
            Some(bytes) => fs_err::write(&names, bytes).expect("damaged"),
            None => fs_err::remove_file(&names).expect("removed"),
        }
        drop(stored.open());

        flip(&stored.logs.join(metadata::FILE), 30);
        check_taken(&stored.open(), "its names were mended before");
        flip(&stored.logs.join(metadata::FILE), 30);
    }
}

#[test]
fn what_is_left_of_an_index_that_could_not_be_made_is_removed() {
    let stored = Stored::new();
    let unborn = stored.root.path().join("indices/unborn");
    fs_err::create_dir_all(unborn.join("0")).expect("a folder");
    fs_err::write(unborn.join("index.tmp"), b"").expect("written");
    let foreign = stored.root.path().join("indices/foreign");
    fs_err::create_dir_all(&foreign).expect("a folder");
    fs_err::write(foreign.join("notes.txt"), b"mine").expect("written");

    drop(stored.open());

    assert!(!unborn.exists() && foreign.join("notes.txt").exists());
}
