//! Intervals: the shortest parts of a text in which something stands. What they are made of, and how much they count, is as in Lucene: a document is
//! worth the more the more of them it has and the shorter they are, and never more than one.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score};

use super::explained::{made_of, no_match};
use super::positions::{Counted, Joins, Needs, Tree};
use crate::query::faults::{Faults, Looks};

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct Interval {
    start: i64,
    /// Where its last term stands.
    end: i64,
    /// How many terms it has beside those that are asked for.
    gaps: i64,
    /// How many places it takes in one that is made of it.
    width: i64,
}

impl Interval {
    fn between(start: i64, end: i64, gaps: i64) -> Self {
        Self { start, end, gaps, width: end - start + 1 }
    }
}

/// Behind every text.
const END: i64 = i32::MAX as i64;

/// How intervals are made of intervals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::query) enum IntervalJoin {
    /// One behind the other.
    Ordered,
    /// In any order.
    Unordered,
    /// One right behind the other.
    Block,
    /// Any of them.
    Or,
    /// The same so many times.
    Repeated(usize),
    /// Those with at most so many other terms.
    MaxGaps(i64),
    /// Longer by so many places.
    Extended { before: i64, after: i64 },
    /// What is before them, from the beginning of the text.
    Before,
    /// What is behind them, to the end of the text.
    After,
    /// The first part as it lies to the second one.
    Filtered(Lies),
}

/// How intervals lie to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::query) enum Lies {
    Containing,
    ContainedBy,
    Overlapping,
    NotContaining,
    NotContainedBy,
    NotOverlapping,
}

impl Joins for IntervalJoin {
    type Place = Interval;

    fn term(position: u32) -> Interval {
        Interval::between(i64::from(position), i64::from(position), 0)
    }

    fn any() -> Self {
        Self::Or
    }

    fn needs(&self) -> Needs {
        match self {
            Self::Ordered | Self::Unordered | Self::Block => Needs::All,
            Self::Or => Needs::Any,
            Self::Filtered(Lies::Containing | Lies::ContainedBy | Lies::Overlapping) => Needs::All,
            Self::Filtered(_)
            | Self::Repeated(_)
            | Self::MaxGaps(_)
            | Self::Extended { .. }
            | Self::Before
            | Self::After => Needs::First,
        }
    }

    fn join(&self, parts: &[Arc<Vec<Interval>>], looks: &mut Looks) -> Vec<Interval> {
        match (self, parts) {
            (Self::Ordered, _) => ordered(parts, looks),
            (Self::Unordered, _) => unordered(parts, looks),
            (Self::Block, _) => block(parts, looks),
            (Self::Or, _) => any(parts),
            (Self::Repeated(times), [of]) => repeated(of, *times, looks),
            (Self::MaxGaps(most), [of]) => of.iter().filter(|one| one.gaps <= *most).copied().collect(),
            (Self::Extended { before, after }, [of]) => {
                let longer = |one: &Interval| {
                    Interval::between((one.start - before).max(0), (one.end + after).min(END), one.gaps)
                };
                of.iter().map(longer).collect()
            }
            (Self::Before, [of]) => {
                of.iter().map(|one| Interval::between(0, (one.start - 1).max(0), 0)).collect()
            }
            (Self::After, [of]) => of.iter().map(|one| Interval::between(one.end + 1, END, 0)).collect(),
            (Self::Filtered(lies), [of, others]) => filtered(of, others, *lies),
            _ => Vec::new(),
        }
    }
}

/// Of all that end with the same last one, that which begins last.
fn ordered(parts: &[Arc<Vec<Interval>>], looks: &mut Looks) -> Vec<Interval> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let mut at = vec![0; rest.len()];
    let mut found: Vec<Interval> = Vec::new();
    let mut last_of_found = None;
    'firsts: for begin in first.iter() {
        let (mut end, mut width) = (begin.end, begin.width);
        for (part, at) in rest.iter().zip(&mut at) {
            let passed = part.iter().skip(*at).take_while(|one| one.start <= end).count();
            *at += passed;
            if looks.is_over_after(u32::try_from(1 + passed).unwrap_or(u32::MAX)) {
                break 'firsts;
            }
            let Some(next) = part.get(*at) else { break 'firsts };
            end = next.end;
            width += next.width;
        }
        let interval = Interval::between(begin.start, end, end - begin.start + 1 - width);
        let last = at.last().copied();
        match found.last_mut() {
            Some(before) if last == last_of_found => *before = interval,
            _ => found.push(interval),
        }
        last_of_found = last;
    }
    found
}

