//! What a task is about, put into words only when somebody looks: most searches are over before anybody does.

use std::fmt;

use bytes::Bytes;
use serde_json::{Value, json};

/// What a task is about.
#[derive(Debug)]
pub(crate) enum Description {
    Text(String),
    Search(Searched),
}

/// A search as it was asked.
#[derive(Debug)]
pub(crate) struct Searched {
    pub indices: String,
    pub doc_type: Option<String>,
    /// The body as it came.
    pub body: Bytes,
    /// The text of `?q=`.
    pub text: Option<String>,
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Search(searched) => searched.fmt(f),
        }
    }
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indices = if self.indices == "_all" { "" } else { &self.indices };
        let types = self.doc_type.as_deref().unwrap_or_default();
        write!(
            f,
            "indices[{indices}], types[{types}], search_type[QUERY_THEN_FETCH], source[{}]",
            self.source()
        )
    }
}

impl Searched {
    fn source(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let mut source = match serde_json::from_slice(&self.body) {
            Ok(source @ Value::Object(_)) => source,
            _ if body.trim().is_empty() => json!({}),
            _ => return body.into_owned(),
        };
        if let Some(text) = &self.text {
            source["query"] = json!({"query_string": {"query": text}});
        }
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_described_as_it_was_asked() {
        let searched = |indices: &str, body: &'static str, text: Option<&str>| Searched {
            indices: indices.to_owned(),
            doc_type: None,
            body: Bytes::from_static(body.as_bytes()),
            text: text.map(str::to_owned),
        };
        for (searched, shown) in [
            (
                searched("a,b-*", "{ \"size\": 0 }", None),
                "indices[a,b-*], types[], search_type[QUERY_THEN_FETCH], source[{\"size\":0}]",
            ),
            (
                searched("_all", "", Some("x")),
                "indices[], types[], search_type[QUERY_THEN_FETCH], source[{\"query\":{\"query_string\":{\"query\":\"x\"}}}]",
            ),
            (searched("a", "{", None), "indices[a], types[], search_type[QUERY_THEN_FETCH], source[{]"),
        ] {
            assert_eq!(Description::Search(searched).to_string(), shown);
        }
    }
}
