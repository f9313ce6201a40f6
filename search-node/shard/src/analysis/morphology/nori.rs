//! Korean as `nori` cuts it: the cheapest way through the words of a dictionary, and compounds and joined endings in their parts.

use std::borrow::Cow;
use std::sync::Arc;

use unicode_script::{Script, UnicodeScript};

use super::Morpheme;
use super::dictionary::{Dictionary, Entry, Origin, korean_tag};
use super::kuromoji::{LETTERS_MAX, USER_COST};
use super::lattice::{Lattice, Step, cheapest};
use super::user_words::UserWords;
use super::window::Window;
use crate::analysis::digits::digit_value;
use crate::analysis::marks::is_mark;
use crate::analysis::token::{Token, WORD};

/// What becomes of words that are made of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decompound {
    /// They stay.
    None,
    /// Their parts take their place.
    Discard,
    /// Their parts stand beside them.
    Mixed,
}

/// The sides of the words of an index, as nouns have them in mecab-ko-dic: with a last letter that is closed, open, or not Korean.
const USER_LEFT: u16 = 1781;
const USER_RIGHT: u16 = 3533;
const USER_RIGHT_OPEN: u16 = 3534;
const USER_RIGHT_CLOSED: u16 = 3535;
/// What a space in front of a word costs that is written together with the word before it.
const SPACE_COST: i32 = 3000;
/// The tags of such words.
const JOINED: [&str; 6] = ["E", "J", "VCP", "XSA", "XSN", "XSV"];

/// How texts are cut.
#[derive(Debug)]
pub(crate) struct Nori {
    pub(crate) dictionary: &'static Dictionary,
    pub(crate) user_words: Option<UserWords>,
    pub(crate) mode: Decompound,
    pub(crate) discards_punctuation: bool,
}

impl Nori {
    /// The tokens of a text.
    pub(crate) fn cut<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Token> + 'a {
        let mut cutter = Cutter {
            rules: self,
            window: Window::of(text),
            lattice: Lattice::new(),
            at: 0,
            is_done: text.is_empty(),
            pending: Vec::new(),
        };
        std::iter::from_fn(move || cutter.next())
    }

    /// Whether the dictionary is one that these rules fit.
    pub(super) fn fits(dictionary: &Dictionary) -> bool {
        dictionary.has_sides(USER_LEFT, USER_RIGHT_CLOSED)
    }
}

/// A part of a word: its tag, its text, and how many letters it takes.
struct Part {
    tag: Arc<str>,
    text: Cow<'static, str>,
    letters: usize,
}

/// Words that are made of others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Not at all.
    Whole,
    /// Of words that stand in it one behind the other.
    Compound,
    /// Of words that have grown together.
    Inflected,
    /// Of words whose letters it has, at no place of their own.
    Analyzed,
}

struct Cutter<'a> {
    rules: &'a Nori,
    window: Window<'a>,
    lattice: Lattice,
    at: usize,
    is_done: bool,
    /// Tokens that were found, the last one first.
    pending: Vec<Token>,
}

