//! The text of a template, as parts.

use crate::DEPTH_MAX;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Variable {
        name: String,
        is_escaped: bool,
    },
    /// Once for each item of a list, or once with a value.
    Section {
        name: String,
        parts: Vec<Part>,
    },
    /// Where there is nothing.
    Inverted {
        name: String,
        parts: Vec<Part>,
    },
    /// What stands there if nobody says otherwise; nobody can, without partials.
    Block(Vec<Part>),
    Json(String),
    Join {
        name: String,
        delimiter: String,
    },
    Url(Vec<Part>),
}

const DELIMITER: &str = ",";

/// A section whose end was not met yet.
struct Open {
    /// `#`, `^` or `$`.
    kind: char,
    name: String,
    parts: Vec<Part>,
    line: usize,
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
    begin: String,
    end: String,
    open: Vec<Open>,
    parts: Vec<Part>,
}

/// Reads a template.
pub(crate) fn parse(text: &str) -> Result<Vec<Part>, String> {
    let (begin, end) = ("{{".to_owned(), "}}".to_owned());
    let mut reader = Reader { rest: text, line: 1, begin, end, open: Vec::new(), parts: Vec::new() };
    while !reader.rest.is_empty() {
        let Some(at) = reader.rest.find(&reader.begin) else {
            let text = reader.rest;
            reader.text(text);
            break;
        };
        let text = &reader.rest[..at];
        reader.text(text);
        reader.rest = &reader.rest[at + reader.begin.len()..];
        reader.tag()?;
    }
    match reader.open.pop() {
        Some(open) => Err(format!("Failed to close '{}' tag {}", open.name, place(open.line))),
        None => Ok(reader.parts),
    }
}

fn place(line: usize) -> String {
    format!("@[query-template:{line}]")
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

impl<'t> Reader<'t> {
    fn text(&mut self, text: &str) {
        self.line += lines(text);
        if !text.is_empty() {
            self.push(Part::Text(text.to_owned()));
        }
    }

    fn push(&mut self, part: Part) {
        match self.open.last_mut() {
            Some(open) => open.parts.push(part),
            None => self.parts.push(part),
        }
    }

    /// What stands before the end of a tag, which is `close`.
    fn until(&mut self, close: &str) -> Result<&'t str, String> {
        let improper = || format!("Improperly closed variable {}", place(self.line));
        let (inside, rest) = self.rest.split_once(close).ok_or_else(improper)?;
        self.rest = rest;
        self.line += lines(inside);
        Ok(inside)
    }

    fn tag(&mut self) -> Result<(), String> {
        let end = self.end.clone();
        let line = self.line;
        let kind = self.rest.chars().next().unwrap_or_default();
        if let Some(rest) = self.rest.strip_prefix(['!', '=', '{', '&', '#', '^', '$', '/', '>', '<']) {
            self.rest = rest;
        }
        match kind {
            '!' => self.until(&end).map(drop),
            '=' => {
                let inside = self.until(&format!("={end}"))?;
                self.change_delimiters(inside, line)
            }
            '{' => {
                let inside = self.until(&format!("}}{end}"))?;
                self.variable(inside, false, line)
            }
            '#' | '^' | '$' => {
                let name = self.until(&end)?.trim().to_owned();
                self.begin_section(kind, name, line)
            }
            '/' => {
                let name = self.until(&end)?.trim();
                self.end_section(name, line)
            }
            '>' | '<' => {
                let name = self.until(&end)?.trim();
                Err(format!("Partial templates are not supported in Mustache scripts: [{name}]"))
            }
            _ => {
                let inside = self.until(&end)?;
                self.variable(inside, kind != '&', line)
            }
        }
    }

    fn change_delimiters(&mut self, inside: &str, line: usize) -> Result<(), String> {
        let mut words = inside.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(begin), Some(end), None) if !begin.contains('=') && !end.contains('=') => {
                (self.begin, self.end) = (begin.to_owned(), end.to_owned());
                Ok(())
            }
            _ => Err(format!("Invalid delimiter string: {} {}", inside.trim(), place(line))),
        }
    }

    fn variable(&mut self, inside: &str, is_escaped: bool, line: usize) -> Result<(), String> {
        match inside.trim() {
            "" => Err(format!("Empty mustache {}", place(line))),
            name => {
                self.push(Part::Variable { name: name.to_owned(), is_escaped });
                Ok(())
            }
        }
    }

    fn begin_section(&mut self, kind: char, name: String, line: usize) -> Result<(), String> {
        if name.is_empty() {
            return Err(format!("Empty mustache {}", place(line)));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("more than [{DEPTH_MAX}] sections are in each other {}", place(line)));
        }
        self.open.push(Open { kind, name, parts: Vec::new(), line });
        Ok(())
    }

    fn end_section(&mut self, name: &str, line: usize) -> Result<(), String> {
        let Some(open) = self.open.pop_if(|open| open.name == name) else {
            let expected = self.open.last().map_or("null", |open| &open.name);
            let place = place(line);
            return Err(format!(
                "Mismatched start/end tags: {expected} != {name} in query-template:{line} {place}"
            ));
        };
        let Open { kind, name, parts, .. } = open;
        let part = match kind {
            '^' => Part::Inverted { name, parts },
            '$' => Part::Block(parts),
            _ => section(name, parts)?,
        };
        self.push(part);
        Ok(())
    }
}

/// A section, or the function that is called as one.
fn section(name: String, parts: Vec<Part>) -> Result<Part, String> {
    match name.as_str() {
        "toJson" => Ok(Part::Json(only_name("toJson", &parts)?)),
        "url" => Ok(Part::Url(parts)),
        "join" => Ok(Part::Join { name: only_name("join", &parts)?, delimiter: DELIMITER.to_owned() }),
        other => match other.strip_prefix("join ").map(str::trim).and_then(delimiter_of) {
            Some(delimiter) => Ok(Part::Join { name: only_name("join", &parts)?, delimiter }),
            None => Ok(Part::Section { name, parts }),
        },
    }
}

/// The text of `delimiter='…'`.
fn delimiter_of(said: &str) -> Option<String> {
    let value = said.strip_prefix("delimiter")?.trim_start().strip_prefix('=')?.trim_start();
    value.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned)
}

/// What a function is called with.
fn only_name(function: &str, parts: &[Part]) -> Result<String, String> {
    match parts {
        [Part::Text(name)] if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => Err(format!("Mustache function [{function}] must contain one and only one identifier")),
    }
}