/// A walk over several parts at once, the one that begins first ahead.
struct Walk<'a> {
    parts: &'a [Arc<Vec<Interval>>],
    at: Vec<usize>,
    /// The parts by what begins first; of those that begin together the one that ends last.
    queue: BTreeSet<(i64, i64, usize)>,
    /// The places that all take together.
    width: i64,
    end: i64,
}

impl<'a> Walk<'a> {
    /// Every part has an interval at least.
    fn new(parts: &'a [Arc<Vec<Interval>>]) -> Self {
        let mut walk =
            Self { parts, at: vec![0; parts.len()], queue: BTreeSet::new(), width: 0, end: i64::MIN };
        (0..parts.len()).for_each(|part| walk.take(part));
        walk
    }

    fn here(&self, part: usize) -> Interval {
        self.parts[part][self.at[part]]
    }

    fn rank(&self, part: usize) -> (i64, i64, usize) {
        (self.here(part).start, -self.here(part).end, part)
    }

    fn take(&mut self, part: usize) {
        let here = self.here(part);
        self.queue.insert(self.rank(part));
        self.width += here.width;
        self.end = self.end.max(here.end);
    }

    /// The part that begins first.
    fn first(&self) -> usize {
        self.queue.first().map_or(0, |(.., part)| *part)
    }

    /// Moves a part on; false where it has nothing more.
    fn step(&mut self, part: usize) -> bool {
        if self.at[part] + 1 >= self.parts[part].len() {
            return false;
        }
        self.queue.remove(&self.rank(part));
        self.width -= self.here(part).width;
        self.at[part] += 1;
        self.take(part);
        true
    }

    fn interval(&self) -> Interval {
        let first = self.here(self.first());
        Interval::between(first.start, self.end, self.end - first.start + 1 - self.width)
    }
}

fn unordered(parts: &[Arc<Vec<Interval>>], looks: &mut Looks) -> Vec<Interval> {
    let mut found = Vec::new();
    if parts.is_empty() || parts.iter().any(|part| part.is_empty()) {
        return found;
    }
    let mut walk = Walk::new(parts);
    loop {
        let mut shortest = walk.interval();
        // Shorter while its end stays.
        loop {
            let first = walk.first();
            shortest = if walk.end == shortest.end { walk.interval() } else { shortest };
            if walk.here(first).end == walk.end {
                break;
            }
            if looks.is_over_after(1) || !walk.step(first) {
                found.push(shortest);
                return found;
            }
            if walk.end != shortest.end {
                break;
            }
        }
        found.push(shortest);
        // On to one that begins later.
        while walk.here(walk.first()).start == shortest.start {
            let first = walk.first();
            if looks.is_over_after(1) || !walk.step(first) {
                return found;
            }
        }
    }
}

fn block(parts: &[Arc<Vec<Interval>>], looks: &mut Looks) -> Vec<Interval> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let mut whole = |begin: &Interval| {
        let mut end = begin.end;
        for part in rest {
            if looks.is_over_after(1) {
                return None;
            }
            let next = part.get(part.partition_point(|one| one.start <= end))?;
            if next.start != end + 1 {
                return None;
            }
            end = next.end;
        }
        Some(Interval::between(begin.start, end, 0))
    };
    first.iter().filter_map(&mut whole).collect()
}

/// Those that have no other one in them.
fn any(parts: &[Arc<Vec<Interval>>]) -> Vec<Interval> {
    let mut all: Vec<Interval> = parts.iter().flat_map(|part| part.iter()).copied().collect();
    all.sort_by_key(|one| (one.end, -one.start));
    let mut found: Vec<Interval> = Vec::with_capacity(all.len());
    for one in all {
        if found.last().is_none_or(|last| one.start > last.start) {
            found.push(one);
        }
    }
    found
}

