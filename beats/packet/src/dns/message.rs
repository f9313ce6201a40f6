//! A DNS message, decoded as far as it goes: a fault in a record ends the list, and what was read before it stays.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::dns::names::{class_name, type_name};

/// A name has at most 255 octets, so no more labels than this; it also bounds a pointer loop.
const JUMPS_MAX: usize = 128;
const NAME_MAX: usize = 255;
/// The most records that are kept; further ones are only counted. Compression lets a record of a dozen bytes have a
/// name of a thousand characters, so that a message of 64 KiB would grow to megabytes.
const RECORDS_MAX: usize = 64;
const TYPE_OPT: u16 = 41;

/// A decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// The first question; nobody asks more than one at a time.
    pub(crate) question: Option<Question>,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
    /// The counts that the header gives.
    pub(crate) counts: [u16; 4],
    pub(crate) opt: Option<Opt>,
    /// What could not be read, if anything.
    pub(crate) fault: Option<&'static str>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) kind: u16,
    pub(crate) class: u16,
}

/// One resource record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) class: String,
    pub(crate) ttl: u32,
    pub(crate) data: String,
}

/// The pseudo record of EDNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) version: u8,
    pub(crate) wants_dnssec: bool,
    pub(crate) ext_rcode: u8,
    pub(crate) udp_size: u16,
}

impl Message {
    /// Decodes what is there; `None` if it cannot be DNS at all.
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let mut reader = Reader { data, at: 0 };
        let id = reader.u16()?;
        let flags = reader.u16()?;
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let mut message = Self {
            id,
            flags,
            question: None,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            counts,
            opt: None,
            fault: None,
        };
        for number in 0..counts[0] {
            match reader.question() {
                Some(question) => {
                    message.question.get_or_insert(question);
                }
                None if number == 0 => return None,
                None => {
                    message.fault = Some("a question cannot be read");
                    return Some(message);
                }
            }
        }
        for (section, count) in counts.iter().skip(1).enumerate() {
            for _ in 0..*count {
                if message.take_record(&mut reader, section).is_none() {
                    message.fault = Some("a resource record cannot be read");
                    return Some(message);
                }
            }
        }
        Some(message)
    }

    fn take_record(&mut self, reader: &mut Reader<'_>, section: usize) -> Option<()> {
        let name = reader.name()?;
        let kind = reader.u16()?;
        let class = reader.u16()?;
        let ttl = reader.u32()?;
        let length = usize::from(reader.u16()?);
        let begin = reader.at;
        let end = begin.checked_add(length).filter(|end| *end <= reader.data.len())?;
        if kind == TYPE_OPT {
            let [ext_rcode, version, high, _] = ttl.to_be_bytes();
            self.opt = Some(Opt { version, wants_dnssec: high & 0x80 != 0, ext_rcode, udp_size: class });
            reader.at = end;
            return Some(());
        }
        let data = reader.record_data(kind, end);
        reader.at = end;
        let record = Record {
            name,
            kind: type_name(kind),
            class: class_name(class),
            ttl,
            data: data.unwrap_or_default(),
        };
        if self.records().count() < RECORDS_MAX {
            match section {
                0 => self.answers.push(record),
                1 => self.authorities.push(record),
                _ => self.additionals.push(record),
            }
        }
        Some(())
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.answers.iter().chain(&self.authorities).chain(&self.additionals)
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let record =
            |r: &Record| size_of::<Record>() + r.name.len() + r.kind.len() + r.class.len() + r.data.len();
        let question = self.question.as_ref().map_or(0, |question| question.name.len());
        size_of::<Self>() + question + self.records().map(record).sum::<usize>()
    }

    pub(crate) fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(crate) fn op_code(&self) -> u8 {
        ((self.flags >> 11) & 0xf) as u8
    }

    /// The response code, with the upper bits that EDNS adds.
    pub(crate) fn response_code(&self) -> u16 {
        let upper = self.opt.as_ref().map_or(0, |opt| u16::from(opt.ext_rcode));
        (upper << 4) | (self.flags & 0xf)
    }
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.data.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn question(&mut self) -> Option<Question> {
        Some(Question { name: self.name()?, kind: self.u16()?, class: self.u16()? })
    }

    /// A name, following compression; the root is the empty text.
    fn name(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut at = self.at;
        let mut after = None;
        let mut octets = 0;
        for _ in 0..JUMPS_MAX {
            let length = usize::from(*self.data.get(at)?);
            at += 1;
            match length {
                0 => {
                    self.at = after.unwrap_or(at);
                    return Some(text);
                }
                1..=63 => {
                    octets += length + 1;
                    if octets > NAME_MAX {
                        return None;
                    }
                    if !text.is_empty() {
                        text.push('.');
                    }
                    escape(self.data.get(at..at + length)?, &mut text);
                    at += length;
                }
                192.. => {
                    let low = usize::from(*self.data.get(at)?);
                    after = after.or(Some(at + 1));
                    at = ((length & 0x3f) << 8) | low;
                }
                _ => return None,
            }
        }
        None
    }

    /// What a record says, as text; `None` where it is cut off or unknown.
    fn record_data(&mut self, kind: u16, end: usize) -> Option<String> {
        let text = match kind {
            1 => Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?).to_string(),
            28 => Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).to_string(),
            2 | 5 | 12 | 39 => self.name()?,
            15 => {
                let preference = self.u16()?;
                format!("{preference} {}", self.name()?)
            }
            33 => {
                let (priority, weight, port) = (self.u16()?, self.u16()?, self.u16()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            6 => {
                let (server, mailbox) = (self.name()?, self.name()?);
                let mut numbers = String::new();
                for _ in 0..5 {
                    numbers.push_str(&format!(" {}", self.u32()?));
                }
                format!("{server} {mailbox}{numbers}")
            }
            16 | 99 => {
                let mut parts = Vec::new();
                while self.at < end {
                    let length = usize::from(self.u8()?);
                    let mut part = String::new();
                    escape(self.take(length)?, &mut part);
                    parts.push(part);
                }
                parts.join(" ")
            }
            257 => {
                let flags = self.u8()?;
                let length = usize::from(self.u8()?);
                let mut tag = String::new();
                escape(self.take(length)?, &mut tag);
                let mut value = String::new();
                escape(self.data.get(self.at..end)?, &mut value);
                self.at = end;
                format!("{flags} {tag} {value}")
            }
            _ => return None,
        };
        // A name that points about may be right, but plain data must end where the record does.
        (self.at <= end).then_some(text)
    }
}

