//! Letters of one language that are written in several ways, as one.

/// Forms of alef, yeh and heh as one each; without vowel signs.
pub(crate) fn arabic_normalization(text: &mut String) {
    *text = text
        .chars()
        .filter_map(|letter| match letter {
            'آ' | 'أ' | 'إ' => Some('ا'),
            'ى' => Some('ي'),
            'ة' => Some('ه'),
            '\u{640}' | '\u{64b}'..='\u{652}' => None,
            other => Some(other),
        })
        .collect();
}

/// Forms of yeh, keheh and heh as one each.
pub(crate) fn persian_normalization(text: &mut String) {
    *text = text
        .chars()
        .filter_map(|letter| match letter {
            '\u{6cc}' | '\u{6d2}' => Some('\u{64a}'),
            '\u{6a9}' => Some('\u{643}'),
            '\u{6c0}' | '\u{6c1}' => Some('\u{647}'),
            '\u{654}' => None,
            other => Some(other),
        })
        .collect();
}

/// Letters with a cedilla as those with a comma below, which took their place.
pub(crate) fn romanian_normalization(text: &mut String) {
    if text.contains(['ş', 'Ş', 'ţ', 'Ţ']) {
        *text = text
            .chars()
            .map(|letter| match letter {
                'ş' => 'ș',
                'Ş' => 'Ș',
                'ţ' => 'ț',
                'Ţ' => 'Ț',
                other => other,
            })
            .collect();
    }
}

/// What stands before an `e` decides whether that makes an umlaut.
#[derive(PartialEq)]
enum Before {
    Other,
    Vowel,
    /// `a` or `o`, or a `u` behind no vowel: an `e` behind it means its umlaut.
    Umlaut,
}

/// Umlauts as their letters, written with an `e` or not, and `ß` as `ss`.
pub(crate) fn german_normalization(text: &mut String) {
    let mut made = String::with_capacity(text.len());
    let mut before = Before::Other;
    for letter in text.chars() {
        before = match letter {
            'a' | 'o' => {
                made.push(letter);
                Before::Umlaut
            }
            'u' => {
                made.push(letter);
                if before == Before::Other { Before::Umlaut } else { Before::Vowel }
            }
            'e' => {
                if before != Before::Umlaut {
                    made.push(letter);
                }
                Before::Vowel
            }
            'i' | 'q' | 'y' => {
                made.push(letter);
                Before::Vowel
            }
            'ä' | 'ö' | 'ü' => {
                made.push(match letter {
                    'ä' => 'a',
                    'ö' => 'o',
                    _ => 'u',
                });
                Before::Vowel
            }
            'ß' => {
                made.push_str("ss");
                Before::Other
            }
            other => {
                made.push(other);
                Before::Other
            }
        };
    }
    *text = made;
}

/// `å`, `æ` and `ø` for all the ways in which they are written.
pub(super) fn scandinavian_normalization(text: &mut String) {
    scandinavian(text, ['å', 'æ', 'ø', 'Å', 'Æ', 'Ø']);
}

/// The same without the letters themselves.
pub(super) fn scandinavian_folding(text: &mut String) {
    scandinavian(text, ['a', 'a', 'o', 'A', 'A', 'O']);
}

fn scandinavian(text: &mut String, [aa, ae, oe, upper_aa, upper_ae, upper_oe]: [char; 6]) {
    let is_folding = aa == 'a';
    let mut made = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let pair = match (letter, next) {
            ('a', Some('a' | 'o' | 'A' | 'O'))
                if !is_folding || matches!(next, Some('a' | 'A' | 'o' | 'O')) =>
            {
                Some(aa)
            }
            ('A', Some('a' | 'A' | 'o' | 'O')) => Some(upper_aa),
            ('a', Some('e' | 'E')) => Some(ae),
            ('A', Some('e' | 'E')) => Some(upper_ae),
            ('o', Some('e' | 'E' | 'o' | 'O')) => Some(oe),
            ('O', Some('e' | 'E' | 'o' | 'O')) => Some(upper_oe),
            _ => None,
        };
        if let Some(pair) = pair {
            letters.next();
            made.push(pair);
            continue;
        }
        made.push(match letter {
            'å' => aa,
            'ä' | 'æ' => ae,
            'ö' | 'ø' => oe,
            'Å' => upper_aa,
            'Ä' | 'Æ' => upper_ae,
            'Ö' | 'Ø' => upper_oe,
            other => other,
        });
    }
    *text = made;
}

/// Serbian as Latin letters without marks, whichever of its two scripts it is written in.
pub(super) fn serbian_normalization(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let mut made = String::with_capacity(text.len());
    for letter in text.chars() {
        match serbian_letter(letter) {
            Some(latin) => made.push_str(latin),
            None => made.push(letter),
        }
    }
    *text = made;
}

fn serbian_letter(letter: char) -> Option<&'static str> {
    Some(match letter {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "g",
        'д' => "d",
        'ђ' | 'đ' => "dj",
        'е' => "e",
        'ж' | 'з' | 'ž' => "z",
        'и' => "i",
        'ј' => "j",
        'к' => "k",
        'л' => "l",
        'љ' => "lj",
        'м' => "m",
        'н' => "n",
        'њ' => "nj",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' | 'ш' | 'š' => "s",
        'т' => "t",
        'ћ' | 'ц' | 'ч' | 'č' | 'ć' => "c",
        'у' => "u",
        'ф' => "f",
        'х' => "h",
        'џ' => "dz",
        _ => return None,
    })
}

/// Sorani: yeh, kaf, heh and reh in one form each, without vowel signs and signs of direction.
pub(crate) fn sorani_normalization(text: &mut String) {
    const AE: char = '\u{6d5}';
    if text.is_ascii() {
        return;
    }
    let mut made: Vec<char> = Vec::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{64a}' | '\u{649}' => made.push('\u{6cc}'),
            '\u{643}' => made.push('\u{6a9}'),
            '\u{200c}' => {
                // A heh before a non-joiner is a vowel.
                if let Some(heh) = made.last_mut().filter(|last| **last == '\u{647}') {
                    *heh = AE;
                }
            }
            '\u{647}' if letters.peek().is_none() => made.push(AE),
            '\u{629}' => made.push(AE),
            '\u{6be}' => made.push('\u{647}'),
            '\u{631}' if made.is_empty() => made.push('\u{695}'),
            '\u{692}' => made.push('\u{695}'),
            '\u{640}' | '\u{64b}'..='\u{652}' => {}
            '\u{200b}'
            | '\u{200d}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}' => {}
            other => made.push(other),
        }
    }
    *text = made.into_iter().collect();
}
