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

use std::fmt::{self, Display, Formatter};

use cluster::allocation::{DiskSpace, Watermark};
use settings::parse_bytes;

/// The two marks that decide whether data may be added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watermarks {
    high: Watermark,
    flood_stage: Watermark,
}

/// Reads a mark of this node's own settings, whose amounts may have fractions: `95%`, `0.95`, `20gb`, `1.5gb`.
pub(crate) fn read_watermark(text: &str) -> Option<Watermark> {
    let amount =
        || text.trim_end().ends_with(|last: char| last.is_ascii_alphabetic()).then(|| parse_bytes(text));
    Watermark::read(text).or_else(|| amount().flatten().map(Watermark::Free))
}

/// A mark for people, who are told which way an amount counts.
struct Shown(Watermark);

impl Display for Shown {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Watermark::Used(_) => self.0.fmt(out),
            Watermark::Free(_) => write!(out, "{} free", self.0),
        }
    }
}

impl Watermarks {
    /// Both marks, which must be of one kind, the high one not above the flood stage.
    pub(crate) fn new(high: Watermark, flood_stage: Watermark) -> Result<Self, String> {
        let (shown_high, shown_flood) = (Shown(high), Shown(flood_stage));
        match high.is_above(flood_stage) {
            Some(false) => Ok(Self { high, flood_stage }),
            Some(true) => Err(format!(
                "high disk watermark [{shown_high}] more than flood stage disk watermark [{shown_flood}]"
            )),
            None => Err(format!(
                "the high disk watermark [{shown_high}] and the flood stage [{shown_flood}] must both be shares or both be amounts; set the two together"
            )),
        }
    }

    /// Whether data may not be added any more, after it was known whether it might.
    pub(crate) fn is_flooded(&self, was_flooded: bool, space: DiskSpace) -> bool {
        let mark = if was_flooded { self.high } else { self.flood_stage };
        mark.is_exceeded(space)
    }

    /// The high mark, for people.
    pub(crate) fn shown_high(&self) -> impl Display {
        Shown(self.high)
    }

    /// The flood stage, for people.
    pub(crate) fn shown_flood_stage(&self) -> impl Display {
        Shown(self.flood_stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(high: &str, flood_stage: &str) -> Result<Watermarks, String> {
        let read = |text| read_watermark(text).unwrap_or_else(|| panic!("{text}"));
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
            ("1.5gb", Some(Watermark::Free(3 << 29))),
            ("20gib", Some(Watermark::Free(20 << 30))),
            ("101%", None),
            ("1.5", None),
            ("-1%", None),
            ("x%", None),
            ("full", None),
            ("", None),
        ] {
            assert_eq!(read_watermark(text), expected, "{text}");
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
