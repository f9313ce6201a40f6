//! `mapping`: texts replaced by others, the longest first.

use std::collections::BTreeMap;

use super::{CharFilter, Corrections, Editor};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;

#[derive(Debug)]
pub(crate) struct Mappings {
    rules: BTreeMap<String, String>,
    /// The longest text that is replaced, in bytes.
    longest: usize,
}

impl Mappings {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("mappings_path", "mappings")])?;
        let lines = params.rules("mappings").filter(|lines| !lines.is_empty()).ok_or_else(|| {
            AnalysisError::argument("mapping requires either `mappings` or `mappings_path` to be configured")
        })?;
        let mut rules = BTreeMap::new();
        for line in lines {
            let fault = || AnalysisError::argument(format!("Invalid Mapping Rule : [{line}]"));
            let (from, to) = line.split_once("=>").ok_or_else(fault)?;
            let from = unescaped(from.trim()).filter(|from| !from.is_empty()).ok_or_else(fault)?;
            let to = unescaped(to.trim()).ok_or_else(fault)?;
            if rules.insert(from.clone(), to).is_some() {
                return Err(AnalysisError::argument(format!("match \"{from}\" was already added")));
            }
        }
        Ok(Self::by(rules))
    }

    /// Replaces these texts.
    pub(crate) fn of(rules: &[(&str, &str)]) -> Self {
        Self::by(rules.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect())
    }

    fn by(rules: BTreeMap<String, String>) -> Self {
        let longest = rules.keys().map(String::len).max().unwrap_or_default();
        Self { rules, longest }
    }

    /// The longest rule that fits at the beginning of a text.
    fn rule(&self, rest: &str) -> Option<(usize, &str)> {
        let ends = (1..=self.longest.min(rest.len())).rev().filter(|end| rest.is_char_boundary(*end));
        ends.into_iter().find_map(|end| Some((end, self.rules.get(&rest[..end])?.as_str())))
    }
}

impl CharFilter for Mappings {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        let (mut at, mut kept) = (0, 0);
        while at < text.len() {
            if let Some((bytes, replacement)) = self.rule(&text[at..]) {
                editor.keep(&text[kept..at]);
                editor.replace(bytes, replacement);
                at += bytes;
                kept = at;
            } else {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        editor.keep(&text[kept..]);
        editor.finish()
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}

/// `\n`, `\u00e9` and the like.
fn unescaped(text: &str) -> Option<String> {
    let mut made = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            made.push(letter);
            continue;
        }
        made.push(match letters.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let digits: String = letters.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            other => other,
        });
    }
    Some(made)
}
