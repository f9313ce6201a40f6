//! Globs: which files there are now.
//!
//! A glob is walked folder by folder, so that only folders it can match are read. `**` stands for none to eight
//! folders. Folders that cannot be read are passed over; a file in them cannot be followed anyway.

use std::path::{Path, PathBuf};

use fs_err as fs;
use globset::{GlobBuilder, GlobMatcher};

/// How many folders `**` may stand for; a bound against loops and whole disks.
const DEPTH_MAX: usize = 8;

/// One glob, cut at its slashes.
#[derive(Debug, Clone)]
pub(crate) struct PathGlob {
    base: PathBuf,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Segment {
    Name(String),
    Pattern(GlobMatcher),
    AnyDepth,
}

impl PathGlob {
    /// Reads a glob; the error is a reason for the person who wrote it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a path is empty".to_owned());
        }
        let (base, rest) = if text.starts_with('/') { (PathBuf::from("/"), text) } else { from_here(text)? };
        let segments = rest
            .split('/')
            .filter(|segment| !segment.is_empty() && *segment != ".")
            .map(|segment| match segment {
                "**" => Ok(Segment::AnyDepth),
                name if !name.contains(['*', '?', '[', '{']) => Ok(Segment::Name(name.to_owned())),
                pattern => GlobBuilder::new(pattern)
                    .literal_separator(true)
                    .build()
                    .map(|glob| Segment::Pattern(glob.compile_matcher()))
                    .map_err(|error| error.to_string()),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { base, segments })
    }

    /// The files that match now, sorted.
    pub(crate) fn files(&self, follow_links: bool) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.base, &self.segments, follow_links, 0, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// The folder that every match lies in, where a hint of changes can be asked for.
    pub(crate) fn fixed_folder(&self) -> PathBuf {
        let mut folder = self.base.clone();
        for segment in self.segments.iter().take(self.segments.len().saturating_sub(1)) {
            match segment {
                Segment::Name(name) => folder.push(name),
                Segment::Pattern(_) | Segment::AnyDepth => break,
            }
        }
        folder
    }
}

/// The folder a relative glob begins in, and what is left of the glob: events carry absolute paths, whatever the
/// settings say.
fn from_here(text: &str) -> Result<(PathBuf, &str), String> {
    let mut folder = std::env::current_dir().map_err(|error| {
        format!("it is relative to a folder that cannot be told: {error}; write it from / on")
    })?;
    let mut rest = text;
    while let Some((first @ ("" | "." | ".."), after)) = rest.split_once('/') {
        if first == ".." {
            folder.pop();
        }
        rest = after;
    }
    Ok((folder, rest))
}

fn walk(at: &Path, rest: &[Segment], follow: bool, depth: usize, found: &mut Vec<PathBuf>) {
    let Some((segment, after)) = rest.split_first() else {
        let meta = if follow { fs::metadata(at) } else { fs::symlink_metadata(at) };
        if meta.is_ok_and(|meta| meta.is_file()) {
            found.push(at.to_owned());
        }
        return;
    };
    match segment {
        Segment::Name(name) => walk(&at.join(name), after, follow, 0, found),
        Segment::Pattern(pattern) => {
            // As in a shell, a hidden name matches only a pattern that itself begins with a dot.
            let hidden_too = pattern.glob().glob().starts_with('.');
            for name in names(at) {
                let hidden = name.to_string_lossy().starts_with('.');
                if pattern.is_match(&name) && (hidden_too || !hidden) {
                    walk(&at.join(name), after, follow, 0, found);
                }
            }
        }
        Segment::AnyDepth => {
            walk(at, after, follow, 0, found);
            if depth == DEPTH_MAX {
                return;
            }
            for name in names(at) {
                let inner = at.join(name);
                if fs::symlink_metadata(&inner).is_ok_and(|meta| meta.is_dir()) {
                    walk(&inner, rest, follow, depth + 1, found);
                }
            }
        }
    }
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(folder: &Path, glob: &str) -> Vec<String> {
        let glob = PathGlob::parse(&format!("{}/{glob}", folder.display())).expect(glob);
        let files = glob.files(false);
        files.iter().map(|path| path.strip_prefix(folder).expect("inside").display().to_string()).collect()
    }

    #[test]
    fn globs_match_files_only_and_two_stars_cross_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.log", "b.txt", ".hidden.log", "x/c.log", "x/y/d.log"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(&path, "x").expect("written");
        }
        fs::create_dir_all(folder.path().join("folder.log")).expect("made");

        let cases: [(&str, &[&str]); 6] = [
            ("*.log", &["a.log"]),
            ("**/*.log", &["a.log", "x/c.log", "x/y/d.log"]),
            ("*/*.log", &["x/c.log"]),
            ("{a,b}.*", &["a.log", "b.txt"]),
            ("a.log", &["a.log"]),
            ("none/*.log", &[]),
        ];
        for (glob, expected) in cases {
            assert_eq!(matching(folder.path(), glob), expected, "{glob}");
        }
    }

    #[test]
    fn a_relative_glob_finds_absolute_paths() {
        let here = std::env::current_dir().expect("a folder");
        let name = here.file_name().expect("a name").to_string_lossy().into_owned();

        for glob in ["Cargo.toml", "./Cargo.toml", "Cargo.*", &format!("../{name}/Cargo.toml")] {
            let files = PathGlob::parse(glob).expect(glob).files(false);
            assert_eq!(files, [here.join("Cargo.toml")], "{glob}");
        }
    }

    #[test]
    fn symbolic_links_are_followed_only_when_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.log"), "x").expect("written");
        fs::os::unix::fs::symlink("a.log", folder.path().join("link.log")).expect("linked");
        let glob = PathGlob::parse(&format!("{}/link.log", folder.path().display())).expect("valid");

        assert_eq!((glob.files(false).len(), glob.files(true).len()), (0, 1));
    }
}
