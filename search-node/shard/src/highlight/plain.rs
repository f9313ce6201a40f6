//! The best fragments of texts, of a fixed size.

use super::content::{Content, Place, Span, Text, Word};
use super::mark::marked;
use super::needles::Needles;
use super::{Fragmenter, HighlightOptions};

struct Fragment {
    text: usize,
    number: usize,
    start: usize,
    end: usize,
    found: Vec<(usize, usize)>,
    /// How many different words were found.
    score: usize,
}

pub(super) fn fragments(
    content: &Content,
    found: &[Place],
    needles: &Needles,
    options: &HighlightOptions,
) -> Vec<String> {
    if found.is_empty() {
        return beginning(content, options);
    }
    let mut all: Vec<Fragment> = Vec::new();
    let spans = content.spans(needles);
    for (at, text) in content.texts.iter().enumerate() {
        let places: Vec<Place> = found.iter().filter(|place| place.text == at).copied().collect();
        let mut best = of_text((at, text), &places, &spans, options);
        best.retain(|fragment| fragment.score > 0);
        best.sort_by(|a, b| b.score.cmp(&a.score).then(a.number.cmp(&b.number)));
        if options.fragments > 0 {
            best.truncate(options.fragments);
        }
        all.extend(best);
    }
    if options.by_score {
        all.sort_by_key(|fragment| std::cmp::Reverse(fragment.score));
    }
    if options.fragments > 0 {
        all.truncate(options.fragments);
    }
    let shown = all.iter().map(|fragment| {
        let letters = &content.texts[fragment.text].letters;
        marked(letters, (fragment.start, fragment.end), &fragment.found, options)
    });
    shown.collect()
}

/// The fragments of a text, with or without anything found.
fn of_text(
    (at, text): (usize, &Text),
    found: &[Place],
    spans: &[Span<'_>],
    options: &HighlightOptions,
) -> Vec<Fragment> {
    let length = text.letters.len();
    let new = |number, start| Fragment { text: at, number, start, end: length, found: Vec::new(), score: 0 };
    let mut fragments = vec![new(0, 0)];
    let mut terms: Vec<&str> = Vec::new();
    let (mut sizes, mut last_end, mut wait) = (1, 0, None);
    let is_found = |word: usize| found.iter().any(|place| place.word == word);
    for (number, word) in text.words.iter().enumerate() {
        let is_distinct = word.start >= last_end;
        let is_kept = options.fragmenter == Fragmenter::Span
            && number > 0
            && (is_within(text, word, spans, &mut wait)
                || length - word.end.min(length) < options.fragment_size / 2);
        let is_full = options.fragments > 0 && word.end >= options.fragment_size * sizes;
        if number > 0 && is_distinct && is_full && !is_kept {
            sizes += 1;
            terms.clear();
            if let Some(last) = fragments.last_mut() {
                last.end = last_end;
            }
            fragments.push(new(fragments.len(), last_end));
        }
        if let Some(fragment) = fragments.last_mut().filter(|_| is_found(number)) {
            fragment.found.push((word.start, word.end));
            if !terms.contains(&word.term.as_str()) {
                terms.push(&word.term);
                fragment.score += 1;
            }
        }
        last_end = last_end.max(word.end);
    }
    fragments
}

/// Whether a word is in a phrase that began before, and how long the phrase goes on. As in Lucene's fragments the first word of a text
/// does not count, so that phrases seem to begin a word later.
fn is_within(text: &Text, word: &Word, spans: &[Span<'_>], wait: &mut Option<usize>) -> bool {
    let first = text.words.first().map_or(0, |first| first.position);
    let at = (word.position + text.base).saturating_sub(first + 1);
    match *wait {
        Some(until) if at < until => return true,
        _ => *wait = None,
    }
    let from = spans.partition_point(|span| span.start < at);
    let mut begin_here = spans[from..].iter().take_while(|span| span.start == at);
    let begun = begin_here.find(|span| span.of.has(&word.term));
    *wait = begun.map(|span| span.end + 1);
    false
}

/// The beginning of the first text, up to a whole word, where that is wanted because nothing was found.
fn beginning(content: &Content, options: &HighlightOptions) -> Vec<String> {
    let Some(text) = content.texts.first().filter(|_| options.no_match_size > 0) else { return Vec::new() };
    let length = text.letters.len();
    let words = text.words.iter().map(|word| word.end);
    let end = match length > options.no_match_size {
        true => words.take_while(|end| *end <= options.no_match_size).last().unwrap_or(0),
        false => length,
    };
    let shown = marked(&text.letters, (0, end), &[], options);
    if shown.is_empty() { Vec::new() } else { vec![shown] }
}
