//! Where sentences and words of a text begin.
//!
//! Elasticsearch asks Java's `BreakIterator` of the root locale, whose rules are older than those of Unicode: a sentence ends at a period only
//! before a letter that is not a small one, and words have hyphens, periods and quotes inside. They are the ones of the class
//! `BreakIteratorRules` of OpenJDK, said here as regular expressions.

use std::sync::LazyLock;

use regex::Regex;

/// Marks and formats say nothing about sentences.
const UNSEEN: &str = r"[\p{Mn}\p{Me}\p{Cf}]*";
const SPACE: &str = r"\t\r\x0c\n\x{2028}\p{Zs}";
const OPENING: &str = r#"\p{Ps}\p{Pi}"'"#;
const CLOSING: &str = r#"\p{Pe}\p{Pf}"'"#;
const PERIOD: &str = r".\x{ff0e}";
/// What always ends a sentence.
const TERMINATOR: &str = r"!?\x{3002}\x{ff01}\x{ff1f}";
const DANDA: &str = r"[\x{964}\x{965}]";

/// The end of a sentence: the first group that takes part, up to where the next one begins.
static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| {
    let many = |class: &str, times: &str| format!("(?:[{class}]{UNSEEN}){times}");
    let spaces = many(SPACE, "*");
    let after_period = format!("{}{}", many(PERIOD, ""), many(&format!("{PERIOD}{CLOSING}"), "*"));
    // Anything that is neither a letter nor named otherwise may begin a sentence before its first letter.
    let beginning = format!(
        r"[{OPENING}[^\p{{L}}{SPACE}{OPENING}{CLOSING}\p{{N}}{TERMINATOR}{PERIOD},\x{{2029}}\p{{Mn}}\p{{Me}}\p{{Cf}}]]"
    );
    let rules = [
        r"(\x{2029})".to_owned(),
        format!("({DANDA}{UNSEEN}{spaces})"),
        format!(r"({after_period}{})[\p{{L}}--\p{{Ll}}]", many(SPACE, "+")),
        format!(r"({after_period}{spaces})(?:{beginning}{UNSEEN})+\p{{L}}"),
        format!(
            r"({}{}{spaces}\x{{2029}}?)",
            many(TERMINATOR, ""),
            many(&format!("{TERMINATOR}{PERIOD}{CLOSING}"), "*")
        ),
    ];
    Regex::new(&rules.join("|")).expect("the rules of sentences are a regular expression")
});

/// A word, or what stands between two.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    const MARKS: &str = r"[\p{Mn}\p{Me}\p{Cf}]*";
    const KANJI: &str = r"\x{3005}\x{4e00}-\x{9fa5}\x{f900}-\x{fa2d}";
    const KATAKANA: &str = r"\x{30a1}-\x{30fa}\x{30fd}\x{30fe}";
    const HIRAGANA: &str = r"\x{3041}-\x{3094}\x{309d}\x{309e}";
    const LENGTHENED: &str = r"\x{3099}-\x{309c}\x{30fb}\x{30fc}";
    let letters = format!(r"(?:[[\p{{L}}\p{{Mc}}]--[{KANJI}{KATAKANA}{HIRAGANA}{LENGTHENED}]]{MARKS})+");
    let digits = format!(r"(?:\p{{N}}{MARKS})+");
    let word = format!(r#"{letters}(?:[\p{{Pd}}\p{{Pc}}\x{{ad}}\x{{2027}}"'.]{MARKS}{letters})*{DANDA}?"#);
    let number = format!(r#"{digits}(?:["',.\x{{66b}}]{MARKS}{digits})*"#);
    let ended = format!(r"(?:{number}[%&\x{{a2}}\x{{66a}}\x{{2030}}\x{{2031}}]?)");
    let rules = [
        format!("{word}(?:{number}{word})*{ended}?"),
        format!("(?:{number}{word})+{ended}?"),
        ended.clone(),
        format!(r"[[\p{{Sc}}\#.]--\x{{a2}}](?:{number}{word})*{ended}?"),
        format!(r"(?:[\p{{Zs}}\t]{MARKS})+\r?[\n\x0c\x{{2028}}\x{{2029}}]?"),
        r"\r?[\n\x0c\x{2028}\x{2029}]".to_owned(),
        format!("[{LENGTHENED}]*[{KATAKANA}][{KATAKANA}{LENGTHENED}]*"),
        format!("[{LENGTHENED}]*[{HIRAGANA}][{HIRAGANA}{LENGTHENED}]*"),
        format!("[{LENGTHENED}]+"),
        format!("[{KANJI}]+"),
        format!(r"(?s:.){MARKS}"),
    ];
    Regex::new(&rules.join("|")).expect("the rules of words are a regular expression")
});

/// Where sentences begin, in bytes.
pub(super) fn sentence_starts(text: &str) -> impl Iterator<Item = usize> {
    let mut next = (!text.is_empty()).then_some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let ends = SENTENCE_END.captures_at(text, start);
        let end = ends.and_then(|groups| groups.iter().skip(1).flatten().map(|group| group.end()).next());
        next = end.filter(|end| *end < text.len());
        Some(start)
    })
}

/// Where words and what stands between them begin, in bytes.
pub(super) fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    WORD.find_iter(text).map(|found| found.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, starts: impl Iterator<Item = usize>) -> Vec<&str> {
        let places: Vec<usize> = starts.chain([text.len()]).collect();
        places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    /// What Java answers for the same texts.
    #[test]
    fn sentences_are_those_of_java() {
        for sentences in [
            vec!["cafe. 3.14 the not, x. 42 - stones"],
            vec!["quick. lazy - over"],
            vec!["One. ", "Two. ", "(three). ", "\"Four.\" ", "Five"],
            vec!["a. ", "Übung. ", "É"],
            vec!["user@example.com. ", "Node.js e-mail O'Neil's 3.14 1,000 a_b wi-fi"],
            vec!["What? ", "yes! ", "no"],
            vec!["x. - Quick; y... ", "Z"],
            vec!["Mr. ", "Smith U.S. ", "Gov. said"],
            vec!["一二。", "三四"],
            vec!["a.b.C. ", "D 5. ( Foo"],
            vec!["see  this\tthat\nnew line\r\nfoo. \n", "Bar"],
            vec!["$12.50 20% x=y http://a.b/c?", "d=e"],
            vec!["he said.' ", "Go 'x. ", "\"hey\" Ok"],
        ] {
            let text = sentences.concat();
            assert_eq!(cut(&text, sentence_starts(&text)), sentences);
        }
        assert_eq!(sentence_starts("").count(), 0);
    }

    #[test]
    fn words_are_those_of_java() {
        for words in [
            vec!["cafe", ".", " ", "3.14", " ", "the", " ", "not", ",", " ", "x"],
            vec![
                "user",
                "@",
                "example.com",
                ".",
                " ",
                "Node.js",
                " ",
                "e-mail",
                " ",
                "O'Neil's",
                " ",
                "1,000",
            ],
            vec!["a_b", " ", "wi-fi", " ", "said", ".", "'", " ", "Go", " ", "'", "x"],
            vec![
                "see", "  ", "this", "\t", "that", "\n", "new", " ", "line", "\r\n", "foo", ".", " \n", "Bar",
            ],
            vec!["$12.50", " ", "20%", " ", "x", "=", "y", " ", "http", ":", "/", "/", "a.b", "/", "c", "?"],
            vec!["日本語", " ", "テスト", " ", "です"],
            vec!["y", ".", ".", ".", " ", "Z"],
        ] {
            let text = words.concat();
            assert_eq!(cut(&text, word_starts(&text)), words);
        }
    }
}
