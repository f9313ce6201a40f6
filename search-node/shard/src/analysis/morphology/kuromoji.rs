//! Japanese as `kuromoji` cuts it: the cheapest way through the words of a dictionary, and in search mode the words within long ones.

use std::sync::Arc;

use super::Morpheme;
use super::dictionary::{Dictionary, Entry, Origin};
use super::lattice::{Lattice, Step, cheapest};
use super::user_words::UserWords;
use super::window::Window;
use crate::analysis::token::{Token, WORD};

/// How long words are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As the dictionary has them.
    Normal,
    /// Long ones also in their parts.
    Search,
    /// As in search mode, and what nobody knows letter by letter.
    Extended,
}

/// A word that nobody knows has no more letters, and no more are looked at before a way is chosen.
pub(super) const LETTERS_MAX: usize = 1024;
/// From how many letters on a word is long, and what each further letter costs then: of Kanji alone, and of others.
const LONG_KANJI: (usize, i32) = (2, 3000);
const LONG_OTHER: (usize, i32) = (7, 1700);
/// What the words of an index cost: so little that they are always taken.
pub(super) const USER_COST: i32 = -100_000;
/// The sides of the words of an index, as common nouns have them in IPADIC.
const USER_SIDE: u16 = 5;

/// How texts are cut.
#[derive(Debug)]
pub(crate) struct Kuromoji {
    pub(crate) dictionary: &'static Dictionary,
    pub(crate) user_words: Option<UserWords>,
    pub(crate) mode: Mode,
    pub(crate) discards_punctuation: bool,
    pub(crate) discards_compounds: bool,
}

impl Kuromoji {
    /// The tokens of a text.
    pub(crate) fn cut<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Token> + 'a {
        let mut cutter = Cutter {
            rules: self,
            window: Window::of(text),
            lattice: Lattice::new(),
            at: 0,
            is_done: text.is_empty(),
            pending: Vec::new(),
            last_start: None,
        };
        std::iter::from_fn(move || cutter.next())
    }

    /// Whether the dictionary is one that these rules fit.
    pub(super) fn fits(dictionary: &Dictionary) -> bool {
        dictionary.has_sides(USER_SIDE, USER_SIDE)
    }
}

/// A word that was found, by letters.
struct Found {
    start: usize,
    end: usize,
    word: Entry,
    /// Which part of a word of the index it is.
    part: usize,
    /// How many places it takes.
    length: u32,
    /// Whether it is a letter of a word that nobody knows.
    is_letter: bool,
}

struct Cutter<'a> {
    rules: &'a Kuromoji,
    window: Window<'a>,
    lattice: Lattice,
    at: usize,
    is_done: bool,
    /// Tokens that were found, the last one first.
    pending: Vec<Token>,
    /// Where the last token began, by bytes.
    last_start: Option<usize>,
}