/// So many in a row, as one.
fn repeated(of: &[Interval], times: usize, looks: &mut Looks) -> Vec<Interval> {
    // As Lucene counts it, which takes a longer one for a shorter one.
    let width_of = |one: &Interval| one.start - one.end + 1;
    let mut found = Vec::new();
    let mut width = 0;
    for (last, one) in of.iter().enumerate() {
        if looks.is_over_after(1) {
            break;
        }
        width += width_of(one);
        let Some(first) = (last + 1).checked_sub(times).and_then(|first| of.get(first)) else { continue };
        let (start, end) = (first.start, one.end);
        found.push(Interval { start, end, gaps: end - start + 1 - width, width });
        width -= width_of(first);
    }
    found
}

/// Goes along others that are sorted, of which there is one before the first.
struct Others<'a> {
    all: &'a [Interval],
    next: usize,
}

impl Others<'_> {
    fn start(&self) -> i64 {
        self.here().map_or(if self.next == 0 { -1 } else { END }, |one| one.start)
    }

    fn end(&self) -> i64 {
        self.here().map_or(if self.next == 0 { -1 } else { END }, |one| one.end)
    }

    fn here(&self) -> Option<&Interval> {
        self.all.get(self.next.checked_sub(1)?)
    }

    /// False where there are no more.
    fn step(&mut self) -> bool {
        self.next += 1;
        self.next <= self.all.len()
    }
}

fn filtered(of: &[Interval], others: &[Interval], lies: Lies) -> Vec<Interval> {
    if others.is_empty() {
        let is_apart = matches!(lies, Lies::NotContaining | Lies::NotContainedBy | Lies::NotOverlapping);
        return if is_apart { of.to_vec() } else { Vec::new() };
    }
    let mut others = Others { all: others, next: 0 };
    let mut found = Vec::new();
    for one in of {
        let is_behind = |others: &Others<'_>| match lies {
            Lies::Containing | Lies::NotContaining => others.start() < one.start && others.end() < one.end,
            Lies::ContainedBy | Lies::NotContainedBy => others.end() < one.end,
            Lies::Overlapping | Lies::NotOverlapping => others.end() < one.start,
        };
        while is_behind(&others) && others.step() {}
        let is_wanted = match lies {
            Lies::Containing => one.start <= others.start() && one.end >= others.end(),
            Lies::ContainedBy => others.here().is_some() && others.start() <= one.start,
            Lies::Overlapping => others.start() <= one.end,
            Lies::NotContaining | Lies::NotOverlapping => others.start() > one.end,
            Lies::NotContainedBy => one.start < others.start(),
        };
        if is_wanted {
            found.push(*one);
        }
    }
    found
}

impl Tree<IntervalJoin> {
    /// How many places the shortest interval takes that it can be.
    pub(in crate::query) fn least_length(&self) -> i64 {
        match self {
            Self::Terms(_) | Self::Like(_) => 1,
            Self::Joined { how, parts } => {
                let lengths = || parts.iter().map(Self::least_length);
                match how {
                    IntervalJoin::Ordered | IntervalJoin::Unordered | IntervalJoin::Block => lengths().sum(),
                    IntervalJoin::Or => lengths().min().unwrap_or(0),
                    IntervalJoin::Extended { before, after } => {
                        (lengths().next().unwrap_or(0) + before + after).min(END)
                    }
                    IntervalJoin::Before | IntervalJoin::After => END,
                    _ => lengths().next().unwrap_or(0),
                }
            }
        }
    }
}

/// Documents with intervals.
#[derive(Debug, Clone)]
pub(in crate::query) struct Intervals {
    pub(in crate::query) tree: Tree<IntervalJoin>,
    pub(in crate::query) faults: Faults,
}

impl Intervals {
    fn often(&self, found: &[Interval]) -> f32 {
        often(found, self.tree.least_length())
    }
}

/// How much intervals count, the less the longer they are than the shortest that there may be.
fn often(found: &[Interval], least: i64) -> f32 {
    let one = |interval: &Interval| 1.0 / (interval.end - interval.start + 2 - least).max(1) as f64;
    found.iter().map(one).sum::<f64>() as f32
}

