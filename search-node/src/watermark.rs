//! How full the disk may get: the decision, without a look at any disk.
//!
//! ```text
//!           free space below the flood stage
//!   Open ─────────────────────────────────────▶ Flooded
//!    ▲                                             │
//!    └──────── free space at the high mark ◀───────┘
//! ```
//!
//! Between the two marks nothing changes, so that a disk at the edge does not open and close with every merge.

use settings::parse_bytes;

/// The space of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DiskSpace {
    pub total: u64,
    /// What the node may still take of it.
    pub free: u64,
}

/// One mark: a share of the disk that may be used, or an amount that must be left free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Watermark {
    Used(f64),
    Free(u64),
}

/// The two marks that decide whether data may be added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watermarks {
    high: Watermark,
    flood_stage: Watermark,
}

impl Watermark {
    /// Reads `95%`, `0.95`, `20gb`. A bare number is a share, as in Elasticsearch.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(share) => (0.0..=whole).contains(&share).then(|| Self::Used(share / whole)),
            Err(_) if whole > 1.0 => None,
            Err(_) => parse_bytes(text).map(Self::Free),
        }
    }

    /// Whether less is free than the mark asks for.
    fn is_exceeded(self, space: DiskSpace) -> bool {
        match self {
            Self::Used(share) => space.total.saturating_sub(space.free) as f64 > space.total as f64 * share,
            Self::Free(bytes) => space.free < bytes,
        }
    }
}

impl std::fmt::Display for Watermark {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // The share as it was written, without the last bits of its binary form.
            Self::Used(share) => write!(out, "{}%", (share * 1e8).round() / 1e6),
            Self::Free(bytes) => write!(out, "{bytes}b free"),
        }
    }
}

impl Watermarks {
    /// Both marks, which must be of one kind, the high one not above the flood stage.
    pub(crate) fn new(high: Watermark, flood_stage: Watermark) -> Result<Self, String> {
        let is_above = match (high, flood_stage) {
            (Watermark::Used(high), Watermark::Used(flood)) => high > flood,
            (Watermark::Free(high), Watermark::Free(flood)) => high < flood,
            _ => {
                return Err(format!(
                    "the high disk watermark [{high}] and the flood stage [{flood_stage}] must both be shares or both be amounts; set the two together"
                ));
            }
        };
        if is_above {
            return Err(format!(
                "high disk watermark [{high}] more than flood stage disk watermark [{flood_stage}]"
            ));
        }
        Ok(Self { high, flood_stage })
    }

    /// Whether data may not be added any more, after it was known whether it might.
    pub(crate) fn is_flooded(&self, was_flooded: bool, space: DiskSpace) -> bool {
        let mark = if was_flooded { self.high } else { self.flood_stage };
        mark.is_exceeded(space)
    }

    pub(crate) fn high(&self) -> Watermark {
        self.high
    }

    pub(crate) fn flood_stage(&self) -> Watermark {
        self.flood_stage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(high: &str, flood_stage: &str) -> Result<Watermarks, String> {
        let read = |text| Watermark::read(text).unwrap_or_else(|| panic!("{text}"));
        Watermarks::new(read(high), read(flood_stage))
    }

    #[test]
    fn writes_stop_at_the_flood_stage_and_go_on_below_the_high_mark() {
        for (high, flood_stage) in [("90%", "95%"), ("0.9", "0.95"), ("100b", "50b")] {
            let marks = marks(high, flood_stage).expect("valid");
            let mut is_flooded = false;
            for (free, expected) in [
                (1000, false),
                (99, false),
                (50, false),
                (49, true),
                (0, true),
                (50, true),
                (99, true),
                (100, false),
                (51, false),
            ] {
                is_flooded = marks.is_flooded(is_flooded, DiskSpace { total: 1000, free });
                assert_eq!(is_flooded, expected, "{free} free of 1000, marks {high} and {flood_stage}");
            }
        }
    }

    #[test]
    fn marks_are_shares_or_amounts() {
        for (text, expected) in [
            ("95%", Some(Watermark::Used(0.95))),
            ("100 %", Some(Watermark::Used(1.0))),
            ("0.5", Some(Watermark::Used(0.5))),
            ("1", Some(Watermark::Used(1.0))),
            ("20gb", Some(Watermark::Free(20 << 30))),
            ("500mb", Some(Watermark::Free(500 << 20))),
            ("101%", None),
            ("1.5", None),
            ("-1%", None),
            ("x%", None),
            ("full", None),
            ("", None),
        ] {
            assert_eq!(Watermark::read(text), expected, "{text}");
        }
        assert_eq!(Watermark::Used(0.95).to_string(), "95%");
        assert_eq!(Watermark::Used(0.9225).to_string(), "92.25%");
    }

    #[test]
    fn marks_that_contradict_are_named() {
        for (high, flood_stage, reason) in [
            ("96%", "95%", "high disk watermark [96%] more than flood stage disk watermark [95%]"),
            ("10b", "50b", "high disk watermark [10b free] more than flood stage disk watermark [50b free]"),
            ("90%", "50b", "the high disk watermark [90%] and the flood stage [50b free] must both be"),
        ] {
            let error = marks(high, flood_stage).expect_err("refused");
            assert!(error.starts_with(reason), "{error}");
        }
        marks("95%", "95%").expect("one mark for both");
    }
}
