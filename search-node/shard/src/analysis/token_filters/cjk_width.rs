//! `cjk_width`: full-width letters of ASCII as ASCII, half-width Katakana as full-width.

/// Katakana from U+FF65 on, in order.
const KATAKANA: &str = "・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゙゚";

/// Puts letters into their usual width.
pub(crate) fn width(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let mut made = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{ff01}'..='\u{ff5e}' => {
                made.extend(char::from_u32(u32::from(letter) - 0xfee0));
            }
            '\u{ff9e}' | '\u{ff9f}'
                if made.chars().next_back().is_some_and(|last| voiced(last, letter).is_some()) =>
            {
                let last = made.pop().unwrap_or_default();
                made.extend(voiced(last, letter));
            }
            '\u{ff65}'..='\u{ff9f}' => {
                let at = (u32::from(letter) - 0xff65) as usize;
                made.push(KATAKANA.chars().nth(at).unwrap_or(letter));
            }
            other => made.push(other),
        }
    }
    *text = made;
}

/// A letter with the mark that follows it.
fn voiced(letter: char, mark: char) -> Option<char> {
    let is_voiced = mark == '\u{ff9e}';
    let next = |step: u32| char::from_u32(u32::from(letter) + step);
    match letter {
        'ウ' if is_voiced => Some('ヴ'),
        'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ' | 'タ' | 'チ' | 'ツ' | 'テ'
        | 'ト'
            if is_voiced =>
        {
            next(1)
        }
        'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => next(if is_voiced { 1 } else { 2 }),
        'ワ' if is_voiced => Some('ヷ'),
        'ヰ' if is_voiced => Some('ヸ'),
        'ヱ' if is_voiced => Some('ヹ'),
        'ヲ' if is_voiced => Some('ヺ'),
        'ヽ' if is_voiced => Some('ヾ'),
        _ => None,
    }
}
