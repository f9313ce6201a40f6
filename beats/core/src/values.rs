//! From a settings tree to JSON, for the parts of a configuration that have no fixed keys.

use event::{Map, Value};
use settings::{Node, Tree};

/// The tree as JSON; a scalar becomes a number or a flag where it was written as one.
pub fn to_json(node: &Node) -> Value {
    match &node.tree {
        Tree::Null => Value::Null,
        Tree::Scalar { text, quoted: true } => Value::String(text.clone()),
        Tree::Scalar { text, quoted: false } => scalar(text),
        Tree::List(_) => Value::Array(node.elements().into_iter().map(to_json).collect()),
        Tree::Map(entries) => Value::Object(
            entries.iter().map(|(key, child)| (key.clone(), to_json(child))).collect::<Map<_, _>>(),
        ),
    }
}

fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}
