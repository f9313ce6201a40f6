//! Who may depend on whom: every arrow points to a lower level.

use std::collections::BTreeMap;

use crate::{files, read, root, shown};

/// Each crate of ours and those it may use. `log` is not here yet.
const ALLOWED: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("settings", &[]),
    ("daemon", &[]),
    ("disk", &[]),
    ("script", &[]),
    ("mustache", &[]),
    ("shard", &["disk", "script"]),
    ("cluster", &[]),
    ("consensus", &["disk"]),
    ("transport", &["daemon"]),
    ("discovery", &["disk"]),
    ("processors", &["event"]),
    ("queue", &["event"]),
    ("testkit", &["disk"]),
    ("wire", &["event", "daemon"]),
    ("search-client", &["daemon"]),
    (
        "search-node",
        &[
            "event",
            "settings",
            "daemon",
            "disk",
            "script",
            "mustache",
            "shard",
            "cluster",
            "consensus",
            "transport",
            "discovery",
            "processors",
        ],
    ),
    ("beat-core", &["event", "settings", "daemon", "processors", "queue", "wire", "search-client"]),
    ("beat-file", &["beat-core", "event", "settings", "daemon"]),
    ("beat-metric", &["beat-core", "event", "settings", "daemon"]),
    ("beat-packet", &["beat-core", "event", "settings", "daemon"]),
    ("beat-heartbeat", &["beat-core", "event", "settings", "daemon"]),
    ("shipper", &["event", "settings", "daemon", "processors", "queue", "wire", "search-client"]),
    ("dashboard-server", &["settings", "daemon", "search-client"]),
    ("system-tests", &["search-client"]),
    // For tests only, so that it may reach behind the API; nothing depends on it.
    ("fuzz-targets", &["settings", "daemon", "mustache", "shard", "testkit", "search-node"]),
];

/// The fuzzers, which are built by themselves and have a lock file of their own.
const FUZZERS: &str = "fuzz";

fn manifests() -> BTreeMap<String, toml::Value> {
    let mut crates = BTreeMap::new();
    for path in files(&["Cargo.toml"]) {
        let manifest: toml::Value = toml::from_str(&read(&path)).expect("TOML");
        if let Some(name) =
            manifest.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str())
            && name != FUZZERS
        {
            crates.insert(name.to_owned(), manifest);
        }
    }
    crates
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let crates = manifests();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut faults = Vec::new();
    for (name, manifest) in &crates {
        let Some(may) = allowed.get(name.as_str()) else {
            faults.push(format!("{name} is not in the table of tests/tidy/crates.rs"));
            continue;
        };
        let dependencies = manifest.get("dependencies").and_then(|table| table.as_table());
        for used in dependencies.into_iter().flatten().map(|(used, _)| used) {
            if crates.contains_key(used) && !may.contains(&used.as_str()) {
                faults.push(format!("{name} may not use {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(crates.len(), ALLOWED.len(), "the table names crates that are not there");
}

#[test]
fn crates_take_their_lints_and_versions_from_the_workspace() {
    for (name, manifest) in manifests() {
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name} must inherit the lints");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (used, how) in manifest.get(table).and_then(|table| table.as_table()).into_iter().flatten() {
                let inherited = how.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(inherited, "{name}: the version of {used} belongs into the root Cargo.toml");
            }
        }
    }
}

#[test]
fn every_shared_dependency_is_used() {
    let workspace: toml::Value = toml::from_str(&read(&root().join("Cargo.toml"))).expect("TOML");
    let texts: Vec<String> = files(&["Cargo.toml"])
        .iter()
        .skip_while(|path| shown(path) == "Cargo.toml")
        .map(|path| read(path))
        .collect();
    for (name, _) in workspace["workspace"]["dependencies"].as_table().expect("a table") {
        let used = texts.iter().any(|text| {
            text.lines()
                .any(|line| line.starts_with(&format!("{name}.")) || line.starts_with(&format!("{name} ")))
        });
        assert!(used, "{name} is in the root Cargo.toml and nobody uses it");
    }
}

/// Whether a source speaks of the crate: `name::`, `use name;` or `name!`.
fn mentions(source: &str, dependency: &str) -> bool {
    let name = dependency.replace('-', "_");
    source.match_indices(&name).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        let after = &source[at + name.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && ["::", ";", "!", " as "].iter().any(|next| after.starts_with(next))
    })
}

#[test]
fn every_dependency_of_a_crate_is_used_in_its_sources() {
    let manifest_paths = files(&["Cargo.toml"]);
    let mut faults = Vec::new();
    for path in &manifest_paths {
        let manifest: toml::Value = toml::from_str(&read(path)).expect("TOML");
        let Some(name) = manifest.get("package").and_then(|package| package["name"].as_str()) else {
            continue;
        };
        let folder = path.parent().expect("in a folder");
        // A crate may lie inside another's folder; its sources are its own.
        let inner = |file: &std::path::Path| {
            manifest_paths
                .iter()
                .filter_map(|other| other.parent())
                .any(|other| other != folder && other.starts_with(folder) && file.starts_with(other))
        };
        let sources: Vec<String> = files(&[".rs"])
            .iter()
            .filter(|file| file.starts_with(folder) && !inner(file))
            .map(|file| read(file))
            .collect();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (used, _) in manifest.get(table).and_then(|table| table.as_table()).into_iter().flatten() {
                let is_used = sources.iter().any(|source| mentions(source, used));
                if !is_used {
                    faults.push(format!("{name} declares {used} in [{table}] and does not use it"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
