//! Fragments around what was found, as Lucene's highlighter by term vectors chooses them (`fvh`): each begins a little before the first thing
//! found, and reaches to the next boundary.

use super::breaks;
use super::content::{Content, Word};
use super::mark::write;
use super::needles::{Needle, Needles};
use super::{BoundaryScanner, HighlightOptions};
use crate::query::QueryError;

/// Letters in front of what was found, where nobody says.
const MARGIN: usize = 6;
/// A fragment has so many letters, at least: the margin, as much behind, and something between.
const SIZE_LEAST: usize = 3 * MARGIN;

/// A word or a phrase that was found.
#[derive(Debug, Clone)]
struct Hit {
    /// Where it stands in all texts together; the words of a phrase that stand side by side are one.
    spans: Vec<(usize, usize)>,
    words: usize,
    /// The number of what was looked for, which its tags go by.
    number: usize,
}

impl Hit {
    fn start(&self) -> usize {
        self.spans.first().map_or(0, |span| span.0)
    }

    fn end(&self) -> usize {
        self.spans.last().map_or(0, |span| span.1)
    }
}

struct Fragment {
    start: usize,
    end: usize,
    hits: Vec<Hit>,
}

/// What may follow the words so far: phrases, with how many of their words were there, and whether the words are something looked for.
#[derive(Default)]
struct State<'n> {
    phrases: Vec<(usize, usize, &'n super::needles::Phrase)>,
    /// Its number, and how far its words may be from each other.
    whole: Option<(usize, u32)>,
}

/// The fragments of texts. Words are those of the field itself, or of others that count for it.
pub(super) fn fragments(
    texts: &[String],
    contents: &[(Content, Option<&str>)],
    needles: &Needles,
    options: &HighlightOptions,
) -> Result<Vec<String>, QueryError> {
    let mut hits = Vec::new();
    for (content, field) in contents {
        hits.extend(find(content, *field, needles, options.vectors.phrase_limit));
    }
    hits.sort_by_key(|hit: &Hit| (hit.start(), hit.end()));
    let hits = joined(hits);
    let values: Vec<Vec<char>> = texts.iter().map(|text| text.chars().collect()).collect();
    let mut fragments = match options.fragments {
        0 if hits.is_empty() => Vec::new(),
        0 => vec![Fragment { start: 0, end: usize::MAX, hits }],
        _ => around(hits, options)?,
    };
    let is_nothing = fragments.is_empty();
    if is_nothing && options.no_match_size > 0 && !values.is_empty() {
        fragments.push(Fragment { start: 0, end: options.no_match_size, hits: Vec::new() });
    }
    if values.len() > 1 && !is_nothing {
        fragments = by_value(fragments, &values);
    }
    if options.by_score {
        fragments.sort_by_key(|fragment| (std::cmp::Reverse(fragment.hits.len()), fragment.start));
    }
    fragments.truncate(if options.fragments == 0 { usize::MAX } else { options.fragments });
    Ok(fragments.iter().map(|fragment| shown(fragment, &values, options)).collect())
}

/// What was found, from the first on, each word once.
fn find(content: &Content, field: Option<&str>, needles: &Needles, limit: usize) -> Vec<Hit> {
    let places = places(content, field, needles);
    let mut hits = Vec::new();
    let mut at = 0;
    while at < places.len() && hits.len() < limit {
        let mut here = places[at].iter();
        let first = here.find_map(|word| Some((*word, begin(field, needles, &word.0.term)?)));
        let Some((word, mut state)) = first else {
            at += 1;
            continue;
        };
        let mut path = vec![word];
        // How far it is a whole, and which.
        let mut whole = state.whole.map(|(number, _)| (1, number));
        let mut next = at + 1;
        while let Some(words) = places.get(next) {
            let found = words.iter().find_map(|word| Some((*word, follow(&state, &word.0.term)?)));
            let Some((word, followed)) = found else { break };
            path.push(word);
            state = followed;
            if let Some((number, slop)) = state.whole
                && are_near(&path, slop)
            {
                whole = Some((path.len(), number));
            }
            next += 1;
        }
        match whole {
            Some((length, number)) => {
                hits.push(hit(&path[..length], number));
                at += length;
            }
            None => at += 1,
        }
    }
    hits
}

