//! Real prose: the paragraphs of Perl's own documentation, which is on every host that has Perl.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sides::Document;

/// Where distributions keep it; the newest version counts.
const FOLDERS: [&str; 2] = ["/usr/share/perl", "/usr/share/perl5/core_perl"];
/// Enough for words both rare and common.
const PARAGRAPHS_MAX: usize = 6_000;
/// Shorter ones are headings of lists.
const PARAGRAPH_CHARS_MIN: usize = 40;
/// A corpus that is much smaller says little about ranking.
const PARAGRAPHS_MIN: usize = 2_000;

/// Every document, or what this host lacks.
pub(super) fn documents() -> Result<Vec<Document>, String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        gather(Path::new(folder), &mut files);
    }
    // Versions of one Perl are links to one another.
    files.sort();
    files.dedup();
    let mut paragraphs: Vec<Value> =
        files.iter().flat_map(|(section, path)| paragraphs(section, path)).collect();
    if paragraphs.len() < PARAGRAPHS_MIN {
        return Err(format!(
            "{} paragraphs of Perl's documentation are on this host: install perl",
            paragraphs.len()
        ));
    }
    let stride = paragraphs.len().div_ceil(PARAGRAPHS_MAX);
    paragraphs = paragraphs.into_iter().step_by(stride).collect();
    let numbered = paragraphs.into_iter().enumerate();
    Ok(numbered.map(|(id, source)| Document { id: id.to_string(), routing: None, source }).collect())
}

/// Each file once, with the folder below the version that it lies in.
fn gather(folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_symlink() {
            continue;
        }
        let is_prose = path.extension().is_some_and(|ending| ending == "pm" || ending == "pod");
        if path.is_dir() {
            gather(&path, files);
        } else if is_prose {
            let section = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((section, path));
        }
    }
}

/// The paragraphs of one file; what is indented is code. The heading above is the title, if there was one.
fn paragraphs(section: &str, path: &Path) -> Vec<Value> {
    let bytes = fs_err::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    let mut found = Vec::new();
    let (mut is_prose, mut title) = (false, None);
    for paragraph in text.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')) {
        if let Some(command) = paragraph.strip_prefix('=') {
            is_prose = !command.starts_with("cut");
            if let Some((_, heading)) = command.split_once(' ').filter(|_| command.starts_with("head")) {
                title = Some(heading.trim().to_owned()).filter(|heading| heading != "DESCRIPTION");
            }
        } else if is_prose && paragraph.len() >= PARAGRAPH_CHARS_MIN && !paragraph.starts_with([' ', '\t']) {
            let mut document = json!({"body": paragraph, "section": section, "length": paragraph.len()});
            if let Some(title) = &title {
                document["title"] = json!(title);
            }
            found.push(document);
        }
    }
    found
}