impl Cutter<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            if let Some(token) = self.pending.pop() {
                return Some(token);
            }
            if self.is_done {
                return None;
            }
            self.go_on();
        }
    }

    /// Looks at letters until tokens are known.
    fn go_on(&mut self) {
        // How far a word of the index reaches: those within it are none.
        let mut user_end = 0;
        loop {
            self.window.look_ahead(self.at);
            let Some(letter) = self.window.letter(self.at) else { break };
            let steps = self.lattice.steps(self.at).len();
            if steps == 0 {
                self.at += 1;
                continue;
            }
            let is_frontier = self.lattice.furthest == self.at;
            if self.at > self.lattice.base() && steps == 1 && is_frontier {
                self.trace(0);
                if !self.pending.is_empty() {
                    return;
                }
                user_end = 0;
            } else if self.at - self.lattice.base() >= LETTERS_MAX
                && let Some((place, step)) = self.lattice.cheapest_from(self.at)
            {
                self.lattice.keep_only(self.at, place, step);
                self.at = place;
                self.trace(0);
                self.lattice.forget_costs();
                if !self.pending.is_empty() {
                    return;
                }
                user_end = 0;
                continue;
            }
            let from = self.at;
            if is_space(letter) && self.window.letter(self.at + 1).is_some() {
                self.at += 1;
            }
            let Some(first) = self.window.letter(self.at) else { break };
            let is_known = self.add_known(from, &mut user_end);
            if !is_known || self.rules.dictionary.class(first).is_invoked {
                self.add_unknown(from, first);
            }
            self.at += 1;
        }
        self.is_done = true;
        let connections = self.rules.dictionary.connections(0);
        let end = cheapest(self.lattice.steps(self.at), |step| {
            i32::from(connections[usize::from(step.word.right)])
        });
        if let Some((step, _)) = end {
            self.trace(step);
        }
    }

    fn add(&mut self, from: usize, length: usize, word: Entry) {
        let at = self.at;
        let is_joined = |word| JOINED.contains(&self.rules.dictionary.korean_tag(word).as_ref());
        let costs_space = at > from && !word.is_of_user() && is_joined(word);
        let extra = if costs_space { SPACE_COST } else { 0 };
        self.lattice.add(self.rules.dictionary, from, at, at + length, word, extra);
    }

    fn add_known(&mut self, from: usize, user_end: &mut usize) -> bool {
        let dictionary = self.rules.dictionary;
        let letters = self.window.from(self.at);
        if let Some(words) = &self.rules.user_words
            && let Some((length, id)) = words.beginning(letters).last()
        {
            if self.at + length > *user_end {
                let right = match words.ending(id) {
                    Some(letter @ '\u{ac00}'..='\u{d7a3}') => {
                        let is_open = (u32::from(letter) - 0xac00).is_multiple_of(28);
                        if is_open { USER_RIGHT_OPEN } else { USER_RIGHT_CLOSED }
                    }
                    _ => USER_RIGHT,
                };
                *user_end = self.at + length;
                self.add(
                    from,
                    length,
                    Entry { origin: Origin::User, id, cost: USER_COST, left: USER_LEFT, right },
                );
            }
            return true;
        }
        let found: Vec<(usize, Entry)> = dictionary.beginning(letters).collect();
        for (length, word) in &found {
            self.add(from, *length, *word);
        }
        !found.is_empty()
    }

    /// Adds the words that nobody knows: letters of one script, or of none.
    fn add_unknown(&mut self, from: usize, first: char) {
        let dictionary = self.rules.dictionary;
        let mut named = first;
        let mut length = 1;
        if dictionary.class(first).is_grouped {
            let mut script = script(first);
            let (is_sign, is_digit) = (self.is_sign(first), digit_value(first).is_some());
            for letter in self.window.from(self.at).iter().copied().take(LETTERS_MAX).skip(1) {
                let other = self::script(letter);
                let is_same = script == other || is_of_any(script) || is_of_any(other) || is_mark(letter);
                let goes_on = is_same
                    && self.is_sign(letter) == is_sign
                    && digit_value(letter).is_some() == is_digit
                    && dictionary.class(letter).is_grouped;
                if !goes_on {
                    break;
                }
                length += 1;
                if is_of_any(script) && !is_of_any(other) {
                    script = other;
                    named = letter;
                }
            }
        }
        for word in &dictionary.class(named).unknown {
            self.add(from, length, *word);
        }
    }

    fn is_sign(&self, letter: char) -> bool {
        letter == '\u{318d}' || self.rules.dictionary.is_punctuation(letter)
    }

    /// Follows the way back from here to the last place that was decided, and goes on from here.
    fn trace(&mut self, last: usize) {
        let (mut at, mut index) = (self.at, last);
        let mut tokens = Vec::new();
        while at > self.lattice.base() {
            let step = self.lattice.steps(at)[index];
            self.push_parts(&mut tokens, at, &step);
            if !self.rules.discards_punctuation
                && step.start > step.from
                && let Some(space) = self.rules.dictionary.class(' ').unknown.first()
            {
                let tag = self.rules.dictionary.korean_tag(*space);
                tokens.push(self.token(step.from, step.start, tag, None));
            }
            (at, index) = (step.from, step.before);
        }
        self.pending = tokens;
        self.lattice.go_on(self.at);
        let gone = self.window.let_go(self.at);
        self.lattice.shift(gone);
        self.at -= gone;
    }

    /// Adds a word and its parts, the last one first.
    fn push_parts(&self, tokens: &mut Vec<Token>, end: usize, step: &Step) {
        let (made, parts) = self.parts(step, end);
        let tag = match step.word.origin {
            Origin::User => "NNG".into(),
            _ => self.rules.dictionary.korean_tag(step.word),
        };
        let reading = (made == Made::Whole).then(|| self.reading(step, end)).flatten();
        let mut whole = self.token(step.start, end, tag, reading);
        if made == Made::Whole || self.rules.mode == Decompound::None {
            let is_left_out = |letter| self.rules.discards_punctuation && self.is_sign(letter);
            if !self.window.letter(step.start).is_some_and(is_left_out) {
                tokens.push(whole);
            }
            return;
        }
        if parts.is_empty() {
            tokens.push(whole);
            return;
        }
        whole.length = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let mut part_end = end;
        for (number, part) in parts.into_iter().enumerate().rev() {
            let (start, end) = match made {
                Made::Compound => (part_end.saturating_sub(part.letters).max(step.start), part_end),
                _ => (step.start, end),
            };
            part_end = part_end.saturating_sub(part.letters).max(step.start);
            let mut token = self.token(start, end, part.tag, None);
            token.text = part.text.into_owned();
            token.increment = u32::from(number > 0 || self.rules.mode != Decompound::Mixed);
            tokens.push(token);
        }
        if self.rules.mode == Decompound::Mixed {
            tokens.push(whole);
        }
    }

    fn token(&self, start: usize, end: usize, tag: Arc<str>, reading: Option<&'static str>) -> Token {
        let (start, end) = (self.window.byte(start), self.window.byte(end));
        let mut token = Token::new(&self.window.text[start..end], start, end, WORD);
        let reading = reading.map(Cow::Borrowed);
        token.morpheme = Some(Arc::new(Morpheme { part_of_speech: tag, base_form: None, reading }));
        token
    }

    fn text(&self, start: usize, end: usize) -> &str {
        &self.window.text[self.window.byte(start)..self.window.byte(end)]
    }

    fn reading(&self, step: &Step, end: usize) -> Option<&'static str> {
        if step.word.origin != Origin::Known {
            return None;
        }
        let reading = self.rules.dictionary.fields(step.word).nth(3)?;
        (reading != "*" && reading != self.text(step.start, end)).then_some(reading)
    }

    /// What a word is made of.
    fn parts(&self, step: &Step, end: usize) -> (Made, Vec<Part>) {
        let at_place = |start: &mut usize, letters: usize| {
            let from = (*start).min(end);
            *start = (from + letters).min(end);
            Cow::Owned(self.text(from, *start).to_owned())
        };
        let mut start = step.start;
        if let (Origin::User, Some(words)) = (step.word.origin, &self.rules.user_words) {
            let parts = words.parts(step.word.id);
            if let [(letters, _)] = parts.as_slice()
                && *letters == end - step.start
            {
                return (Made::Whole, Vec::new());
            }
            let parts = parts.iter().map(|(letters, morpheme)| Part {
                tag: Arc::clone(&morpheme.part_of_speech),
                text: at_place(&mut start, *letters),
                letters: *letters,
            });
            return (Made::Compound, parts.collect());
        }
        let mut fields = self.rules.dictionary.fields(step.word).skip(4);
        let made = match fields.next() {
            Some(kind) if step.word.origin == Origin::Known => match kind.to_ascii_lowercase().as_str() {
                "compound" => Made::Compound,
                "inflect" => Made::Inflected,
                "preanalysis" => Made::Analyzed,
                _ => Made::Whole,
            },
            _ => Made::Whole,
        };
        let expression = fields.nth(2).filter(|expression| made != Made::Whole && *expression != "*");
        let parts = expression.unwrap_or_default().split('+').filter_map(|part| {
            let mut values = part.split('/');
            let text = values.next().filter(|text| !text.trim().is_empty())?;
            let letters = text.chars().count();
            let tag = korean_tag(values.next()?).into();
            let text =
                if made == Made::Inflected { Cow::Borrowed(text) } else { at_place(&mut start, letters) };
            Some(Part { tag, text, letters })
        });
        (made, parts.collect())
    }
}

fn is_space(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// The script of a letter. What is two units to Lucene has none there.
fn script(letter: char) -> Script {
    if letter > '\u{ffff}' { Script::Unknown } else { letter.script() }
}

fn is_of_any(script: Script) -> bool {
    matches!(script, Script::Common | Script::Inherited)
}
