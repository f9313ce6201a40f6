//! What a format is made of. The words are those of `java.time`, after which Elasticsearch's formats are named.

/// A part of a date that a format reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    YearOfEra,
    Era,
    Month,
    Quarter,
    DayOfMonth,
    DayOfYear,
    DayOfWeek,
    WeekYear,
    Week,
    WeekOfMonth,
    AlignedWeek,
    ModifiedJulianDay,
    Hour,
    ClockHour,
    HalfDayHour,
    HalfDayClockHour,
    HalfDay,
    Minute,
    Second,
    Nano,
    MilliOfDay,
    NanoOfDay,
}

/// How many parts there are.
pub(super) const PARTS: usize = Part::NanoOfDay as usize + 1;

/// When a number has a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// `-` before what is below zero.
    Normal,
    /// Never.
    Never,
    /// `+` as well, before what has more digits than asked for.
    ExceedsPad,
}

/// How long a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Short,
    Full,
    Narrow,
}

/// A number with so many digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) part: Part,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) sign: Sign,
    /// Digits that belong to the numbers that follow at once: `yyyyMMdd` has four of them behind the year.
    pub(super) reserved: usize,
    /// Whether only the last two digits of a year stand, from 2000 on.
    pub(super) is_reduced: bool,
    /// Whether the digits are a fraction of a second.
    pub(super) is_fraction: bool,
}

impl Number {
    pub(super) fn new(part: Part, min: usize, max: usize, sign: Sign) -> Self {
        Self { part, min, max, sign, reserved: 0, is_reduced: false, is_fraction: false }
    }

    fn has_one_width(&self) -> bool {
        self.min == self.max && self.sign == Sign::Never
    }
}

/// How an offset from Greenwich is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffsetShape {
    /// Whether there are colons.
    pub(super) colon: bool,
    pub(super) minutes: Presence,
    pub(super) seconds: Presence,
    /// What stands for Greenwich itself.
    pub(super) zero: &'static str,
}

/// Whether a part of an offset stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Never,
    /// Where it is not zero.
    Optional,
    Always,
}

impl OffsetShape {
    /// `+01:30`
    pub(super) const COLON: Self =
        Self { colon: true, minutes: Presence::Always, seconds: Presence::Never, zero: "Z" };
    /// `+01`, `+0130`
    pub(super) const PLAIN: Self =
        Self { colon: false, minutes: Presence::Optional, seconds: Presence::Never, zero: "Z" };
    /// `+01:30`, `+01:30:15`, as zones are named.
    pub(super) const ZONE: Self =
        Self { colon: true, minutes: Presence::Always, seconds: Presence::Optional, zero: "Z" };
}

/// One thing that a format reads or writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    Number(Number),
    /// A fraction of a second behind a point: at least and at most so many digits.
    Fraction {
        min: usize,
        max: usize,
    },
    /// The name of a month, of a day, of half a day or of an era.
    Text {
        part: Part,
        style: Style,
    },
    Literal(char),
    Offset(OffsetShape),
    /// `GMT+1`, or `GMT+01:00` if full.
    GmtOffset {
        full: bool,
    },
    /// `Europe/Berlin`, or an offset.
    Zone,
    /// `CET`, or its name.
    ZoneText,
    /// Read where it fits, written always.
    Optional(Vec<Element>),
    /// Blanks up to so many signs.
    Padded(usize, Box<Element>),
}

/// Elements in the order in which they stand, with what numbers side by side leave to each other.
#[derive(Debug, Default)]
pub(super) struct Elements {
    open: Vec<Level>,
    level: Level,
}

#[derive(Debug, Default)]
struct Level {
    elements: Vec<Element>,
    /// The number that gives digits to those which follow.
    giver: Option<usize>,
}

impl Elements {
    pub(super) fn push(&mut self, element: Element) {
        let Element::Number(mut number) = element else {
            self.level.giver = None;
            self.level.elements.push(element);
            return;
        };
        let at = self.level.elements.len();
        match self.level.giver {
            Some(giver) if number.has_one_width() => {
                if let Some(Element::Number(before)) = self.level.elements.get_mut(giver) {
                    before.reserved += number.max;
                }
                number.reserved = 0;
            }
            _ => self.level.giver = Some(at),
        }
        self.level.elements.push(Element::Number(number));
    }

    /// Begins with what is optional.
    pub(super) fn open(&mut self) {
        self.level.giver = None;
        self.open.push(std::mem::take(&mut self.level));
    }

    /// How many optional parts are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Ends what is optional; false if there is none.
    pub(super) fn close(&mut self) -> bool {
        let Some(around) = self.open.pop() else { return false };
        let inner = std::mem::replace(&mut self.level, around);
        self.level.elements.push(Element::Optional(inner.elements));
        true
    }

    /// All of them; what is still open ends here.
    pub(super) fn finish(mut self) -> Vec<Element> {
        while self.close() {}
        self.level.elements
    }
}
