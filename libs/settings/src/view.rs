//! Checked settings, read by key. Every value was held against the table, so the getters cannot fail.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::SettingsError;
use crate::kind::{Kind, Share, parse_bytes, parse_duration, parse_share};
use crate::schema::{Schema, Setting};
use crate::tree::{Node, Origin, Tree};

/// Checked settings, or those of one item of a list.
#[derive(Debug, Clone)]
pub struct Settings {
    schema: Schema,
    root: Node,
    /// The pattern of this view, e.g. `inputs[].`; empty at the top.
    prefix: String,
}

impl Settings {
    pub(crate) fn new(schema: Schema, root: Node) -> Self {
        Self { schema, root, prefix: String::new() }
    }

    /// The text at `key`, or its default, or an empty text.
    pub fn text(&self, key: &str) -> String {
        self.maybe_text(key).unwrap_or_default()
    }

    /// The text at `key` or its default, if there is either.
    pub fn maybe_text(&self, key: &str) -> Option<String> {
        let setting = self.row(key);
        match self.root.get(key).map(|node| &node.tree) {
            Some(Tree::Scalar { text, .. }) => Some(text.clone()),
            Some(Tree::Null | Tree::List(_) | Tree::Map(_)) | None => setting.default.map(str::to_owned),
        }
    }

    /// The flag at `key`.
    pub fn bool(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// The whole number at `key`.
    pub fn integer(&self, key: &str) -> i64 {
        self.text(key).parse().unwrap_or_else(|_| self.undeclared(key, "an integer"))
    }

    /// The whole number at `key`, which the table keeps at zero or above.
    pub fn count(&self, key: &str) -> usize {
        usize::try_from(self.integer(key)).unwrap_or_else(|_| self.undeclared(key, "a count"))
    }

    /// The decimal number at `key`.
    pub fn float(&self, key: &str) -> f64 {
        self.text(key).parse().unwrap_or_else(|_| self.undeclared(key, "a number"))
    }

    /// The number of bytes at `key`.
    pub fn bytes(&self, key: &str) -> u64 {
        parse_bytes(&self.text(key)).unwrap_or_else(|| self.undeclared(key, "bytes"))
    }

    /// The bytes or share at `key`.
    pub fn share(&self, key: &str) -> Share {
        parse_share(&self.text(key)).unwrap_or_else(|| self.undeclared(key, "bytes or a share"))
    }

    /// The time span at `key`; none for `-1`, which means never.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        parse_duration(&self.text(key))
    }

    /// The time span at `key`, where never makes no sense.
    pub fn span(&self, key: &str) -> Duration {
        self.duration(key).unwrap_or(Duration::MAX)
    }

    /// The port at `key`.
    pub fn port(&self, key: &str) -> u16 {
        self.text(key).parse().unwrap_or_else(|_| self.undeclared(key, "a port"))
    }

    /// The path at `key`.
    pub fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(self.text(key))
    }

    /// The texts at `key`.
    pub fn list(&self, key: &str) -> Vec<String> {
        let parted = |text: &str| {
            let parts = text.split(',').map(str::trim);
            parts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
        };
        match self.root.get(key) {
            Some(Node { tree: Tree::Scalar { text, .. }, .. }) if self.row(key).kind == Kind::Names => {
                parted(text)
            }
            Some(node) if !matches!(node.tree, Tree::Null) => {
                node.elements().into_iter().filter_map(|n| n.as_text().map(str::to_owned)).collect()
            }
            _ => self.row(key).default.map_or_else(Vec::new, |default| {
                parted(default.trim_start_matches('[').trim_end_matches(']'))
            }),
        }
    }

    /// The items of the list of maps at `key`.
    pub fn items(&self, key: &str) -> Vec<Settings> {
        let prefix = format!("{}{key}[].", self.prefix);
        let Some(node) = self.root.get(key) else {
            return Vec::new();
        };
        node.elements()
            .into_iter()
            .map(|item| Settings { schema: self.schema, root: item.clone(), prefix: prefix.clone() })
            .collect()
    }

    /// The tree at `key`, for components that read their part themselves.
    pub fn node(&self, key: &str) -> Option<&Node> {
        self.root.get(key)
    }

    /// The whole tree of this view.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Whether a layer says anything at `key`, so that it is not merely the default.
    pub fn is_set(&self, key: &str) -> bool {
        self.root.get(key).is_some_and(|node| !matches!(node.tree, Tree::Null))
    }

    /// Where `key` was written, or the view itself where it was not.
    pub fn origin(&self, key: &str) -> Origin {
        self.root.get(key).map_or_else(|| self.root.origin.clone(), |node| node.origin.clone())
    }

    /// A fault that only the program can see, with the place of `key`.
    pub fn fault(&self, key: &str, reason: impl Into<String>) -> SettingsError {
        SettingsError::Rule { origin: self.origin(key), reason: reason.into() }
    }

    /// Every setting of the table with the value in force, secrets hidden.
    pub fn effective(&self) -> Vec<(&'static str, String)> {
        self.schema
            .settings()
            .filter(|setting| !setting.key.contains("[]") && !setting.key.contains('*'))
            .map(|setting| (setting.key, self.effective_text(setting)))
            .collect()
    }

    fn effective_text(&self, setting: &Setting) -> String {
        let hidden = setting.key.contains("password") || setting.key.contains("api_key");
        match (setting.kind, hidden && self.is_set(setting.key)) {
            (_, true) => "(hidden)".to_owned(),
            (Kind::TextList | Kind::Names, _) => format!("[{}]", self.list(setting.key).join(", ")),
            (Kind::Items | Kind::Any, _) => {
                let items = self.root.get(setting.key).map_or(0, |node| node.elements().len());
                format!("({items} in the file)")
            }
            _ => self.text(setting.key),
        }
    }

    fn row(&self, key: &str) -> &'static Setting {
        let pattern = format!("{}{key}", self.prefix);
        self.schema.find(&pattern).unwrap_or_else(|| self.undeclared(key, "a declared setting"))
    }

    /// Reached only when a program asks for a key or kind that its own table does not have.
    fn undeclared<T>(&self, key: &str, kind: &str) -> T {
        panic!("the table must declare `{}{key}` as {kind}, with a default", self.prefix)
    }
}
