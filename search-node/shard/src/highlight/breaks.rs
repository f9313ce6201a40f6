//! Where passages may begin and end.

use super::boundaries::{sentence_starts, word_starts};

/// The places in a text, in letters from its beginning, where sentences or words begin, and its end.
pub(super) fn sentences(text: &str) -> Vec<usize> {
    places(text, sentence_starts(text))
}

pub(super) fn words(text: &str) -> Vec<usize> {
    places(text, word_starts(text))
}

fn places(text: &str, bytes: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut places, mut at, mut letters) = (Vec::new(), 0, 0);
    for byte in bytes.chain([text.len()]) {
        letters += text[at..byte].chars().count();
        at = byte;
        places.push(letters);
    }
    places.dedup();
    places
}

/// The last place before another.
fn preceding(places: &[usize], at: usize) -> Option<usize> {
    places[..places.partition_point(|place| *place < at)].last().copied()
}

/// The first place behind another.
pub(super) fn following(places: &[usize], at: usize) -> Option<usize> {
    places.get(places.partition_point(|place| *place <= at)).copied()
}

/// Finds the passages of a text one after the other.
pub(super) enum Scanner {
    /// All of it is one.
    Whole(usize),
    /// From one place to the next.
    Each(Vec<usize>),
    /// Sentences, several where they are short, and parts of long ones, of so many letters about.
    Bounded(Bounded),
}

pub(super) struct Bounded {
    sentences: Vec<usize>,
    words: Vec<usize>,
    most: usize,
    /// The sentences in which the last passage is.
    window: (usize, usize),
    /// Where that passage ends.
    end: usize,
}

impl Scanner {
    pub(super) fn bounded(text: &str, most: usize) -> Self {
        Self::Bounded(Bounded {
            sentences: sentences(text),
            words: words(text),
            most,
            window: (0, 0),
            end: 0,
        })
    }

    /// The passage that has something which begins at a place, behind those found before.
    pub(super) fn around(&mut self, at: usize) -> (usize, usize) {
        match self {
            Self::Whole(length) => (0, *length),
            Self::Each(places) => {
                let end = following(places, at).unwrap_or(at);
                (preceding(places, at + 1).unwrap_or(0), end)
            }
            Self::Bounded(bounded) => bounded.around(at),
        }
    }
}

impl Bounded {
    fn around(&mut self, at: usize) -> (usize, usize) {
        let most = self.most;
        let (mut start, mut end);
        // What is looked for is the place behind the first letter.
        let offset = at + 1;
        if offset > self.window.0 && offset < self.window.1 {
            (start, end) = (self.end, self.window.1);
        } else {
            start = preceding(&self.sentences, offset).unwrap_or(0);
            end = following(&self.sentences, at).unwrap_or(start);
            while end - start < most {
                match following(&self.sentences, end).filter(|next| next - start <= most) {
                    Some(next) => end = next,
                    None => break,
                }
            }
            self.window = (start, end);
        }
        if end.saturating_sub(start) > most {
            if offset > start + most {
                start = start.max(preceding(&self.words, offset - most).unwrap_or(0));
            }
            let left = most.saturating_sub(offset - start);
            if offset + left < self.window.1 {
                end = self.window.1.min(following(&self.words, offset + left).unwrap_or(self.window.1));
            }
        }
        self.end = end;
        (start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sentences_are_together_and_long_ones_cut_between_words() {
        let text = "One two. Three four. Five six seven eight nine ten eleven twelve.";
        let passage = |most: usize, word: &str| {
            let at = text.find(word).expect("there");
            let (start, end) = Scanner::bounded(text, most).around(at);
            text[start..end].to_owned()
        };
        assert_eq!(passage(25, "two"), "One two. Three four. ");
        assert_eq!(passage(10, "two"), "One two. ");
        assert_eq!(passage(20, "seven"), "Five six seven eight ");
        assert_eq!(passage(1_000, "ten"), "Five six seven eight nine ten eleven twelve.");
        assert_eq!(words("é b"), [0, 1, 2, 3]);
    }
}
