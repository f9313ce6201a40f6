//! Features: positive numbers that count for scores. Half of their digits are kept, as in Lucene, so that scores are the same.

/// The bits of a number that are not kept.
const DROPPED: u32 = 15;

/// A feature as it is kept. Its order is that of the numbers.
pub(crate) fn kept_feature(value: f64, is_good: bool) -> u32 {
    let value = value as f32;
    // Of a feature that makes a document worse, less is more.
    let value = if is_good { value } else { 1.0 / value };
    value.to_bits() >> DROPPED
}

/// The number that was kept.
pub(crate) fn feature_of(kept: u32) -> f32 {
    f32::from_bits(kept << DROPPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_keep_eight_digits_of_their_bits() {
        for (value, kept) in [(1.0, 1.0), (10.0, 10.0), (0.1, 0.099_853_516), (1000.3, 1000.0)] {
            assert_eq!(feature_of(kept_feature(value, true)), kept, "{value}");
        }
        assert_eq!(feature_of(kept_feature(4.0, false)), 0.25);
    }
}
