//! BM25 as Lucene counts it, with the factor `k1 + 1` that Elasticsearch keeps.

use std::sync::Arc;

use tantivy::Score;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::query::Explanation;

use super::explained::{made_of, number, often as shown};

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

/// How rare the terms are that are looked for together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::query) struct Rarities {
    /// How many documents have the field.
    pub(in crate::query) documents: u64,
    /// How many of them have each term.
    pub(in crate::query) with_term: Vec<u64>,
}

impl Rarities {
    /// All of them together.
    pub(in crate::query) fn sum(&self) -> f64 {
        self.with_term.iter().map(|with_term| rarity(*with_term, self.documents)).sum()
    }

    fn explain(&self) -> Explanation {
        let one = |with_term: &u64| {
            made_of(
                "idf, computed as log(1 + (N - n + 0.5) / (n + 0.5)) from:",
                rarity(*with_term, self.documents) as Score,
                [
                    number("n, number of documents containing term", *with_term),
                    number("N, total number of documents with field", self.documents),
                ],
            )
        };
        match self.with_term.as_slice() {
            [only] => one(only),
            all => made_of("idf, sum of:", self.sum() as Score, all.iter().map(one)),
        }
    }
}

/// What a score by BM25 is computed from.
#[derive(Debug)]
struct From {
    numbers: Bm25Numbers,
    rarities: Rarities,
    average: f32,
}

/// Longer texts have their length kept with fewer digits.
const EXACT_LENGTHS: u8 = 39;

/// What turns how often something is in a text of some length into a score.
#[derive(Debug, Clone)]
pub(in crate::query) struct Bm25 {
    weight: Score,
    boost: Score,
    from: Arc<From>,
    /// How much once counts, by the code of a text's length.
    by_length: Box<[Score; 256]>,
}

impl Bm25 {
    /// `average` is how many words a text has on average.
    pub(in crate::query) fn new(numbers: Bm25Numbers, rarities: Rarities, average: f64) -> Self {
        let Bm25Numbers { k1, b } = numbers;
        let once = |code: usize| {
            let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32;
            1.0 / (k1 * ((1.0 - b) + b * length / average as f32))
        };
        Self {
            weight: rarities.sum() as Score * (1.0 + k1),
            boost: 1.0,
            by_length: Box::new(std::array::from_fn(once)),
            from: Arc::new(From { numbers, rarities, average: average as f32 }),
        }
    }

    /// The same with every score multiplied.
    pub(in crate::query) fn boosted(&self, boost: Score) -> Self {
        let (weight, boost) = (self.weight * boost, self.boost * boost);
        Self { weight, boost, by_length: self.by_length.clone(), from: Arc::clone(&self.from) }
    }

    /// What a score is made of, of a term or of a phrase.
    pub(in crate::query) fn explain(&self, length_code: u8, often: Score, is_phrase: bool) -> Explanation {
        let From { numbers: Bm25Numbers { k1, b }, rarities, average } = &*self.from;
        let length = FieldNormReader::id_to_fieldnorm(length_code) as Score;
        let one = |description: String, value: Score| made_of(description, value, []);
        let freq = match is_phrase {
            true => format!("phraseFreq={}", shown(often)),
            false => "freq, occurrences of term within document".to_owned(),
        };
        let is_exact = length_code <= EXACT_LENGTHS;
        let of_length = if is_exact { "dl, length of field" } else { "dl, length of field (approximate)" };
        let tf = made_of(
            "tf, computed as freq / (freq + k1 * (1 - b + b * dl / avgdl)) from:",
            often / (often + k1 * (1.0 - b + b * length / average)),
            [
                one(freq, often),
                one("k1, term saturation parameter".to_owned(), *k1),
                one("b, length normalization parameter".to_owned(), *b),
                one(of_length.to_owned(), length),
                one("avgdl, average length of field".to_owned(), *average),
            ],
        );
        made_of(
            format!("score(freq={}), computed as boost * idf * tf from:", shown(often)),
            self.score(length_code, often),
            [one("boost".to_owned(), self.boost * (1.0 + k1)), rarities.explain(), tf],
        )
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
        let bm25 = Bm25::new(usual, Rarities { documents: 10, with_term: vec![1] }, 8.0);

        let expected = 2.2 * (1.0 + 9.5_f64 / 1.5).ln() * 3.0 / (3.0 + 1.2 * (0.25 + 0.75 * 12.0 / 8.0));

        assert!((f64::from(bm25.score(12, 3.0)) - expected).abs() < 1e-5);
    }

    #[test]
    fn what_a_score_is_made_of_comes_to_it() {
        let numbers = Bm25Numbers { k1: 1.2, b: 0.75 };
        let bm25 = Bm25::new(numbers, Rarities { documents: 30_000_001, with_term: vec![1, 7] }, 8.0);
        for (boost, code) in [(1.0, 12), (2.5, 60)] {
            let told = bm25.boosted(boost).explain(code, 3.0, true);
            let told = serde_json::to_value(told).expect("JSON");
            let value = |part: &serde_json::Value| part["value"].as_f64().unwrap_or_default();
            let parts = told["details"].as_array().expect("details");

            let product: f64 = parts.iter().map(value).product();

            assert!((product / value(&told) - 1.0).abs() < 1e-5, "{told}");
            let idf = &parts[1]["details"];
            let sum = value(&idf[0]) + value(&idf[1]);
            assert!((sum / value(&parts[1]) - 1.0).abs() < 1e-6, "{told}");
            assert_eq!(idf[0]["details"][1]["context"][0], "30000001");
            assert_eq!(parts[2]["details"][0]["description"], "phraseFreq=3.0");
            let is_exact = parts[2]["details"][3]["description"] == "dl, length of field";
            assert_eq!(is_exact, code < 40);
        }
    }

    #[test]
    fn a_term_of_nearly_all_documents_keeps_its_digits() {
        let of_all = rarity(1_000_000, 1_000_000);

        assert!((of_all / 4.999_996e-7 - 1.0).abs() < 1e-5, "{of_all}");
    }
}
