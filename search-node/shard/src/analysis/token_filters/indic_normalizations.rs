//! Letters of the scripts of India that are written in several ways, as one: how they are composed (Unicode, chapter 12), and what
//! spelling varies in Hindi (Pingali and Varma; Larkey, Connell and AbdulJaleel) and Bengali (UzZaman and Khan).

/// Scripts, one bit each, in the order of their blocks of 128 letters from U+0900 on.
const DEVANAGARI: u16 = 1;
const BENGALI: u16 = 1 << 1;
const GURMUKHI: u16 = 1 << 2;
const GUJARATI: u16 = 1 << 3;
const ORIYA: u16 = 1 << 4;
const TAMIL: u16 = 1 << 5;
const TELUGU: u16 = 1 << 6;
const KANNADA: u16 = 1 << 7;
const MALAYALAM: u16 = 1 << 8;

/// The zero-width joiner, for which a table of one script's letters has no number.
const JOINER: u32 = 0xff;

/// Letters in a row by their numbers in a block, what they are together, and in which scripts.
type Composition = (&'static [u32], u32, u16);

const COMPOSITIONS: [Composition; 72] = [
    (&[0x05, 0x3e, 0x45], 0x11, DEVANAGARI | GUJARATI),
    (&[0x05, 0x3e, 0x46], 0x12, DEVANAGARI),
    (&[0x05, 0x3e, 0x47], 0x13, DEVANAGARI | GUJARATI),
    (&[0x05, 0x3e, 0x48], 0x14, DEVANAGARI | GUJARATI),
    (&[0x05, 0x3e], 0x06, DEVANAGARI | BENGALI | GURMUKHI | GUJARATI | ORIYA),
    (&[0x05, 0x45], 0x72, DEVANAGARI),
    (&[0x05, 0x45], 0x0d, GUJARATI),
    (&[0x05, 0x46], 0x04, DEVANAGARI),
    (&[0x05, 0x47], 0x0f, GUJARATI),
    (&[0x05, 0x48], 0x10, GURMUKHI | GUJARATI),
    (&[0x05, 0x49], 0x11, DEVANAGARI | GUJARATI),
    (&[0x05, 0x4a], 0x12, DEVANAGARI),
    (&[0x05, 0x4b], 0x13, DEVANAGARI | GUJARATI),
    (&[0x05, 0x4c], 0x14, DEVANAGARI | GURMUKHI | GUJARATI),
    (&[0x06, 0x45], 0x11, DEVANAGARI | GUJARATI),
    (&[0x06, 0x46], 0x12, DEVANAGARI),
    (&[0x06, 0x47], 0x13, DEVANAGARI | GUJARATI),
    (&[0x06, 0x48], 0x14, DEVANAGARI | GUJARATI),
    (&[0x07, 0x57], 0x08, MALAYALAM),
    (&[0x09, 0x41], 0x0a, DEVANAGARI),
    (&[0x09, 0x57], 0x0a, TAMIL | MALAYALAM),
    (&[0x0e, 0x46], 0x10, MALAYALAM),
    (&[0x0f, 0x45], 0x0d, DEVANAGARI),
    (&[0x0f, 0x46], 0x0e, DEVANAGARI),
    (&[0x0f, 0x47], 0x10, DEVANAGARI),
    (&[0x0f, 0x57], 0x10, ORIYA),
    (&[0x12, 0x3e], 0x13, MALAYALAM),
    (&[0x12, 0x4c], 0x14, TELUGU | KANNADA),
    (&[0x12, 0x55], 0x13, TELUGU),
    (&[0x12, 0x57], 0x14, TAMIL | MALAYALAM),
    (&[0x13, 0x57], 0x14, ORIYA),
    (&[0x15, 0x3c], 0x58, DEVANAGARI),
    (&[0x16, 0x3c], 0x59, DEVANAGARI | GURMUKHI),
    (&[0x17, 0x3c], 0x5a, DEVANAGARI | GURMUKHI),
    (&[0x1c, 0x3c], 0x5b, DEVANAGARI | GURMUKHI),
    (&[0x21, 0x3c], 0x5c, DEVANAGARI | BENGALI | ORIYA),
    (&[0x22, 0x3c], 0x5d, DEVANAGARI | BENGALI | ORIYA),
    (&[0x23, 0x4d, JOINER], 0x7a, MALAYALAM),
    (&[0x24, 0x4d, JOINER], 0x4e, BENGALI),
    (&[0x28, 0x3c], 0x29, DEVANAGARI),
    (&[0x28, 0x4d, JOINER], 0x7b, MALAYALAM),
    (&[0x2b, 0x3c], 0x5e, DEVANAGARI | GURMUKHI),
    (&[0x2f, 0x3c], 0x5f, DEVANAGARI | BENGALI),
    (&[0x2c, 0x41, 0x41], 0x0b, TELUGU),
    (&[0x30, 0x3c], 0x31, DEVANAGARI),
    (&[0x30, 0x4d, JOINER], 0x7c, MALAYALAM),
    (&[0x32, 0x4d, JOINER], 0x7d, MALAYALAM),
    (&[0x33, 0x3c], 0x34, DEVANAGARI),
    (&[0x33, 0x4d, JOINER], 0x7e, MALAYALAM),
    (&[0x35, 0x41], 0x2e, TELUGU),
    (&[0x3e, 0x45], 0x49, DEVANAGARI | GUJARATI),
    (&[0x3e, 0x46], 0x4a, DEVANAGARI),
    (&[0x3e, 0x47], 0x4b, DEVANAGARI | GUJARATI),
    (&[0x3e, 0x48], 0x4c, DEVANAGARI | GUJARATI),
    (&[0x3f, 0x55], 0x40, KANNADA),
    (&[0x41, 0x41], 0x42, GURMUKHI),
    (&[0x46, 0x3e], 0x4a, TAMIL | MALAYALAM),
    (&[0x46, 0x42, 0x55], 0x4b, KANNADA),
    (&[0x46, 0x42], 0x4a, KANNADA),
    (&[0x46, 0x46], 0x48, MALAYALAM),
    (&[0x46, 0x55], 0x47, TELUGU | KANNADA),
    (&[0x46, 0x56], 0x48, TELUGU | KANNADA),
    (&[0x46, 0x57], 0x4c, TAMIL | MALAYALAM),
    (&[0x47, 0x3e], 0x4b, BENGALI | ORIYA | TAMIL | MALAYALAM),
    (&[0x47, 0x57], 0x4c, BENGALI | ORIYA),
    (&[0x4a, 0x55], 0x4b, KANNADA),
    (&[0x72, 0x3f], 0x07, GURMUKHI),
    (&[0x72, 0x40], 0x08, GURMUKHI),
    (&[0x72, 0x47], 0x0f, GURMUKHI),
    (&[0x73, 0x41], 0x09, GURMUKHI),
    (&[0x73, 0x42], 0x0a, GURMUKHI),
    (&[0x73, 0x4b], 0x13, GURMUKHI),
];

/// The script of a letter, and where its block begins.
fn script(letter: char) -> Option<(u16, u32)> {
    let block = u32::from(letter).checked_sub(0x0900)? / 0x80;
    (block < 9).then(|| (1 << block, 0x0900 + block * 0x80))
}

/// Whether letters are these of a block.
fn are(letters: &[char], numbers: &[u32], base: u32) -> bool {
    let number = |letter: char| match letter {
        '\u{200d}' => Some(JOINER),
        _ => u32::from(letter).checked_sub(base).filter(|number| *number < 0x80),
    };
    letters.len() >= numbers.len()
        && letters.iter().zip(numbers).all(|(letter, wanted)| number(*letter) == Some(*wanted))
}

pub(crate) fn indic_normalization(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let letters: Vec<char> = text.chars().collect();
    let mut made = String::with_capacity(text.len());
    let mut rest = letters.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        let composed = script(*first).and_then(|(script, base)| {
            let (numbers, together, _) = COMPOSITIONS
                .iter()
                .find(|(numbers, _, scripts)| scripts & script != 0 && are(rest, numbers, base))?;
            Some((numbers.len(), char::from_u32(base + together)?))
        });
        match composed {
            Some((count, together)) => {
                made.push(together);
                rest = &rest[count..];
            }
            None => {
                made.push(*first);
                rest = behind;
            }
        }
    }
    *text = made;
}

