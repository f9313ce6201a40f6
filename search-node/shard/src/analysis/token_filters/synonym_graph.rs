//! `synonym_graph`: other words beside a text's own, each sequence a path of its own.

use std::collections::VecDeque;

use super::synonym_rules::{Meaning, SynonymRules};
use super::{Context, InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{SYNONYM, Token, Tokens};

#[derive(Debug)]
pub(super) struct SynonymGraph {
    rules: SynonymRules,
}

impl SynonymGraph {
    pub(super) fn new(params: Params<'_>, context: &Context<'_>) -> Result<Self> {
        Ok(Self { rules: SynonymRules::read(params, context)? })
    }

    /// The longest match at the front of the tokens that were read.
    fn matched(&self, ahead: &mut VecDeque<Token>, tokens: &mut Tokens<'_>) -> Option<(usize, &Meaning)> {
        let mut words = Vec::new();
        let mut longest = None;
        for count in 1..=self.rules.longest {
            if ahead.len() < count {
                ahead.extend(tokens.next());
            }
            let Some(token) = ahead.get(count - 1) else { break };
            words.push(token.text.clone());
            if let Some(meaning) = self.rules.meaning(&words) {
                longest = Some((count, meaning));
            }
        }
        longest
    }
}

/// The paths from one place to another: their first words, then each to its end.
fn paths(words: &[Token], meaning: &Meaning) -> Vec<Token> {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Vec::new() };
    let kept = meaning.keeps_words.then_some(words);
    let inner = |length: usize| u32::try_from(length.saturating_sub(1)).unwrap_or_default();
    let sum: u32 = meaning.outputs.iter().map(|output| inner(output.len())).sum();
    let end = sum + kept.map_or(0, |words| inner(words.len())) + 1;
    let synonym = |text: &str| Token::new(text, first.start, last.end, SYNONYM);
    let side_paths = meaning.outputs.iter().map(|output| output.iter().map(|text| synonym(text)).collect());
    let all: Vec<Vec<Token>> = side_paths.chain(kept.map(<[Token]>::to_vec)).collect();
    // Places between the first and the last are each of one path alone.
    let mut next_place = 1;
    let mut placed: Vec<(u32, u32, Token)> = Vec::new();
    let mut rest: Vec<(u32, u32, Token)> = Vec::new();
    for path in all {
        let length = path.len();
        let begin = next_place;
        for (at, token) in path.into_iter().enumerate() {
            let from = if at == 0 { 0 } else { begin + u32::try_from(at).unwrap_or(0) - 1 };
            let to = if at + 1 == length { end } else { begin + u32::try_from(at).unwrap_or(0) };
            if at == 0 { placed.push((from, to, token)) } else { rest.push((from, to, token)) }
        }
        next_place += inner(length);
    }
    placed.append(&mut rest);
    let mut before = 0;
    let tokens = placed.into_iter().enumerate().map(|(at, (from, to, mut token))| {
        token.increment = if at == 0 { first.increment } else { from - before };
        token.length = to - from;
        before = from;
        token
    });
    tokens.collect()
}

impl TokenFilter for SynonymGraph {
    fn filter<'a>(&'a self, mut tokens: Tokens<'a>) -> Tokens<'a> {
        let mut ahead: VecDeque<Token> = VecDeque::new();
        Box::new(
            std::iter::from_fn(move || {
                if let Some((count, meaning)) = self.matched(&mut ahead, &mut tokens) {
                    let words: Vec<Token> = ahead.drain(..count).collect();
                    return Some(paths(&words, meaning));
                }
                Some(vec![ahead.pop_front().or_else(|| tokens.next())?])
            })
            .flatten(),
        )
    }

    fn in_rules(&self) -> InRules {
        InRules::PassedOver
    }
}
