//! From bytes of a file to lines, by offset, with one bounded buffer for all files.
//!
//! A read starts at the first line that was not sent, so nothing but an offset is held between reads. A line without
//! its newline is not a line yet.

use std::os::unix::fs::FileExt;

/// What is read at once, while lines are shorter.
const CHUNK: usize = 128 * 1024;
/// The most lines of one read; a bound for files of very short lines.
const LINES_MAX: usize = 1024;

/// The buffer, reused for every read.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
}

/// One line and its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Where it starts.
    pub(crate) start: u64,
    /// Its bytes without line ending.
    pub(crate) text: &'a [u8],
    /// Whether its rest was left out.
    pub(crate) truncated: bool,
}

/// The lines of one read.
#[derive(Debug, Default)]
pub(crate) struct Lines<'a> {
    /// The lines, in order.
    pub(crate) lines: Vec<Line<'a>>,
    /// Where the next read starts.
    pub(crate) end: u64,
    /// The bytes of these lines as they stand in the file; of an overlong line only the beginning.
    pub(crate) bytes: &'a [u8],
    /// Up to where no newline was found, if the last line has none yet.
    pub(crate) scanned: u64,
}

impl LineBuffer {
    /// Reads complete lines from `start` on. `scanned` is what the last read of the same place said, so that a line
    /// of any length is looked through once.
    pub(crate) fn read(
        &mut self,
        file: &impl FileExt,
        start: u64,
        scanned: u64,
        line_max: usize,
    ) -> std::io::Result<Lines<'_>> {
        let mut size = CHUNK;
        // Longer lines got a longer buffer; it is given back once they are over.
        self.bytes.truncate(size);
        self.bytes.shrink_to(size);
        let room = line_max.saturating_add(1);
        let held = loop {
            self.bytes.resize(size, 0);
            let held = fill(file, &mut self.bytes, start)?;
            let found = self.bytes[..held].contains(&b'\n');
            if found || held < size || size >= room {
                break if found {
                    Held::Lines(held)
                } else if held < size {
                    Held::Part(held)
                } else {
                    Held::Overlong
                };
            }
            size = (size * 4).min(room.max(CHUNK));
        };
        match held {
            Held::Lines(held) => Ok(cut(&self.bytes[..held], start, line_max)),
            Held::Part(held) => Ok(Lines { end: start, scanned: start + held as u64, ..Lines::default() }),
            Held::Overlong => self.overlong(file, start, scanned, line_max),
        }
    }

    /// Looks for the end of a line that is longer than the buffer may be.
    fn overlong(
        &self,
        file: &impl FileExt,
        start: u64,
        scanned: u64,
        line_max: usize,
    ) -> std::io::Result<Lines<'_>> {
        let mut chunk = vec![0; CHUNK];
        let mut at = scanned.max(start + self.bytes.len() as u64);
        loop {
            let held = fill(file, &mut chunk, at)?;
            if let Some(newline) = chunk[..held].iter().position(|byte| *byte == b'\n') {
                let line = Line { start, text: &self.bytes[..line_max], truncated: true };
                let end = at + newline as u64 + 1;
                return Ok(Lines { lines: vec![line], end, bytes: &self.bytes, scanned: 0 });
            }
            at += held as u64;
            if held < chunk.len() {
                return Ok(Lines { end: start, scanned: at, ..Lines::default() });
            }
        }
    }
}

enum Held {
    Lines(usize),
    Part(usize),
    Overlong,
}

fn cut(bytes: &[u8], start: u64, line_max: usize) -> Lines<'_> {
    let mut lines = Vec::with_capacity(LINES_MAX.min(bytes.len() / 64 + 1));
    let mut at = 0;
    while lines.len() < LINES_MAX
        && let Some(length) = bytes[at..].iter().position(|byte| *byte == b'\n')
    {
        let line = &bytes[at..at + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let truncated = line.len() > line_max;
        lines.push(Line { start: start + at as u64, text: &line[..line.len().min(line_max)], truncated });
        at += length + 1;
    }
    Lines { lines, end: start + at as u64, bytes: &bytes[..at], scanned: 0 }
}

fn fill(file: &impl FileExt, bytes: &mut [u8], start: u64) -> std::io::Result<usize> {
    let mut held = 0;
    while held < bytes.len() {
        match file.read_at(&mut bytes[held..], start + held as u64) {
            Ok(0) => break,
            Ok(count) => held += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn all(text: &[u8], line_max: usize) -> Vec<(u64, String, bool)> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text).expect("written");
        let mut buffer = LineBuffer::default();
        let (mut start, mut scanned, mut found) = (0, 0, Vec::new());
        loop {
            let read = buffer.read(&file, start, scanned, line_max).expect("read");
            found.extend(
                read.lines
                    .iter()
                    .map(|l| (l.start, String::from_utf8_lossy(l.text).into_owned(), l.truncated)),
            );
            if read.end == start {
                return found;
            }
            (start, scanned) = (read.end, read.scanned);
        }
    }

    #[test]
    fn lines_have_their_offsets_and_the_last_waits_for_its_newline() {
        let line = |start, text: &str| (start, text.to_owned(), false);

        assert_eq!(all(b"a\r\n\nccc\nrest", 100), [line(0, "a"), line(3, ""), line(4, "ccc")]);
        assert_eq!(all(b"", 100), []);
        assert_eq!(all(b"x", 100), []);
    }

    #[test]
    fn many_lines_and_lines_longer_than_the_buffer_come_whole() {
        let mut text = Vec::new();
        for n in 0..5000 {
            writeln!(text, "{n}").expect("written");
        }
        let long = "l".repeat(CHUNK * 3);
        writeln!(text, "{long}").expect("written");

        let found = all(&text, CHUNK * 10);

        assert_eq!(found.len(), 5001);
        assert!(found[..5000].iter().enumerate().all(|(n, (_, text, _))| *text == n.to_string()));
        assert_eq!(found[5000].1, long);
    }

    #[test]
    fn an_overlong_line_is_cut_and_the_next_one_is_whole() {
        for max in [10, CHUNK, CHUNK + 5] {
            for length in [max + 1, CHUNK * 9] {
                let text = format!("{}\nnext\n", "x".repeat(length));

                let found = all(text.as_bytes(), max);

                assert_eq!(found.len(), 2, "{max} {length}");
                assert_eq!((found[0].1.len(), found[0].2), (max, true), "{max} {length}");
                assert_eq!(found[1].1, "next");
            }
        }
    }
}
