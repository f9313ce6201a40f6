//! A configuration as a tree in which every node remembers where it was written.

use std::fmt;
use std::sync::Arc;

use crate::error::SettingsError;

/// Where a value was written: a file and a line, or the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file as the person named it, or `-E`.
    pub source: Arc<str>,
    /// The line, counted from 1; 0 where there are no lines.
    pub line: usize,
}

impl Origin {
    /// A place on the command line or in the defaults.
    pub fn of(source: &str) -> Self {
        Self { source: source.into(), line: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}", self.source),
            line => write!(out, "{}:{line}", self.source),
        }
    }
}

/// One value of a configuration and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub tree: Tree,
    /// Its place.
    pub origin: Origin,
}

/// The value of a [`Node`]. Scalars keep their text; the setting's kind gives them meaning.
#[derive(Debug, Clone)]
pub enum Tree {
    /// Nothing, `null` or `~`.
    Null,
    /// A scalar; `quoted` tells `"1"` from `1`.
    Scalar {
        /// The text without its quotes.
        text: String,
        /// Whether it stood in quotes.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in the order written, dotted keys already opened into nested ones.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// An empty map.
    pub fn empty(origin: Origin) -> Self {
        Self { tree: Tree::Map(Vec::new()), origin }
    }

    /// An unquoted scalar.
    pub fn scalar(text: &str, origin: Origin) -> Self {
        Self { tree: Tree::Scalar { text: text.to_owned(), quoted: false }, origin }
    }

    /// The node at a dotted key below this one.
    pub fn get(&self, key: &str) -> Option<&Node> {
        key.split('.').try_fold(self, |node, segment| match &node.tree {
            Tree::Map(entries) => entries.iter().find(|(name, _)| name == segment).map(|(_, child)| child),
            Tree::Null | Tree::Scalar { .. } | Tree::List(_) => None,
        })
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Scalar { text, .. } => Some(text),
            Tree::Null | Tree::List(_) | Tree::Map(_) => None,
        }
    }

    /// The entries of a map, none for anything else.
    pub fn entries(&self) -> &[(String, Node)] {
        match &self.tree {
            Tree::Map(entries) => entries,
            Tree::Null | Tree::Scalar { .. } | Tree::List(_) => &[],
        }
    }

    /// The elements of a list; a single value counts as a list of one, nothing as an empty list.
    pub fn elements(&self) -> Vec<&Node> {
        match &self.tree {
            Tree::List(nodes) => nodes.iter().collect(),
            Tree::Null => Vec::new(),
            Tree::Scalar { .. } | Tree::Map(_) => vec![self],
        }
    }

    /// Puts `value` at a dotted key, opening maps on the way. Maps merge; anything else may be set once per layer.
    pub(crate) fn insert(&mut self, key: &str, value: Node, path: &str) -> Result<(), SettingsError> {
        let (head, rest) = match key.split_once('.') {
            Some((head, rest)) => (head, Some(rest)),
            None => (key, None),
        };
        let place = join(path, head);
        if matches!(self.tree, Tree::Null) {
            self.tree = Tree::Map(Vec::new());
        }
        let Tree::Map(entries) = &mut self.tree else {
            return Err(SettingsError::Duplicate { origin: value.origin, key: place });
        };
        let at = entries.iter().position(|(name, _)| name == head);
        match (rest, at) {
            (Some(rest), Some(at)) => entries[at].1.insert(rest, value, &place),
            (Some(rest), None) => {
                let mut child = Node::empty(value.origin.clone());
                child.insert(rest, value, &place)?;
                entries.push((head.to_owned(), child));
                Ok(())
            }
            (None, None) => {
                entries.push((head.to_owned(), value));
                Ok(())
            }
            (None, Some(at)) => entries[at].1.merge(value, &place),
        }
    }

    fn merge(&mut self, other: Node, path: &str) -> Result<(), SettingsError> {
        match other.tree {
            Tree::Map(entries) if matches!(self.tree, Tree::Map(_)) => {
                entries.into_iter().try_for_each(|(name, child)| self.insert(&name, child, path))
            }
            Tree::Null | Tree::Scalar { .. } | Tree::List(_) | Tree::Map(_) => {
                Err(SettingsError::Duplicate { origin: other.origin, key: path.to_owned() })
            }
        }
    }

    /// Puts `value` at a dotted key, replacing whatever an earlier layer said.
    pub(crate) fn replace(&mut self, key: &str, value: Node) {
        if !matches!(self.tree, Tree::Map(_)) {
            self.tree = Tree::Map(Vec::new());
        }
        let Tree::Map(entries) = &mut self.tree else {
            return;
        };
        let (head, rest) = key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
        let at = entries.iter().position(|(name, _)| name == head).unwrap_or_else(|| {
            entries.push((head.to_owned(), Node::empty(value.origin.clone())));
            entries.len() - 1
        });
        match rest {
            Some(rest) => entries[at].1.replace(rest, value),
            None => entries[at].1 = value,
        }
    }
}

/// A dotted path one segment longer.
pub(crate) fn join(path: &str, segment: &str) -> String {
    if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") }
}