pub(crate) fn hindi_normalization(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let mut made = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{928}' && letters.next_if_eq(&'\u{94d}').is_some() {
            // A dead n is written as a dot.
            made.push('\u{902}');
            continue;
        }
        made.extend(hindi_letter(letter));
    }
    *text = made;
}

/// The letter without its dot, candrabindu as a dot, long and short vowels as one.
fn hindi_letter(letter: char) -> Option<char> {
    Some(match letter {
        '\u{93c}' | '\u{94d}' | '\u{200c}' | '\u{200d}' => return None,
        '\u{901}' => '\u{902}',
        '\u{929}' => '\u{928}',
        '\u{931}' => '\u{930}',
        '\u{934}' => '\u{933}',
        '\u{958}' => '\u{915}',
        '\u{959}' => '\u{916}',
        '\u{95a}' => '\u{917}',
        '\u{95b}' => '\u{91c}',
        '\u{95c}' => '\u{921}',
        '\u{95d}' => '\u{922}',
        '\u{95e}' => '\u{92b}',
        '\u{95f}' => '\u{92f}',
        '\u{945}' | '\u{946}' | '\u{948}' => '\u{947}',
        '\u{949}' | '\u{94a}' | '\u{94c}' => '\u{94b}',
        '\u{90d}' | '\u{90e}' | '\u{910}' => '\u{90f}',
        '\u{911}' | '\u{912}' | '\u{914}' => '\u{913}',
        '\u{972}' | '\u{906}' => '\u{905}',
        '\u{908}' => '\u{907}',
        '\u{90a}' => '\u{909}',
        '\u{960}' => '\u{90b}',
        '\u{961}' => '\u{90c}',
        '\u{940}' => '\u{93f}',
        '\u{942}' => '\u{941}',
        '\u{944}' => '\u{943}',
        '\u{963}' => '\u{962}',
        other => other,
    })
}

