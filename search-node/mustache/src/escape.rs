//! How a value is written so that it does not break out of the text around it.

use std::fmt::Write as _;

/// What the text is, and so what has to be escaped in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escape {
    #[default]
    Json,
    Plain,
    /// As a form in a URL.
    Url,
}

impl Escape {
    /// By the media type of the text.
    pub fn of_media_type(name: &str) -> Option<Self> {
        let kind = name.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "text/plain" => Some(Self::Plain),
            "application/x-www-form-urlencoded" => Some(Self::Url),
            _ => None,
        }
    }

    /// Adds a value to a text.
    pub(crate) fn put(self, value: &str, text: &mut String) {
        match self {
            Self::Json => put_json(value, text),
            Self::Plain => text.push_str(value),
            Self::Url => put_url(value, text),
        }
    }
}

fn put_json(value: &str, text: &mut String) {
    for sign in value.chars() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control < ' ' => {
                // Writing to a text cannot fail.
                let _written = write!(text, "\\u{:04X}", control as u32);
            }
            plain => text.push(plain),
        }
    }
}

fn put_url(value: &str, text: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                text.push(char::from(byte))
            }
            b' ' => text.push('+'),
            other => {
                let _written = write!(text, "%{other:02X}");
            }
        }
    }
}
