//! Filters that ask what a dictionary says of a word: `kuromoji_baseform`, `kuromoji_part_of_speech`, `kuromoji_readingform`,
//! `nori_part_of_speech` and `nori_readingform`. Words of other tokenizers go through as they are.

use hashbrown::HashSet;

use super::TokenFilter;
use super::romaji::romaji;
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{End, Token, Tokens, retain};

/// Tags whose words Lucene leaves out of Japanese: what joins words, signs and sounds.
const JAPANESE_TAGS: &str = "接続詞 助詞 助詞-格助詞 助詞-格助詞-一般 助詞-格助詞-引用 助詞-格助詞-連語 助詞-接続助詞 助詞-係助詞 助詞-副助詞 助詞-間投助詞 助詞-並立助詞 助詞-終助詞 助詞-副助詞／並立助詞／終助詞 助詞-連体化 助詞-副詞化 助詞-特殊 助動詞 記号 記号-一般 記号-読点 記号-句点 記号-空白 記号-括弧開 記号-括弧閉 その他-間投 フィラー 非言語音";
/// Tags whose words Lucene leaves out of Korean: endings, particles, adverbs, signs, prefixes and suffixes.
const KOREAN_TAGS: &str = "E IC J MAG MAJ MM SP SSC SSO SC SE XPN XSA XSN XSV UNA NA VSV";

/// Words as a dictionary for people lists them.
#[derive(Debug)]
pub(crate) struct BaseForm;

impl TokenFilter for BaseForm {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if !token.is_keyword
                && let Some(form) = token.morpheme.as_ref().and_then(|morpheme| morpheme.base_form.as_deref())
            {
                token.text.clear();
                token.text.push_str(form);
            }
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}

/// Words of some tags left out.
#[derive(Debug)]
pub(crate) struct PartOfSpeech {
    tags: HashSet<String>,
}

impl PartOfSpeech {
    pub(crate) fn japanese(params: Params<'_>) -> Self {
        Self::of(params, JAPANESE_TAGS)
    }

    pub(crate) fn korean(params: Params<'_>) -> Self {
        Self::of(params, KOREAN_TAGS)
    }

    fn of(params: Params<'_>, default: &str) -> Self {
        let tags = params.list("stoptags");
        let tags = tags.unwrap_or_else(|| default.split(' ').map(str::to_owned).collect());
        Self { tags: tags.into_iter().collect() }
    }
}

impl TokenFilter for PartOfSpeech {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        retain(tokens, end, |token| {
            let tag = token.morpheme.as_ref().map(|morpheme| morpheme.part_of_speech.as_ref());
            tag.is_none_or(|tag| !self.tags.contains(tag))
        })
    }
}

/// Words as they are read.
#[derive(Debug)]
pub(crate) enum ReadingForm {
    /// In Katakana.
    Kana,
    /// In Latin letters.
    Romaji,
    /// In Hangul.
    Hangul,
}

impl ReadingForm {
    pub(crate) fn japanese(params: Params<'_>) -> Result<Self> {
        Ok(if params.flag("use_romaji", false)? { Self::Romaji } else { Self::Kana })
    }

    fn reading(&self, token: &Token) -> Option<String> {
        let said = token.morpheme.as_ref().and_then(|morpheme| morpheme.reading.as_deref());
        match self {
            Self::Hangul => said.map(str::to_owned),
            Self::Kana => said.map(str::to_owned).or_else(|| spelled(&token.text)),
            Self::Romaji => {
                let spelled = || spelled(&token.text).unwrap_or_else(|| token.text.clone());
                Some(said.map_or_else(|| romaji(&spelled()), romaji))
            }
        }
    }
}

impl TokenFilter for ReadingForm {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if let Some(reading) = self.reading(&token) {
                token.text = reading;
            }
            token
        }))
    }
}

/// The reading of what no dictionary knows: its Hiragana as Katakana, if it has any.
fn spelled(text: &str) -> Option<String> {
    let is_hiragana = |letter: char| matches!(letter, '\u{3041}'..='\u{3096}');
    let katakana = |letter: char| {
        let shifted = is_hiragana(letter).then(|| char::from_u32(u32::from(letter) + 0x60)).flatten();
        shifted.unwrap_or(letter)
    };
    text.contains(is_hiragana).then(|| text.chars().map(katakana).collect())
}
