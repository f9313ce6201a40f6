//! The query for intervals. What depends on how many other terms an interval has is asked of each way in which it may be found, as the shortest of
//! all is not always that with the fewest others.

use std::collections::{HashMap, HashSet};

use tantivy::Term as IndexTerm;
use tantivy::schema::Field;

use super::spans::Terms;
use super::{Lowered, Lowering, none};
use crate::analysis::Term;
use crate::mapping::FieldMapping;
use crate::query::QueryError;
use crate::query::ast::{Intervals, Query, Words};
use crate::query::weights::intervals::{IntervalJoin, Intervals as IntervalsQuery, Lies};
use crate::query::weights::positions::{Like, Tree};
use crate::query::wildcard::between_signs;

/// How many terms a pattern may be where nothing is said.
const EXPANSIONS: usize = 128;
/// More ways to find an interval are refused; Elasticsearch's `indices.query.bool.max_clause_count`.
const WAYS_MAX: usize = 1024;

type Found = Tree<IntervalJoin>;

impl Lowering<'_> {
    pub(super) fn intervals(&self, path: &str, intervals: &Intervals) -> Lowered {
        if self.searchable(path)?.is_none() {
            return Ok(none());
        }
        Ok(Box::new(IntervalsQuery {
            tree: self.intervals_of(path, intervals)?,
            faults: self.shared.faults.clone(),
        }))
    }

    fn intervals_of(&self, path: &str, intervals: &Intervals) -> Result<Found, QueryError> {
        let (made, filter) = match intervals {
            Intervals::Match { text, words, max_gaps, ordered, filter } => {
                (self.interval_match(path, text, words, (*max_gaps, *ordered))?, filter)
            }
            Intervals::Like { of, words, max_expansions } => {
                return self.interval_like(path, of, words, *max_expansions);
            }
            Intervals::AnyOf { intervals, filter } => {
                let parts = intervals.iter().map(|one| self.intervals_of(path, one));
                (any_of(parts.collect::<Result<_, _>>()?), filter)
            }
            Intervals::AllOf { intervals, max_gaps, ordered, filter } => {
                let parts = intervals.iter().map(|one| self.intervals_of(path, one));
                (combined(parts.collect::<Result<_, _>>()?, *max_gaps, *ordered)?, filter)
            }
        };
        match filter {
            Some(filter) => filtered(made, filter.rule, self.intervals_of(path, &filter.others)?),
            None => Ok(made),
        }
    }

    /// The field whose terms are looked for.
    fn words_of<'w>(
        &'w self,
        path: &'w str,
        words: &'w Words,
    ) -> Result<Option<(&'w FieldMapping, Field)>, QueryError> {
        let path = words.use_field.as_deref().unwrap_or(path);
        let Some((mapping, field)) = self.searchable(path)? else { return Ok(None) };
        if !mapping.kind.is_text() {
            return Err(QueryError::shard(format!(
                "failed to create query: Can only use interval queries on text fields - not on [{path}] which is of type [{}]",
                mapping.type_name
            )));
        }
        if !self.layout.has_positions(field) {
            return Err(QueryError::shard(format!(
                "failed to create query: Cannot create intervals over field [{path}] with no positions indexed"
            )));
        }
        Ok(Some((mapping, field)))
    }

    fn interval_match(
        &self,
        path: &str,
        text: &str,
        words: &Words,
        (max_gaps, ordered): (Option<i64>, bool),
    ) -> Result<Found, QueryError> {
        let Some((mapping, field)) = self.words_of(path, words)? else { return Ok(any_of(Vec::new())) };
        let own = mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(words.analyzer.as_deref().unwrap_or(own))?;
        let terms = self.terms_of(&analyzer, text);
        let term = |term: &Term| Tree::Terms(vec![IndexTerm::from_field_text(field, &term.text)]);
        let parts = if terms.iter().any(|term| term.length > 1) {
            along(&terms, &term)?
        } else {
            places(&terms, &term)
        };
        combined(parts, max_gaps, ordered)
    }

    fn interval_like(
        &self,
        path: &str,
        of: &Query,
        words: &Words,
        max_expansions: Option<usize>,
    ) -> Result<Found, QueryError> {
        let Some((mapping, field)) = self.words_of(path, words)? else { return Ok(any_of(Vec::new())) };
        let own = mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(words.analyzer.as_deref().unwrap_or(own))?;
        // What is like a term is brought into the form of terms; an expression is one already.
        let mut of = of.clone();
        let shown = match &mut of {
            Query::Prefix { value, .. } => {
                *value = analyzer.normalized(value);
                format!("{value}*")
            }
            Query::Fuzzy { value, is_normalized, .. } => {
                *value = analyzer.normalized(value);
                *is_normalized = false;
                format!("{value}~")
            }
            Query::Wildcard { pattern, is_normalized, .. } => {
                *pattern = between_signs(pattern, |text| analyzer.normalized(text));
                *is_normalized = false;
                pattern.clone()
            }
            Query::Regexp { pattern, .. } => pattern.clone(),
            _ => String::new(),
        };
        let Terms { wanted, .. } = self.terms_like(&of, mapping)?;
        Ok(Tree::Like(Like { field, wanted, most: Some(max_expansions.unwrap_or(EXPANSIONS)), shown }))
    }
}

