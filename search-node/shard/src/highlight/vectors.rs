//! Fragments around what was found, as Lucene's highlighter by term vectors chooses them (`fvh`): each begins a little before the first thing
//! found, and reaches to the next boundary.

use std::collections::BTreeMap;

use super::HighlightOptions;
use super::content::{Content, Word};
use super::letters::Letters;
use super::mark::write;
use super::needles::{Needle, Needles};
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
    let letters = Letters::new(texts, options.vectors.scanner);
    let mut fragments = match options.fragments {
        0 if hits.is_empty() => Vec::new(),
        0 => vec![Fragment { start: 0, end: usize::MAX, hits }],
        _ => around(hits, options)?,
    };
    let is_nothing = fragments.is_empty();
    if is_nothing && options.no_match_size > 0 && !texts.is_empty() {
        fragments.push(Fragment { start: 0, end: options.no_match_size, hits: Vec::new() });
    }
    if letters.texts() > 1 && !is_nothing {
        fragments = by_text(fragments, &letters);
    }
    if options.by_score {
        fragments.sort_by_key(|fragment| (std::cmp::Reverse(fragment.hits.len()), fragment.start));
    }
    fragments.truncate(if options.fragments == 0 { usize::MAX } else { options.fragments });
    Ok(fragments.iter().map(|fragment| shown(fragment, &letters, options)).collect())
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
    let mut end = 0;
    for hit in hits {
        let behind = hit.end();
        match joined.last_mut().filter(|_| hit.start() < end) {
            Some(last) => {
                last.spans.extend(hit.spans);
                end = end.max(behind);
            }
            None => {
                joined.push(hit);
                end = behind;
            }
        }
    }
    joined.iter_mut().for_each(|hit| hit.spans = apart(std::mem::take(&mut hit.spans)));
    joined
}

/// The same spans, those that touch as one.
fn apart(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for span in spans {
        match apart.last_mut() {
            Some(known) if span.0 <= known.1 => known.1 = known.1.max(span.1),
            _ => apart.push(span),
        }
    }
    apart
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

/// Fragments that lie in one of several texts each. A phrase that goes over two texts is shown in both.
fn by_text(fragments: Vec<Fragment>, letters: &Letters) -> Vec<Fragment> {
    let mut apart: Vec<Fragment> = Vec::new();
    for fragment in fragments {
        let mut of_texts: BTreeMap<usize, Fragment> = BTreeMap::new();
        for hit in &fragment.hits {
            for (text, (begin, end), part) in parts_in_texts(hit, letters) {
                let (start, end) = (fragment.start.max(begin), fragment.end.min(end));
                let here = of_texts.entry(text).or_insert_with(|| Fragment { start, end, hits: Vec::new() });
                here.hits.push(part);
            }
        }
        apart.extend(of_texts.into_values());
    }
    apart.sort_by_key(|fragment| fragment.start);
    apart
}

/// What of a hit lies in each text, with where that begins and ends.
fn parts_in_texts(hit: &Hit, letters: &Letters) -> Vec<(usize, (usize, usize), Hit)> {
    let mut parts: Vec<(usize, (usize, usize), Hit)> = Vec::new();
    for (from, to) in &hit.spans {
        let mut from = *from;
        while from < *to
            && let Some((text, (begin, end))) = letters.text_at(from)
        {
            // The last letter parts a text from the next one.
            let until = (*to).min(end - 1);
            if from < until {
                match parts.last_mut().filter(|(last, ..)| *last == text) {
                    Some((.., part)) => part.spans.push((from, until)),
                    None => parts.push((text, (begin, end), Hit { spans: vec![(from, until)], ..*hit })),
                }
            }
            from = end;
        }
    }
    parts
}

/// A fragment between boundaries, with tags.
fn shown(fragment: &Fragment, of: &Letters, options: &HighlightOptions) -> String {
    let letters = of.up_to(fragment.end);
    // What parts texts is of none of them.
    let length = letters.len().saturating_sub(1);
    let end = if length < fragment.end { length } else { of.end_of(letters, fragment.end, options) };
    let start = of.start_of(letters, fragment.start, options).min(end);
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::analysis::Analysis;
    use crate::highlight::needles::Needles;
    use crate::highlight::{BoundaryScanner, HighlightKind};

    fn options(phrase_limit: usize, scanner: Option<BoundaryScanner>) -> HighlightOptions {
        let mut options = HighlightOptions {
            kind: HighlightKind::Vectors,
            fragments: usize::MAX,
            fragment_size: 20,
            ..HighlightOptions::default()
        };
        (options.vectors.phrase_limit, options.vectors.scanner) = (phrase_limit, scanner);
        options
    }

    fn marked(texts: &[String], options: &HighlightOptions) -> Vec<String> {
        let analyzer = Analysis::plain().analyzer("standard").expect("an analyzer");
        let content = Content::new(texts.to_vec(), Some(&analyzer), 100);
        let needles = Needles::of_words(&["found", "word"]);
        fragments(texts, &[(content, None)], &needles, options).expect("fragments")
    }

    /// Each fragment used to cost a look at all letters before it, and at all texts.
    #[test]
    fn thousands_of_fragments_are_shown_in_a_moment() {
        let sentence = "A word is found in this sentence. ";
        let long = "word found then one of them without an end and ";
        for (texts, scanner) in [
            (vec![sentence.repeat(6_000)], None),
            (vec![sentence.repeat(6_000)], Some(BoundaryScanner::Sentence)),
            (vec![long.repeat(600)], Some(BoundaryScanner::Sentence)),
            (vec![sentence.repeat(6_000)], Some(BoundaryScanner::Word)),
            (vec![sentence.to_owned(); 6_000], None),
        ] {
            let begun = Instant::now();
            let found = marked(&texts, &options(usize::MAX, scanner));
            assert!(found.len() >= 500, "{} fragments", found.len());
            assert!(found.iter().all(|fragment| fragment.contains("<em>")));
            // With boundaries it took minutes in such a build.
            assert!(begun.elapsed() < Duration::from_secs(30), "{scanner:?}: {:?}", begun.elapsed());
        }
    }

    #[test]
    fn what_overlaps_over_and_over_is_one_in_a_moment() {
        let hit = |at: usize| Hit { spans: vec![(at, at + 3)], words: 1, number: 0 };
        let begun = Instant::now();
        let all = joined((0..100_000).map(|at| hit(at * 2)).collect());
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].spans, [(0, 200_001)]);
        assert_eq!(joined(vec![hit(0), hit(2), hit(9)]).len(), 2);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