impl Cutter<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            if let Some(mut token) = self.pending.pop() {
                if self.last_start == Some(token.start) {
                    token.increment = 0;
                } else {
                    token.length = 1;
                }
                self.last_start = Some(token.start);
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
        let mut unknown_end = 0;
        loop {
            self.window.look_ahead(self.at);
            let Some(letter) = self.window.letter(self.at) else { break };
            let steps = self.lattice.steps(self.at).len();
            if steps == 0 {
                self.at += 1;
                continue;
            }
            // All ways go through here: what lies before is decided.
            let is_frontier = self.lattice.furthest == self.at;
            if self.at > self.lattice.base() && steps == 1 && is_frontier {
                self.trace(0);
                if !self.pending.is_empty() {
                    return;
                }
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
                unknown_end = 0;
                continue;
            }
            let is_known = self.add_known();
            if self.rules.mode == Mode::Normal && unknown_end > self.at {
                self.at += 1;
                continue;
            }
            if !is_known || self.rules.dictionary.class(letter).is_invoked {
                unknown_end = self.add_unknown(letter);
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

    fn add_known(&mut self) -> bool {
        let (at, dictionary) = (self.at, self.rules.dictionary);
        let letters = self.window.from(at);
        let mut is_known = false;
        for (length, id) in self.rules.user_words.iter().flat_map(|words| words.beginning(letters)) {
            let word = Entry { origin: Origin::User, id, cost: USER_COST, left: USER_SIDE, right: USER_SIDE };
            self.lattice.add(dictionary, at, at, at + length, word, 0);
            is_known = true;
        }
        if is_known {
            return true;
        }
        for (length, word) in dictionary.beginning(letters) {
            self.lattice.add(dictionary, at, at, at + length, word, 0);
            is_known = true;
        }
        is_known
    }

    /// Adds the words that nobody knows; gives where they end.
    fn add_unknown(&mut self, first: char) -> usize {
        let (at, dictionary) = (self.at, self.rules.dictionary);
        let class = dictionary.class(first);
        let letters = self.window.from(at);
        let length = if class.is_grouped {
            let alike =
                letters.iter().take(LETTERS_MAX).take_while(|letter| dictionary.is_alike(first, **letter));
            alike.count().max(1)
        } else {
            1
        };
        for word in &class.unknown {
            self.lattice.add(dictionary, at, at, at + length, *word, 0);
        }
        at + length
    }

    /// What a long word costs more.
    fn penalty(&self, from: usize, to: usize) -> i32 {
        let over = |(long, cost): (usize, i32)| {
            let letters = (to - from).saturating_sub(long);
            i32::try_from(letters).unwrap_or(i32::MAX).saturating_mul(cost)
        };
        if to - from <= LONG_KANJI.0 {
            return 0;
        }
        let mut letters = self.window.between(from, to).iter();
        if letters.all(|letter| self.rules.dictionary.class(*letter).is_kanji) {
            over(LONG_KANJI)
        } else {
            over(LONG_OTHER)
        }
    }

    /// Follows the way back from here to the last place that was decided, and goes on from here.
    fn trace(&mut self, step: usize) {
        let found = self.found(self.at, step);
        self.pending = found.iter().map(|found| self.token(found)).collect();
        self.lattice.go_on(self.at);
        let gone = self.window.let_go(self.at);
        self.lattice.shift(gone);
        self.at -= gone;
    }

    fn found(&mut self, end: usize, last: usize) -> Vec<Found> {
        let (mut at, mut index) = (end, last);
        let mut found = Vec::new();
        let mut compound: Option<Found> = None;
        let mut places = 0;
        // The left side of the word behind.
        let mut behind: Option<u16> = None;
        while at > self.lattice.base() {
            let mut step = self.lattice.steps(at)[index];
            if self.rules.mode != Mode::Normal
                && compound.is_none()
                && !step.word.is_of_user()
                && let Some(inner) = self.inner(at, step, behind)
            {
                compound = Some(Found {
                    start: step.from,
                    end: at,
                    word: step.word,
                    part: 0,
                    length: 1,
                    is_letter: false,
                });
                step = inner;
                places = 0;
            }
            if let Some(mut whole) = compound.take_if(|whole| whole.start >= step.from)
                && !self.rules.discards_compounds
                && places > 0
            {
                whole.length = places + 1;
                found.push(whole);
            }
            places += self.push_parts(&mut found, at, &step);
            behind = Some(step.word.left);
            (at, index) = (step.from, step.before);
        }
        found
    }

    /// The last of the words within a long one, where these cost less than it does with its penalty.
    fn inner(&mut self, at: usize, step: Step, behind: Option<u16>) -> Option<Step> {
        let penalty = self.penalty(step.from, at);
        if penalty <= 0 {
            return None;
        }
        let dictionary = self.rules.dictionary;
        let towards = |word: Entry| {
            behind.map_or(0, |left| i32::from(dictionary.connections(left)[usize::from(word.right)]))
        };
        let most = step.cost.saturating_add(penalty).saturating_add(towards(step.word));
        let mut lattice = std::mem::replace(&mut self.lattice, Lattice::new());
        lattice.look_again(dictionary, (step.from, at), step.before, |from, to| self.penalty(from, to));
        self.lattice = lattice;
        let steps = self.lattice.steps(at);
        let (index, cost) = cheapest(steps, |step| towards(step.word))?;
        let inner = steps[index];
        (cost <= most && inner.from != step.from).then_some(inner)
    }

    /// Adds a word, in its parts where it has some, the last one first; gives how many there are.
    fn push_parts(&self, found: &mut Vec<Found>, end: usize, step: &Step) -> u32 {
        let before = found.len();
        let whole = |start: usize, end: usize| Found {
            start,
            end,
            word: step.word,
            part: 0,
            length: 1,
            is_letter: false,
        };
        match (step.word.origin, &self.rules.user_words) {
            (Origin::User, Some(words)) => {
                let mut start = step.from;
                for (part, (letters, _)) in words.parts(step.word.id).iter().enumerate() {
                    found.push(Found { part, ..whole(start, start + letters) });
                    start += letters;
                }
                found[before..].reverse();
            }
            (Origin::Unknown, _) if self.rules.mode == Mode::Extended => {
                let letters = (step.from..end).rev().filter(|at| !self.is_left_out(*at));
                found.extend(letters.map(|at| Found { is_letter: true, ..whole(at, at + 1) }));
            }
            _ if self.is_left_out(step.from) => {}
            _ => found.push(whole(step.from, end)),
        }
        u32::try_from(found.len() - before).unwrap_or(u32::MAX)
    }

    fn is_left_out(&self, at: usize) -> bool {
        let is_punctuation = |letter| self.rules.dictionary.is_punctuation(letter);
        self.rules.discards_punctuation && self.window.letter(at).is_some_and(is_punctuation)
    }

    fn token(&self, found: &Found) -> Token {
        let (start, end) = (self.window.byte(found.start), self.window.byte(found.end));
        let mut token = Token::new(&self.window.text[start..end], start, end, WORD);
        token.length = found.length;
        token.morpheme = Some(match (found.word.origin, &self.rules.user_words) {
            (Origin::User, Some(words)) => Arc::clone(&words.parts(found.word.id)[found.part].1),
            _ => Arc::new(self.morpheme(found, &token.text)),
        });
        token
    }

    fn morpheme(&self, found: &Found, text: &str) -> Morpheme {
        let dictionary = self.rules.dictionary;
        // A single letter of a word that nobody knows is a sign to Lucene.
        if found.is_letter {
            return Morpheme { part_of_speech: "記号-一般".into(), base_form: None, reading: None };
        }
        dictionary.japanese(found.word, text)
    }
}
