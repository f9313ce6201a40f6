//! How often a phrase is in a text, exactly or with its words moved. Moved, it is counted as Lucene does: each match counts the less the further its words
//! lie apart, and the same word of the text is never taken for two words of the phrase.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use crate::query::faults::Looks;

/// A list so many times as long as what is looked for in it is not walked along.
const MUCH_LONGER: usize = 8;

/// One word of a phrase.
#[derive(Debug, Clone, Copy)]
struct Placed {
    /// Its place there.
    offset: u32,
    /// Which list has the places in the text where it, or what means the same, stands.
    list: usize,
    /// The words that can be the same word of a text, if there are others.
    group: Option<u32>,
}

/// A phrase as it is counted. Words that mean the same have one list of places, however many there are.
#[derive(Debug)]
pub(in crate::query) struct PhraseShape {
    /// In the order of their offsets.
    words: Vec<Placed>,
    /// A word of each list.
    firsts: Vec<usize>,
    /// How far the words may be moved together.
    slop: u32,
}

impl PhraseShape {
    /// By how many places its words may be moved.
    pub(in crate::query) fn slop(&self) -> u32 {
        self.slop
    }

    /// Of words by their offsets, each of which may be any of several terms. `is_last_apart` where the last one stands for more than its terms say.
    pub(in crate::query) fn new<'t, T: Eq + Hash + 't>(
        words: impl IntoIterator<Item = (u32, &'t [T])>,
        is_last_apart: bool,
        slop: u32,
    ) -> Self {
        let (offsets, means): (Vec<u32>, Vec<&[T]>) = words.into_iter().unzip();
        let groups = groups(&means);
        let last = offsets.len().saturating_sub(1);
        let (mut lists, mut firsts, mut words) = (HashMap::new(), Vec::new(), Vec::new());
        for (at, offset) in offsets.into_iter().enumerate() {
            let list = *lists.entry((means[at], is_last_apart && at == last)).or_insert_with(|| {
                firsts.push(at);
                firsts.len() - 1
            });
            words.push(Placed { offset, list, group: groups[at] });
        }
        Self { words, firsts, slop }
    }

    /// The words of whose places there are lists, one of each.
    pub(in crate::query) fn firsts(&self) -> &[usize] {
        &self.firsts
    }
}

/// Which words have a term in common with others, also by way of others: the number of their group.
fn groups<T: Eq + Hash>(words: &[&[T]]) -> Vec<Option<u32>> {
    fn root(parents: &mut [usize], word: usize) -> usize {
        let mut root = word;
        while parents[root] != root {
            parents[root] = parents[parents[root]];
            root = parents[root];
        }
        root
    }
    let mut parents: Vec<usize> = (0..words.len()).collect();
    let mut known: HashMap<&T, usize> = HashMap::new();
    for (at, terms) in words.iter().enumerate() {
        for term in *terms {
            let other = *known.entry(term).or_insert(at);
            let (one, other) = (root(&mut parents, at), root(&mut parents, other));
            parents[one.max(other)] = one.min(other);
        }
    }
    let roots: Vec<usize> = (0..words.len()).map(|word| root(&mut parents, word)).collect();
    let mut sizes = vec![0; words.len()];
    roots.iter().for_each(|root| sizes[*root] += 1);
    roots.into_iter().map(|root| (sizes[root] > 1).then_some(root as u32)).collect()
}

/// A phrase in one text after the other.
#[derive(Debug)]
pub(in crate::query) struct PhraseInText {
    shape: Arc<PhraseShape>,
    /// The places of the words, in order.
    pub(in crate::query) lists: Vec<Vec<u32>>,
    /// Where the phrase may begin.
    begins: Vec<u32>,
}

impl PhraseInText {
    pub(in crate::query) fn new(shape: &Arc<PhraseShape>) -> Self {
        Self { shape: Arc::clone(shape), lists: vec![Vec::new(); shape.firsts.len()], begins: Vec::new() }
    }

    /// How often the phrase is there; none where the search ends meanwhile.
    pub(in crate::query) fn often(&mut self, looks: &mut Looks) -> Option<f32> {
        if self.lists.iter().any(Vec::is_empty) || self.shape.words.is_empty() {
            return Some(0.0);
        }
        if self.shape.slop == 0 { self.exactly(looks) } else { self.moved(looks) }
    }

