//! Weight: what a large document takes while it is read and written.
//!
//! Memory goes by values and terms rather than by bytes: a number of one digit takes two bytes of JSON and some eighty of
//! memory. So a document is counted in one pass before it is parsed. Only a large one is; what many small ones take together is
//! bounded by the chunk that they come in.

mod words;

use self::words::Words;

/// A document of more bytes is counted before it is parsed, and has memory reserved for itself. Of the densest JSON, a
/// smaller one takes some ten megabytes, which is little beside any limit that a node works with.
pub(crate) const HEAVY_BYTES: usize = shard::LARGE_DOCUMENT_BYTES;

/// Copies of a byte while a document is written: what is stored, what is logged, and what is on its way to either. Measured:
/// 4.3 beside its body with a text of one word.
const COPIES: u64 = 5;

/// A value in parsing and in the segment's buffer. Measured: 80 for each of ten million numbers, 55 for booleans.
const VALUE_BYTES: u64 = 88;

/// A text beyond what any value takes, as it is a text field and a keyword. Measured: 65.
const STRING_BYTES: u64 = 64;

/// An object or a list beyond what any value takes: it has room for some members before it has them. Measured: 270.
const NEST_BYTES: u64 = 280;

/// A word in a text, with its position. Measured: 4 to 12, with how full the buffers are that hold them.
const WORD_BYTES: u64 = 12;

/// A word that is new to the segment. Measured: 117, and 210 where it is a keyword of its own too.
const TERM_BYTES: u64 = 150;

/// A value in a tree that can be changed; lists double as they grow. Measured: 54.
const TREE_VALUE_BYTES: u64 = 64;

/// An object in such a tree: a table with room for four members of 64 bytes, and its name.
const TREE_NEST_BYTES: u64 = 360;

/// What a document consists of, as far as memory goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    bytes: u64,
    /// Values in objects and lists, at most.
    values: u64,
    /// Objects and lists.
    nests: u64,
    /// Texts, the names of members not among them.
    strings: u64,
    words: u64,
    /// Words that differ, estimated.
    terms: u64,
}

impl Weight {
    /// None of a document that is not worth counting.
    pub(crate) fn of_heavy(source: &[u8]) -> Option<Self> {
        (source.len() > HEAVY_BYTES).then(|| Self::of(source))
    }

    /// What it takes to read a text as JSON, however small it is.
    pub(crate) fn of_read(source: &[u8]) -> u64 {
        Self::of(source).to_read()
    }

    /// Counts a document. It need not be JSON: what is not will be refused when it is parsed.
    fn of(source: &[u8]) -> Self {
        let mut weight = Self { bytes: source.len() as u64, ..Self::default() };
        let mut words = Words::of(source.len());
        let (mut names, mut at) = (0, 0);
        while let Some(byte) = source.get(at) {
            at += 1;
            match byte {
                b',' => weight.values += 1,
                b'[' | b'{' => {
                    weight.values += 1;
                    weight.nests += 1;
                }
                b':' => names += 1,
                b'"' => {
                    weight.strings += 1;
                    let text = text(&source[at..]);
                    words.add(text);
                    at += text.len() + 1;
                }
                _ => {}
            }
        }
        weight.strings = weight.strings.saturating_sub(names);
        (weight.words, weight.terms) = (words.count(), words.distinct());
        weight
    }

    /// What it takes to parse and to index it.
    pub(crate) fn to_index(self) -> u64 {
        self.bytes * COPIES
            + self.values * VALUE_BYTES
            + self.strings * STRING_BYTES
            + self.nests * NEST_BYTES
            + self.words * WORD_BYTES
            + self.terms * TERM_BYTES
    }

    /// What it takes as a tree that can be changed, and as the text that the tree is written as.
    pub(crate) fn to_read(self) -> u64 {
        self.bytes * 2 + self.values * TREE_VALUE_BYTES + self.nests * TREE_NEST_BYTES
    }

    /// What it takes to change it: as it was, as it becomes, and to index that.
    pub(crate) fn to_change(self) -> u64 {
        self.to_read() * 2 + self.to_index()
    }

