//! `synonym`: other words beside a text's own, word by word at the places of those.
//!
//! What stands for several words, or is several words itself, is laid over the places that follow, as an index holds it;
//! `synonym_graph` keeps the paths apart.

use std::collections::VecDeque;

use super::synonym_rules::SynonymRules;
use super::{Context, InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{SYNONYM, Token, Tokens};

#[derive(Debug)]
pub(super) struct Synonyms {
    rules: SynonymRules,
}

impl Synonyms {
    pub(super) fn new(params: Params<'_>, context: &Context<'_>) -> Result<Self> {
        Ok(Self { rules: SynonymRules::read(params, context)? })
    }
}

/// A place of the text: the word there, and what stands for it.
#[derive(Default)]
struct Place {
    word: Option<Token>,
    is_matched: bool,
    is_kept: bool,
    others: Vec<Other>,
}

struct Other {
    text: String,
    /// Where it ends, if it is known; else where the word there ends.
    end: Option<usize>,
    length: u32,
}

struct Matching<'a> {
    rules: &'a SynonymRules,
    tokens: Tokens<'a>,
    places: VecDeque<Place>,
    /// Where the last word was, for what goes on beyond the end.
    last: (usize, usize),
}

impl Matching<'_> {
    /// Reads until so many places have words; whether they do.
    fn look_ahead(&mut self, wanted: usize) -> bool {
        for at in 0..wanted {
            if self.places.len() <= at {
                self.places.push_back(Place::default());
            }
            if self.places[at].word.is_none() {
                let Some(token) = self.tokens.next() else { return false };
                self.places[at].word = Some(token);
            }
        }
        true
    }

    /// The longest match at the front: how many words it has.
    fn matched(&mut self) -> Option<usize> {
        let mut words = Vec::new();
        let mut longest = None;
        for count in 1..=self.rules.longest {
            if !self.look_ahead(count) {
                break;
            }
            words.extend(self.places[count - 1].word.as_ref().map(|word| word.text.clone()));
            if self.rules.meaning(&words).is_some() {
                longest = Some(count);
            }
        }
        longest
    }

    fn lay_over(&mut self, count: usize) {
        let words: Vec<String> = self
            .places
            .iter()
            .take(count)
            .filter_map(|place| Some(place.word.as_ref()?.text.clone()))
            .collect();
        let end = self.places[count - 1].word.as_ref().map(|word| word.end);
        let Some(meaning) = self.rules.meaning(&words) else { return };
        for output in &meaning.outputs {
            for (at, text) in output.iter().enumerate() {
                if self.places.len() <= at {
                    self.places.push_back(Place::default());
                }
                let is_only = output.len() == 1;
                let length =
                    if is_only && meaning.keeps_words { u32::try_from(count).unwrap_or(1) } else { 1 };
                let end = end.filter(|_| is_only);
                self.places[at].others.push(Other { text: text.clone(), end, length });
            }
        }
        for place in self.places.iter_mut().take(count) {
            place.is_matched = true;
            place.is_kept |= meaning.keeps_words;
        }
    }

    /// The tokens of the first places.
    fn take(&mut self, count: usize) -> Vec<Token> {
        let mut made = Vec::new();
        for _ in 0..count {
            let Some(place) = self.places.pop_front() else { break };
            let (start, end) = place.word.as_ref().map_or(self.last, |word| (word.start, word.end));
            self.last = (start, end);
            let mut increment = 1;
            if let Some(word) = place.word
                && (place.is_kept || !place.is_matched)
            {
                made.push(word);
                increment = 0;
            }
            for other in place.others {
                let mut token = Token::new(other.text, start, other.end.unwrap_or(end), SYNONYM);
                token.increment = std::mem::take(&mut increment);
                token.length = other.length;
                made.push(token);
            }
        }
        made
    }
}

impl TokenFilter for Synonyms {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut matching = Matching { rules: &self.rules, tokens, places: VecDeque::new(), last: (0, 0) };
        Box::new(
            std::iter::from_fn(move || {
                let count = match matching.matched() {
                    Some(count) => {
                        matching.lay_over(count);
                        count
                    }
                    None if matching.look_ahead(1) => 1,
                    // What goes on beyond the last word.
                    None if matching.places.iter().any(|place| !place.others.is_empty()) => {
                        matching.places.len()
                    }
                    None => return None,
                };
                Some(matching.take(count))
            })
            .flatten(),
        )
    }

    fn in_rules(&self) -> InRules {
        InRules::PassedOver
    }
}