    /// How often the words stand exactly so.
    fn exactly(&mut self, looks: &mut Looks) -> Option<f32> {
        let Self { shape, lists, begins } = self;
        let rarest = shape.words.iter().min_by_key(|word| lists[word.list].len())?;
        begins.clear();
        begins.extend(lists[rarest.list].iter().filter_map(|place| place.checked_sub(rarest.offset)));
        for word in &shape.words {
            let places = &lists[word.list];
            if begins.is_empty() {
                break;
            }
            let is_much_longer = places.len() > MUCH_LONGER * begins.len();
            let work = if is_much_longer { begins.len() } else { places.len() };
            if looks.is_over_after(u32::try_from(work).unwrap_or(u32::MAX)) {
                return None;
            }
            let mut from = 0;
            begins.retain(|begin| {
                let wanted = begin + word.offset;
                from += match is_much_longer {
                    true => places[from..].partition_point(|place| *place < wanted),
                    false => places[from..].iter().take_while(|place| **place < wanted).count(),
                };
                places.get(from) == Some(&wanted)
            });
        }
        Some(begins.len() as f32)
    }

    /// How often the phrase is there with its words moved by as much as they may together.
    fn moved(&self, looks: &mut Looks) -> Option<f32> {
        let mut walk = Walk {
            words: &self.shape.words,
            lists: &self.lists,
            at: vec![0; self.shape.words.len()],
            queue: BTreeSet::new(),
            taken: HashMap::new(),
            end: i64::MIN,
            looks,
        };
        if !walk.begin()? {
            return Some(0.0);
        }
        let (mut often, slop) = (0.0, i64::from(self.shape.slop));
        let mut goes_on = true;
        while goes_on {
            let (length, more) = walk.next_match(slop)?;
            goes_on = more;
            if length <= slop {
                often += 1.0 / (1.0 + length as f32);
            }
        }
        Some(often)
    }
}

/// A walk over all ways to place the words, the word that lies furthest behind moved first. It comes to none where the search ends.
struct Walk<'a> {
    words: &'a [Placed],
    lists: &'a [Vec<u32>],
    /// Which of its places each word is at.
    at: Vec<usize>,
    /// The words that wait, the furthest behind first.
    queue: BTreeSet<Rank>,
    /// Which word of a group is at a place of the text: no other one of it may be.
    taken: HashMap<(u32, u32), usize>,
    /// The furthest place of any word, counted from the beginning of the phrase.
    end: i64,
    looks: &'a mut Looks,
}

/// Where the phrase would begin if only a word were asked, its offset, and which one it is.
type Rank = (i64, u32, usize);