/// The words that may be of something looked for, those of one position together, each with where its text begins.
fn places<'c>(content: &'c Content, field: Option<&str>, needles: &Needles) -> Vec<Vec<(&'c Word, usize)>> {
    let mut places: Vec<Vec<(&Word, usize)>> = Vec::new();
    let mut offset = 0;
    for text in &content.texts {
        let is_sought = |word: &&Word| {
            needles.of(field).any(|(_, needle)| match needle {
                Needle::Phrase(phrase) => phrase.has(&word.term),
                other => other.is_word(&word.term),
            })
        };
        let mut words: Vec<&Word> = text.words.iter().filter(is_sought).collect();
        words.sort_by_key(|word| word.position);
        for word in words {
            match places.last_mut() {
                Some(last) if last.first().is_some_and(|(known, _)| known.position == word.position) => {
                    last.push((word, offset));
                }
                _ => places.push(vec![(word, offset)]),
            }
        }
        offset += text.letters.len() + 1;
    }
    places
}

fn begin<'n>(field: Option<&str>, needles: &'n Needles, term: &str) -> Option<State<'n>> {
    let mut state = State::default();
    for (number, needle) in needles.of(field) {
        match needle {
            Needle::Phrase(phrase) => state.phrases.extend(step(number, 0, phrase, term)),
            other if other.is_word(term) => {
                state.whole.get_or_insert((number, 0));
            }
            _ => {}
        }
    }
    (state.whole.is_some() || !state.phrases.is_empty()).then_some(state)
}

fn follow<'n>(state: &State<'n>, term: &str) -> Option<State<'n>> {
    let mut next = State::default();
    for (number, length, phrase) in &state.phrases {
        next.phrases.extend(step(*number, *length, phrase, term));
    }
    let whole = next.phrases.iter().find(|(_, length, phrase)| *length == phrase.parts.len());
    next.whole = whole.map(|(number, _, phrase)| (*number, phrase.slop));
    (!next.phrases.is_empty()).then_some(next)
}

/// One word of a phrase further.
fn step<'n>(
    number: usize,
    length: usize,
    phrase: &'n super::needles::Phrase,
    term: &str,
) -> Option<(usize, usize, &'n super::needles::Phrase)> {
    let part = phrase.parts.get(length)?;
    let is_last = length + 1 == phrase.parts.len();
    part.is_word(term, phrase.goes_on && is_last).then_some((number, length + 1, phrase))
}

fn are_near(path: &[(&Word, usize)], slop: u32) -> bool {
    path.windows(2).all(|two| {
        let step = two[1].0.position as i64 - two[0].0.position as i64 - 1;
        step.unsigned_abs() <= u64::from(slop)
    })
}

fn hit(path: &[(&Word, usize)], number: usize) -> Hit {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut last = None;
    for (word, offset) in path {
        let (start, end) = (word.start + offset, word.end + offset);
        match spans.last_mut() {
            Some(span) if last == word.position.checked_sub(1) && last.is_some() => span.1 = end,
            _ => spans.push((start, end)),
        }
        last = Some(word.position);
    }
    Hit { spans, words: path.len(), number }
}

/// What overlaps is one.
fn joined(hits: Vec<Hit>) -> Vec<Hit> {
    let mut joined: Vec<Hit> = Vec::new();
    for hit in hits {
        match joined.last_mut() {
            Some(last) if hit.start() < last.end() => {
                last.spans.extend(hit.spans);
                last.spans.sort_unstable();
                let mut apart: Vec<(usize, usize)> = Vec::new();
                for span in std::mem::take(&mut last.spans) {
                    match apart.last_mut() {
                        Some(known) if span.0 <= known.1 => known.1 = known.1.max(span.1),
                        _ => apart.push(span),
                    }
                }
                last.spans = apart;
            }
            _ => joined.push(hit),
        }
    }
    joined
}

/// Fragments of about a size, with what was found in the middle.
fn around(hits: Vec<Hit>, options: &HighlightOptions) -> Result<Vec<Fragment>, QueryError> {
    let size = options.fragment_size;
    let margin = options.vectors.fragment_offset.unwrap_or(MARGIN);
    if size < SIZE_LEAST.max(margin.saturating_mul(3)) {
        return Err(QueryError::argument(format!(
            "fragCharSize({size}) is too small. It must be {} or higher.",
            SIZE_LEAST.max(margin.saturating_mul(3))
        )));
    }
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut from = 0;
    let mut hits = hits.into_iter().peekable();
    while let Some(first) = hits.next() {
        if first.start() < from {
            continue;
        }
        let start = first.start();
        let mut end = first.end();
        let reach = end.max(start.saturating_sub(margin).max(from) + size);
        let mut taken = Vec::new();
        let fits = |hit: &Hit, end: usize| hit.words <= 1 || end - start <= size;
        if fits(&first, end) {
            taken.push(first);
        }
        while let Some(next) = hits.next_if(|next| next.end() <= reach) {
            end = next.end();
            if fits(&next, end) {
                taken.push(next);
            }
        }
        if taken.is_empty() {
            continue;
        }
        let length = end - start;
        let begun = start.saturating_sub(size.saturating_sub(length) / 2).max(from);
        from = begun + length.max(size);
        fragments.push(Fragment { start: begun, end: from, hits: taken });
    }
    Ok(fragments)
}

