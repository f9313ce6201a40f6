//! SMILE -> values. What comes from a client is foreign: each length is held against what is left before anything is made of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::{
    BEGIN_LIST, BEGIN_OBJECT, END_LIST, END_OBJECT, END_OF_TEXT, HEADER, SHARED_MAX, SHARES_NAMES,
    SHARES_TEXTS,
};
use crate::rest::formats::DEPTH_MAX;

/// What may end a document, and need not.
const END_OF_DOCUMENT: u8 = 0xff;

pub(in crate::rest::formats) fn read(bytes: &[u8]) -> Result<Value, String> {
    let (switches, rest) = match bytes.strip_prefix(HEADER) {
        Some([switches, rest @ ..]) => (*switches, rest),
        _ => return Err("it does not begin with `:)`, a line feed and a byte of switches".to_owned()),
    };
    if switches >> 4 != 0 {
        return Err(format!("its version is {}; send version 0", switches >> 4));
    }
    let shared = |mask| (switches & mask != 0).then(Vec::new);
    let mut reading = Reading { rest, names: shared(SHARES_NAMES), texts: shared(SHARES_TEXTS) };
    let token = reading.byte()?;
    let value = reading.value(token, 0)?;
    match reading.rest {
        [] | [END_OF_DOCUMENT] => Ok(value),
        more => Err(format!("{} bytes follow after the end of the document", more.len())),
    }
}

struct Reading<'a> {
    rest: &'a [u8],
    /// By their numbers; none where they are not shared.
    names: Option<Vec<String>>,
    texts: Option<Vec<String>>,
}

