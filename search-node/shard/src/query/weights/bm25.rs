//! BM25 as Lucene counts it, with the factor `k1 + 1` that Elasticsearch keeps.

use tantivy::Score;
use tantivy::fieldnorm::FieldNormReader;

/// The numbers of a similarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::query) struct Bm25Numbers {
    pub(in crate::query) k1: f32,
    pub(in crate::query) b: f32,
}

/// How rare a term is that so many of the documents have which have the field.
pub(in crate::query) fn rarity(with_term: u64, documents: u64) -> f64 {
    let (with_term, documents) = (with_term as f64, documents as f64);
    (1.0 + (documents - with_term + 0.5) / (with_term + 0.5)).ln()
}

/// What turns how often something is in a text of some length into a score.
#[derive(Debug, Clone)]
pub(in crate::query) struct Bm25 {
    weight: Score,
    /// How much once counts, by the code of a text's length.
    by_length: Box<[Score; 256]>,
}

impl Bm25 {
    /// `rarities` is the sum of those of all terms, `average` how many words a text has on average.
    pub(in crate::query) fn new(numbers: Bm25Numbers, rarities: f64, average: f64) -> Self {
        let Bm25Numbers { k1, b } = numbers;
        let once = |code: usize| {
            let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32;
            1.0 / (k1 * ((1.0 - b) + b * length / average as f32))
        };
        Self { weight: rarities as Score * (1.0 + k1), by_length: Box::new(std::array::from_fn(once)) }
    }

    /// The same with every score multiplied.
    pub(in crate::query) fn boosted(&self, boost: Score) -> Self {
        Self { weight: self.weight * boost, by_length: self.by_length.clone() }
    }

    pub(in crate::query) fn score(&self, length_code: u8, often: Score) -> Score {
        // Never less for more, whatever is rounded; and the same digits as Lucene's.
        self.weight - self.weight / (1.0 + often * self.by_length[usize::from(length_code)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_lucene() {
        let usual = Bm25Numbers { k1: 1.2, b: 0.75 };
        // One of ten documents has the term, three times in twelve words; texts have eight on average.
        let bm25 = Bm25::new(usual, rarity(1, 10), 8.0);

        let expected = 2.2 * (1.0 + 9.5_f64 / 1.5).ln() * 3.0 / (3.0 + 1.2 * (0.25 + 0.75 * 12.0 / 8.0));

        assert!((f64::from(bm25.score(12, 3.0)) - expected).abs() < 1e-5);
    }

    #[test]
    fn a_term_of_nearly_all_documents_keeps_its_digits() {
        let of_all = rarity(1_000_000, 1_000_000);

        assert!((of_all / 4.999_996e-7 - 1.0).abs() < 1e-5, "{of_all}");
    }
}
