//! `multiplexer`: each token as several filters make it, all at its place.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Context, InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{End, Token, Tokens};

#[derive(Debug)]
pub(super) struct Multiplexer {
    /// Chains of filters, each for itself.
    chains: Vec<Vec<Arc<dyn TokenFilter>>>,
}

impl Multiplexer {
    pub(super) fn new(params: Params<'_>, context: &Context<'_>) -> Result<Self> {
        let mut chains = Vec::new();
        if params.flag("preserve_original", true)? {
            chains.push(Vec::new());
        }
        for names in params.rules("filters").unwrap_or_default() {
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            chains.push(names.map(|name| (context.named)(name)).collect::<Result<_>>()?);
        }
        if chains.is_empty() {
            return Err(AnalysisError::argument(format!(
                "[filters] of [{}] must name at least one filter",
                params.name
            )));
        }
        Ok(Self { chains })
    }

    fn alternatives(&self, token: &Token) -> Vec<Token> {
        let mut seen = HashSet::new();
        let mut made = Vec::new();
        for chain in &self.chains {
            let one: Tokens<'_> = Box::new(std::iter::once(token.clone()));
            let tokens = chain.iter().fold(one, |tokens, filter| filter.filter(tokens));
            for mut alternative in tokens.filter(|made| seen.insert(made.text.clone())) {
                alternative.increment = if made.is_empty() { token.increment } else { 0 };
                made.push(alternative);
            }
        }
        made
    }
}

impl TokenFilter for Multiplexer {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        let (end, mut has_tokens) = (end.clone(), false);
        let mut alternatives = tokens.flat_map(|token| self.alternatives(&token));
        Box::new(std::iter::from_fn(move || {
            let next = alternatives.next();
            has_tokens |= next.is_some();
            // Lucene's forgets what others left out behind its tokens.
            if next.is_none() && has_tokens {
                end.set(0);
            }
            next
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }

    fn knows_keywords(&self) -> bool {
        self.chains.iter().flatten().any(|filter| filter.knows_keywords())
    }
}