/// Terms one after the other; a word that was left out makes the next one longer.
fn places(terms: &[Term], make: &impl Fn(&Term) -> Found) -> Vec<Found> {
    let mut next = terms.first().map_or(0, |term| term.position);
    let mut parts = Vec::new();
    for same in terms.chunk_by(|one, other| one.position == other.position) {
        let left_out = same[0].position.saturating_sub(next);
        next = same[0].position + 1;
        parts.push(extended(any_of(same.iter().map(make).collect()), left_out));
    }
    parts
}

/// Terms that are not all one after the other: each that stands alone, and all ways between two that others lead past.
fn along(terms: &[Term], make: &impl Fn(&Term) -> Found) -> Result<Vec<Found>, QueryError> {
    let mut parts = Vec::new();
    let (mut from, mut end) = (0, 0);
    for at in 0..=terms.len() {
        let is_next = terms.get(at).is_none_or(|term| term.position >= end);
        if at > from && is_next {
            parts.push(ways_through(&terms[from..at], make)?);
            from = at;
        }
        end = end.max(terms.get(at).map_or(0, |term| term.position + term.length));
    }
    Ok(parts)
}

fn ways_through(terms: &[Term], make: &impl Fn(&Term) -> Found) -> Result<Found, QueryError> {
    let begin = terms.first().map_or(0, |term| term.position);
    let mut done: Vec<Found> = Vec::new();
    let mut open: Vec<(Vec<Found>, usize)> = vec![(Vec::new(), begin)];
    while let Some((way, place)) = open.pop() {
        let at = terms.partition_point(|term| term.position < place);
        let Some(next) = terms.get(at).map(|term| term.position) else {
            done.push(combined(way, Some(0), true)?);
            continue;
        };
        for term in terms[at..].iter().take_while(|term| term.position == next) {
            let mut longer = way.clone();
            longer.push(extended(make(term), next - place));
            open.push((longer, next + term.length.max(1)));
        }
        if done.len() + open.len() > WAYS_MAX {
            return Err(too_many());
        }
    }
    Ok(any_of(done))
}

fn too_many() -> QueryError {
    QueryError::shard("failed to create query: Too many disjunctions to expand")
}

fn extended(of: Found, before: usize) -> Found {
    match before {
        0 => of,
        _ => Tree::joined(IntervalJoin::Extended { before: before as i64, after: 0 }, vec![of]),
    }
}

/// Any of several, each once.
fn any_of(parts: Vec<Found>) -> Found {
    let inner = |part| match part {
        Tree::Joined { how: IntervalJoin::Or, parts } if !parts.is_empty() => parts,
        other => vec![other],
    };
    let mut flat: Vec<Found> = parts.into_iter().flat_map(inner).collect();
    if flat.len() > 1 {
        let mut known = HashSet::new();
        let is_new: Vec<bool> = flat.iter().map(|one| known.insert(one)).collect();
        let mut is_new = is_new.into_iter();
        flat.retain(|_| is_new.next().unwrap_or(true));
    }
    if flat.len() == 1 { flat.remove(0) } else { Tree::joined(IntervalJoin::Or, flat) }
}

/// All of several.
fn combined(mut parts: Vec<Found>, max_gaps: Option<i64>, ordered: bool) -> Result<Found, QueryError> {
    match parts.len() {
        0 => return Ok(any_of(parts)),
        1 => return Ok(parts.remove(0)),
        _ => {}
    }
    if max_gaps == Some(0) && ordered {
        let block = |way| Tree::joined(IntervalJoin::Block, flattened(way, &IntervalJoin::Block));
        return each_way(parts, block).map(any_of);
    }
    let made = if ordered { in_order(parts) } else { in_any_order(parts) };
    let Some(most) = max_gaps else { return Ok(made) };
    let with_few = |way| Tree::joined(IntervalJoin::MaxGaps(most), vec![way]);
    Ok(any_of(ways_of(made)?.into_iter().map(with_few).collect()))
}

/// Parts of parts that are joined in the same way.
fn flattened(parts: Vec<Found>, how: &IntervalJoin) -> Vec<Found> {
    let inner = |part| match part {
        Tree::Joined { how: own, parts } if own == *how => parts,
        other => vec![other],
    };
    parts.into_iter().flat_map(inner).collect()
}

fn repeated(of: Found, times: usize) -> Found {
    if times == 1 { of } else { Tree::joined(IntervalJoin::Repeated(times), vec![of]) }
}

