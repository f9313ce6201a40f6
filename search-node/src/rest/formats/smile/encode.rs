//! Values -> SMILE. Names are shared, texts are not.

use std::collections::HashMap;

use serde_json::{Number, Value};

use super::{BEGIN_LIST, BEGIN_OBJECT, END_LIST, END_OBJECT, END_OF_TEXT, HEADER, SHARED_MAX, SHARES_NAMES};

pub(in crate::rest::formats) fn write(value: &Value) -> Vec<u8> {
    let mut writing = Writing::default();
    writing.bytes.extend_from_slice(HEADER);
    writing.bytes.push(SHARES_NAMES);
    writing.value(value);
    writing.bytes
}

#[derive(Default)]
struct Writing<'a> {
    bytes: Vec<u8>,
    /// The numbers of names that can be given by them.
    names: HashMap<&'a str, usize>,
    /// How many were numbered.
    numbered: usize,
}

impl<'a> Writing<'a> {
    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Null => self.bytes.push(0x21),
            Value::Bool(false) => self.bytes.push(0x22),
            Value::Bool(true) => self.bytes.push(0x23),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.bytes.push(BEGIN_LIST);
                items.iter().for_each(|item| self.value(item));
                self.bytes.push(END_LIST);
            }
            Value::Object(members) => {
                self.bytes.push(BEGIN_OBJECT);
                for (name, member) in members {
                    self.name(name);
                    self.value(member);
                }
                self.bytes.push(END_OBJECT);
            }
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(whole) = number.as_i64() {
            let zigzag = ((whole << 1) ^ (whole >> 63)) as u64;
            match i32::try_from(whole) {
                Ok(-16..=15) => self.bytes.push(0xc0 | zigzag as u8),
                Ok(_) => self.numbered(0x24, zigzag),
                Err(_) => self.numbered(0x25, zigzag),
            }
        } else if let Some(whole) = number.as_u64() {
            // It needs its 65th bit for the sign, so that it is one of the big numbers.
            let bytes = [&[0][..], &whole.to_be_bytes()].concat();
            self.numbered(0x26, bytes.len() as u64);
            self.seven_bits(&bytes);
        } else {
            let bits = number.as_f64().unwrap_or_default().to_bits();
            self.bytes.push(0x29);
            self.bytes.extend((0..10).rev().map(|at| (bits >> (7 * at)) as u8 & 0x7f));
        }
    }

    fn numbered(&mut self, token: u8, number: u64) {
        self.bytes.push(token);
        let digits = (0..9).rev().map(|at| number.checked_shr(6 + 7 * at).unwrap_or(0));
        self.bytes.extend(digits.skip_while(|left| *left == 0).map(|left| left as u8 & 0x7f));
        self.bytes.push(0x80 | (number as u8 & 0x3f));
    }

    /// Seven bits a byte, so that no byte looks like a mark; those of the last byte stand at its right.
    fn seven_bits(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(7) {
            let value = part.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            let (bits, whole) = (8 * part.len(), part.len());
            self.bytes.extend((1..=whole).map(|at| (value >> (bits - 7 * at)) as u8 & 0x7f));
            self.bytes.push(value as u8 & ((1 << (bits - 7 * whole)) - 1));
        }
    }

    fn text(&mut self, text: &str) {
        let length = text.len();
        match (length, text.is_ascii()) {
            (0, _) => self.bytes.push(0x20),
            (1..=32, true) => self.bytes.push(0x40 | (length - 1) as u8),
            (33..=64, true) => self.bytes.push(0x60 | (length - 33) as u8),
            (2..=33, false) => self.bytes.push(0x80 | (length - 2) as u8),
            (34..=65, false) => self.bytes.push(0xa0 | (length - 34) as u8),
            (_, is_ascii) => {
                self.bytes.push(if is_ascii { 0xe0 } else { 0xe4 });
                self.bytes.extend_from_slice(text.as_bytes());
                return self.bytes.push(END_OF_TEXT);
            }
        }
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &'a str) {
        let length = name.len();
        if let Some(number) = self.names.get(name) {
            return match *number {
                short @ 0..64 => self.bytes.push(0x40 | short as u8),
                long => self.bytes.extend([0x30 | (long >> 8) as u8, long as u8]),
            };
        }
        match (length, name.is_ascii()) {
            (0, _) => return self.bytes.push(0x20),
            (1..=64, true) => self.bytes.push(0x80 | (length - 1) as u8),
            (2..=57, false) => self.bytes.push(0xc0 | (length - 2) as u8),
            _ => {
                self.bytes.push(0x34);
                self.bytes.extend_from_slice(name.as_bytes());
                return self.bytes.push(END_OF_TEXT);
            }
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.share(name);
    }

    fn share(&mut self, name: &'a str) {
        if self.numbered == SHARED_MAX {
            self.names.clear();
            self.numbered = 0;
        }
        // Bytes that end a document or a text are no part of a number.
        if self.numbered & 0xff < 0xfe {
            self.names.insert(name, self.numbered);
        }
        self.numbered += 1;
    }
}
