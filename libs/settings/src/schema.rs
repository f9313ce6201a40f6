//! The table of a program's settings.

use crate::kind::Kind;

/// One setting: a row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The dotted key; `[]` stands for the elements of a list of maps, `*` for any one name.
    pub key: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The default as it would be written in YAML; none where leaving it out has a meaning of its own.
    pub default: Option<&'static str>,
    /// One sentence: what it does, and in which unit or why, where that is not plain.
    pub doc: &'static str,
}

/// A row of the table.
pub const fn setting(
    key: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    doc: &'static str,
) -> Setting {
    Setting { key, kind, default, doc }
}

/// All settings of one program: its own and those of the parts that it shares with others.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The tables, each with a title for the reference.
    pub tables: &'static [(&'static str, &'static [Setting])],
}

impl Schema {
    /// Every setting of every table.
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.tables.iter().flat_map(|(_, settings)| settings.iter())
    }

    /// The setting whose pattern is `pattern`, e.g. `inputs[].paths`.
    pub fn find(&self, pattern: &str) -> Option<&'static Setting> {
        self.settings().find(|setting| matches(setting.key, pattern))
    }

    /// Whether some setting lies below `pattern`.
    pub(crate) fn is_prefix(&self, pattern: &str) -> bool {
        self.settings().any(|setting| prefixes(setting.key).any(|prefix| matches(prefix, pattern)))
    }
}

fn prefixes(key: &'static str) -> impl Iterator<Item = &'static str> {
    key.match_indices(['.', '[']).map(move |(at, _)| &key[..at])
}

fn matches(pattern: &str, key: &str) -> bool {
    let mut left = pattern.split('.');
    let mut right = key.split('.');
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(p), Some(k)) if p == k || p == "*" => {}
            _ => return false,
        }
    }
}
