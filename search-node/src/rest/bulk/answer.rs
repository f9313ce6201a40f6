//! The answer to a bulk request, written as its parts are done: cut by `filter_path` and laid out item by item, so that
//! neither its text nor a tree of it is ever in memory as a whole.

use std::io::Write;

use serde_json::{Value, json};

use crate::rest::filter_path::filter;
use crate::rest::pieces::Pieces;

/// How the client wants the answer.
pub(super) struct Shape {
    pub paths: Vec<String>,
    pub is_pretty: bool,
}

/// An answer so far.
pub(super) struct Answer {
    shape: Shape,
    /// The outcomes, each with what parts it from the one before in front.
    items: Pieces,
}

impl Answer {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, items: Pieces::default() }
    }

    /// Takes outcomes that were done together, each with a comma in front.
    pub(super) fn push(&mut self, items: Vec<u8>) {
        let mut items = if self.shape.is_pretty || !self.shape.paths.is_empty() {
            self.shape.lay_out(&items)
        } else {
            items
        };
        if self.items.is_empty() && !items.is_empty() {
            items.remove(0);
        }
        items.shrink_to_fit();
        self.items.push(items);
    }

    /// What the outcomes take so far.
    pub(super) fn bytes(&self) -> u64 {
        self.items.bytes()
    }

    /// The whole answer.
    pub(super) fn finish(self, took: i64, errors: bool) -> Pieces {
        let Shape { paths, is_pretty } = &self.shape;
        let head = json!({"took": took, "errors": errors});
        let head = if paths.is_empty() { head } else { filter(&head, paths) };
        let has_items = !self.items.is_empty() || paths.is_empty();
        let members = head.as_object().into_iter().flatten();
        let mut members: Vec<String> = members.map(|(name, value)| member(name, value, *is_pretty)).collect();
        let (end, parting) = if *is_pretty { ("\n  ]\n}\n", ",\n  ") } else { ("]}", ",") };
        let mut answer = Pieces::default();
        if has_items {
            members.push(if *is_pretty { "\"items\": [" } else { "\"items\":[" }.to_owned());
        }
        let start = if *is_pretty && !members.is_empty() { "{\n  " } else { "{" };
        answer.push(format!("{start}{}", members.join(parting)));
        answer.extend(self.items);
        answer.push(match (has_items, is_pretty) {
            (true, _) => end,
            (false, true) if members.is_empty() => "}\n",
            (false, true) => "\n}\n",
            (false, false) => "}",
        });
        answer
    }
}

fn member(name: &str, value: &Value, is_pretty: bool) -> String {
    format!("\"{name}\":{}{value}", if is_pretty { " " } else { "" })
}

impl Shape {
    /// Outcomes as the client wants to see them.
    fn lay_out(&self, items: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(items.len());
        let mut at = 0;
        // The comma before each is not JSON of its own.
        while let Some(rest) = items.get(at + 1..) {
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
            let Some(Ok(item)) = values.next() else { break };
            at += 1 + values.byte_offset();
            self.append(item, &mut shown);
        }
        shown
    }

    fn append(&self, item: Value, shown: &mut Vec<u8>) {
        let item = if self.paths.is_empty() {
            item
        } else {
            match filter(&json!({"items": [item]}), &self.paths)["items"].get_mut(0) {
                Some(item) => item.take(),
                None => return,
            }
        };
        if !self.is_pretty {
            // Writing to memory does not fail.
            let _is_written = write!(shown, ",{item}");
            return;
        }
        shown.extend_from_slice(b",\n    ");
        // A line break inside a text is written as `\n`: every one that is here parts lines.
        for part in
            serde_json::to_vec_pretty(&item).unwrap_or_default().split_inclusive(|byte| *byte == b'\n')
        {
            shown.extend_from_slice(part);
            if part.ends_with(b"\n") {
                shown.extend_from_slice(b"    ");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const ITEMS: [&str; 2] = [
        ",{\"index\":{\"_id\":\"a\\nb\",\"status\":201}},{\"index\":{\"_id\":\"b\",\"status\":400,\"error\":{\"type\":\"x\"}}}",
        ",{\"delete\":{\"_id\":\"c\",\"status\":404}}",
    ];

    async fn answer(paths: &[&str], is_pretty: bool) -> String {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut answer = Answer::new(Shape { paths, is_pretty });
        for items in ITEMS {
            answer.push(items.as_bytes().to_vec());
        }
        let bytes = answer.finish(7, true).collect().await.expect("no error").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("a text")
    }

    /// Written in parts, it is what it would be if it were built and cut as a whole.
    #[tokio::test]
    async fn the_parts_make_the_answer_that_the_whole_would_be() {
        let items = ITEMS.concat();
        let whole = format!("{{\"took\":7,\"errors\":true,\"items\":[{}]}}", &items[1..]);
        let whole: Value = serde_json::from_str(&whole).expect("JSON");
        for paths in [
            &[][..],
            &["took", "items.*.status"],
            &["items.*.error.type"],
            &["errors", "items.*.nothing"],
            &["-items"],
            &["-took", "-items.index"],
            &["nothing"],
        ] {
            let owned: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let expected = if paths.is_empty() { whole.clone() } else { filter(&whole, &owned) };
            let pretty = format!("{}\n", serde_json::to_string_pretty(&expected).expect("written"));

            assert_eq!(answer(paths, false).await, expected.to_string(), "{paths:?}");
            assert_eq!(answer(paths, true).await, pretty, "{paths:?}");
        }
    }
}
