//! `flatten_graph`: paths side by side brought to the same places, as an index can hold them.

use std::collections::BTreeMap;

use super::TokenFilter;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct FlattenGraph;

/// A token with the places it goes from and to.
struct Placed {
    token: Token,
    from: u64,
    to: u64,
}

/// Each place is as far away as the longest path to it; gives the tokens in the order of their new places.
fn flattened(group: Vec<Placed>) -> Vec<Token> {
    let Some(first) = group.first() else { return Vec::new() };
    let (begin, gap) = (first.from, first.token.increment);
    let mut places: BTreeMap<u64, u64> = BTreeMap::from([(begin, 0)]);
    let mut edges: Vec<(u64, u64)> = group.iter().map(|placed| (placed.from, placed.to)).collect();
    edges.sort_unstable();
    for (from, to) in edges {
        // A place to which nothing leads stands behind a hole.
        let last = places.range(..=from).next_back().map_or(0, |(place, new)| new + (from - place));
        let new = *places.entry(from).or_insert(last);
        let reached = places.entry(to).or_insert(0);
        *reached = (*reached).max(new + 1);
    }
    let mut tokens: Vec<(u64, Token)> = group
        .into_iter()
        .map(|Placed { mut token, from, to }| {
            let new = places.get(&from).copied().unwrap_or_default();
            let end = places.get(&to).copied().unwrap_or(new + 1);
            token.length = u32::try_from(end.saturating_sub(new)).unwrap_or(1).max(1);
            (new, token)
        })
        .collect();
    tokens.sort_by_key(|(new, _)| *new);
    let mut before = 0;
    let increments = tokens.into_iter().enumerate().map(|(at, (new, mut token))| {
        token.increment = if at == 0 { gap } else { u32::try_from(new - before).unwrap_or(1) };
        before = new;
        token
    });
    increments.collect()
}

impl TokenFilter for FlattenGraph {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut position = 0_u64;
        let mut placed = tokens
            .map(move |token| {
                position += u64::from(token.increment);
                Placed { from: position, to: position + u64::from(token.length), token }
            })
            .peekable();
        Box::new(
            std::iter::from_fn(move || {
                let first = placed.next()?;
                let mut end = first.to;
                let mut group = vec![first];
                while let Some(next) = placed.next_if(|next| next.from < end) {
                    end = end.max(next.to);
                    group.push(next);
                }
                Some(flattened(group))
            })
            .flatten(),
        )
    }
}
