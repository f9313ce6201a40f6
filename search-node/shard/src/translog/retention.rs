//! Which generations are kept: those that an opening has to read, and older ones for copies that return.

use std::collections::BTreeMap;
use std::path::Path;

use super::checkpoint::SharedPart;
use super::file::{generation_path, header_of};
use super::operation::Seed;

/// Small generations come with every opening and every flush; a folder of more files would be slow to list.
const GENERATIONS_MAX: usize = 1_000;

/// A generation that is not written to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) bytes: u64,
    /// The highest number in it; -1 when there is none.
    pub(super) max_seq_no: i64,
}

/// The generations that are there, beside the one that is written.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) sealed: BTreeMap<u64, Sealed>,
    /// The first that an opening has to read.
    pub(super) min_generation: u64,
    /// The first that is there.
    pub(super) oldest_generation: u64,
    /// Every operation from this number on is there.
    pub(super) history_from: u64,
    /// The first generation that each reader of history still reads.
    readers: Vec<u64>,
}

/// What old generations may be kept for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// The lowest number that another copy may ask for; none if there is no other copy.
    pub(super) from: Option<u64>,
    /// What they may take (`index.translog.retention.size`).
    pub(super) bytes_max: u64,
}

impl Kept {
    /// Finds the old generations that the checkpoint knows, by their headers alone: none of them is read at an opening. What is not
    /// there any more is no loss, only history that is shorter.
    pub(super) fn find(
        folder: &Path,
        translog_id: [u8; 16],
        sealed: BTreeMap<u64, Sealed>,
        min_generation: u64,
        shared: SharedPart,
    ) -> Self {
        let mut kept = Self {
            sealed,
            min_generation,
            oldest_generation: min_generation,
            history_from: shared.history_from,
            readers: Vec::new(),
        };
        let mut before =
            header_of(folder, Seed { translog_id, generation: min_generation }).map(|header| header.before);
        for generation in (shared.oldest_generation..min_generation).rev() {
            let Some(max_seq_no) = before else { break };
            let header = header_of(folder, Seed { translog_id, generation });
            let bytes = fs_err::metadata(generation_path(folder, generation)).map(|file| file.len());
            let (Some(header), Ok(bytes)) = (header, bytes) else {
                kept.history_from = kept.history_from.max((max_seq_no + 1) as u64);
                tracing::warn!(folder = %folder.display(), generation, "an old generation of the translog is damaged or missing; copies that return get files in its place");
                break;
            };
            kept.sealed.insert(generation, Sealed { bytes, max_seq_no });
            kept.oldest_generation = generation;
            before = Some(header.before);
        }
        kept
    }

    /// The first generation that has to be read to find everything beyond a number.
    pub(super) fn first_beyond(&self, seq_no: i64) -> Option<u64> {
        let has_more = |sealed: &Sealed| sealed.max_seq_no > seq_no;
        let mut unread = self.sealed.range(self.min_generation..);
        unread.find(|(_, sealed)| has_more(sealed)).map(|(generation, _)| *generation)
    }

    /// A durable state covers what stands before `generation`; lets go of what nobody wants any more.
    pub(super) fn cover(&mut self, generation: u64, wanted: Wanted) {
        self.min_generation = self.min_generation.max(generation);
        let oldest = self.oldest_wanted(wanted);
        let kept = self.sealed.split_off(&oldest);
        let gone = std::mem::replace(&mut self.sealed, kept);
        let lost = gone.values().map(|sealed| sealed.max_seq_no).max().unwrap_or(-1);
        self.history_from = self.history_from.max((lost + 1) as u64);
        self.oldest_generation = self.oldest_generation.max(oldest);
    }

    fn oldest_wanted(&self, wanted: Wanted) -> u64 {
        let mut oldest = self.min_generation;
        if let Some(from) = wanted.from {
            let (mut bytes, mut count) = (0, 0);
            for (generation, sealed) in self.sealed.range(..self.min_generation).rev() {
                bytes += sealed.bytes;
                count += 1;
                if bytes > wanted.bytes_max || count > GENERATIONS_MAX {
                    break;
                }
                if u64::try_from(sealed.max_seq_no).is_ok_and(|max_seq_no| max_seq_no >= from) {
                    oldest = *generation;
                }
            }
        }
        self.readers.iter().copied().min().map_or(oldest, |read| read.min(oldest)).max(self.oldest_generation)
    }

    /// The first generation of a history, which stays until [`Kept::leave`].
    pub(super) fn enter(&mut self, from: u64, current: u64) -> u64 {
        let has_more = |(_, sealed): &(&u64, &Sealed)| sealed.max_seq_no >= from as i64;
        let first = self.sealed.iter().find(has_more).map_or(current, |(generation, _)| *generation);
        self.readers.push(first);
        first
    }

    /// A reader of history needs its generations no longer.
    pub(super) fn leave(&mut self, first: u64) {
        if let Some(at) = self.readers.iter().position(|reader| *reader == first) {
            self.readers.swap_remove(at);
        }
    }

    /// Bytes that an opening has to read, without the generation that is written.
    pub(super) fn unread_bytes(&self) -> u64 {
        self.sealed.range(self.min_generation..).map(|(_, sealed)| sealed.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generations 1 to 5, with ten operations and a hundred bytes each.
    fn kept() -> Kept {
        let sealed =
            |generation: u64| (generation, Sealed { bytes: 100, max_seq_no: generation as i64 * 10 - 1 });
        Kept {
            sealed: (1..=5).map(sealed).collect(),
            min_generation: 1,
            oldest_generation: 1,
            ..Kept::default()
        }
    }

    #[test]
    fn old_generations_stay_as_long_as_somebody_wants_them_and_they_are_small() {
        let unbounded = u64::MAX;
        for (from, bytes_max, oldest, history_from) in [
            (None, unbounded, 5, 40),
            (Some(0), unbounded, 1, 0),
            (Some(25), unbounded, 3, 20),
            (Some(30), unbounded, 4, 30),
            (Some(25), 100, 4, 30),
            (Some(25), 99, 5, 40),
            (Some(70), unbounded, 5, 40),
        ] {
            let mut kept = kept();
            kept.cover(5, Wanted { from, bytes_max });
            assert_eq!(
                (kept.oldest_generation, kept.history_from),
                (oldest, history_from),
                "{from:?} {bytes_max}"
            );
            assert_eq!(kept.sealed.keys().next(), Some(&oldest));
        }
    }

    #[test]
    fn what_somebody_reads_stays() {
        let mut kept = kept();
        let first = kept.enter(15, 6);
        assert_eq!(first, 2);

        kept.cover(6, Wanted::default());
        assert_eq!((kept.oldest_generation, kept.history_from), (2, 10));
        kept.leave(first);
        kept.cover(6, Wanted::default());

        assert_eq!((kept.oldest_generation, kept.history_from), (6, 50));
    }

    #[test]
    fn an_opening_begins_with_the_first_that_has_more() {
        let kept = kept();
        assert_eq!(
            [-1, 9, 10, 49].map(|seq_no| kept.first_beyond(seq_no)),
            [Some(1), Some(2), Some(2), None]
        );
    }
}
