//! Torn, zero-filled and lost registry files.

use super::*;

fn entry(slot: u64, offset: u64) -> Entry {
    Entry {
        slot,
        generation: format!("{slot:032x}"),
        path: PathBuf::from("/logs/a.log"),
        place: Place { device: 1, inode: slot, born: 0 },
        offset,
        head: Fingerprint::of(0, b"head"),
        tail: Fingerprint::default(),
        seen: 0,
        detached: false,
    }
}

fn offsets(registry: &Registry) -> Vec<(u64, u64)> {
    registry.entries().map(|entry| (entry.slot, entry.offset)).collect()
}

#[test]
fn what_was_set_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::open(folder.path()).expect("begun");
    for slot in 1..4 {
        registry.set(entry(slot, slot * 10)).expect("set");
    }
    registry.remove(2).expect("removed");
    drop(registry);

    let registry = Registry::open(folder.path()).expect("opened");

    assert_eq!(offsets(&registry), [(1, 10), (3, 30)]);
}

fn opened(number: u64, bytes: &[u8]) -> Vec<(u64, u64)> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(file_path(folder.path(), number), bytes).expect("written");
    offsets(&Registry::open(folder.path()).expect("never refuses"))
}

fn read(bytes: &[u8]) -> Vec<(u64, u64)> {
    let entries = decode(bytes).0.unwrap_or_default();
    entries.values().map(|entry| (entry.slot, entry.offset)).collect()
}

/// Cut or zero-filled at any byte, the registry opens with a state that once was, never one that was not.
#[test]
fn a_torn_registry_opens_with_an_earlier_state_at_every_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::open(folder.path()).expect("begun");
    for offset in 1..=5 {
        registry.set(entry(1, offset)).expect("set");
    }
    let newest = registry.number;
    drop(registry);
    let whole = fs::read(file_path(folder.path(), newest)).expect("read");

    for cut in 0..whole.len() {
        for zeros in [0, 64] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + zeros, 0);

            // Opening syncs, so it is done for some cuts, and the reading alone for every one.
            let found = if cut % 101 == 0 { opened(newest, &bytes) } else { read(&bytes) };

            assert!(
                found.is_empty() || (found.len() == 1 && found[0].0 == 1 && (1..=5).contains(&found[0].1)),
                "cut {cut}: {found:?}"
            );
            assert!(
                cut + 1 < whole.len() || found == [(1, 4)],
                "cut {cut}: only the last change may be lost: {found:?}"
            );
        }
    }
}

#[test]
fn a_lost_newest_file_falls_back_to_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::open(folder.path()).expect("begun");
    registry.set(entry(1, 10)).expect("set");
    drop(registry);
    let registry = Registry::open(folder.path()).expect("opened");
    let newest = file_path(folder.path(), registry.number);
    drop(registry);
    let length = fs::metadata(&newest).expect("there").len() as usize;

    fs::write(&newest, vec![0; length]).expect("zero-filled");

    let registry = Registry::open(folder.path()).expect("never refuses");
    assert_eq!(offsets(&registry), [(1, 10)]);
}

#[test]
fn the_registry_stays_small_however_often_offsets_move() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::open(folder.path()).expect("begun");

    for offset in 0..20_000 {
        registry.set(entry(1, offset)).expect("set");
    }
    drop(registry);

    let held: u64 = fs::read_dir(folder.path())
        .expect("listed")
        .map(|e| e.expect("entry").metadata().expect("meta").len())
        .sum();
    assert!(held < 3 * GROWTH_MIN, "{held}");
    assert_eq!(offsets(&Registry::open(folder.path()).expect("opened")), [(1, 19_999)]);
}

#[test]
fn a_path_of_any_bytes_comes_back_the_same() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = PathBuf::from(OsString::from_vec(b"/logs/\xff.log".to_vec()));
    let mut registry = Registry::open(folder.path()).expect("begun");

    registry.set(Entry { path: path.clone(), ..entry(1, 10) }).expect("a name is no reason to fail");
    drop(registry);

    let registry = Registry::open(folder.path()).expect("opened");
    assert_eq!(registry.get(1).map(|entry| &entry.path), Some(&path));
}

/// After a failed sync the kernel may have dropped the pages, and the next sync of the same file would succeed.
#[test]
fn a_failed_sync_writes_the_registry_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::open(folder.path()).expect("begun");
    // A device that takes every write and refuses to sync.
    registry.file = fs::OpenOptions::new().write(true).open("/dev/null").expect("opened");

    registry.set(entry(1, 10)).expect("set");
    registry.sync().expect("durable elsewhere");
    drop(registry);

    assert_eq!(offsets(&Registry::open(folder.path()).expect("opened")), [(1, 10)]);
}