/// Bytes as text; what is not printable is written as `\ddd`, as in zone files.
fn escape(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        match byte {
            b'.' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(questions: u16, answers: u16) -> Vec<u8> {
        let mut data = vec![0, 7, 0x81, 0x80];
        for count in [questions, answers, 0, 0] {
            data.extend(count.to_be_bytes());
        }
        data
    }

    #[test]
    fn a_pointer_that_points_at_itself_ends() {
        let mut data = header(1, 0);
        data.extend([0xc0, 12, 0, 1, 0, 1]);

        assert_eq!(Message::decode(&data), None);
    }

    #[test]
    fn a_compressed_answer_is_read_and_a_cut_off_one_is_a_fault() {
        let mut data = header(1, 2);
        data.extend(b"\x01a\x02bc\x00\x00\x01\x00\x01");
        data.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1]);
        data.extend([0xc0, 12, 0, 1]);

        let message = Message::decode(&data).expect("DNS");

        assert_eq!(message.question.as_ref().map(|question| question.name.as_str()), Some("a.bc"));
        assert_eq!(message.answers.len(), 1);
        assert_eq!((message.answers[0].data.as_str(), message.answers[0].ttl), ("10.0.0.1", 9));
        assert_eq!(message.fault, Some("a resource record cannot be read"));
    }

    /// Pointers let every question and record repeat a name that is sent once.
    #[test]
    fn a_message_grows_little_in_memory_however_often_it_repeats_a_name() {
        let mut data = header(1000, 3000);
        for _ in 0..3 {
            data.push(63);
            data.extend([0x80; 63]);
        }
        data.extend([0, 0, 1, 0, 1]);
        for _ in 1..1000 {
            data.extend([0xc0, 12, 0, 1, 0, 1]);
        }
        for _ in 0..3000 {
            data.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1]);
        }

        let message = Message::decode(&data).expect("DNS");

        assert_eq!((message.fault, message.counts[1], message.answers.len()), (None, 3000, RECORDS_MAX));
        assert!(message.weight() < 2 * data.len(), "{} of {}", message.weight(), data.len());
    }

    #[test]
    fn no_cut_and_no_single_wrong_byte_makes_it_panic() {
        let mut data = header(1, 1);
        data.extend(b"\x03www\x02bc\x00\x00\x0f\x00\x01");
        data.extend([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 4, 0, 5, 0xc0, 12]);
        let whole = Message::decode(&data).expect("DNS");
        assert_eq!(whole.answers[0].data, "5 www.bc");

        for length in 0..data.len() {
            if let Some(message) = Message::decode(&data[..length]) {
                assert!(message.fault.is_some(), "cut at {length}");
            }
        }
        for at in 0..data.len() {
            for value in 0..=255 {
                let mut wrong = data.clone();
                wrong[at] = value;
                if let Some(message) = Message::decode(&wrong) {
                    assert!(message.answers.len() <= data.len());
                }
            }
        }
    }
}
