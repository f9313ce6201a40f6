//! Bodies in YAML, CBOR and SMILE: a byte for the form, and a body.
//!
//! # Invariants
//!
//! - A body is read or refused.
//! - A document that was accepted is shown in every form, and what is shown is accepted and is the same document.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::Target;
use crate::in_process::{Answer, InProcess};

const FORMS: [&str; 4] = ["application/yaml", "application/cbor", "application/smile", "application/json"];

pub(crate) struct Formats {
    node: InProcess,
}

impl Formats {
    pub(crate) fn open() -> Self {
        Self { node: InProcess::empty("") }
    }

    fn put(&self, id: &str, form: &str, body: &[u8]) -> Answer {
        let put = self.node.call_in(
            Method::PUT,
            &format!("/i/_doc/{id}"),
            form,
            vec![Bytes::copy_from_slice(body)],
        );
        put.check();
        put
    }

    /// The source of a document as JSON.
    fn source(&self, id: &str) -> Value {
        let got = self.node.ask(Method::GET, &format!("/i/_source/{id}"), &Value::Null);
        assert!(got.status.is_success(), "{}", got.body);
        got.body
    }

    fn check_shown(&self) {
        let source = self.source("1");
        for form in FORMS {
            let (status, shown) = self.node.bytes(Method::GET, "/i/_source/1", form);
            assert!(status.is_success(), "{form}: {source}");
            let put = self.put("2", form, &shown);
            assert!(put.status.is_success(), "{form}: {} for {source}", put.body);
            assert_eq!(self.source("2"), source, "{form}");
        }
    }
}

impl Target for Formats {
    fn run(&mut self, input: &[u8]) {
        let Some((form, body)) = input.split_first() else { return };
        let form = FORMS[usize::from(*form) % FORMS.len()];
        // What is in a document means nothing here, only how it is written.
        let made = self.node.ask(
            Method::PUT,
            "/i",
            &json!({
                "mappings": {"dynamic": false}, "settings": {"translog.durability": "async"}
            }),
        );
        assert!(made.status.is_success(), "{}", made.body);
        if self.put("1", form, body).status.is_success() {
            self.check_shown();
        }
        // A body that is read as a request, in which texts and numbers mean something.
        self.node.call_in(Method::POST, "/i/_search", form, vec![Bytes::copy_from_slice(body)]).check();
        let deleted = self.node.ask(Method::DELETE, "/i", &Value::Null);
        assert!(deleted.status.is_success(), "{}", deleted.body);
    }
}
