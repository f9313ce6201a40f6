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

    /// The tokens of letters that stand side by side.
    fn of_run(&self, run: &[Token]) -> Vec<Token> {
        let single = |letter: &Token| Token { kind: "<SINGLE>", ..letter.clone() };
        if let [only] = run {
            return vec![single(only)];
        }
        let mut made = Vec::new();
        for (at, letter) in run.iter().enumerate() {
            if self.with_single {
                made.push(single(letter));
            }
            let Some(next) = run.get(at + 1) else { break };
            let mut pair =
                Token::new(format!("{}{}", letter.text, next.text), letter.start, next.end, "<DOUBLE>");
            if self.with_single {
                pair.increment = 0;
                pair.length = 2;
            }
            made.push(pair);
        }
        made
    }
}

/// The letters of a token, each as one.
fn letters(token: &Token) -> impl Iterator<Item = Token> + '_ {
    token.text.char_indices().map(|(at, letter)| {
        let mut part = token.part(at, at + letter.len_utf8());
        part.increment = 1;
        part
    })
}

impl TokenFilter for CjkBigram {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut tokens = tokens.peekable();
        Box::new(
            std::iter::from_fn(move || {
                let first = tokens.next()?;
                if !self.kinds.contains(&first.kind) {
                    return Some(vec![first]);
                }
                let mut end = first.end;
                let mut run: Vec<Token> = letters(&first).collect();
                while let Some(next) =
                    tokens.next_if(|next| next.start == end && self.kinds.contains(&next.kind))
                {
                    end = next.end;
                    run.extend(letters(&next));
                }
                Some(self.of_run(&run))
            })
            .flatten(),
        )
    }

    fn in_rules(&self) -> InRules {
        if self.with_single { InRules::Refused } else { InRules::Applied }
    }
}
