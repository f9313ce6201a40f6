//! Spans: parts of texts from one place to before another, joined and counted as Lucene does. Each counts the less the further what it is made of
//! lies apart.

use std::collections::HashSet;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Schema;
use tantivy::{DocId, Score, Term};

use super::counting::Counting;
use super::explained::{no_match, shown_term, weight_of};
use super::positions::{Counted, Joins, Needs, Tree};
use super::weighed::ScoredField;
use crate::query::faults::Looks;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct Span {
    start: i64,
    /// Behind its last term.
    end: i64,
    /// How far what it is made of lies apart.
    width: i64,
}

/// What spans are joined by, and what is kept of those that are joined.
pub(crate) trait Spanned: Clone {
    /// Where it begins.
    fn start(&self) -> i64;

    /// The place behind its last term.
    fn end(&self) -> i64;

    /// One that is made of others, which lie so far apart.
    fn of(parts: &[&Self], start: i64, end: i64, width: i64) -> Self;

    /// The same where another one lies in it, or around it.
    fn beside(&self, other: &Self) -> Self;
}

impl Spanned for Span {
    fn start(&self) -> i64 {
        self.start
    }

    fn end(&self) -> i64 {
        self.end
    }

    fn of(_parts: &[&Self], start: i64, end: i64, width: i64) -> Self {
        Self { start, end, width }
    }

    fn beside(&self, _other: &Self) -> Self {
        *self
    }
}

/// How spans are made of spans.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SpanJoin {
    /// One behind the other, or in any order where it does not matter, with at most so many terms between them.
    Near {
        slop: i64,
        in_order: bool,
        /// How many terms are left out before each part, and behind the last.
        gaps: Vec<i64>,
    },
    /// Any of them.
    Or,
    /// The first part where the second one is not near.
    Not { before: i64, after: i64 },
    /// Those that end so early.
    First { end: i64 },
    /// The first part where it has the second in it.
    Containing,
    /// The second part where it is in the first.
    Within,
}

impl Joins for SpanJoin {
    type Place = Span;

    fn term(position: u32) -> Span {
        let start = i64::from(position);
        Span { start, end: start + 1, width: 0 }
    }

    fn any() -> Self {
        Self::Or
    }

    fn needs(&self) -> Needs {
        match self {
            Self::Near { .. } | Self::Containing | Self::Within => Needs::All,
            Self::Or => Needs::Any,
            Self::Not { .. } | Self::First { .. } => Needs::First,
        }
    }

    fn join(&self, parts: &[Arc<Vec<Span>>], looks: &mut Looks) -> Vec<Span> {
        self.joined(&parts.iter().map(|part| part.as_slice()).collect::<Vec<_>>(), looks)
    }
}

impl SpanJoin {
    /// The spans that those of the parts make in one text.
    pub(crate) fn joined<S: Spanned>(&self, parts: &[&[S]], looks: &mut Looks) -> Vec<S> {
        match (self, parts) {
            (Self::Near { slop, in_order: true, gaps }, _) => in_order(parts, *slop, gaps, looks),
            (Self::Near { slop, .. }, _) => in_any_order(parts, *slop, looks),
            (Self::Or, _) => {
                let mut all: Vec<S> = parts.concat();
                all.sort_by_key(|span| (span.start(), span.end()));
                all
            }
            (Self::Not { before, after }, [include, exclude]) => apart(include, exclude, *before, *after),
            (Self::First { end }, [of]) => of.iter().filter(|span| span.end() <= *end).cloned().collect(),
            (Self::Containing, [big, little]) => containing(big, little),
            (Self::Within, [big, little]) => within(big, little),
            _ => Vec::new(),
        }
    }
}

