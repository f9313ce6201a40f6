//! The parts of a word at its delimiters, changes of case and digits: what `word_delimiter` and `word_delimiter_graph` share.

use std::collections::{HashMap, HashSet};

use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::marks::is_mark;
use crate::analysis::params::Params;

/// What a character is to the rules: a set of bits.
type Kind = u8;

const LOWER: Kind = 1;
const UPPER: Kind = 2;
const DIGIT: Kind = 4;
const DELIMITER: Kind = 8;
const ALPHA: Kind = LOWER | UPPER;

/// What both filters are told.
#[derive(Debug)]
pub(super) struct PartOptions {
    generate_words: bool,
    generate_numbers: bool,
    catenate_words: bool,
    catenate_numbers: bool,
    pub(super) catenate_all: bool,
    pub(super) keeps_original: bool,
    split_at_case: bool,
    split_at_digits: bool,
    without_possessive: bool,
    protected: HashSet<String>,
    kinds: HashMap<char, Kind>,
}

/// A part of a word, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) from: usize,
    pub(super) to: usize,
    kind: Kind,
}

/// The parts of a word.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// Whether it is one part with delimiters or a possessive around it.
    pub(super) is_single: bool,
    /// Whether it is one part and nothing else.
    pub(super) is_whole: bool,
}

impl Part {
    /// Whether two parts may be joined.
    pub(super) fn is_like(&self, other: &Part) -> bool {
        self.kind & other.kind != 0
    }
}

impl PartOptions {
    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[
            ("protected_words_path", "protected_words"),
            ("type_table_path", "type_table"),
        ])?;
        Ok(Self {
            generate_words: params.flag("generate_word_parts", true)?,
            generate_numbers: params.flag("generate_number_parts", true)?,
            catenate_words: params.flag("catenate_words", false)?,
            catenate_numbers: params.flag("catenate_numbers", false)?,
            catenate_all: params.flag("catenate_all", false)?,
            keeps_original: params.flag("preserve_original", false)?,
            split_at_case: params.flag("split_on_case_change", true)?,
            split_at_digits: params.flag("split_on_numerics", true)?,
            without_possessive: params.flag("stem_english_possessive", true)?,
            protected: params.list("protected_words").unwrap_or_default().into_iter().collect(),
            kinds: read_kinds(&params.rules("type_table").unwrap_or_default())?,
        })
    }

    pub(super) fn is_protected(&self, text: &str) -> bool {
        self.protected.contains(text)
    }

    /// Whether a part is a token by itself.
    pub(super) fn generates(&self, part: &Part) -> bool {
        self.generate_words && part.kind & ALPHA != 0 || self.generate_numbers && part.kind & DIGIT != 0
    }

    /// Whether a part is joined with its likes.
    pub(super) fn catenates(&self, part: &Part) -> bool {
        self.catenate_words && part.kind & ALPHA != 0 || self.catenate_numbers && part.kind & DIGIT != 0
    }

    fn kind(&self, letter: char) -> Kind {
        if let Some(kind) = self.kinds.get(&letter) {
            return *kind;
        }
        match letter {
            _ if letter.is_uppercase() => UPPER,
            _ if letter.is_lowercase() => LOWER,
            _ if letter.is_numeric() => DIGIT,
            _ if letter.is_alphabetic() => ALPHA,
            // Beyond the basic plane Lucene sees halves of letters, which it takes for letters and digits alike.
            _ if letter.len_utf16() == 2 => ALPHA | DIGIT,
            _ if is_mark(letter) => ALPHA,
            _ => DELIMITER,
        }
    }

    fn breaks(&self, before: Kind, next: Kind) -> bool {
        if before & next != 0 {
            return false;
        }
        let (alpha_before, alpha_next) = (before & ALPHA != 0, next & ALPHA != 0);
        if !self.split_at_case && alpha_before && alpha_next || before & UPPER != 0 && alpha_next {
            return false;
        }
        let digit = |kind: Kind| kind & DIGIT != 0;
        self.split_at_digits || !(alpha_before && digit(next) || digit(before) && alpha_next)
    }

    /// The parts of a word.
    pub(super) fn parts(&self, text: &str) -> Parts {
        let letters: Vec<(usize, char, Kind)> =
            text.char_indices().map(|(at, letter)| (at, letter, self.kind(letter))).collect();
        let is_delimiter = |at: usize| letters[at].2 == DELIMITER;
        let begin = (0..letters.len()).find(|at| !is_delimiter(*at)).unwrap_or(letters.len());
        let end = (begin..letters.len()).rev().find(|at| !is_delimiter(*at)).map_or(begin, |at| at + 1);
        // Whether `'s` ends at a place.
        let is_possessive = |to: usize| {
            self.without_possessive
                && to > 2
                && to <= end
                && letters[to - 2].1 == '\''
                && matches!(letters[to - 1].1, 's' | 'S')
                && letters[to - 3].2 & ALPHA != 0
                && (to == end || is_delimiter(to))
        };
        let place = |at: usize| letters.get(at).map_or(text.len(), |letter| letter.0);
        let mut parts = Vec::new();
        let mut at = begin;
        while at < end {
            if is_delimiter(at) {
                at += 1;
                continue;
            }
            let from = at;
            let mut kind = letters[at].2;
            at += 1;
            while at < end && !self.breaks(kind, letters[at].2) {
                kind = letters[at].2;
                at += 1;
            }
            let named = if letters[from].2 & ALPHA != 0 && letters[from].2 & DIGIT == 0 {
                ALPHA
            } else {
                letters[from].2
            };
            parts.push(Part { from: place(from), to: place(at), kind: named });
            if at + 1 < end && is_possessive(at + 2) {
                at += 2;
            }
        }
        let without = if is_possessive(end) { end - 2 } else { end };
        let only = if let [only] = parts.as_slice() { Some(*only) } else { None };
        Parts {
            is_single: only.is_some_and(|only| (only.from, only.to) == (place(begin), place(without))),
            is_whole: only.is_some_and(|only| (only.from, only.to) == (0, text.len())),
            parts,
        }
    }
}

/// Lines as `$ => DIGIT`.
fn read_kinds(lines: &[String]) -> Result<HashMap<char, Kind>> {
    let mut kinds = HashMap::new();
    for line in lines {
        let fault = |what: &str| AnalysisError::argument(format!("Invalid mapping rule : [{line}]. {what}"));
        let (sign, kind) =
            line.split_once("=>").ok_or_else(|| fault("A rule is written as [sign => TYPE]."))?;
        let sign = sign.trim();
        let letter = match sign.strip_prefix("\\u") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().and_then(char::from_u32),
            None => sign.trim_start_matches('\\').chars().next(),
        };
        let letter = letter.ok_or_else(|| fault("Only a single character is allowed."))?;
        let kind = match kind.trim() {
            "LOWER" => LOWER,
            "UPPER" => UPPER,
            "ALPHA" => ALPHA,
            "DIGIT" => DIGIT,
            "ALPHANUM" => ALPHA | DIGIT,
            "SUBWORD_DELIM" => DELIMITER,
            _ => return Err(fault("Illegal type.")),
        };
        kinds.insert(letter, kind);
    }
    Ok(kinds)
}
