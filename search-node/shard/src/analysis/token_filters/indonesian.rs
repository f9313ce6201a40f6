//! The stemmer for Indonesian of Fadillah Z. Tala ("A study of stemming effects on information retrieval in Bahasa Indonesia", 2003):
//! particles, possessives, then prefixes and suffixes, as long as more than two syllables are left.

use super::endings::begins;
use super::light_stemmers::{drop_last, ends};

/// The prefix that was taken away, which some suffixes do not go with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Ke,
    Peng,
    Di,
    Meng,
    Ter,
    Ber,
    Pe,
    Per,
}

/// A word in the making.
struct Word<'a> {
    letters: &'a mut Vec<char>,
    syllables: usize,
    prefixes: Vec<Prefix>,
}

pub(super) fn indonesian(letters: &mut Vec<char>) {
    let syllables = letters.iter().filter(|letter| is_vowel(Some(**letter))).count();
    let mut word = Word { letters, syllables, prefixes: Vec::new() };
    word.drop_one_of(&["kah", "lah", "pun"]);
    word.drop_one_of(&["ku", "mu", "nya"]);
    if word.drop_first_prefix() {
        if word.drop_suffix() {
            word.drop_second_prefix();
        }
    } else {
        word.drop_second_prefix();
        word.drop_suffix();
    }
}

fn is_vowel(letter: Option<char>) -> bool {
    matches!(letter, Some('a' | 'e' | 'i' | 'o' | 'u'))
}

impl Word<'_> {
    fn is_short(&self) -> bool {
        self.syllables <= 2
    }

    fn drop_one_of(&mut self, endings: &[&str]) -> bool {
        if self.is_short() {
            return false;
        }
        let Some(ending) = endings.iter().find(|ending| ends(self.letters, ending)) else { return false };
        drop_last(self.letters, ending.chars().count());
        self.syllables -= 1;
        true
    }

    /// Takes so many letters from the beginning, and puts one there that the prefix had swallowed.
    fn take(&mut self, prefix: Prefix, count: usize, swallowed: Option<char>) -> bool {
        self.letters.splice(..count.min(self.letters.len()), swallowed);
        self.prefixes.push(prefix);
        self.syllables -= 1;
        true
    }

    fn drop_first_prefix(&mut self) -> bool {
        if self.is_short() {
            return false;
        }
        let has = |beginning: &str| begins(self.letters, beginning);
        let vowel_at = |at: usize| is_vowel(self.letters.get(at).copied());
        let (prefix, count, swallowed) = if has("meng") {
            (Prefix::Meng, 4, None)
        } else if has("meny") && vowel_at(4) {
            (Prefix::Meng, 4, Some('s'))
        } else if has("men") || has("mem") {
            (Prefix::Meng, 3, None)
        } else if has("me") {
            (Prefix::Meng, 2, None)
        } else if has("peng") {
            (Prefix::Peng, 4, None)
        } else if has("peny") {
            (Prefix::Peng, 4, vowel_at(4).then_some('s'))
        } else if has("pen") {
            (Prefix::Peng, 3, vowel_at(3).then_some('t'))
        } else if has("pem") {
            (Prefix::Peng, 3, None)
        } else if has("di") {
            (Prefix::Di, 2, None)
        } else if has("ter") {
            (Prefix::Ter, 3, None)
        } else if has("ke") {
            (Prefix::Ke, 2, None)
        } else {
            return false;
        };
        self.take(prefix, count, swallowed)
    }

    fn drop_second_prefix(&mut self) -> bool {
        if self.is_short() {
            return false;
        }
        let is = |word: &str| self.letters.len() == word.len() && begins(self.letters, word);
        let has = |beginning: &str| begins(self.letters, beginning);
        let vowel_at = |at: usize| is_vowel(self.letters.get(at).copied());
        if has("ber") || is("belajar") {
            self.take(Prefix::Ber, 3, None)
        } else if has("be") && self.letters.len() > 4 && !vowel_at(2) && self.letters[3..5] == ['e', 'r'] {
            self.take(Prefix::Ber, 2, None)
        } else if has("per") || is("pelajar") {
            self.take(Prefix::Per, 3, None)
        } else if has("pe") {
            self.take(Prefix::Pe, 2, None)
        } else {
            false
        }
    }

    fn drop_suffix(&mut self) -> bool {
        let without = |prefixes: &[Prefix]| !self.prefixes.iter().any(|prefix| prefixes.contains(prefix));
        let suffix: &[&str] = if ends(self.letters, "kan") && without(&[Prefix::Ke, Prefix::Peng, Prefix::Pe])
        {
            &["kan"]
        } else if ends(self.letters, "an") && without(&[Prefix::Di, Prefix::Meng, Prefix::Ter]) {
            &["an"]
        } else if ends(self.letters, "i")
            && !ends(self.letters, "si")
            && without(&[Prefix::Ber, Prefix::Ke, Prefix::Peng])
        {
            &["i"]
        } else {
            return false;
        };
        self.drop_one_of(suffix)
    }
}
