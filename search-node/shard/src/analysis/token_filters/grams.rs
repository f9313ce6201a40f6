//! `ngram` and `edge_ngram`: parts of each token.

use std::cell::Cell;
use std::rc::Rc;

use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::limits::GramLimits;
use crate::analysis::params::Params;
use crate::analysis::token::{End, Tokens};
use crate::analysis::tokenizers::GramBounds;

#[derive(Debug)]
pub(super) struct Grams {
    bounds: GramBounds,
    only_at_edge: bool,
    from_the_end: bool,
    keeps_original: bool,
}

impl Grams {
    pub(super) fn new(params: Params<'_>, limits: &GramLimits) -> Result<Self> {
        let bounds = GramBounds::new(params, 1, 2)?;
        limits.check_grams(bounds.least, bounds.most)?;
        let keeps_original = params.flag("preserve_original", false)?;
        Ok(Self { bounds, only_at_edge: false, from_the_end: false, keeps_original })
    }

    pub(super) fn at_edge(params: Params<'_>) -> Result<Self> {
        let bounds = GramBounds::new(params, 1, 2)?;
        let from_the_end = params.text("side").as_deref() == Some("back");
        let keeps_original = params.flag("preserve_original", false)?;
        Ok(Self { bounds, only_at_edge: true, from_the_end, keeps_original })
    }

    /// Which grams a text of so many letters has, by the letters that they begin and end at. They are made one by one: those of
    /// a long word are more than memory should hold.
    fn places(&self, letters: usize) -> Box<dyn Iterator<Item = (usize, usize)>> {
        let GramBounds { least, most } = self.bounds;
        let longest = most.min(letters);
        if self.from_the_end {
            return Box::new((least..=longest).map(move |length| (letters - length, letters)));
        }
        let starts = if self.only_at_edge { letters.min(1) } else { letters };
        Box::new((0..starts).flat_map(move |from| {
            (from + least..=(from.saturating_add(most)).min(letters)).map(move |to| (from, to))
        }))
    }
}

impl TokenFilter for Grams {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        // Lucene's forgets here what others left out at the end.
        let (skipped, end) = (Rc::new(Cell::new(0)), end.clone());
        let last = Rc::clone(&skipped);
        let grams = tokens.flat_map(move |token| {
            let bounds: Vec<usize> =
                token.text.char_indices().map(|(at, _)| at).chain([token.text.len()]).collect();
            let letters = bounds.len() - 1;
            let is_beyond = letters < self.bounds.least || letters > self.bounds.most;
            let whole = (self.keeps_original && is_beyond).then_some((0, letters));
            skipped.set(skipped.get() + token.increment);
            // What leaves no gram is a hole before the next that does.
            let is_hole = letters < self.bounds.least && whole.is_none();
            let mut increment = if is_hole { 0 } else { skipped.take() };
            self.places(letters).chain(whole).map(move |(from, to)| {
                let mut gram = token.with_text(&token.text[bounds[from]..bounds[to]]);
                gram.increment = std::mem::take(&mut increment);
                gram
            })
        });
        Box::new(grams.chain(std::iter::from_fn(move || {
            end.set(last.get());
            None
        })))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
