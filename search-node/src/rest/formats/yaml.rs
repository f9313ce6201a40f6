//! YAML: one document, read from the events of a parser; what aliases would repeat is not read, so that a few bytes stay few.

use std::fmt::Write;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, StrInput};
use serde_json::{Map, Value, json};

use super::DEPTH_MAX;

pub(super) fn write(value: &Value) -> String {
    let mut text = String::from("---");
    put(value, 0, false, &mut text);
    text.push('\n');
    text
}

/// Puts a value behind what stands before it: a scalar on the same line, members and items below it. Texts are quoted as JSON
/// quotes them, which is YAML.
fn put(value: &Value, depth: usize, is_in_list: bool, text: &mut String) {
    let mut is_first_in_line = is_in_list;
    let mut begin = |text: &mut String| {
        if std::mem::take(&mut is_first_in_line) {
            text.push(' ');
        } else {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                begin(text);
                let _infallible = match is_plain(name) {
                    true => write!(text, "{name}:"),
                    false => write!(text, "{}:", Value::from(name.as_str())),
                };
                put(member, depth + 1, false, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                begin(text);
                text.push('-');
                put(item, depth + 1, true, text);
            }
        }
        scalar => drop(write!(text, " {scalar}")),
    }
}

/// Whether a name can be nothing but a text.
fn is_plain(name: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(is_word)
        && matches!(Scalar::parse_from_cow(name.into()), Scalar::String(_))
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut reading = Reading { parser: Parser::new_from_str(text) };
    loop {
        match reading.next()? {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            Event::StreamEnd => return Ok(Value::Null),
            first => {
                let value = reading.value(first, 0)?;
                return reading.end().map(|()| value);
            }
        }
    }
}

struct Reading<'input> {
    parser: Parser<'input, StrInput<'input>>,
}

impl<'input> Reading<'input> {
    fn next(&mut self) -> Result<Event<'input>, String> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        loop {
            match self.next()? {
                Event::Nothing | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(()),
                _ => return Err("a second document follows; send one".to_owned()),
            }
        }
    }

    fn value(&mut self, event: Event<'input>, depth: usize) -> Result<Value, String> {
        if depth >= DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        match event {
            Event::Scalar(text, style, _, tag) => {
                let scalar = Scalar::parse_from_cow_and_metadata(text.clone(), style, tag.as_ref());
                scalar_value(scalar.ok_or_else(|| format!("[{text}] is not what its tag says"))?, &text)
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::Array(items)),
                        event => items.push(self.value(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.members(depth).map(Value::Object),
            Event::Alias(_) => Err("aliases are not read; write what they stand for".to_owned()),
            other => Err(format!("{other:?} is out of place")),
        }
    }

    fn members(&mut self, depth: usize) -> Result<Map<String, Value>, String> {
        let mut members = Map::new();
        loop {
            let name = match self.next()? {
                Event::MappingEnd => return Ok(members),
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err("the name of a member must be a text".to_owned()),
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            if members.contains_key(&name) {
                return Err(format!("Duplicate field '{name}'"));
            }
            members.insert(name, value);
        }
    }
}

fn scalar_value(scalar: Scalar<'_>, text: &str) -> Result<Value, String> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => json!(flag),
        Scalar::Integer(number) => json!(number),
        // What fits 64 bits without a sign is no decimal either.
        Scalar::FloatingPoint(number) => match text.parse::<u64>() {
            Ok(whole) => json!(whole),
            Err(_) if number.0.is_finite() => json!(number.0),
            Err(_) => return Err(format!("[{text}] is no number that JSON has")),
        },
        Scalar::String(text) => match text.parse::<u64>() {
            Ok(whole) if whole > i64::MAX as u64 => json!(whole),
            _ => json!(text),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_as_people_write_it() {
        let value = json!([{"node.total": "1", "shards": [], "of": {"a b": 1, "null": null}}, [1, [2]]]);
        let text = "---\n- node.total: \"1\"\n  shards: []\n  of:\n    \"a b\": 1\n    \"null\": null\n- - 1\n  - - 2\n";

        assert_eq!(write(&value), text);
        assert_eq!(read(text.as_bytes()), Ok(value));
    }

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        let text = "a: 1\nb: -1.5\nc: true\nd: ~\ne: 'true'\nf: text with words\ng: !!str 1\nh: [x, {y: 0x10}]\n? i\n: >\n  folded\n  text\n";
        let value = json!({
            "a": 1, "b": -1.5, "c": true, "d": null, "e": "true", "f": "text with words", "g": "1",
            "h": ["x", {"y": 16}], "i": "folded text\n"
        });
        assert_eq!(read(text.as_bytes()), Ok(value));
        assert_eq!(read(b""), Ok(Value::Null));
        assert_eq!(read(b"---\n"), Ok(Value::Null));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, reason) in [
            ("a: 1\na: 2", "Duplicate field 'a'"),
            ("a: &x [1]\nb: *x", "aliases are not read"),
            ("a: 1\n---\nb: 2", "a second document follows"),
            ("[a]: 1", "the name of a member must be a text"),
            ("a: .inf", "no number that JSON has"),
            ("a: [1", ""),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