/// Each first one with what follows it next.
fn in_order<S: Spanned>(parts: &[&[S]], slop: i64, gaps: &[i64], looks: &mut Looks) -> Vec<S> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let gap = |at: usize| gaps.get(at).copied().unwrap_or(0);
    let mut at = vec![0; rest.len()];
    let mut found = Vec::new();
    let mut taken = Vec::with_capacity(parts.len());
    'firsts: for begin in *first {
        let (mut end, mut width) = (begin.end(), 0);
        taken.clear();
        taken.push(begin);
        for (number, (part, at)) in rest.iter().zip(&mut at).enumerate() {
            let from = end + gap(number + 1);
            let passed = part.iter().skip(*at).take_while(|span| span.start() < from).count();
            *at += passed;
            if looks.is_over_after(u32::try_from(1 + passed).unwrap_or(u32::MAX)) {
                break 'firsts;
            }
            let Some(next) = part.get(*at) else { break 'firsts };
            width += next.start() - from;
            end = next.end();
            taken.push(next);
        }
        if width <= slop {
            found.push(S::of(&taken, begin.start(), end + gap(parts.len()), width));
        }
    }
    found
}

/// All parts close together; the one that begins first is moved on, again and again.
fn in_any_order<S: Spanned>(parts: &[&[S]], slop: i64, looks: &mut Looks) -> Vec<S> {
    let mut found = Vec::new();
    if parts.is_empty() || parts.iter().any(|part| part.is_empty()) {
        return found;
    }
    let mut queue = Queue::new(parts);
    let length_of = |span: &S| span.end() - span.start();
    let mut end = parts.iter().map(|part| part[0].end()).max().unwrap_or(0);
    let mut length: i64 = parts.iter().map(|part| length_of(&part[0])).sum();
    while !looks.is_over_after(1) {
        let first = queue.first();
        if end - first.start() - length <= slop {
            found.push(S::of(&queue.here(), first.start(), end, end - first.start()));
        }
        let Some(next) = queue.step() else { break };
        length += length_of(next) - length_of(first);
        end = end.max(next.end());
    }
    found
}

/// Parts by where they stand, the first one ahead: a binary heap. Where two stand at the same place, it is by the heap which one is moved on, and
/// scores are Lucene's only if it is the same one.
struct Queue<'a, S> {
    parts: &'a [&'a [S]],
    at: Vec<usize>,
    heap: Vec<usize>,
}

impl<'a, S: Spanned> Queue<'a, S> {
    /// Every part has a span at least.
    fn new(parts: &'a [&'a [S]]) -> Self {
        let mut queue = Self { parts, at: vec![0; parts.len()], heap: Vec::with_capacity(parts.len()) };
        for part in 0..parts.len() {
            queue.heap.push(part);
            let mut child = queue.heap.len() - 1;
            while child > 0 && queue.is_before(child, (child - 1) / 2) {
                queue.heap.swap(child, (child - 1) / 2);
                child = (child - 1) / 2;
            }
        }
        queue
    }

    fn span(&self, node: usize) -> &'a S {
        let part = self.heap[node];
        &self.parts[part][self.at[part]]
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        let rank = |span: &S| (span.start(), span.end());
        rank(self.span(one)) < rank(self.span(other))
    }

    fn first(&self) -> &'a S {
        self.span(0)
    }

    /// Where every part is.
    fn here(&self) -> Vec<&'a S> {
        self.parts.iter().zip(&self.at).map(|(part, at)| &part[*at]).collect()
    }

    /// Moves the first part on; none if it has no more spans.
    fn step(&mut self) -> Option<&'a S> {
        let part = self.heap[0];
        self.at[part] += 1;
        let next = self.parts[part].get(self.at[part])?;
        let mut node = 0;
        loop {
            let (left, right) = (2 * node + 1, 2 * node + 2);
            if left >= self.heap.len() {
                break;
            }
            let has_right = right < self.heap.len() && self.is_before(right, left);
            let child = if has_right { right } else { left };
            if !self.is_before(child, node) {
                break;
            }
            self.heap.swap(child, node);
            node = child;
        }
        Some(next)
    }
}

