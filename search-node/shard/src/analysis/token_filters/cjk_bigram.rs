//! `cjk_bigram`: pairs of neighbouring letters of Chinese, Japanese and Korean.

use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

const SCRIPTS: [(&str, &str); 4] = [
    ("han", "<IDEOGRAPHIC>"),
    ("hiragana", "<HIRAGANA>"),
    ("katakana", "<KATAKANA>"),
    ("hangul", "<HANGUL>"),
];

#[derive(Debug)]
pub(crate) struct CjkBigram {
    /// The types of tokens of which pairs are made.
    kinds: Vec<&'static str>,
    with_single: bool,
}

impl Default for CjkBigram {
    fn default() -> Self {
        Self { kinds: SCRIPTS.iter().map(|(_, kind)| *kind).collect(), with_single: false }
    }
}

impl CjkBigram {
    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        let ignored = params.list("ignored_scripts").unwrap_or_default();
        let kinds = SCRIPTS.iter().filter(|(name, _)| !ignored.iter().any(|ignored| ignored == name));
        Ok(Self {
            kinds: kinds.map(|(_, kind)| *kind).collect(),
            with_single: params.flag("output_unigrams", false)?,
        })
    }

    /// A token as it is, or the letters of one of which pairs are made.
    fn pieces(&self, token: Token) -> Vec<Piece> {
        if !self.kinds.contains(&token.kind) {
            return vec![Piece::Other(token)];
        }
        let letters = token.text.char_indices().enumerate().map(|(number, (at, letter))| {
            let mut part = token.part(at, at + letter.len_utf8());
            part.increment = 1;
            Piece::Letter { letter: part, is_first: number == 0 }
        });
        letters.collect()
    }

    /// The tokens that a piece completes, with the letter before it, which has been part of a pair or not.
    fn completed(&self, before: &mut Option<(Token, bool)>, piece: Piece) -> Vec<Token> {
        let (letter, is_first) = match piece {
            Piece::Letter { letter, is_first } => (letter, is_first),
            Piece::Other(token) => return self.rest(before.take()).into_iter().chain([token]).collect(),
        };
        let goes_on = before.as_ref().is_some_and(|(last, _)| !is_first || last.end == letter.start);
        let mut made = Vec::new();
        match before.take() {
            Some((last, _)) if goes_on => {
                let mut pair =
                    Token::new(format!("{}{}", last.text, letter.text), last.start, letter.end, "<DOUBLE>");
                if self.with_single {
                    pair.increment = 0;
                    pair.length = 2;
                    made.push(single(last));
                }
                made.push(pair);
            }
            last => made.extend(self.rest(last)),
        }
        *before = Some((letter, goes_on));
        made
    }

    /// The last letter of a row, where it is a token by itself.
    fn rest(&self, last: Option<(Token, bool)>) -> Option<Token> {
        last.filter(|(_, is_paired)| self.with_single || !is_paired).map(|(letter, _)| single(letter))
    }
}

/// What stands in a row.
enum Piece {
    Letter { letter: Token, is_first: bool },
    Other(Token),
}

fn single(letter: Token) -> Token {
    Token { kind: "<SINGLE>", ..letter }
}

impl TokenFilter for CjkBigram {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut pieces = tokens.flat_map(|token| self.pieces(token));
        let mut before = None;
        Box::new(
            std::iter::from_fn(move || match pieces.next() {
                Some(piece) => Some(self.completed(&mut before, piece)),
                None => before.take().map(|last| self.rest(Some(last)).into_iter().collect()),
            })
            .flatten(),
        )
    }

    fn in_rules(&self) -> InRules {
        if self.with_single { InRules::Refused } else { InRules::Applied }
    }
}
