//! The pipeline's text: which files, in which order, and their joined tree.

use std::path::{Path, PathBuf};

use crate::language::ast::Config;
use crate::language::{Fault, check, parse};

/// One text with the name that errors give it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's path, or what stands for it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing there.
    #[error(
        "no pipeline: `{0}` names no file; set path.config, or give -f FILE or -e 'input {{ … }} output {{ … }}'"
    )]
    None(String),
    /// A pattern where none can be.
    #[error("`{path}` cannot be used: {reason}")]
    Pattern {
        /// The path as given.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system refuses.
    #[error("{0}; check path.config")]
    Unreadable(#[from] std::io::Error),
}

/// The texts at `path`: a file, a folder's `.conf` files, or a glob in the last part; in the order of their names.
pub fn read(path: &Path) -> Result<Vec<Source>, SourceError> {
    let mut files = if path.is_dir() { listed(path, "*.conf")? } else { matched(path)? };
    files.sort();
    if files.is_empty() {
        return Err(SourceError::None(path.display().to_string()));
    }
    let read =
        |file: PathBuf| Ok(Source { name: file.display().to_string(), text: fs_err::read_to_string(&file)? });
    files.into_iter().map(read).collect()
}

fn matched(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let last = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !last.contains(['*', '?', '[', '{']) {
        return Ok(if path.exists() { vec![path.to_owned()] } else { Vec::new() });
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.to_string_lossy().contains('*') {
        let reason = "only the last part may hold wildcards".to_owned();
        return Err(SourceError::Pattern { path: path.display().to_string(), reason });
    }
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    listed(folder, last)
}

fn listed(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let wrong =
        |error: globset::Error| SourceError::Pattern { path: pattern.to_owned(), reason: error.to_string() };
    let pattern = globset::Glob::new(pattern).map_err(wrong)?.compile_matcher();
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && path.file_name().is_some_and(|name| pattern.is_match(name)) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Parses and joins the texts; every fault that can be seen without running.
pub fn join(sources: &[Source]) -> Result<Config, Vec<Fault>> {
    let mut joined = Config::default();
    let mut faults = Vec::new();
    for source in sources {
        match parse(&source.name, &source.text) {
            Ok(config) => {
                faults.extend(check::check(&config));
                joined.inputs.extend(config.inputs);
                joined.filters.extend(config.filters);
                joined.outputs.extend(config.outputs);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(joined) } else { Err(faults) }
}
