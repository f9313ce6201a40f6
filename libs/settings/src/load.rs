//! From text to checked [`Settings`]: parse, open dotted keys, lay `-E` over the file, expand variables, check.

use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, MarkedYaml, ScalarOwned, YamlData};

use crate::error::SettingsError;
use crate::kind::Kind;
use crate::schema::Schema;
use crate::suggest::nearest;
use crate::tree::{Node, Origin, Tree, join};
use crate::view::Settings;

/// Deeper nesting than any real configuration; a bound for foreign input.
const DEPTH_MAX: usize = 64;

/// Where settings come from, the last one winning.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The file given with `-c`, which must exist.
    pub file: Option<PathBuf>,
    /// The file read when `-c` is not given and it exists.
    pub default_file: Option<PathBuf>,
    /// `-E key=value`, in order.
    pub overrides: Vec<(String, String)>,
}

/// Reads and checks all layers.
pub fn load(schema: Schema, layers: &Layers) -> Result<Settings, SettingsError> {
    let file = layers.file.as_deref().or(layers.default_file.as_deref().filter(|path| path.exists()));
    let (source, text) = match file {
        Some(path) => (path.display().to_string(), read(path)?),
        None => ("defaults".to_owned(), String::new()),
    };
    load_text(schema, &source, &text, &layers.overrides)
}

/// The same from a text in memory; `source` is what errors call it.
pub fn load_text(
    schema: Schema,
    source: &str,
    text: &str,
    overrides: &[(String, String)],
) -> Result<Settings, SettingsError> {
    let mut root = parse(source, text)?;
    for (key, value) in overrides {
        root.replace(key, parse_override(value)?);
    }
    expand(&mut root, "", &|name| std::env::var(name).ok())?;
    check(schema, &root, "", "")?;
    Ok(Settings::new(schema, root))
}

fn read(path: &Path) -> Result<String, SettingsError> {
    #[expect(clippy::disallowed_methods, reason = "the error names the path itself")]
    std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { path: path.display().to_string(), source })
}

fn parse(source: &str, text: &str) -> Result<Node, SettingsError> {
    let origin = |line| Origin { source: source.into(), line };
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let reason = error.to_string();
        SettingsError::Syntax { origin: origin(line_of(&reason)), reason }
    })?;
    match documents.into_iter().next() {
        None => Ok(Node::empty(origin(0))),
        Some(document) => {
            let node = convert(document, source, "", 0)?;
            match node.tree {
                Tree::Map(_) => Ok(node),
                Tree::Null => Ok(Node::empty(origin(0))),
                Tree::Scalar { .. } | Tree::List(_) => Err(SettingsError::Syntax {
                    origin: node.origin,
                    reason: "the file must hold `key: value` lines".to_owned(),
                }),
            }
        }
    }
}