impl<'a> Reading<'a> {
    fn byte(&mut self) -> Result<u8, String> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends in the middle of a value")?;
        self.rest = rest;
        Ok(taken)
    }

    fn text(&mut self, length: usize) -> Result<String, String> {
        text_of(self.take(length)?)
    }

    fn long_text(&mut self) -> Result<String, String> {
        let length = self.rest.iter().position(|byte| *byte == END_OF_TEXT);
        let text = self.text(length.ok_or("it ends in the middle of a text")?)?;
        self.byte()?;
        Ok(text)
    }

    fn value(&mut self, token: u8, depth: usize) -> Result<Value, String> {
        if depth >= DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        let low = usize::from(token & 0x1f);
        Ok(match token {
            0x01..=0x1f => json!(referred(self.texts.as_deref(), low - 1, "text")?),
            0x20 => json!(""),
            0x21 => Value::Null,
            0x22 => json!(false),
            0x23 => json!(true),
            0x24 | 0x25 => json!(self.zigzag()?),
            0x26 => whole(self.seven_bits()?)?,
            0x28 => json!(f64::from(f32::from_bits(self.bits(5)? as u32))),
            0x29 => json!(f64::from_bits(self.bits(10)?)),
            0x2a => self.decimal()?,
            0x40..=0x5f => json!(self.short_text(low + 1)?),
            0x60..=0x7f => json!(self.short_text(low + 33)?),
            0x80..=0x9f => json!(self.short_text(low + 2)?),
            0xa0..=0xbf => json!(self.short_text(low + 34)?),
            0xc0..=0xdf => json!(unzigzag(low as u64)),
            0xe0 | 0xe4 => json!(self.long_text()?),
            0xe8 => json!(BASE64_STANDARD.encode(self.seven_bits()?)),
            0xec..=0xef => {
                let number = usize::from(token & 3) << 8 | usize::from(self.byte()?);
                json!(referred(self.texts.as_deref(), number, "text")?)
            }
            0xfd => {
                let length = self.length()?;
                json!(BASE64_STANDARD.encode(self.take(length)?))
            }
            BEGIN_LIST => {
                let mut items = Vec::new();
                loop {
                    match self.byte()? {
                        END_LIST => return Ok(Value::Array(items)),
                        token => items.push(self.value(token, depth + 1)?),
                    }
                }
            }
            BEGIN_OBJECT => self.object(depth)?,
            _ => return Err(format!("{token:#04x} begins no value")),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let mut members = Map::new();
        loop {
            let token = self.byte()?;
            if token == END_OBJECT {
                return Ok(Value::Object(members));
            }
            let name = self.name(token)?;
            let token = self.byte()?;
            let value = self.value(token, depth + 1)?;
            if members.contains_key(&name) {
                return Err(format!("Duplicate field '{name}'"));
            }
            members.insert(name, value);
        }
    }

    fn name(&mut self, token: u8) -> Result<String, String> {
        let name = match token {
            0x20 => return Ok(String::new()),
            0x30..=0x33 => {
                let number = usize::from(token & 3) << 8 | usize::from(self.byte()?);
                return referred(self.names.as_deref(), number, "name");
            }
            0x40..=0x7f => return referred(self.names.as_deref(), usize::from(token & 0x3f), "name"),
            0x34 => return self.long_text(),
            0x80..=0xbf => self.text(usize::from(token & 0x3f) + 1)?,
            0xc0..=0xf7 => self.text(usize::from(token & 0x3f) + 2)?,
            _ => return Err(format!("{token:#04x} begins no name")),
        };
        share(self.names.as_mut(), &name);
        Ok(name)
    }

    fn short_text(&mut self, length: usize) -> Result<String, String> {
        let text = self.text(length)?;
        share(self.texts.as_mut(), &text);
        Ok(text)
    }

    /// A number of up to 64 bits, seven in each byte, six in the last one.
    fn number(&mut self) -> Result<u64, String> {
        let mut number = 0_u64;
        loop {
            let byte = self.byte()?;
            let (bits, digits) = if byte & 0x80 == 0 { (7, byte) } else { (6, byte & 0x3f) };
            if number.leading_zeros() < bits {
                return Err("a number has more than 64 bits".to_owned());
            }
            number = number << bits | u64::from(digits);
            if bits == 6 {
                return Ok(number);
            }
        }
    }

    fn length(&mut self) -> Result<usize, String> {
        usize::try_from(self.number()?).map_err(|error| error.to_string())
    }

    fn zigzag(&mut self) -> Result<i64, String> {
        self.number().map(unzigzag)
    }

    /// So many bytes of seven bits each.
    fn bits(&mut self, bytes: usize) -> Result<u64, String> {
        let taken = self.take(bytes)?.iter();
        Ok(taken.fold(0, |bits, byte| bits << 7 | u64::from(byte & 0x7f)))
    }

    /// Bytes that are told as seven bits each; those of the last one stand at its right.
    fn seven_bits(&mut self) -> Result<Vec<u8>, String> {
        let length = self.length()?;
        let packed = length.checked_mul(8).ok_or("a length is beyond all measure")?.div_ceil(7);
        let taken = self.take(packed)?;
        let mut bytes = Vec::with_capacity(length);
        for part in taken.chunks(8) {
            let whole = part.len() - 1;
            let bits = part[..whole].iter().fold(0_u64, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
            // Of the last byte there are as many bits as are missing.
            let bits = bits << (8 * whole - 7 * whole) | u64::from(part[whole] & 0x7f);
            bytes.extend_from_slice(&bits.to_be_bytes()[8 - whole..]);
        }
        Ok(bytes)
    }

    /// A big decimal: by how many digits its point is moved, and its digits as a whole number.
    fn decimal(&mut self) -> Result<Value, String> {
        let scale = self.zigzag()?;
        let digits = self.seven_bits()?;
        let text = format!("{}e{}", two_complement(&digits)?, -i128::from(scale));
        let number: f64 = text.parse().map_err(|_| format!("[{text}] is no number"))?;
        if number.is_finite() { Ok(json!(number)) } else { Err(format!("[{text}] is out of range")) }
    }
}

fn text_of(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not valid UTF-8".to_owned())
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn referred(shared: Option<&[String]>, number: usize, what: &str) -> Result<String, String> {
    let known = shared.and_then(|shared| shared.get(number));
    known.cloned().ok_or_else(|| format!("there is no {what} of the number {number}"))
}

fn share(shared: Option<&mut Vec<String>>, text: &str) {
    let Some(shared) = shared else { return };
    if shared.len() == SHARED_MAX {
        shared.clear();
    }
    shared.push(text.to_owned());
}

fn two_complement(bytes: &[u8]) -> Result<i128, String> {
    if bytes.len() > 16 {
        return Err(format!("a number has {} bytes; 16 are read", bytes.len()));
    }
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    Ok(bytes.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte)))
}

fn whole(bytes: Vec<u8>) -> Result<Value, String> {
    let number = two_complement(&bytes)?;
    if let Ok(number) = i64::try_from(number) {
        return Ok(json!(number));
    }
    u64::try_from(number)
        .map(|number| json!(number))
        .map_err(|_| format!("the whole number [{number}] has more than 64 bits"))
}
