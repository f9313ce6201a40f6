//! Each file format has its page, and page and code name the same magic.

use crate::{files, read, root, shown};

/// Every eight-letter magic that the code defines is on a page of `docs/formats`.
#[test]
fn every_magic_number_has_its_page() {
    let pages: String = files(&[".md"])
        .iter()
        .filter(|path| path.starts_with(root().join("docs/formats")))
        .map(|path| read(path))
        .collect();
    let mut count = 0;
    for path in files(&[".rs"]) {
        for line in read(&path).lines().filter(|line| line.trim_start().starts_with("const MAGIC:")) {
            let Some(magic) = line.split('"').nth(1) else {
                continue;
            };
            count += 1;
            assert!(pages.contains(magic), "{}: {magic} has no page in docs/formats", shown(&path));
        }
    }
    assert!(count >= 4, "only {count} magic numbers were found");
}

#[test]
fn every_program_has_its_settings_page_and_file() {
    for program in
        ["search-node", "shipper", "dashboard", "file-beat", "metric-beat", "packet-beat", "heartbeat"]
    {
        for path in [format!("config/{program}.yml"), format!("docs/reference/settings/{program}.md")] {
            assert!(root().join(&path).exists(), "{path} is missing");
        }
    }
}
