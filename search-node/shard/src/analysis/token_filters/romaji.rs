//! Katakana in Latin letters, by a Hepburn that writes long vowels with a line, as Lucene writes it.

use std::sync::LazyLock;

use hashbrown::HashMap;

/// Syllables of `i` with what they are before a small `ya`, `yu`, `yo` or `e`.
const BEFORE_SMALL: [(&str, &str); 12] = [
    ("キ", "ky"),
    ("シ", "sh"),
    ("チ", "ch"),
    ("ニ", "ny"),
    ("ヒ", "hy"),
    ("ミ", "my"),
    ("リ", "ry"),
    ("ギ", "gy"),
    ("ジ", "j"),
    ("ヂ", "j"),
    ("ビ", "by"),
    ("ピ", "py"),
];
const SMALL: [(&str, &str); 6] =
    [("ョウ", "ō"), ("ュウ", "ū"), ("ャ", "a"), ("ョ", "o"), ("ュ", "u"), ("ェ", "e")];
/// Syllables of `o` that are long before an `u`, without that.
const LONG: [(&str, &str); 14] = [
    ("オ", ""),
    ("コ", "k"),
    ("ソ", "s"),
    ("ト", "t"),
    ("ノ", "n"),
    ("ホ", "h"),
    ("モ", "m"),
    ("ヨ", "y"),
    ("ロ", "r"),
    ("ゴ", "g"),
    ("ゾ", "z"),
    ("ド", "d"),
    ("ボ", "b"),
    ("ポ", "p"),
];
/// The rest: syllables and what they are.
const SYLLABLES: &str = "ア a イ i ウ u エ e オ o カ ka キ ki ク ku ケ ke コ ko サ sa シ shi ス su セ se ソ so タ ta チ chi ツ tsu テ te ト to ナ na ニ ni ヌ nu ネ ne ノ no ハ ha ヒ hi フ fu ヘ he ホ ho マ ma ミ mi ム mu メ me モ mo ヤ ya ユ yu ヨ yo ラ ra リ ri ル ru レ re ロ ro ワ wa ヰ i ヱ e ヲ o ガ ga ギ gi グ gu ゲ ge ゴ go ザ za ジ ji ズ zu ゼ ze ゾ zo ダ da ヂ ji ヅ zu デ de ド do バ ba ビ bi ブ bu ベ be ボ bo パ pa ピ pi プ pu ペ pe ポ po ヷ va ヸ vi ヹ ve ヺ vo ヴ v ァ a ィ i ゥ u ェ e ォ o ヮ wa ャ ya ュ yu ョ yo イィ yi イェ ye ウァ wa ウィ wi ウゥ wu ウェ we ウォ wo ウュ wyu クァ kwa クィ kwi クェ kwe クォ kwo クヮ kwa グァ gwa グィ gwi グェ gwe グォ gwo グヮ gwa スィ si ズィ zi ツァ tsa ツィ tsi ツェ tse ツォ tso ツュ tsyu ティ ti テゥ tu テュ tyu トゥ tu フャ fya フュ fyu フィェ fye フョ fyo ファ fa フィ fi フェ fe フォ fo ホゥ hu ラ゜ la リ゜ li ル゜ lu レ゜ le ロ゜ lo ディ di デュ dyu ドゥ du ヴィェ vye";
/// Letters that a syllable has at most.
const LONGEST: usize = 3;

static TABLE: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut words = SYLLABLES.split(' ');
    let mut table = HashMap::new();
    while let (Some(kana), Some(latin)) = (words.next(), words.next()) {
        table.insert(kana.to_owned(), latin.to_owned());
    }
    for (kana, latin) in BEFORE_SMALL {
        table.extend(SMALL.map(|(small, vowel)| (format!("{kana}{small}"), format!("{latin}{vowel}"))));
    }
    table.extend(LONG.map(|(kana, latin)| (format!("{kana}ウ"), format!("{latin}ō"))));
    table
});

/// What a small `tsu` is before a syllable: its consonant twice.
fn doubled(next: Option<char>) -> &'static str {
    match next {
        Some('カ' | 'キ' | 'ク' | 'ケ' | 'コ') => "k",
        Some('サ' | 'シ' | 'ス' | 'セ' | 'ソ') => "s",
        Some('タ' | 'チ' | 'ツ' | 'テ' | 'ト') => "t",
        Some('パ' | 'ピ' | 'プ' | 'ペ' | 'ポ') => "p",
        _ => "",
    }
}

/// What an `n` is before a syllable.
fn nasal(next: Option<char>) -> &'static str {
    match next {
        Some('バ' | 'ビ' | 'ブ' | 'ベ' | 'ボ' | 'パ' | 'ピ' | 'プ' | 'ペ' | 'ポ') => "m",
        Some('マ' | 'ミ' | 'ム' | 'メ' | 'モ') => "m",
        Some('ヤ' | 'ユ' | 'ヨ' | 'ア' | 'イ' | 'ウ' | 'エ' | 'オ') => "n'",
        _ => "n",
    }
}

/// A reading in Latin letters; what is no Katakana stays.
pub(super) fn romaji(reading: &str) -> String {
    let mut made = String::new();
    let mut rest = reading;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        let next = behind.chars().next();
        match letter {
            'ッ' => made.push_str(doubled(next)),
            'ン' => made.push_str(nasal(next)),
            // A long vowel of a foreign word is written like a short one.
            'ー' => {}
            _ => {
                let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8()).take(LONGEST);
                let ends: Vec<usize> = ends.collect();
                let found = ends.into_iter().rev().find_map(|end| Some((end, TABLE.get(&rest[..end])?)));
                let Some((end, latin)) = found else {
                    made.push(letter);
                    rest = behind;
                    continue;
                };
                made.push_str(latin);
                rest = &rest[end..];
                continue;
            }
        }
        rest = behind;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::romaji;

    #[test]
    fn katakana_becomes_latin() {
        for (reading, latin) in [
            ("トウキョウ", "tōkyō"),
            ("カンサイ", "kansai"),
            ("シンブン", "shimbun"),
            ("ホンヤ", "hon'ya"),
            ("ガッコウ", "gakkō"),
            ("コンピューター", "kompyuta"),
            ("ヴィェ", "vye"),
            ("", ""),
            ("abc", "abc"),
        ] {
            assert_eq!(romaji(reading), latin, "{reading}");
        }
    }
}
