//! Every package that we build with, of Rust and of the web app, has a licence that we may use, and comes from a
//! public registry.

use std::process::Command;

use serde_json::Value;

const ALLOWED: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MPL-2.0",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "Apache-2.0 WITH LLVM-exception",
];
/// Their licences give everything away.
const EXCEPTIONS: [(&str, &str); 2] = [("notify", "CC0-1.0"), ("isbot", "Unlicense")];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

#[test]
fn every_package_has_a_permissive_licence() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(crate::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !allowed(licence) && !EXCEPTIONS.contains(&(name, licence)) {
            faults.push(format!("{name}: `{licence}`"));
        }
        if package["source"].as_str().is_some_and(|source| source != CRATES_IO) {
            faults.push(format!("{name} comes from {}", package["source"]));
        }
    }
    assert!(faults.is_empty(), "licences or sources that we may not use: {}", faults.join(", "));
    assert!(packages.len() > 100, "only {} packages were looked at", packages.len());
}

/// The fuzzers have a licence more (NCSA), which is why they are locked by themselves.
#[test]
fn nothing_of_the_fuzzers_is_in_the_product() {
    let names = |lock: &str| crate::read(&crate::root().join(lock)).contains("name = \"libfuzzer-sys\"");
    assert!(names("fuzz/Cargo.lock") && !names("Cargo.lock"));
}

#[test]
fn every_package_of_the_web_app_has_a_permissive_licence() {
    let lock: Value =
        serde_json::from_str(&crate::read(&crate::root().join("dashboard/web/package-lock.json")))
            .expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    let mut faults = Vec::new();
    // The one without a path is the web app itself.
    for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
        let name = path.rsplit("node_modules/").next().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !allowed(licence) && !EXCEPTIONS.contains(&(name, licence)) {
            faults.push(format!("{name}: `{licence}`"));
        }
        // Without an address it is the registry that npm is set to; the digest holds it to what was locked.
        if package["resolved"].as_str().is_some_and(|from| !from.starts_with(NPM))
            || !package["integrity"].is_string()
        {
            faults.push(format!("{name} comes from {}", package["resolved"]));
        }
    }
    assert!(faults.is_empty(), "licences or sources that we may not use: {}", faults.join(", "));
    assert!(packages.len() > 50, "only {} packages were looked at", packages.len());
}

/// Reads `A OR B`, `A AND B`, `(A OR B) AND C`, and the older `A/B`.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let text = expression.trim();
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        && !inner.contains(['(', ')'])
    {
        return allowed(inner);
    }
    if let Some((left, right)) = split(text, " AND ") {
        return allowed(left) && allowed(right);
    }
    if let Some((left, right)) = split(text, " OR ") {
        return allowed(left) || allowed(right);
    }
    ALLOWED.contains(&text)
}

/// Splits at the first `word` that stands outside parentheses.
fn split<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    text.match_indices(word).map(|(at, _)| at).find_map(|at| {
        let open = text[..at].matches('(').count() == text[..at].matches(')').count();
        open.then(|| (&text[..at], &text[at + word.len()..]))
    })
}

#[test]
fn expressions_are_read_as_they_say() {
    for (text, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("", false),
    ] {
        assert_eq!(allowed(text), expected, "{text}");
    }
}