/// The line that the parser's message names.
fn line_of(message: &str) -> usize {
    message
        .split("line ")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn convert(yaml: MarkedYaml<'_>, source: &str, path: &str, depth: usize) -> Result<Node, SettingsError> {
    let origin = Origin { source: source.into(), line: yaml.span.start.line() };
    if depth > DEPTH_MAX {
        return Err(SettingsError::Syntax {
            origin,
            reason: format!("nested deeper than {DEPTH_MAX} levels"),
        });
    }
    let tree = match yaml.data {
        YamlData::Value(scalar) => scalar_tree(scalar.into_owned()),
        YamlData::Representation(text, ..) => Tree::Scalar { text: text.into_owned(), quoted: true },
        YamlData::Tagged(_, inner) => return convert(*inner, source, path, depth + 1),
        YamlData::Sequence(items) => Tree::List(
            items.into_iter().map(|item| convert(item, source, path, depth + 1)).collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(entries) => {
            let mut node = Node::empty(origin.clone());
            for (key, value) in entries {
                let line = key.span.start.line();
                let key = key_text(key, source)?;
                let mut child = convert(value, source, &join(path, &key), depth + 1)?;
                child.origin.line = line;
                node.insert(&key, child, path)?;
            }
            return Ok(node);
        }
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err(SettingsError::Syntax {
                origin,
                reason: "an alias or value that cannot be read".to_owned(),
            });
        }
    };
    Ok(Node { tree, origin })
}

fn scalar_tree(scalar: ScalarOwned) -> Tree {
    let plain = |text: String| Tree::Scalar { text, quoted: false };
    match scalar {
        ScalarOwned::Null => Tree::Null,
        ScalarOwned::Boolean(flag) => plain(flag.to_string()),
        ScalarOwned::Integer(number) => plain(number.to_string()),
        ScalarOwned::FloatingPoint(number) => plain(number.to_string()),
        ScalarOwned::String(text) => Tree::Scalar { text, quoted: true },
    }
}

fn key_text(key: MarkedYaml<'_>, source: &str) -> Result<String, SettingsError> {
    let origin = Origin { source: source.into(), line: key.span.start.line() };
    match convert(key, source, "", 0)?.tree {
        Tree::Scalar { text, .. } => Ok(text),
        Tree::Null => Ok("null".to_owned()),
        Tree::List(_) | Tree::Map(_) => {
            Err(SettingsError::Syntax { origin, reason: "a key must be a text".to_owned() })
        }
    }
}

/// The value of `-E key=value` is YAML too, so that lists can be given: `-E 'paths=[a, b]'`.
fn parse_override(value: &str) -> Result<Node, SettingsError> {
    let origin = Origin::of("-E");
    if !value.trim_start().starts_with(['[', '{']) {
        return Ok(Node { tree: scalar_override(value), origin });
    }
    let documents = MarkedYaml::load_from_str(value)
        .map_err(|error| SettingsError::Syntax { origin: origin.clone(), reason: error.to_string() })?;
    match documents.into_iter().next() {
        Some(document) => convert(document, "-E", "", 0),
        None => Ok(Node { tree: Tree::Null, origin }),
    }
}

fn scalar_override(value: &str) -> Tree {
    match value {
        "" | "null" | "~" => Tree::Null,
        text => Tree::Scalar { text: text.to_owned(), quoted: false },
    }
}

fn expand(
    node: &mut Node,
    path: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), SettingsError> {
    match &mut node.tree {
        Tree::Null => Ok(()),
        Tree::Scalar { text, .. } => {
            if text.contains("${") {
                *text = expand_text(text, path, &node.origin, variable)?;
            }
            Ok(())
        }
        Tree::List(nodes) => nodes.iter_mut().try_for_each(|child| expand(child, path, variable)),
        Tree::Map(entries) => {
            entries.iter_mut().try_for_each(|(name, child)| expand(child, &join(path, name), variable))
        }
    }
}

fn expand_text(
    text: &str,
    key: &str,
    origin: &Origin,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, SettingsError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        out.push_str(&rest[..start]);
        let inside = &rest[start + 2..start + length];
        let (name, fallback) = inside.split_once(':').map_or((inside, None), |(n, f)| (n, Some(f)));
        match (variable(name), fallback) {
            (Some(value), _) => out.push_str(&value),
            (None, Some(fallback)) if !fallback.starts_with('?') => out.push_str(fallback),
            (None, fallback) => {
                return Err(SettingsError::Variable {
                    origin: origin.clone(),
                    key: key.to_owned(),
                    variable: name.to_owned(),
                    message: fallback.map_or(String::new(), |text| text[1..].to_owned()),
                });
            }
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Walks the tree beside the table: `path` is what the person wrote, `pattern` its row in the table.
fn check(schema: Schema, node: &Node, path: &str, pattern: &str) -> Result<(), SettingsError> {
    for (name, child) in node.entries() {
        let path = join(path, name);
        let pattern = join(pattern, name);
        match schema.find(&pattern) {
            Some(setting) => {
                if !setting.kind.accepts(child) {
                    return Err(SettingsError::Invalid {
                        origin: child.origin.clone(),
                        key: path,
                        value: shown(child),
                        expected: setting.kind.expected(),
                    });
                }
                if setting.kind == Kind::Items {
                    for (at, item) in child.elements().into_iter().enumerate() {
                        check(schema, item, &format!("{path}[{at}]"), &format!("{pattern}[]"))?;
                    }
                }
            }
            None if schema.is_prefix(&pattern) && !child.entries().is_empty() => {
                check(schema, child, &path, &pattern)?;
            }
            None if schema.is_prefix(&pattern) && matches!(child.tree, Tree::Null | Tree::Map(_)) => {}
            None => return Err(unknown(schema, child, path, &pattern)),
        }
    }
    Ok(())
}

fn unknown(schema: Schema, child: &Node, path: String, pattern: &str) -> SettingsError {
    let leaf = first_leaf(child, path.clone());
    let leaf_pattern = first_leaf(child, pattern.to_owned());
    let near =
        nearest(&leaf_pattern, schema.settings().map(|setting| setting.key)).map(|key| (leaf, key)).or_else(
            || nearest(pattern, schema.settings().map(|setting| setting.key)).map(|key| (path.clone(), key)),
        );
    match near {
        Some((key, near)) => {
            SettingsError::Unknown { origin: child.origin.clone(), key, nearest: Some(near.to_owned()) }
        }
        None => SettingsError::Unknown { origin: child.origin.clone(), key: path, nearest: None },
    }
}

fn first_leaf(node: &Node, path: String) -> String {
    match node.entries().first() {
        Some((name, child)) => first_leaf(child, join(&path, name)),
        None => path,
    }
}

fn shown(node: &Node) -> String {
    match &node.tree {
        Tree::Null => "null".to_owned(),
        Tree::Scalar { text, .. } => text.clone(),
        Tree::List(nodes) => format!("a list of {}", nodes.len()),
        Tree::Map(entries) => format!("a map of {}", entries.len()),
    }
}

#[cfg(test)]
mod tests;