fn in_order(parts: Vec<Found>) -> Found {
    let runs = parts.chunk_by(|one, other| one == other).map(|same| repeated(same[0].clone(), same.len()));
    alone_or(IntervalJoin::Ordered, runs.collect())
}

fn in_any_order(parts: Vec<Found>) -> Found {
    let mut times: HashMap<&Found, usize> = HashMap::new();
    parts.iter().for_each(|part| *times.entry(part).or_default() += 1);
    // Each where it stands first.
    let each = parts.iter().filter_map(|part| Some(repeated(part.clone(), times.remove(part)?)));
    let parts = each.collect();
    alone_or(IntervalJoin::Unordered, parts)
}

fn alone_or(how: IntervalJoin, mut parts: Vec<Found>) -> Found {
    if parts.len() == 1 { parts.remove(0) } else { Tree::joined(how, parts) }
}

/// Every way in which intervals may be found.
fn ways_of(of: Found) -> Result<Vec<Found>, QueryError> {
    let Tree::Joined { how, mut parts } = of else { return Ok(vec![of]) };
    match how {
        IntervalJoin::Or if !parts.is_empty() => Ok(parts),
        IntervalJoin::Ordered | IntervalJoin::Unordered | IntervalJoin::Filtered(Lies::Overlapping) => {
            each_way(parts, |way| Tree::joined(how.clone(), way))
        }
        IntervalJoin::Extended { .. } | IntervalJoin::Before | IntervalJoin::After => {
            let inner = ways_of(parts.remove(0))?;
            Ok(inner.into_iter().map(|way| Tree::joined(how.clone(), vec![way])).collect())
        }
        IntervalJoin::Filtered(Lies::Containing) => {
            let (big, small) = (parts.remove(0), parts.remove(0));
            let around = |way| Tree::joined(how.clone(), vec![way, small.clone()]);
            Ok(split(big)?.into_iter().map(around).collect())
        }
        IntervalJoin::Filtered(Lies::ContainedBy) => {
            let (small, big) = (parts.remove(0), parts.remove(0));
            let inside = |way| Tree::joined(how.clone(), vec![small.clone(), way]);
            Ok(split(big)?.into_iter().map(inside).collect())
        }
        _ => Ok(vec![Tree::joined(how, parts)]),
    }
}

/// The ways of one part, those of one term taken together.
fn split(of: Found) -> Result<Vec<Found>, QueryError> {
    let ways = ways_of(of)?.into_iter();
    let (terms, mut longer): (Vec<_>, Vec<_>) = ways.partition(|way| way.least_length() == 1);
    if !terms.is_empty() {
        longer.insert(0, any_of(terms));
    }
    Ok(longer)
}

/// What is made of each way to choose among the ways of the parts.
fn each_way(parts: Vec<Found>, make: impl Fn(Vec<Found>) -> Found) -> Result<Vec<Found>, QueryError> {
    let mut chosen: Vec<Vec<Found>> = vec![Vec::new()];
    for part in parts {
        let ways = split(part)?;
        if chosen.len() * ways.len() > WAYS_MAX {
            return Err(too_many());
        }
        if let [only] = ways.as_slice() {
            chosen.iter_mut().for_each(|so_far| so_far.push(only.clone()));
            continue;
        }
        let mut longer = Vec::with_capacity(chosen.len() * ways.len());
        for way in &ways {
            longer
                .extend(chosen.iter().map(|so_far| [so_far.as_slice(), std::slice::from_ref(way)].concat()));
        }
        chosen = longer;
    }
    Ok(chosen.into_iter().map(make).collect())
}

fn filtered(of: Found, rule: &str, others: Found) -> Result<Found, QueryError> {
    let by = |lies, one, other| Tree::joined(IntervalJoin::Filtered(lies), vec![one, other]);
    let of_each = |lies, others: Found| {
        let ways = split(of.clone())?.into_iter();
        Ok(any_of(ways.map(|way| by(lies, way, others.clone())).collect()))
    };
    let by_each = |lies, others| {
        let ways = split(others)?.into_iter();
        Ok(any_of(ways.map(|way| by(lies, of.clone(), way)).collect()))
    };
    match rule {
        "containing" => of_each(Lies::Containing, others),
        "not_containing" => of_each(Lies::NotContaining, others),
        "contained_by" => by_each(Lies::ContainedBy, others),
        "not_contained_by" => by_each(Lies::NotContainedBy, others),
        "before" => by_each(Lies::ContainedBy, Tree::joined(IntervalJoin::Before, vec![others])),
        "after" => by_each(Lies::ContainedBy, Tree::joined(IntervalJoin::After, vec![others])),
        "overlapping" => Ok(by(Lies::Overlapping, of, others)),
        "not_overlapping" => Ok(by(Lies::NotOverlapping, of, others)),
        _ => Err(QueryError::argument(format!("Unknown filter type [{rule}]"))),
    }
}