fn apart<S: Spanned>(include: &[S], exclude: &[S], before: i64, after: i64) -> Vec<S> {
    let mut at = 0;
    let mut found = Vec::new();
    for span in include {
        while exclude.get(at).is_some_and(|other| other.end() <= span.start() - before) {
            at += 1;
        }
        if exclude.get(at).is_none_or(|other| other.start() - after >= span.end()) {
            found.push(span.clone());
        }
    }
    found
}

fn containing<S: Spanned>(big: &[S], little: &[S]) -> Vec<S> {
    let mut at = 0;
    let mut found = Vec::new();
    for around in big {
        while little.get(at).is_some_and(|inside| inside.start() < around.start()) {
            at += 1;
        }
        let Some(inside) = little.get(at) else { break };
        if around.end() >= inside.end() {
            found.push(around.beside(inside));
        }
    }
    found
}

fn within<S: Spanned>(big: &[S], little: &[S]) -> Vec<S> {
    let mut at = 0;
    let mut found = Vec::new();
    for inside in little {
        while big.get(at).is_some_and(|around| around.end() < inside.end()) {
            at += 1;
        }
        let Some(around) = big.get(at) else { break };
        if around.start() <= inside.start() {
            found.push(inside.beside(around));
        }
    }
    found
}

/// The terms that count, each once, which those of what must not be near do not.
fn counting<'t>(tree: &'t Tree<SpanJoin>, known: &mut HashSet<&'t Term>, terms: &mut Vec<&'t Term>) {
    match tree {
        Tree::Terms(found) => terms.extend(found.iter().filter(|term| known.insert(term))),
        Tree::Like(_) => {}
        Tree::Joined { how: SpanJoin::Not { .. }, parts } => {
            parts.iter().take(1).for_each(|part| counting(part, known, terms));
        }
        Tree::Joined { parts, .. } => parts.iter().for_each(|part| counting(part, known, terms)),
    }
}

/// Documents with spans.
#[derive(Debug, Clone)]
pub(in crate::query) struct Spans {
    /// The field by which they count.
    pub(in crate::query) field: ScoredField,
    pub(in crate::query) tree: Tree<SpanJoin>,
}

impl Query for Spans {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let tree = match scoring.searcher() {
            Some(searcher) => self.tree.expanded(searcher, &self.field.faults)?,
            None => self.tree.clone(),
        };
        let mut terms = Vec::new();
        counting(&tree, &mut HashSet::new(), &mut terms);
        let score = self.field.counting(&scoring, terms)?;
        Ok(Box::new(SpansWeight { field: self.field.clone(), tree, score }))
    }
}

struct SpansWeight {
    field: ScoredField,
    tree: Tree<SpanJoin>,
    /// None where scores are not wanted.
    score: Option<Counting>,
}

/// Spans as Lucene writes them.
fn shown(tree: &Tree<SpanJoin>, schema: &Schema) -> String {
    let (how, parts) = match tree {
        Tree::Like(like) => return format!("{}:{}", schema.get_field_name(like.field), like.shown),
        Tree::Terms(terms) => {
            let terms: Vec<String> = terms.iter().map(|term| shown_term(schema, term)).collect();
            return if let [only] = terms.as_slice() {
                only.clone()
            } else {
                format!("spanOr([{}])", terms.join(", "))
            };
        }
        Tree::Joined { how, parts } => (how, parts),
    };
    let parts = parts.iter().map(|part| shown(part, schema)).collect::<Vec<_>>().join(", ");
    match how {
        SpanJoin::Near { slop, in_order, .. } => format!("spanNear([{parts}], {slop}, {in_order})"),
        SpanJoin::Or => format!("spanOr([{parts}])"),
        SpanJoin::Not { before, after } => format!("spanNot({parts}, {before}, {after})"),
        SpanJoin::First { end } => format!("spanFirst({parts}, {end})"),
        SpanJoin::Containing => format!("SpanContaining({parts})"),
        SpanJoin::Within => format!("SpanWithin({parts})"),
    }
}

