//! What a name means where it stands, what of that counts as nothing, and how it reads as a text.

use std::fmt::Write as _;

use serde_json::Value;

/// What a name means: the innermost scope that knows its first part decides.
pub(crate) fn find<'v>(scopes: &[Found<'v>], name: &str) -> Option<Found<'v>> {
    if name == "." {
        return scopes.last().copied();
    }
    let mut parts = name.split('.');
    let first = parts.next()?;
    let begin = scopes.iter().rev().find_map(|scope| scope.member(first))?;
    parts.try_fold(begin, |found, part| found.member(part))
}

/// A value of the parameters, or what is known of one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'v> {
    Value(&'v Value),
    Size(usize),
}

impl<'v> Found<'v> {
    fn member(self, name: &str) -> Option<Self> {
        match self {
            Self::Value(Value::Object(members)) => members.get(name).map(Self::Value),
            Self::Value(Value::Array(items)) if name == "size" => Some(Self::Size(items.len())),
            Self::Value(Value::Array(items)) => items.get(name.parse::<usize>().ok()?).map(Self::Value),
            _ => None,
        }
    }

    /// Whether a section over it is left out, and an inverted one is not. Zero is something.
    pub(crate) fn is_nothing(self) -> bool {
        match self {
            Self::Value(Value::Null | Value::Bool(false)) => true,
            Self::Value(Value::String(text)) => text.is_empty(),
            Self::Value(Value::Array(items)) => items.is_empty(),
            _ => false,
        }
    }

    /// As a variable shows it; a list as Java shows one by its places.
    pub(crate) fn text(self) -> String {
        let mut text = String::new();
        match self {
            Self::Size(size) => text = size.to_string(),
            Self::Value(Value::Null) => {}
            Self::Value(Value::Array(items)) => {
                text.push('{');
                for (at, item) in items.iter().enumerate() {
                    let _written = write!(text, "{}{at}=", if at > 0 { ", " } else { "" });
                    put_nested(item, &mut text);
                }
                text.push('}');
            }
            Self::Value(value) => put_nested(value, &mut text),
        }
        text
    }

    /// As `toJson` shows it: objects and lists as JSON, anything else as a variable shows it.
    pub(crate) fn json(self) -> String {
        match self {
            Self::Value(value @ (Value::Array(_) | Value::Object(_))) => value.to_string(),
            other => other.text(),
        }
    }
}

/// A value in a list or an object, as Java shows those.
pub(crate) fn put_nested(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::String(plain) => text.push_str(plain),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                put_nested(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                let _written = write!(text, "{}{name}=", if at > 0 { ", " } else { "" });
                put_nested(member, text);
            }
            text.push('}');
        }
        plain => {
            let _written = write!(text, "{plain}");
        }
    }
}
