//! The letters of a text that are looked at, so that a long text takes no more memory than a short one.

use std::str::CharIndices;

/// How many letters are there beyond the one that is looked at, unless the text ends: no word is longer.
const AHEAD: usize = 2048;
/// How many letters may have been done with before they are let go.
const BEHIND: usize = 4096;

#[derive(Debug)]
pub(super) struct Window<'a> {
    pub(super) text: &'a str,
    rest: CharIndices<'a>,
    letters: Vec<char>,
    /// Where each letter begins in the text, and where the last one ends.
    bytes: Vec<usize>,
}

impl<'a> Window<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut window = Self { text, rest: text.char_indices(), letters: Vec::new(), bytes: Vec::new() };
        window.read(2 * AHEAD);
        window
    }

    fn read(&mut self, letters: usize) {
        self.bytes.pop();
        for (at, letter) in self.rest.by_ref().take(letters) {
            self.letters.push(letter);
            self.bytes.push(at);
        }
        self.bytes.push(self.rest.offset());
    }

    /// Reads on where a place comes near the end.
    #[inline]
    pub(super) fn look_ahead(&mut self, at: usize) {
        if at + AHEAD > self.letters.len() && self.rest.offset() < self.text.len() {
            self.read(2 * AHEAD);
        }
    }

    /// Lets go of what lies before a place, if it is much; gives by how much all places are less now.
    pub(super) fn let_go(&mut self, at: usize) -> usize {
        if at < BEHIND {
            return 0;
        }
        self.letters.drain(..at);
        self.bytes.drain(..at);
        at
    }

    pub(super) fn letter(&self, at: usize) -> Option<char> {
        self.letters.get(at).copied()
    }

    /// The letters from a place on.
    pub(super) fn from(&self, at: usize) -> &[char] {
        self.letters.get(at..).unwrap_or_default()
    }

    pub(super) fn between(&self, from: usize, to: usize) -> &[char] {
        self.letters.get(from..to).unwrap_or_default()
    }

    /// The byte of the text at which a letter begins.
    pub(super) fn byte(&self, at: usize) -> usize {
        self.bytes.get(at).copied().unwrap_or(self.text.len())
    }
}
