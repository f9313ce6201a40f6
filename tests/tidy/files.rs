//! What every source file has, and what none has.

use crate::{files, read, shown};

/// A file longer than this says in its header why it is one piece.
const LINES_MAX: usize = 800;

#[test]
fn every_source_file_begins_with_what_it_is() {
    let without: Vec<String> = files(&[".rs"])
        .iter()
        .filter(|path| !read(path).starts_with("//!"))
        .map(|path| shown(path))
        .collect();
    assert!(without.is_empty(), "no `//!` header: {}", without.join(", "));
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    for path in files(&[".rs", ".ts", ".tsx"]) {
        let lines = read(&path).lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: look for its second noun", shown(&path));
    }
}

#[test]
fn nothing_unfinished_is_left() {
    // Spelled apart, so that this file does not find itself.
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
    ];
    for path in files(&[".rs", ".ts", ".tsx", ".sh"]) {
        let text = read(&path);
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{}: {mark}", shown(&path));
        }
    }
}

/// A library's module tree names every file; one that no `mod` names is dead.
#[test]
fn no_source_file_is_dead() {
    for path in files(&[".rs"]) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().expect("in a folder");
        let is_root = matches!(name, "lib" | "main" | "build" | "mod")
            || folder.ends_with("bench")
            || folder.ends_with("tests")
            || folder.ends_with("benches")
            || folder.ends_with("fuzz_targets");
        if is_root {
            continue;
        }
        let folder_name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let parents = [
            folder.join("mod.rs"),
            folder.join("lib.rs"),
            folder.join("main.rs"),
            folder.with_file_name(format!("{folder_name}.rs")),
        ];
        let named = parents.iter().filter(|parent| parent.exists()).any(|parent| {
            read(parent).lines().any(|line| line.trim_end().ends_with(&format!("mod {name};")))
        });
        assert!(named, "{} is in no module", shown(&path));
    }
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let homes = [["/ho", "me/dev"].concat(), ["/ro", "ot/"].concat(), ["/wo", "rk/"].concat()];
    for path in files(&[".rs", ".ts", ".tsx", ".md", ".yml", ".sh", ".toml", ".conf", ".mjs"]) {
        let text = read(&path);
        for home in &homes {
            assert!(!text.contains(home.as_str()), "{}: {home}", shown(&path));
        }
    }
}
