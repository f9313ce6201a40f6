//! How often a phrase is in a text, exactly or with its words moved. Moved, it is counted as Lucene does: each match counts the less the further its words
//! lie apart, and the same word of the text is never taken for two words of the phrase.

/// One word of a phrase: its place there, and the places in the text where it, or what means the same, stands.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Placed {
    pub(in crate::query) offset: u32,
    pub(in crate::query) places: Vec<u32>,
}

/// How often the words stand exactly so.
pub(in crate::query) fn exactly(words: &[Placed]) -> f32 {
    let Some(rarest) = words.iter().min_by_key(|word| word.places.len()) else { return 0.0 };
    let begins = rarest.places.iter().filter_map(|place| place.checked_sub(rarest.offset));
    let is_there =
        |begin: &u32| words.iter().all(|word| word.places.binary_search(&(begin + word.offset)).is_ok());
    begins.filter(is_there).count() as f32
}

/// Words of a phrase that can be the same word of a text, by their numbers in the order of their offsets.
pub(in crate::query) type Repeats = Vec<Vec<usize>>;

/// Groups of words that have a term in common.
pub(in crate::query) fn repeats<T: PartialEq>(words: &[Vec<T>]) -> Repeats {
    let mut groups: Repeats = Vec::new();
    for (at, terms) in words.iter().enumerate() {
        let shares = |group: &Vec<usize>| {
            group.iter().any(|other| words[*other].iter().any(|term| terms.contains(term)))
        };
        let (mut joined, rest): (Repeats, Repeats) = groups.into_iter().partition(shares);
        groups = rest;
        let mut group: Vec<usize> = joined.drain(..).flatten().chain([at]).collect();
        group.sort_unstable();
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// How often the phrase is there with its words moved by at most `slop` places together.
pub(in crate::query) fn often(words: &[Placed], repeats: &Repeats, is_plain: bool, slop: u32) -> f32 {
    if words.iter().any(|word| word.places.is_empty()) {
        return 0.0;
    }
    let mut walk = Walk { words, repeats, at: vec![0; words.len()], queue: Vec::new(), end: i64::MIN };
    if !walk.begin(is_plain) {
        return 0.0;
    }
    let (mut often, slop) = (0.0, i64::from(slop));
    let mut goes_on = true;
    while goes_on {
        let (length, more) = walk.next_match(slop);
        goes_on = more;
        if length <= slop {
            often += 1.0 / (1.0 + length as f32);
        }
    }
    often
}

/// A walk over all ways to place the words, the word that lies furthest behind moved first.
struct Walk<'a> {
    words: &'a [Placed],
    repeats: &'a Repeats,
    /// Which of its places each word is at.
    at: Vec<usize>,
    /// The words that wait, in no order.
    queue: Vec<usize>,
    /// The furthest place of any word, counted from the beginning of the phrase.
    end: i64,
}

impl Walk<'_> {
    /// Where the phrase would begin if only this word were asked.
    fn begin_by(&self, word: usize) -> i64 {
        i64::from(self.words[word].places[self.at[word]]) - i64::from(self.words[word].offset)
    }

    fn rank(&self, word: usize) -> (i64, u32, usize) {
        (self.begin_by(word), self.words[word].offset, word)
    }

    /// Moves a word on; false where it stands nowhere else.
    fn step(&mut self, word: usize) -> bool {
        if self.at[word] + 1 >= self.words[word].places.len() {
            return false;
        }
        self.at[word] += 1;
        self.end = self.end.max(self.begin_by(word));
        true
    }

    /// Places each word first, those that repeat at words of their own. `is_plain` where no place of the phrase has several terms.
    fn begin(&mut self, is_plain: bool) -> bool {
        let repeats = self.repeats;
        for group in repeats {
            let placed = if is_plain { self.spread(group) } else { self.part_all(group) };
            if !placed {
                return false;
            }
        }
        self.queue = (0..self.words.len()).collect();
        let furthest = self.queue.iter().map(|word| self.begin_by(*word)).max();
        self.end = self.end.max(furthest.unwrap_or(i64::MIN));
        true
    }

    /// Words that are all the same one: each takes the next place.
    fn spread(&mut self, group: &[usize]) -> bool {
        group.iter().enumerate().all(|(behind, word)| {
            self.at[*word] = behind;
            behind < self.words[*word].places.len()
        })
    }

    fn part_all(&mut self, group: &[usize]) -> bool {
        let mut at = 0;
        while at < group.len() {
            let mut is_new = true;
            while let Some(other) = self.collides(group, group[at]) {
                let behind = self.behind(group[at], other);
                if !self.step(behind) {
                    return false;
                }
                let moved = group.iter().position(|word| *word == behind).unwrap_or_default();
                if moved < at {
                    is_new = false;
                    break;
                }
            }
            at += usize::from(is_new);
        }
        true
    }

    /// A word of the group that is at the same word of the text.
    fn collides(&self, group: &[usize], word: usize) -> Option<usize> {
        let place = |word: usize| self.words[word].places[self.at[word]];
        group.iter().copied().find(|other| *other != word && place(*other) == place(word))
    }

    fn behind(&self, one: usize, other: usize) -> usize {
        let rank = |word: usize| (self.begin_by(word), self.words[word].offset);
        if rank(one) < rank(other) { one } else { other }
    }

    /// Moves repeated words apart after one of them was moved; false where one stands nowhere else.
    fn part(&mut self, word: usize) -> bool {
        let Some(group) = self.repeats.iter().find(|group| group.contains(&word)) else { return true };
        let mut current = word;
        while let Some(other) = self.collides(group, current) {
            current = self.behind(current, other);
            if !self.step(current) {
                return false;
            }
        }
        true
    }

    fn take_first(&mut self) -> usize {
        let first = (0..self.queue.len()).min_by_key(|at| self.rank(self.queue[*at]));
        self.queue.swap_remove(first.unwrap_or_default())
    }

    fn first_begin(&self) -> i64 {
        self.queue.iter().map(|word| self.rank(*word)).min().map_or(i64::MAX, |rank| rank.0)
    }

    /// How far apart the words lie at the next match, and whether there may be more.
    fn next_match(&mut self, slop: i64) -> (i64, bool) {
        let mut word = self.take_first();
        let mut length = self.end - self.begin_by(word);
        let mut next = self.first_begin();
        while self.step(word) && self.part(word) {
            if self.begin_by(word) > next {
                // Behind another: the distance cannot get smaller from here.
                self.queue.push(word);
                if length <= slop {
                    return (length, true);
                }
                word = self.take_first();
                next = self.first_begin();
                length = self.end - self.begin_by(word);
            } else {
                length = length.min(self.end - self.begin_by(word));
            }
        }
        (length, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_exactly_so_or_not() {
        let placed = |words: &[(u32, &[u32])]| -> Vec<Placed> {
            words.iter().map(|(offset, places)| Placed { offset: *offset, places: places.to_vec() }).collect()
        };
        assert_eq!(exactly(&placed(&[(0, &[1, 5, 9]), (1, &[2, 7, 10])])), 2.0);
        assert_eq!(exactly(&placed(&[(0, &[1]), (2, &[3]), (3, &[4])])), 1.0);
        assert_eq!(exactly(&placed(&[(1, &[0])])), 0.0);
    }

    fn often_in(text: &str, phrase: &str, slop: u32) -> f32 {
        let words: Vec<Vec<&str>> = phrase.split(' ').map(|word| word.split('|').collect()).collect();
        let placed: Vec<Placed> = words
            .iter()
            .enumerate()
            .map(|(offset, means)| Placed {
                offset: offset as u32,
                places: text
                    .split(' ')
                    .enumerate()
                    .filter(|(_, word)| means.contains(word))
                    .map(|(at, _)| at as u32)
                    .collect(),
            })
            .collect();
        often(&placed, &repeats(&words), words.iter().all(|word| word.len() == 1), slop)
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
        assert_eq!(repeats(&[vec!["a"], vec!["b"], vec!["a"]]), [vec![0, 2]]);
        assert_eq!(repeats(&[vec!["a", "b"], vec!["b", "c"], vec!["c"]]), [vec![0, 1, 2]]);
        assert!(repeats(&[vec!["a"], vec!["b"]]).is_empty());
    }
}
