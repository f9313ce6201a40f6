//! Rotation by copy: which names a copy bears, and how long a file that may be one waits.
//!
//! `copytruncate` writes the copy first and truncates the original after it. In between both have the same bytes, and
//! reading the copy would send every line again. But two files of one program may begin alike too, and a file must
//! not wait for ever for a truncation that never comes.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Words that people and programs put behind the name of what they set aside.
const SET_ASIDE: [&str; 7] = ["old", "bak", "backup", "copy", "orig", "prev", "save"];

/// Files that wait because they look like copies, by device and inode.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    waiting: HashMap<(u64, u64), Waiting>,
}

#[derive(Debug)]
struct Waiting {
    size: u64,
    since: Instant,
}

impl Copies {
    /// Whether the file shall wait on: at most `limit` since it was first seen, or since it last grew, because a
    /// large copy takes its time.
    pub(crate) fn waits(&mut self, inode: (u64, u64), size: u64, limit: Duration) -> bool {
        let waiting = self.waiting.entry(inode).or_insert_with(|| Waiting { size, since: Instant::now() });
        if waiting.size != size {
            *waiting = Waiting { size, since: Instant::now() };
        }
        waiting.since.elapsed() < limit
    }

    /// Forgets what waits no more.
    pub(crate) fn keep(&mut self, still: impl Fn(&(u64, u64)) -> bool) {
        self.waiting.retain(|inode, _| still(inode));
    }
}

/// Whether `copy` is named as a rotation of `original` would be: same folder, the same stem, and between it and the
/// parts of the original's name only numbers, dates, and words as `old`.
pub(crate) fn is_rotation_of(copy: &Path, original: &Path) -> bool {
    let name =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (copy_name, original_name) = (name(copy), name(original));
    let separators = ['.', '-', '_'];
    let stem = original_name.split('.').find(|part| !part.is_empty()).unwrap_or(&original_name);
    let own: Vec<&str> = original_name.trim_start_matches('.')[stem.len()..].split(separators).collect();
    let Some(rest) = copy_name.trim_start_matches('.').strip_prefix(stem) else {
        return false;
    };
    copy.parent() == original.parent()
        && copy_name != original_name
        && (rest.is_empty() || rest.starts_with(separators))
        && rest
            .split(separators)
            .all(|part| part.is_empty() || own.contains(&part) || is_mark_of_rotation(part))
}

fn is_mark_of_rotation(part: &str) -> bool {
    // Digits alone, or as in 2026-01-31T23:59Z.
    let is_number = part.starts_with(|first: char| first.is_ascii_digit())
        && part.chars().all(|c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ':' | '+'));
    is_number || SET_ASIDE.contains(&part.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_known_by_its_name() {
        let cases = [
            ("/l/app.log.1", "/l/app.log", true),
            ("/l/app-20260101.log", "/l/app.log", true),
            ("/l/app.log-2026-01-31T23:59Z", "/l/app.log", true),
            ("/l/app.1.log", "/l/app.log", true),
            ("/l/app.log.old", "/l/app.log", true),
            ("/l/syslog.1", "/l/syslog", true),
            ("/l/.app.log.1", "/l/.app.log", true),
            ("/l/b.log", "/l/a.log", false),
            ("/l/app2.log", "/l/app.log", false),
            ("/l/app-error.log", "/l/app.log", false),
            ("/l/app-8080-error.log", "/l/app.log", false),
            ("/m/app.log.1", "/l/app.log", false),
            ("/l/app.log", "/l/app.log", false),
        ];
        for (copy, original, expected) in cases {
            assert_eq!(
                is_rotation_of(Path::new(copy), Path::new(original)),
                expected,
                "{copy} of {original}"
            );
        }
    }

    #[test]
    fn a_copy_waits_while_it_grows_and_no_longer_than_the_limit() {
        let mut copies = Copies::default();
        let long = Duration::from_secs(3600);

        assert!(copies.waits((1, 1), 10, long));
        assert!(!copies.waits((1, 1), 10, Duration::ZERO));
        let first = copies.waiting[&(1, 1)].since;
        assert!(copies.waits((1, 1), 20, long));
        assert!(copies.waiting[&(1, 1)].since >= first && copies.waiting[&(1, 1)].size == 20);

        copies.keep(|_| false);
        assert!(copies.waiting.is_empty());
    }
}
