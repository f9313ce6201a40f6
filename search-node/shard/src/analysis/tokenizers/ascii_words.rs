//! Words of ASCII text as UAX #29 cuts them, byte by byte, up to where a letter beyond ASCII has a say.
//!
//! Of the rules, ASCII needs five: letters and digits go together (WB5, 8–10), `_` joins what stands on both its sides
//! (WB13a, 13b), `:`, `.` and `'` join two letters (WB6, 7), and `.`, `,`, `;` and `'` join two digits (WB11, 12).
//! A property test of `words` holds this to the general implementation.

/// What a byte is to the rules, as bits.
type Class = u8;

const LETTER: Class = 1;
const DIGIT: Class = 1 << 1;
/// `_`
const JOINER: Class = 1 << 2;
/// Joins two letters.
const MID_LETTER: Class = LETTER << MID;
/// Joins two digits.
const MID_DIGIT: Class = DIGIT << MID;
const CAPITAL: Class = 1 << 5;
/// Joins two letters of Hebrew, and nothing else.
const QUOTE: Class = 1 << 6;
/// Part of a letter beyond ASCII.
const BEYOND: Class = 1 << 7;
/// Cut off from what stands before it, whatever that is.
const OTHER: Class = 0;

/// From what a byte is to what joins two of them.
const MID: u32 = 3;
const IN_WORD: Class = LETTER | DIGIT | JOINER;

static CLASSES: [Class; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' => LETTER,
            b'A'..=b'Z' => LETTER | CAPITAL,
            b'0'..=b'9' => DIGIT,
            b'_' => JOINER,
            b':' => MID_LETTER,
            b',' | b';' => MID_DIGIT,
            b'.' | b'\'' => MID_LETTER | MID_DIGIT,
            b'"' => QUOTE,
            0x80.. => BEYOND,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// What comes next in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A word of ASCII that holds a letter or a digit.
    Word { start: usize, end: usize, has_capitals: bool },
    /// Something that is cut off from all before it, with the first letter beyond ASCII at `letter`.
    Beyond { start: usize, letter: usize },
    /// Nothing any more.
    End,
}

/// What comes at or behind `from`, which must be cut off from what stands before it.
#[inline]
pub(super) fn next(bytes: &[u8], from: usize) -> Next {
    let mut at = from;
    loop {
        let Some(skipped) = bytes[at..].iter().position(|byte| class(*byte) & (IN_WORD | BEYOND) != 0) else {
            return Next::End;
        };
        let start = at + skipped;
        if class(bytes[start]) == BEYOND {
            // A mark belongs to the sign before it, and that to nothing before it.
            return Next::Beyond { start: start.saturating_sub(1).max(from), letter: start };
        }
        match run(bytes, start) {
            Run::Beyond { letter } => return Next::Beyond { start, letter },
            Run::Ends { end, seen } if seen & (LETTER | DIGIT) != 0 => {
                return Next::Word { start, end, has_capitals: seen & CAPITAL != 0 };
            }
            Run::Ends { end, .. } => at = end,
        }
    }
}

enum Run {
    /// It ends, and had bytes of these classes.
    Ends { end: usize, seen: Class },
    /// Where it ends is for a letter beyond ASCII to say.
    Beyond { letter: usize },
}

/// Letters, digits and what joins them, from `start` on.
#[inline]
fn run(bytes: &[u8], start: usize) -> Run {
    let (mut at, mut seen) = (start, OTHER);
    loop {
        at += letters(bytes, at, &mut seen);
        let mut sign = OTHER;
        while let Some(byte) = bytes.get(at) {
            sign = class(*byte);
            if sign & IN_WORD == 0 {
                break;
            }
            seen |= sign;
            at += 1;
            sign = OTHER;
        }
        if sign & !QUOTE == OTHER {
            return Run::Ends { end: at, seen };
        }
        if sign == BEYOND {
            return Run::Beyond { letter: at };
        }
        let behind = bytes.get(at + 1).map_or(OTHER, |byte| class(*byte));
        if behind == BEYOND {
            return Run::Beyond { letter: at + 1 };
        }
        if class(bytes[at - 1]) & behind & (sign >> MID) == 0 {
            return Run::Ends { end: at, seen };
        }
        at += 1;
    }
}

/// How many letters stand at a place, as far as whole words of the machine go.
#[inline]
fn letters(bytes: &[u8], from: usize, seen: &mut Class) -> usize {
    let mut at = from;
    while let Some(eight) = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()) {
        let eight = u64::from_le_bytes(eight);
        let letters = letters_of(eight);
        let count = (!letters & EACH_HIGH).trailing_zeros() as usize / 8;
        if count > 0 {
            // Letters in upper case lack the bit that tells the cases apart.
            let counted = u64::MAX >> (64 - 8 * count);
            let has_capitals = letters & (!eight << 2) & counted != 0;
            *seen |= LETTER | if has_capitals { CAPITAL } else { OTHER };
        }
        at += count;
        if count < 8 {
            break;
        }
    }
    at - from
}

const EACH: u64 = 0x0101_0101_0101_0101;
const EACH_HIGH: u64 = EACH << 7;

/// The highest bit of each byte that is a letter of ASCII.
#[inline]
fn letters_of(eight: u64) -> u64 {
    let lower = (eight | (EACH * 0x20)) & !EACH_HIGH;
    let from_a = lower + EACH * u64::from(0x80 - b'a');
    let beyond_z = lower + EACH * u64::from(0x7f - b'z');
    from_a & !beyond_z & !eight & EACH_HIGH
}

/// Where what a letter beyond ASCII has a say in ends: at a sign that is cut off from all before it.
pub(super) fn end_beyond(bytes: &[u8], letter: usize) -> usize {
    let length = bytes[letter..].iter().position(|byte| class(*byte) == OTHER);
    length.map_or(bytes.len(), |length| letter + length)
}
