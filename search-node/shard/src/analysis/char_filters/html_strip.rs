//! `html_strip`: markup left out, and entities as the signs they name.
//!
//! What ends a line where it is shown (`p`, `br`, `li`) becomes a line break, other markup nothing; scripts and styles go whole.

use std::collections::BTreeSet;

use super::entities::entity;
use super::{CharFilter, Corrections, Editor};
use crate::analysis::params::Params;

/// Elements that do not end a line where they are shown.
const INLINE: [&str; 37] = [
    "a", "abbr", "acronym", "b", "basefont", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "img",
    "input", "kbd", "label", "q", "s", "samp", "select", "small", "span", "strike", "strong", "sub", "sup",
    "textarea", "tt", "u", "var", "del", "ins", "button", "mark", "time", "wbr",
];

#[derive(Debug)]
pub(super) struct HtmlStrip {
    /// Elements whose markup stays.
    escaped: BTreeSet<String>,
}

/// What stands at a `<`.
enum Markup<'t> {
    Tag {
        name: &'t str,
        bytes: usize,
    },
    /// A comment, a declaration or an instruction.
    Other {
        bytes: usize,
        replacement: &'static str,
    },
}

impl HtmlStrip {
    pub(super) fn new(params: Params<'_>) -> Self {
        let escaped = params.list("escaped_tags").unwrap_or_default();
        Self { escaped: escaped.into_iter().map(|tag| tag.to_lowercase()).collect() }
    }

    fn markup(&self, editor: &mut Editor, rest: &str) -> usize {
        let (bytes, replacement) = match markup_at(rest) {
            None => (0, ""),
            Some(Markup::Other { bytes, replacement }) => (bytes, replacement),
            Some(Markup::Tag { name, bytes }) => {
                let name = name.to_ascii_lowercase();
                if self.escaped.contains(&name) {
                    editor.keep(&rest[..bytes]);
                    return bytes;
                }
                let is_opening = !rest.starts_with("</");
                let with_content = match name.as_str() {
                    "script" | "style" if is_opening => content_end(rest, bytes, &name),
                    _ => bytes,
                };
                (with_content, if INLINE.contains(&name.as_str()) { "" } else { "\n" })
            }
        };
        if bytes == 0 {
            editor.keep("<");
            return 1;
        }
        editor.replace(bytes, replacement);
        bytes
    }
}

impl CharFilter for HtmlStrip {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        let mut at = 0;
        while let Some(next) = text[at..].find(['<', '&']) {
            editor.keep(&text[at..at + next]);
            at += next;
            let rest = &text[at..];
            at += if rest.starts_with('<') {
                self.markup(&mut editor, rest)
            } else if let Some((bytes, meant)) = entity(rest) {
                editor.replace(bytes, &meant);
                bytes
            } else {
                editor.keep("&");
                1
            };
        }
        editor.keep(&text[at..]);
        editor.finish()
    }
}

fn markup_at(rest: &str) -> Option<Markup<'_>> {
    let other = |end: Option<usize>, length: usize, replacement| {
        end.map(|end| Markup::Other { bytes: end + length, replacement })
    };
    if let Some(comment) = rest.strip_prefix("<!--") {
        return other(comment.find("-->"), 7, "");
    }
    if rest.starts_with("<![CDATA[") {
        return None;
    }
    if rest.starts_with("<!") {
        return other(rest.find('>'), 1, "");
    }
    if rest.starts_with("<?") {
        return other(rest.find("?>"), 2, "");
    }
    let behind = if rest.starts_with("</") { 2 } else { 1 };
    let from = rest.len() - rest[behind..].trim_start().len();
    let name_end = rest[from..].find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.')));
    let name_end = name_end.map_or(rest.len(), |end| from + end);
    let name = &rest[from..name_end];
    if !name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':')) {
        return None;
    }
    tag_end(rest, name_end).map(|bytes| Markup::Tag { name, bytes })
}

/// Where a tag ends; a `>` in quotes does not end it.
fn tag_end(rest: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, sign) in rest[from..].bytes().enumerate() {
        match (quote, sign) {
            (None, b'>') => return Some(from + at + 1),
            (None, b'<') => return None,
            (None, b'"' | b'\'') => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            _ => {}
        }
    }
    // One that the text ends within is markup too, unless a quote never ends.
    quote.is_none().then_some(rest.len())
}

/// Where the end tag of an element whose content is no text ends.
fn content_end(rest: &str, from: usize, name: &str) -> usize {
    let end = rest[from..].match_indices("</").find(|(at, _)| {
        let after = rest.as_bytes().get(from + at + 2..).unwrap_or_default();
        after.len() >= name.len() && after[..name.len()].eq_ignore_ascii_case(name.as_bytes())
    });
    match end.and_then(|(at, _)| tag_end(rest, from + at + 2)) {
        Some(end) => end,
        None => rest.len(),
    }
}
