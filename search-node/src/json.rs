//! Bodies as JSON, as strictly as Elasticsearch reads them: a member that is given twice in one object is a mistake, and
//! which of the two was meant cannot be told.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What some editors put before a text to say that it is UTF-8. It is no part of the text.
pub(crate) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a body. Faults tell the line and the column.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    read_strictly(bytes).or_else(|error| match with_whole_letters(bytes, &error.to_string()) {
        Some(mended) => read_strictly(&mended),
        None => Err(error),
    })
}

/// How the faults of half a letter are told.
const HALVES: [&str; 2] = ["unexpected end of hex escape", "lone leading surrogate"];
/// How long `\ud83d` is.
const ESCAPE: usize = 6;

/// The text with U+FFFD for each half of a letter (a lone surrogate), which is of no UTF-8; none where the fault is another one.
/// JavaScript writes such halves where it cuts texts, and Elasticsearch takes them.
pub(crate) fn with_whole_letters(bytes: &[u8], fault: &str) -> Option<Vec<u8>> {
    if !HALVES.iter().any(|half| fault.contains(half)) {
        return None;
    }
    let unit = |at: usize| {
        let digits = bytes.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = bytes.to_vec();
    let (mut at, mut is_changed) = (0, false);
    while at < bytes.len() {
        at += match (bytes[at], unit(at)) {
            (_, Some(0xD800..=0xDBFF)) if matches!(unit(at + ESCAPE), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE,
            (_, Some(0xD800..=0xDFFF)) => {
                mended[at..at + ESCAPE].copy_from_slice(b"\\ufffd");
                is_changed = true;
                ESCAPE
            }
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    is_changed.then_some(mended)
}

/// A value in a tree: itself, and the name that it has in an object.
const VALUE_BYTES: u64 = 64;
/// An object or a list, which has room for some members before it has them.
const NEST_BYTES: u64 = 280;

/// About how much memory a value takes, and what it is written as.
pub(crate) fn weight(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => VALUE_BYTES,
        Value::String(text) => VALUE_BYTES + 2 * text.len() as u64,
        Value::Array(items) => NEST_BYTES + items.iter().map(weight).sum::<u64>(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| 2 * name.len() as u64 + weight(value);
            NEST_BYTES + members.iter().map(member).sum::<u64>()
        }
    }
}

fn read_strictly(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// How the fault of a member that is given twice begins.
const REPEAT: &str = "Duplicate field";

/// Whether a body cannot be read because a member is given twice.
pub(crate) fn is_repeat(error: &serde_json::Error) -> bool {
    error.to_string().starts_with(REPEAT)
}

/// Reads a value, from whatever form it has. Bytes, which JSON does not have, are texts in Base64.
pub(crate) struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any valid JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::String(BASE64_STANDARD.encode(bytes)))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{REPEAT} '{name}'")));
            }
            object.insert(name, members.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let value = json!({
            "a": [1, -2, 3.5, 1e300, 18_446_744_073_709_551_615u64, true, null, "text \"\u{1}é"],
            "b": {"a": {}, "b": []}, "": 0
        });
        assert_eq!(read(value.to_string().as_bytes()).expect("read"), value);
        let order = r#"{"z":1,"a":2}"#;
        assert_eq!(read(order.as_bytes()).expect("read").to_string(), order);
        for text in ["", "{", "{\"a\":}", "{} {}", "nonsense", "{\"a\":1,}"] {
            let loose = serde_json::from_str::<Value>(text).expect_err(text).to_string();
            assert_eq!(read(text.as_bytes()).expect_err(text).to_string(), loose);
        }
        assert!(read("[".repeat(1_000_000).as_bytes()).is_err(), "depth has a bound");
    }

    #[test]
    fn half_a_letter_is_read_as_one_that_is_not_known() {
        for (text, read_as) in [
            (r#"{"a":"x\ud83d"}"#, "x\u{fffd}"),
            (r#"{"a":"\ud83dx"}"#, "\u{fffd}x"),
            (r#"{"a":"\uDE00\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            (r#"{"a":"\\ud83d\ud83d"}"#, "\\ud83d\u{fffd}"),
            (r#"{"a":"\ud83d\n"}"#, "\u{fffd}\n"),
        ] {
            assert_eq!(read(text.as_bytes()).expect(text), json!({"a": read_as}), "{text}");
        }
        assert!(read(br#"{"a":"\ud8"}"#).is_err(), "no half of a letter");
        assert!(read(br#"{"a":"\ud83d","#).is_err(), "another fault beside");
    }

    #[test]
    fn a_member_that_is_given_twice_is_refused_at_any_depth() {
        for (text, reason) in [
            (r#"{"a":1,"a":1}"#, "Duplicate field 'a' at line 1 column 10"),
            (r#"{"q":{"a":1,"b":2,"a":3}}"#, "Duplicate field 'a'"),
            (r#"[{"b":[{"c":1,"\u0063":2}]}]"#, "Duplicate field 'c'"),
        ] {
            let error = read(text.as_bytes()).expect_err(text).to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
        read(br#"{"a":{"a":1},"b":{"a":1}}"#).expect("one each");
    }
}