const HOSHONTO: char = '\u{9cd}';

/// Letters of Bengali that sound alike, as one.
pub(crate) fn bengali_normalization(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let mut letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        at = bengali_letter(&mut letters, at);
    }
    *text = letters.into_iter().collect();
}

/// Changes the letter at a place and those around it; the place to go on at.
fn bengali_letter(letters: &mut Vec<char>, at: usize) -> usize {
    let is_joined = at > 0 && letters[at - 1] == HOSHONTO;
    match letters[at] {
        '\u{981}' => {
            letters.remove(at);
            return at;
        }
        '\u{9c0}' => letters[at] = '\u{9bf}',
        '\u{9c2}' => letters[at] = '\u{9c1}',
        '\u{995}' if letters[at + 1..].starts_with(&[HOSHONTO, '\u{9bf}']) => {
            // At the beginning of a word it is spoken once, elsewhere twice.
            let spoken: &[char] = if at == 0 { &['\u{996}'] } else { &['\u{995}', '\u{996}'] };
            letters.splice(at..at + 3, spoken.iter().copied());
        }
        '\u{999}' => letters[at] = '\u{982}',
        '\u{9af}' if at == 2 && is_joined => {
            letters[1] = '\u{9c7}';
            let vowel = usize::from(letters.get(at + 1) == Some(&'\u{9be}'));
            letters.drain(at..=at + vowel);
            return at;
        }
        '\u{9af}' if is_joined => {
            letters.drain(at - 1..=at);
            return at - 1;
        }
        '\u{9ac}' if is_joined => return bengali_ba(letters, at),
        '\u{983}' if at + 1 == letters.len() => {
            if letters.len() > 3 {
                letters.remove(at);
            } else {
                letters[at] = '\u{9b9}';
            }
        }
        '\u{983}' => letters[at] = letters[at + 1],
        '\u{9b6}' | '\u{9b7}' => letters[at] = '\u{9b8}',
        '\u{9a3}' => letters[at] = '\u{9a8}',
        '\u{9dc}' | '\u{9dd}' => letters[at] = '\u{9b0}',
        '\u{9ce}' => letters[at] = '\u{9a4}',
        _ => {}
    }
    at + 1
}

/// A `ba` that is joined to what stands before it is silent, or doubles that.
fn bengali_ba(letters: &mut Vec<char>, at: usize) -> usize {
    let is_cluster = at >= 5 && letters[at - 3] == HOSHONTO;
    if at == 2 || is_cluster {
        letters.drain(at - 1..=at);
        return at - 1;
    }
    if at >= 2 {
        letters[at - 1] = letters[at - 2];
        letters.remove(at);
        return at;
    }
    at + 1
}
