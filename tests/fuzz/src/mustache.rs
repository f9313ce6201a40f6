//! Templates in mustache.
//!
//! An input is a line of values, as JSON, and a template. Without JSON there the whole of it is a text among the values.
//!
//! # Invariants
//!
//! - A template is refused or read, and comes to a text within its bound or to none.
//! - It comes to the same text again.
//! - A value never breaks out of the text of JSON that it stands in.
//! - What has no tags is the text itself.

use mustache::{Escape, Template};
use serde_json::{Value, json};

use crate::Target;
use crate::pace::timed;

const BYTES_MAX: usize = 1 << 20;

pub(crate) struct Templates;

impl Target for Templates {
    fn run(&mut self, input: &[u8]) {
        let input = String::from_utf8_lossy(input);
        let (first, template) = input.split_once('\n').unwrap_or(("", &input));
        let params: Value = serde_json::from_str(first).unwrap_or_else(|_| json!({"x": first, "l": [first]}));
        for escape in [Escape::Json, Escape::Plain, Escape::Url] {
            try_template(template, &params, escape);
        }
        check_escaped(first);
        check_escaped(template);
    }
}

fn try_template(text: &str, params: &Value, escape: Escape) {
    let Ok(template) = timed(|| Template::read(text)) else {
        assert!(text.contains("{{"), "refused without any tag");
        return;
    };
    let rendered = timed(|| template.render(params, escape, BYTES_MAX));
    assert_eq!(rendered, template.render(params, escape, BYTES_MAX), "it comes to the same again");
    if let Ok(rendered) = &rendered {
        assert!(rendered.len() <= BYTES_MAX, "{} bytes", rendered.len());
    }
    if !text.contains("{{") && text.len() <= BYTES_MAX {
        assert_eq!(rendered.as_deref(), Ok(text), "without tags");
    }
}

fn check_escaped(value: &str) {
    let template = Template::read(r#"{"v": "{{x}}", "l": "{{#l}}{{.}}{{/l}}"}"#).expect("a template");
    let Ok(rendered) = template.render(&json!({"x": value, "l": [value]}), Escape::Json, BYTES_MAX) else {
        return;
    };
    let read: Value = serde_json::from_str(&rendered).expect("JSON");
    assert_eq!(read, json!({"v": value, "l": value}));
}