fn often(spans: &[Span]) -> f32 {
    spans.iter().map(|span| 1.0 / (1.0 + span.width as f32)).sum()
}

impl Weight for SpansWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let counting = self.score.as_ref().map(|score| score.boosted(boost));
        let lengths = self.field.lengths(reader)?;
        let score = move |document, often| {
            // A document without the field, which has the spans in another one, counts as one with a word.
            let code = lengths.fieldnorm_id(document).max(1);
            counting.as_ref().map_or(1.0, |counting| counting.score(code, often))
        };
        let faults = &self.field.faults;
        Ok(Box::new(Counted::new(self.tree.open(reader, faults)?, often, score, faults.looks())))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut opened = self.tree.open(reader, &self.field.faults)?;
        let mut looks = self.field.faults.looks();
        let is_there = opened.seek(document, &mut looks) == document;
        let places = if is_there { opened.places(document, &mut looks) } else { Arc::default() };
        let Some(counting) = self.score.as_ref().filter(|_| !places.is_empty()) else {
            return Err(no_match(document));
        };
        let code = self.field.lengths(reader)?.fieldnorm_id(document).max(1);
        let score = counting.explain(code, often(&places), true);
        Ok(weight_of(&shown(&self.tree, reader.schema()), document, score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::faults::Faults;

    fn terms(places: &[u32]) -> Vec<Span> {
        places.iter().map(|place| SpanJoin::term(*place)).collect()
    }

    fn join(how: &SpanJoin, parts: &[Vec<Span>]) -> Vec<Span> {
        let parts: Vec<_> = parts.iter().cloned().map(Arc::new).collect();
        how.join(&parts, &mut Faults::default().looks())
    }

    fn shown(spans: &[Span]) -> Vec<(i64, i64, i64)> {
        spans.iter().map(|span| (span.start, span.end, span.width)).collect()
    }

    #[test]
    fn spans_lie_near_one_another() {
        let near = |slop, in_order| SpanJoin::Near { slop, in_order, gaps: Vec::new() };
        let parts = [terms(&[1, 5, 9]), terms(&[3, 6])];
        assert_eq!(shown(&join(&near(1, true), &parts)), [(1, 4, 1), (5, 7, 0)]);
        assert_eq!(shown(&join(&near(0, true), &parts)), [(5, 7, 0)]);
        assert_eq!(shown(&join(&near(1, false), &parts)), [(1, 4, 3), (3, 6, 3), (5, 7, 2)]);
        let left_out = SpanJoin::Near { slop: 0, in_order: true, gaps: vec![0, 1, 2] };
        assert_eq!(shown(&join(&left_out, &parts)), [(1, 6, 0)]);
        assert!(join(&near(9, true), &[terms(&[1]), Vec::new()]).is_empty());
        assert!(join(&near(9, false), &[terms(&[1]), Vec::new()]).is_empty());
    }

    #[test]
    fn spans_are_apart_early_or_in_others() {
        let not = SpanJoin::Not { before: 1, after: 1 };
        assert_eq!(shown(&join(&not, &[terms(&[1, 4, 8]), terms(&[2, 7])])), [(4, 5, 0)]);
        assert_eq!(shown(&join(&SpanJoin::First { end: 2 }, &[terms(&[0, 1, 2])])), [(0, 1, 0), (1, 2, 0)]);
        let big = vec![Span { start: 0, end: 3, width: 1 }, Span { start: 4, end: 6, width: 0 }];
        let little = terms(&[2, 7]);
        assert_eq!(shown(&join(&SpanJoin::Containing, &[big.clone(), little.clone()])), [(0, 3, 1)]);
        assert_eq!(shown(&join(&SpanJoin::Within, &[big, little])), [(2, 3, 0)]);
        assert_eq!(
            shown(&join(&SpanJoin::Or, &[terms(&[3]), terms(&[1, 3])])),
            [(1, 2, 0), (3, 4, 0), (3, 4, 0)]
        );
    }
}