/// Fragments that lie in one of several texts each.
fn by_value(fragments: Vec<Fragment>, values: &[Vec<char>]) -> Vec<Fragment> {
    let mut apart = Vec::new();
    for fragment in fragments {
        let mut begin = 0;
        for value in values {
            let end = begin + value.len() + 1;
            // A phrase that goes over two values is shown in both.
            let inside = |hit: &Hit| {
                let cut = hit.spans.iter().map(|(from, to)| ((*from).max(begin), (*to).min(end - 1)));
                let spans: Vec<(usize, usize)> = cut.filter(|(from, to)| from < to).collect();
                (!spans.is_empty()).then_some(Hit { spans, ..*hit })
            };
            let hits: Vec<Hit> = fragment.hits.iter().filter_map(inside).collect();
            if !hits.is_empty() {
                let (start, end) = (fragment.start.max(begin), fragment.end.min(end));
                apart.push(Fragment { start, end, hits });
            }
            begin = end;
        }
    }
    apart.sort_by_key(|fragment| fragment.start);
    apart
}

/// A fragment between boundaries, with tags.
fn shown(fragment: &Fragment, values: &[Vec<char>], options: &HighlightOptions) -> String {
    let mut letters: Vec<char> = Vec::new();
    let mut taken = values.iter();
    while letters.len() < fragment.end
        && let Some(value) = taken.next()
    {
        letters.extend(value);
        letters.push(' ');
    }
    // What parts texts is of none of them.
    let length = letters.len().saturating_sub(1);
    let end = if length < fragment.end { length } else { end_of(&letters, fragment.end, options) };
    let start = start_of(&letters, fragment.start, options).min(end);
    let mut text = String::new();
    let mut at = start;
    for hit in &fragment.hits {
        for (from, to) in &hit.spans {
            let (from, to) = ((*from).max(at), (*to).min(end));
            if to <= from {
                continue;
            }
            write(&letters[at..from], options.is_html, &mut text);
            text.push_str(options.vectors.pre_tag(hit.number).unwrap_or(&options.pre_tag));
            write(&letters[from..to], options.is_html, &mut text);
            text.push_str(options.vectors.post_tag(hit.number).unwrap_or(&options.post_tag));
            at = to;
        }
    }
    write(&letters[at..end.max(at)], options.is_html, &mut text);
    text
}

/// The places where sentences or words end.
fn places_of(letters: &[char], scanner: BoundaryScanner) -> Vec<usize> {
    let text: String = letters.iter().collect();
    match scanner {
        BoundaryScanner::Sentence => breaks::sentences(&text),
        BoundaryScanner::Word => breaks::words(&text),
    }
}

fn start_of(letters: &[char], start: usize, options: &HighlightOptions) -> usize {
    if start > letters.len() || start < 1 {
        return start;
    }
    let vectors = &options.vectors;
    if let Some(scanner) = vectors.scanner {
        let places = places_of(&letters[..start], scanner);
        return places.iter().rev().find(|place| **place < start).copied().unwrap_or(0);
    }
    let is_boundary = |at: &usize| vectors.boundary_chars.contains(letters[*at - 1]);
    let scanned = (1..=start).rev().take(vectors.boundary_max_scan);
    let found = scanned.clone().find(is_boundary);
    let reaches_front = start <= vectors.boundary_max_scan;
    found.unwrap_or(if reaches_front { 0 } else { start })
}

fn end_of(letters: &[char], end: usize, options: &HighlightOptions) -> usize {
    if end > letters.len() {
        return end;
    }
    let vectors = &options.vectors;
    if let Some(scanner) = vectors.scanner {
        let places = places_of(&letters[end..], scanner);
        return places.into_iter().find(|place| *place > 0).map_or(end, |place| end + place);
    }
    let is_boundary = |at: &usize| vectors.boundary_chars.contains(letters[*at]);
    (end..letters.len()).take(vectors.boundary_max_scan).find(is_boundary).unwrap_or(end)
}
