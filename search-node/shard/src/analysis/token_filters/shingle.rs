//! `shingle`: neighbouring tokens as one, in several lengths.

use std::collections::VecDeque;

use super::{InRules, Shingles, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::limits::GramLimits;
use crate::analysis::params::Params;
use crate::analysis::token::{End, Token, Tokens, WORD};

#[derive(Debug)]
pub(super) struct Shingle {
    least: usize,
    most: usize,
    with_single: bool,
    single_if_none: bool,
    separator: String,
    filler: String,
}

/// A token of the window, and whether it stands for a hole.
struct Neighbour {
    token: Token,
    is_filler: bool,
}

impl Shingle {
    pub(super) fn new(params: Params<'_>, limits: &GramLimits) -> Result<Self> {
        let fault = |reason: &str| Err(AnalysisError::argument(reason));
        let (least, most) = (params.number("min_shingle_size", 2)?, params.number("max_shingle_size", 2)?);
        let with_single = params.flag("output_unigrams", true)?;
        let (Ok(least), Ok(most)) = (usize::try_from(least), usize::try_from(most)) else {
            return fault("Max shingle size must be >= 2");
        };
        if most < 2 {
            return fault("Max shingle size must be >= 2");
        }
        if least < 2 {
            return fault("Min shingle size must be >= 2");
        }
        if least > most {
            return fault("Min shingle size must be <= max shingle size");
        }
        limits.check_shingles(least, most, with_single)?;
        Ok(Self {
            least,
            most,
            with_single,
            single_if_none: params.flag("output_unigrams_if_no_shingles", false)?,
            separator: params.text("token_separator").unwrap_or_else(|| " ".to_owned()),
            filler: params.text("filler_token").unwrap_or_else(|| "_".to_owned()),
        })
    }

    /// What begins at the first token of the window.
    fn at_front(&self, window: &VecDeque<Neighbour>, with_single: bool) -> Vec<Token> {
        let mut made: Vec<Token> = Vec::new();
        let sizes = with_single.then_some(1).into_iter().chain(self.least..=self.most);
        for size in sizes.take_while(|size| *size <= window.len()) {
            if window.iter().take(size).all(|neighbour| neighbour.is_filler) {
                continue;
            }
            let texts: Vec<&str> =
                window.iter().take(size).map(|neighbour| neighbour.token.text.as_str()).collect();
            let (first, last) = (&window[0].token, &window[size - 1].token);
            let length = if self.with_single { size } else { (size - self.least.min(size)) + 1 };
            made.push(Token {
                end: last.end.max(first.start),
                increment: u32::from(made.is_empty()),
                length: u32::try_from(length).unwrap_or(u32::MAX),
                kind: if size > 1 { "shingle" } else { first.kind },
                ..first.with_text(texts.join(&self.separator))
            });
        }
        made
    }

    /// A token, and before it what stands for holes; more of them than fit into one shingle change nothing.
    fn with_fillers(&self, token: Token) -> impl Iterator<Item = Neighbour> + use<> {
        let holes = (token.increment as usize).saturating_sub(1);
        self.fillers(holes, token.start).chain([Neighbour { token, is_filler: false }])
    }

    /// What stands for holes in front of a place of the text.
    fn fillers(&self, holes: usize, at: usize) -> impl Iterator<Item = Neighbour> + use<> {
        let filler = Token::new(self.filler.clone(), at, at, WORD);
        let holes = holes.min(self.most - 1);
        std::iter::repeat_n(filler, holes).map(|token| Neighbour { token, is_filler: true })
    }
}

impl TokenFilter for Shingle {
    fn shingles(&self) -> Option<Shingles> {
        Some(Shingles { least: self.least, most: self.most, with_words: self.with_single })
    }

    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        let end = end.clone();
        // What is left out at the end is known when the last token is there.
        let fillers = std::iter::once_with(move || self.fillers(end.places() as usize, end.offset()));
        let mut tokens = tokens.flat_map(|token| self.with_fillers(token)).chain(fillers.flatten());
        let mut window: VecDeque<Neighbour> = VecDeque::new();
        let mut has_shingles = false;
        Box::new(
            std::iter::from_fn(move || {
                window.extend(tokens.by_ref().take(self.most - window.len()));
                if window.is_empty() {
                    return None;
                }
                has_shingles |= window.len() >= self.least;
                let alone = self.single_if_none && !has_shingles;
                let made = self.at_front(&window, self.with_single || alone);
                window.pop_front();
                Some(made)
            })
            .flatten(),
        )
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
