//! The best fragments of texts, of a fixed size.

use super::content::{Content, Place, Text};
use super::mark::marked;
use super::needles::Needles;
use super::unified::beginning;
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

pub(super) fn fragments(content: &Content, needles: &Needles, options: &HighlightOptions) -> Vec<String> {
    let found = content.find(needles);
    if found.is_empty() {
        return beginning(content, options);
    }
    let mut all: Vec<Fragment> = Vec::new();
    for (at, text) in content.texts.iter().enumerate() {
        let places: Vec<Place> = found.iter().filter(|place| place.text == at).copied().collect();
        let mut best = of_text(at, text, &places, options);
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
fn of_text(at: usize, text: &Text, found: &[Place], options: &HighlightOptions) -> Vec<Fragment> {
    let length = text.letters.len();
    let new = |number, start| Fragment { text: at, number, start, end: length, found: Vec::new(), score: 0 };
    let mut fragments = vec![new(0, 0)];
    let mut terms: Vec<&str> = Vec::new();
    let (mut sizes, mut last_end) = (1, 0);
    let is_found = |word: usize| found.iter().any(|place| place.word == word);
    for (number, word) in text.words.iter().enumerate() {
        let is_distinct = word.start >= last_end;
        // What was found as one stays so: a word that is found and follows one that is.
        let is_inside = number > 0 && is_found(number) && is_found(number - 1);
        let is_kept = options.fragmenter == Fragmenter::Span
            && (is_inside || length - word.end.min(length) < options.fragment_size / 2);
        let is_full =
            options.fragments > 0 && options.fragment_size > 0 && word.end >= options.fragment_size * sizes;
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
