//! Words, counted: how many there are, and about how many of them differ.
//!
//! A long text may be few words again and again or all different ones, which take ten times the memory. Each word sets one bit
//! of a table by its hash; how many bits stay clear tells how many different words there were (linear counting).

/// Bytes of text for each bit of the table. A word with its space is seldom shorter than this where many of them differ, so that
/// the table never fills up.
const BYTES_PER_BIT: usize = 4;

/// FNV-1a: one multiplication a byte, and good enough to spread words.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

pub(super) struct Words {
    count: u64,
    table: Vec<u64>,
}

impl Words {
    /// Of texts of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        let cells = (bytes / BYTES_PER_BIT / 64).next_power_of_two();
        Self { count: 0, table: vec![0; cells] }
    }

    /// Letters and digits make words, and so does whatever is not ASCII.
    pub(super) fn add(&mut self, text: &[u8]) {
        let mut hash = OFFSET;
        for byte in text {
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
            } else if hash != OFFSET {
                self.set(hash);
                hash = OFFSET;
            }
        }
        if hash != OFFSET {
            self.set(hash);
        }
    }

    fn set(&mut self, hash: u64) {
        self.count += 1;
        let hash = hash ^ (hash >> 32);
        let cell = (hash >> 6) as usize & (self.table.len() - 1);
        self.table[cell] |= 1 << (hash & 63);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// About how many of them differ, never more than there are.
    pub(super) fn distinct(&self) -> u64 {
        let bits = self.table.len() as u64 * 64;
        let clear: u64 = self.table.iter().map(|cell| u64::from(cell.count_zeros())).sum();
        if clear == 0 {
            return self.count;
        }
        let (bits, clear) = (bits as f64, clear as f64);
        ((bits * (bits / clear).ln()).ceil() as u64).min(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_words_are_told_from_the_same_again() {
        for (different, turns) in [(1, 100_000_u64), (1000, 100), (50_000, 2), (100_000, 1)] {
            let text: String = (0..turns).flat_map(|_| 0..different).map(|at| format!("{at:x} ")).collect();
            let mut words = Words::of(text.len());

            words.add(text.as_bytes());

            assert_eq!(words.count(), different * turns);
            let found = words.distinct();
            assert!(found.abs_diff(different) <= different / 20 + 1, "{found} of {different}");
        }
    }

    #[test]
    fn texts_that_fill_the_table_count_as_they_are() {
        let mut words = Words::of(0);
        (0..10_000).for_each(|at| words.add(format!("{at}").as_bytes()));
        assert_eq!(words.distinct(), 10_000);
    }
}