impl Query for Intervals {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Intervals {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let least = self.tree.least_length();
        let often = move |found: &[Interval]| often(found, least);
        let score = move |_, often| boost * (1.0 - 1.0 / (1.0 + often));
        let opened = self.tree.open(reader, &self.faults)?;
        Ok(Box::new(Counted::new(opened, often, score, self.faults.looks())))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut opened = self.tree.open(reader, &self.faults)?;
        let mut looks = self.faults.looks();
        let is_there = opened.seek(document, &mut looks) == document;
        let found = if is_there { opened.places(document, &mut looks) } else { Arc::default() };
        if found.is_empty() {
            return Err(no_match(document));
        }
        let often = self.often(&found);
        Ok(made_of(
            "Saturation function on interval frequency, computed as w * S / (S + k) from:",
            1.0 - 1.0 / (1.0 + often),
            [
                made_of("w, weight of this function", 1.0, []),
                made_of("k, pivot feature value that would give a score contribution equal to w/2", 1.0, []),
                made_of("S, the sloppy frequency of the interval query", often, []),
            ],
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(places: &[u32]) -> Vec<Interval> {
        places.iter().map(|place| IntervalJoin::term(*place)).collect()
    }

    fn join(how: &IntervalJoin, parts: &[Vec<Interval>]) -> Vec<Interval> {
        let parts: Vec<_> = parts.iter().cloned().map(Arc::new).collect();
        how.join(&parts, &mut Faults::default().looks())
    }

    fn shown(intervals: &[Interval]) -> Vec<(i64, i64, i64)> {
        intervals.iter().map(|one| (one.start, one.end, one.gaps)).collect()
    }

    #[test]
    fn intervals_are_the_shortest_ones() {
        let parts = [terms(&[0, 2, 7]), terms(&[4, 9])];
        assert_eq!(shown(&join(&IntervalJoin::Ordered, &parts)), [(2, 4, 1), (7, 9, 1)]);
        assert_eq!(shown(&join(&IntervalJoin::Unordered, &parts)), [(2, 4, 1), (4, 7, 2), (7, 9, 1)]);
        assert_eq!(shown(&join(&IntervalJoin::Block, &[terms(&[0, 3, 6]), terms(&[4, 8])])), [(3, 4, 0)]);
        assert_eq!(shown(&join(&IntervalJoin::Repeated(2), &[terms(&[0, 3, 4])])), [(0, 3, 2), (3, 4, 0)]);
        let long = vec![Interval::between(0, 5, 4), Interval::between(6, 9, 0)];
        assert_eq!(shown(&join(&IntervalJoin::Or, &[long, terms(&[3])])), [(3, 3, 0), (6, 9, 0)]);
        assert!(join(&IntervalJoin::Unordered, &[terms(&[1]), Vec::new()]).is_empty());
        assert!(join(&IntervalJoin::Ordered, &[terms(&[5]), terms(&[1])]).is_empty());
    }

    #[test]
    fn intervals_lie_to_others() {
        let big = vec![Interval::between(0, 3, 0), Interval::between(5, 8, 0)];
        let small = terms(&[2, 4]);
        let lies = |one: &[Interval], other: &[Interval], lies| {
            shown(&join(&IntervalJoin::Filtered(lies), &[one.to_vec(), other.to_vec()]))
        };
        assert_eq!(lies(&big, &small, Lies::Containing), [(0, 3, 0)]);
        assert_eq!(lies(&big, &small, Lies::NotContaining), [(5, 8, 0)]);
        assert_eq!(lies(&small, &big, Lies::ContainedBy), [(2, 2, 0)]);
        assert_eq!(lies(&small, &big, Lies::NotContainedBy), [(4, 4, 0)]);
        assert_eq!(lies(&small, &big, Lies::Overlapping), [(2, 2, 0)]);
        assert_eq!(lies(&small, &big, Lies::NotOverlapping), [(4, 4, 0)]);
        assert_eq!(lies(&small, &[], Lies::NotOverlapping).len(), 2);
        let before = join(&IntervalJoin::Before, &[terms(&[4])]);
        assert_eq!(lies(&small, &before, Lies::ContainedBy), [(2, 2, 0)]);
        let after = join(&IntervalJoin::After, &[terms(&[2])]);
        assert_eq!(lies(&small, &after, Lies::ContainedBy), [(4, 4, 0)]);
    }
}