impl Walk<'_> {
    fn place(&self, word: usize) -> u32 {
        self.lists[self.words[word].list][self.at[word]]
    }

    fn begin_by(&self, word: usize) -> i64 {
        i64::from(self.place(word)) - i64::from(self.words[word].offset)
    }

    fn rank(&self, word: usize) -> Rank {
        (self.begin_by(word), self.words[word].offset, word)
    }

    /// Places each word first, those that repeat at words of their own; false where there are too few.
    fn begin(&mut self) -> Option<bool> {
        // What is before was taken by those before of the same list.
        let mut from = vec![0; self.lists.len()];
        for word in 0..self.words.len() {
            let Placed { list, group, .. } = self.words[word];
            self.at[word] = from[list];
            loop {
                if self.looks.is_over_after(1) {
                    return None;
                }
                let Some(place) = self.lists[list].get(self.at[word]) else { return Some(false) };
                let Some(group) = group else { break };
                if let std::collections::hash_map::Entry::Vacant(free) = self.taken.entry((group, *place)) {
                    free.insert(word);
                    from[list] = self.at[word] + 1;
                    break;
                }
                self.at[word] += 1;
            }
            self.end = self.end.max(self.begin_by(word));
            self.queue.insert(self.rank(word));
        }
        Some(true)
    }

    /// Moves a word on; false where it stands nowhere else.
    fn step(&mut self, word: usize) -> bool {
        if self.at[word] + 1 >= self.lists[self.words[word].list].len() {
            return false;
        }
        let waits = self.queue.remove(&self.rank(word));
        self.at[word] += 1;
        self.end = self.end.max(self.begin_by(word));
        if waits {
            self.queue.insert(self.rank(word));
        }
        true
    }

    /// Moves a word on, and words of its group apart; false where one stands nowhere else.
    fn go_on(&mut self, word: usize) -> Option<bool> {
        if self.looks.is_over_after(1) {
            return None;
        }
        let Some(group) = self.words[word].group else { return Some(self.step(word)) };
        self.taken.remove(&(group, self.place(word)));
        let mut current = word;
        while self.step(current) {
            let Some(other) = self.taken.insert((group, self.place(current)), current) else {
                return Some(true);
            };
            if self.looks.is_over_after(1) {
                return None;
            }
            // The one that lies further behind goes on, and the other one stays.
            let rank = |word: usize| (self.begin_by(word), self.words[word].offset);
            if rank(current) < rank(other) {
                self.taken.insert((group, self.place(other)), other);
            } else {
                current = other;
            }
        }
        Some(false)
    }

    fn take_first(&mut self) -> usize {
        self.queue.pop_first().map_or(0, |(.., word)| word)
    }

    fn first_begin(&self) -> i64 {
        self.queue.first().map_or(i64::MAX, |rank| rank.0)
    }

    /// How far apart the words lie at the next match, and whether there may be more.
    fn next_match(&mut self, slop: i64) -> Option<(i64, bool)> {
        let mut word = self.take_first();
        let mut length = self.end - self.begin_by(word);
        let mut next = self.first_begin();
        while self.go_on(word)? {
            if self.begin_by(word) > next {
                // Behind another: the distance cannot get smaller from here.
                self.queue.insert(self.rank(word));
                if length <= slop {
                    return Some((length, true));
                }
                word = self.take_first();
                next = self.first_begin();
                length = self.end - self.begin_by(word);
            } else {
                length = length.min(self.end - self.begin_by(word));
            }
        }
        Some((length, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::faults::Faults;

    fn words(phrase: &str) -> Vec<Vec<&str>> {
        phrase.split(' ').map(|word| word.split('|').collect()).collect()
    }

    fn often_in(text: &str, phrase: &str, slop: u32) -> f32 {
        let words = words(phrase);
        let of_words = words.iter().enumerate().map(|(offset, means)| (offset as u32, means.as_slice()));
        let shape = Arc::new(PhraseShape::new(of_words, false, slop));
        let mut in_text = PhraseInText::new(&shape);
        for (list, first) in in_text.lists.iter_mut().zip(shape.firsts()) {
            let stands = text.split(' ').enumerate().filter(|(_, word)| words[*first].contains(word));
            list.extend(stands.map(|(at, _)| at as u32));
        }
        in_text.often(&mut Faults::default().looks()).expect("nobody ends it")
    }

    #[test]
    fn words_stand_exactly_so_or_not() {
        for (text, phrase, expected) in [
            ("x a b x x a x b x a b", "a b", 2.0),
            ("a x b c", "a x b c", 1.0),
            ("a b a b a b", "a b a b", 2.0),
            ("b a", "a b", 0.0),
            ("a x x x x x x x x x x x x x b a a b", "a b", 1.0),
            ("a a a a", "a a a", 2.0),
            ("x", "a b", 0.0),
        ] {
            assert_eq!(often_in(text, phrase, 0), expected, "{phrase} in {text}");
        }
    }

    #[test]
    fn matches_count_by_how_far_their_words_lie_apart() {
        for (text, phrase, slop, expected) in [
            ("a b", "a b", 1, 1.0),
            ("a x b", "a b", 1, 0.5),
            ("a x x b", "a b", 1, 0.0),
            ("b a", "a b", 1, 0.0),
            ("b a", "a b", 2, 1.0 / 3.0),
            ("a b x a b", "a b", 1, 2.0),
            ("a x b a b", "a b", 2, 0.5 + 1.0),
            ("x y z", "a b", 3, 0.0),
        ] {
            assert!((often_in(text, phrase, slop) - expected).abs() < 1e-6, "{phrase} ~{slop} in {text}");
        }
    }

    #[test]
    fn one_word_of_a_text_is_not_two_of_a_phrase() {
        for (text, phrase, slop, expected) in [
            ("a b", "a a", 5, 0.0),
            ("a b a", "a a", 0, 0.0),
            ("a b a", "a a", 1, 0.5),
            ("a a", "a a", 1, 1.0),
            ("b a", "a|b a", 1, 1.0),
            ("a x", "a|b a", 9, 0.0),
        ] {
            assert!((often_in(text, phrase, slop) - expected).abs() < 1e-6, "{phrase} ~{slop} in {text}");
        }
    }

    #[test]
    fn words_with_a_term_in_common_belong_together() {
        let groups = |words: &[&[&str]]| super::groups(words);
        assert_eq!(groups(&[&["a"], &["b"], &["a"]]), [Some(0), None, Some(0)]);
        assert_eq!(groups(&[&["a", "b"], &["b", "c"], &["c"], &["d"]]), [Some(0), Some(0), Some(0), None]);
        assert_eq!(groups(&[&["a"], &["b"]]), [None, None]);
        assert_eq!(groups(&[&["a"], &["b"], &["a", "b"], &["c"], &["c"]])[3..], [Some(3), Some(3)]);
    }

    /// The same as Lucene says it: every word asked at every step.
    fn often_step_by_step(text: &str, phrase: &str, slop: i64) -> f32 {
        let words = words(phrase);
        let stands = |means: &Vec<&str>| -> Vec<i64> {
            let places = text.split(' ').enumerate().filter(|(_, word)| means.contains(word));
            places.map(|(at, _)| at as i64).collect()
        };
        let places: Vec<Vec<i64>> = words.iter().map(stands).collect();
        let means: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
        let groups = groups(&means);
        let mut at = vec![0; words.len()];
        let begin = |at: &[usize], word: usize| places[word].get(at[word]).map(|place| place - word as i64);
        let other_at = |at: &[usize], word: usize| {
            let is_other = |other: &usize| {
                *other != word
                    && groups[word].is_some()
                    && groups[*other] == groups[word]
                    && places[*other].get(at[*other]) == places[word].get(at[word])
            };
            (0..words.len()).find(is_other)
        };
        for word in 0..words.len() {
            while places[word].get(at[word]).is_some()
                && (0..word).any(|before| {
                    groups[before].is_some()
                        && groups[before] == groups[word]
                        && places[before][at[before]] == places[word][at[word]]
                })
            {
                at[word] += 1;
            }
            if at[word] >= places[word].len() {
                return 0.0;
            }
        }
        let mut end = (0..words.len()).filter_map(|word| begin(&at, word)).max().unwrap_or(0);
        let mut often = 0.0;
        let mut waiting: Vec<usize> = (0..words.len()).collect();
        'matches: loop {
            let first = |at: &[usize], waiting: &[usize]| {
                waiting.iter().copied().min_by_key(|word| (begin(at, *word), *word))
            };
            let Some(mut word) = first(&at, &waiting) else { return often };
            waiting.retain(|other| *other != word);
            let mut length = end - begin(&at, word).unwrap_or(0);
            let mut next = first(&at, &waiting).and_then(|word| begin(&at, word)).unwrap_or(i64::MAX);
            loop {
                let mut moved = word;
                loop {
                    at[moved] += 1;
                    let Some(here) = begin(&at, moved) else {
                        return often + if length <= slop { 1.0 / (1.0 + length as f32) } else { 0.0 };
                    };
                    end = end.max(here);
                    let Some(other) = other_at(&at, moved) else { break };
                    moved =
                        if (begin(&at, moved), moved) < (begin(&at, other), other) { moved } else { other };
                }
                let here = begin(&at, word).unwrap_or(0);
                if here <= next {
                    length = length.min(end - here);
                    continue;
                }
                waiting.push(word);
                if length <= slop {
                    often += 1.0 / (1.0 + length as f32);
                    continue 'matches;
                }
                let Some(then) = first(&at, &waiting) else { return often };
                word = then;
                waiting.retain(|other| *other != word);
                next = first(&at, &waiting).and_then(|word| begin(&at, word)).unwrap_or(i64::MAX);
                length = end - begin(&at, word).unwrap_or(0);
            }
        }
    }

    #[test]
    fn it_is_as_often_as_step_by_step() {
        let mut chance = testkit::Chance::new(7);
        let mut found = 0;
        for round in 0..3_000 {
            let mut some = |count: usize, of: &[&str]| {
                (0..count).map(|_| of[chance.below(of.len())]).collect::<Vec<_>>().join(" ")
            };
            let text = some(1 + round % 14, &["a", "b", "c"]);
            let phrase = some(2 + round % 5, &["a", "b", "a|b", "c", "b|c", "a"]);
            for slop in [1, 2, 5, 20] {
                let (often, expected) =
                    (often_in(&text, &phrase, slop), often_step_by_step(&text, &phrase, slop.into()));
                assert_eq!(often, expected, "{phrase} ~{slop} in {text}");
                found += usize::from(often > 0.0);
            }
        }
        assert!(found > 1_000, "{found}");
    }

    #[test]
    fn a_long_walk_ends_with_the_search() {
        let words = vec!["a"; 300].join(" ");
        let text = vec!["a"; 3_000].join(" ");
        let means = self::words(&words);
        let of_words = means.iter().enumerate().map(|(offset, means)| (offset as u32, means.as_slice()));
        for slop in [0, 3] {
            let faults = Faults::default();
            let shape = Arc::new(PhraseShape::new(of_words.clone(), false, slop));
            let mut in_text = PhraseInText::new(&shape);
            assert_eq!(in_text.lists.len(), 1, "one list for all of them");
            in_text.lists[0].extend(0..text.split(' ').count() as u32);
            assert!(in_text.often(&mut faults.looks()).is_some());
            let stop = crate::search::Ending::when(|| Some(crate::search::Stop::TimeIsUp));
            faults.until(&stop);
            assert_eq!(in_text.often(&mut faults.looks()), None);
        }
    }
}
