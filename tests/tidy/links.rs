//! Links and names in the pages lead somewhere.

use crate::{files, read, root, shown};

#[test]
fn links_between_pages_lead_somewhere() {
    let mut faults = Vec::new();
    for page in files(&[".md"]) {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let folder = page.parent().expect("in a folder");
            if !folder.join(target).exists() {
                faults.push(format!("{}: {target}", shown(&page)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `docs/…`, `config/…` and top-level pages that a page names in backticks are there.
#[test]
fn files_that_pages_name_are_there() {
    let mut faults = Vec::new();
    for page in files(&[".md"]) {
        for name in read(&page).split('`').skip(1).step_by(2) {
            let is_file =
                (name.starts_with("docs/") || name.starts_with("config/") || name.starts_with("tests/"))
                    && !name.contains(['*', '<', '{', ' ']);
            let is_page = name.ends_with(".md")
                && !name.contains(['/', '*', '<', ' '])
                && name.chars().next().is_some_and(char::is_uppercase);
            if (is_file || is_page) && !root().join(name).exists() {
                faults.push(format!("{}: `{name}`", shown(&page)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
