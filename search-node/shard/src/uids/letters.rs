//! The letters of uids in the order of the documents: blocks in which each uid stands as what differs from the one before.

use std::io::{self, Write};

/// Uids in a block. To read one, all before it in its block are read too.
pub(super) const BLOCK_UIDS: u32 = 32;

/// Writes uids one after the other.
pub(super) struct LettersWriter<'w> {
    out: &'w mut dyn Write,
    count: u32,
    written: u64,
    /// Where each block begins.
    blocks: Vec<u64>,
    previous: Vec<u8>,
    numbers: Vec<u8>,
}

impl<'w> LettersWriter<'w> {
    pub(super) fn new(out: &'w mut dyn Write) -> Self {
        Self { out, count: 0, written: 0, blocks: Vec::new(), previous: Vec::new(), numbers: Vec::new() }
    }

    pub(super) fn push(&mut self, uid: &[u8]) -> io::Result<()> {
        if self.count.is_multiple_of(BLOCK_UIDS) {
            self.blocks.push(self.written);
            self.previous.clear();
        }
        self.count += 1;
        let shared = self.previous.iter().zip(uid).take_while(|(before, now)| before == now).count();
        let own = &uid[shared..];
        self.numbers.clear();
        push_number(&mut self.numbers, shared);
        push_number(&mut self.numbers, own.len());
        self.out.write_all(&self.numbers)?;
        self.out.write_all(own)?;
        self.written += (self.numbers.len() + own.len()) as u64;
        self.previous.truncate(shared);
        self.previous.extend_from_slice(own);
        Ok(())
    }

    /// How many uids were written, how many bytes they take, and where each block begins.
    pub(super) fn finish(self) -> (u32, u64, Vec<u64>) {
        (self.count, self.written, self.blocks)
    }
}

/// Reads uids one after the other from the beginning of a block on.
#[derive(Debug, Clone, Default)]
pub(super) struct LettersReader {
    at: usize,
    /// How many were read since the last block began.
    in_block: u32,
    uid: Vec<u8>,
}

impl LettersReader {
    /// Begins at the block that starts at `at`.
    pub(super) fn at(at: usize) -> Self {
        Self { at, ..Self::default() }
    }

    /// The next uid; none if the letters are not what was written.
    pub(super) fn next(&mut self, letters: &[u8]) -> Option<&[u8]> {
        if self.in_block == BLOCK_UIDS {
            self.in_block = 0;
            self.uid.clear();
        }
        let mut rest = letters.get(self.at..)?;
        let (shared, own) = (take_number(&mut rest)?, take_number(&mut rest)?);
        let own = rest.get(..own)?;
        if shared > self.uid.len() {
            return None;
        }
        self.uid.truncate(shared);
        self.uid.extend_from_slice(own);
        self.at = letters.len() - (rest.len() - own.len());
        self.in_block += 1;
        Some(&self.uid)
    }
}

/// Seven bits of the number in each byte, the lowest first; the highest bit tells that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_read_as_they_were_written_from_any_block_on() {
        let long = "x".repeat(1_000);
        let mut uids: Vec<String> = (0..100).map(|number| format!("2026-{number}")).collect();
        uids.extend(["", "", "ü", "uid\0typed", long.as_str(), "x"].map(str::to_owned));
        let mut letters = Vec::new();
        let mut writer = LettersWriter::new(&mut letters);
        for uid in &uids {
            writer.push(uid.as_bytes()).expect("written");
        }

        let (count, bytes, blocks) = writer.finish();

        assert_eq!((count as usize, bytes as usize), (uids.len(), letters.len()));
        for (block, at) in blocks.iter().enumerate() {
            let mut reader = LettersReader::at(*at as usize);
            for uid in &uids[block * BLOCK_UIDS as usize..] {
                assert_eq!(reader.next(&letters), Some(uid.as_bytes()));
            }
            assert_eq!(reader.next(&letters), None, "the end");
        }
    }

    #[test]
    fn bytes_that_are_no_letters_are_refused() {
        for letters in [&[1, 0][..], &[0, 3, b'a'], &[0xff; 12], &[0, 0xff, 0xff], &[]] {
            assert_eq!(LettersReader::at(0).next(letters), None, "{letters:?}");
        }
        assert_eq!(LettersReader::at(9).next(&[0, 0]), None);
    }
}
