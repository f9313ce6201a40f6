//! Where a place of a changed text was before it was changed.

/// Places from which on another difference holds, in the order of places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Corrections {
    steps: Vec<(usize, isize)>,
}

impl Corrections {
    /// The place in the text before.
    pub(crate) fn before(&self, at: usize) -> usize {
        let next = self.steps.partition_point(|(from, _)| *from <= at);
        let difference = next.checked_sub(1).map_or(0, |last| self.steps[last].1);
        at.saturating_add_signed(difference)
    }

    fn add(&mut self, at: usize, difference: isize) {
        match self.steps.last_mut() {
            Some(last) if last.0 == at => last.1 = difference,
            _ => self.steps.push((at, difference)),
        }
    }
}

/// Writes a changed text and notes what moved.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    text: String,
    corrections: Corrections,
    difference: isize,
}

impl Editor {
    /// The next part of the text stays.
    pub(crate) fn keep(&mut self, part: &str) {
        self.text.push_str(part);
    }

    /// So many bytes are replaced. What is longer than they are stands at their end, as in Lucene.
    pub(crate) fn replace(&mut self, bytes: usize, replacement: &str) {
        let from = self.text.len();
        self.text.push_str(replacement);
        if replacement.len() < bytes {
            self.difference += (bytes - replacement.len()) as isize;
            self.corrections.add(self.text.len(), self.difference);
        }
        for more in bytes..replacement.len() {
            self.difference -= 1;
            self.corrections.add(from + more, self.difference);
        }
    }

    pub(crate) fn finish(self) -> (String, Corrections) {
        (self.text, self.corrections)
    }
}
