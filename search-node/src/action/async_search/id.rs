//! The id of an asynchronous search: nobody can guess it, and it names the node that keeps it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// An id as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsyncSearchId {
    /// Told apart from all others, also from those before the node started.
    key: String,
    pub node_id: String,
}

/// Stands between the parts; no part has it.
const BETWEEN: char = ':';

impl AsyncSearchId {
    pub(crate) fn new(node_id: &str) -> Self {
        Self { key: uuid::Uuid::new_v4().simple().to_string(), node_id: node_id.to_owned() }
    }

    /// None for what is no such id.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (key, node_id) = text.split_once(BETWEEN)?;
        Some(Self { key: key.to_owned(), node_id: node_id.to_owned() })
    }
}

impl fmt::Display for AsyncSearchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}{BETWEEN}{}", self.key, self.node_id);
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_node_and_is_no_other_one() {
        let (one, other) = (AsyncSearchId::new("00ab"), AsyncSearchId::new("00ab"));
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(AsyncSearchId::read(&one.to_string()), Some(one.clone()));
        assert_eq!(one.node_id, "00ab");
        for text in ["", "nope", "*", "_all"] {
            assert_eq!(AsyncSearchId::read(text), None, "{text}");
        }
    }
}