    /// What an update takes that brings it: as it came, as it was read, as it is stored, and to index that. Measured: 153 MB with
    /// half a million numbers.
    pub(crate) fn to_update(self) -> u64 {
        self.to_read() + self.to_change()
    }
}

/// A text up to its closing quote.
fn text(rest: &[u8]) -> &[u8] {
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[from..]) {
        let at = from + found;
        if rest[at] == b'"' {
            return &rest[..at];
        }
        from = (at + 2).min(rest.len());
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(item: impl Fn(usize) -> String, count: usize) -> Vec<u8> {
        let items: Vec<String> = (0..count).map(item).collect();
        format!("{{\"a\":[{}]}}", items.join(",")).into_bytes()
    }

    fn text_of(word: impl Fn(usize) -> String, count: usize) -> Vec<u8> {
        let words: Vec<String> = (0..count).map(word).collect();
        format!("{{\"a\":\"{}\"}}", words.join(" ")).into_bytes()
    }

    /// The peaks, the body among them, are those of a node that was given such a document, ten times as large and as dense.
    #[test]
    fn what_is_estimated_covers_what_was_measured() {
        for (name, source, measured) in [
            ("numbers of one digit", list(|_| "1".to_owned(), 1_000_000), 90_300_000),
            (
                "long numbers",
                list(|at| (at * 2_654_435_761 % 1_000_000_007).to_string(), 200_000),
                19_400_000,
            ),
            ("booleans", list(|_| "true".to_owned(), 200_000), 16_400_000),
            ("short texts", list(|_| "\"w\"".to_owned(), 250_000), 43_600_000),
            ("texts that differ", list(|at| format!("\"w{at:06x}\""), 100_000), 35_100_000),
            ("objects", list(|_| "{\"b\":1}".to_owned(), 125_000), 47_600_000),
            ("one long word", text_of(|_| "x".repeat(2_000_000), 1), 10_600_000),
            ("one word again and again", text_of(|_| "x".to_owned(), 1_000_000), 14_300_000),
            (
                "words that differ",
                text_of(|at| format!("w{:07x}", at * 2_654_435_761 % (1 << 28)), 222_222),
                36_700_000,
            ),
        ] {
            let estimated = Weight::of(&source).to_index() + source.len() as u64;

            assert!(estimated >= measured / 100 * 95, "{name}: {estimated} of {measured}");
            assert!(estimated <= measured / 2 * 4, "{name}: {estimated} of {measured}");
        }
    }

    #[test]
    fn quotes_escapes_and_names_are_told_apart() {
        let weight = Weight::of(br#"{"a,b":"one, \"two\" [three]","c":[1,"\\"],"d":{}}"#);

        let expected = Weight { bytes: 50, values: 6, nests: 3, strings: 2, words: 7, terms: weight.terms };
        assert_eq!(weight, expected);
        assert!((6..=7).contains(&weight.terms), "{weight:?}");
    }

    #[test]
    fn what_is_no_json_is_counted_too() {
        for source in [&b""[..], b"\"", b"{\"a", b"\"\\", b"\\\"\\", &[0xff, b'"', 0xff]] {
            assert_eq!(Weight::of(source).bytes, source.len() as u64);
        }
    }

    #[test]
    fn only_a_large_document_is_counted() {
        assert_eq!(Weight::of_heavy(&vec![b' '; HEAVY_BYTES]), None);
        assert!(Weight::of_heavy(&vec![b' '; HEAVY_BYTES + 1]).is_some());
    }

    #[test]
    fn to_change_takes_more_than_to_index() {
        let weight = Weight::of(&list(|_| "1".to_owned(), 1_000_000));
        // Ten million stored values took 1,982 MB in an update, and half a million that it brought 158 MB.
        assert!(weight.to_change() * 10 > 1_900_000_000, "{}", weight.to_change());
        assert!(weight.to_update() / 2 > 145_000_000, "{}", weight.to_update());
    }
}
