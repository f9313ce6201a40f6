//! Analyzers of languages: words, what is written together with them, common words, stems.

use super::super::char_filters::Mappings;
use super::super::error::Result;
use super::super::params::Params;
use super::super::token_filters::{
    Case, Edit, Elision, FRENCH_ARTICLES, KeywordMarker, LowercaseLanguage, Override, Stem, Stop, apostrophe,
    arabic_normalization, bengali_normalization, decimal_digits, german_normalization, hindi_normalization,
    indic_normalization, persian_normalization, romanian_normalization, sorani_normalization,
};
use super::Chain;

/// The languages there are analyzers for.
pub(crate) const LANGUAGES: [&str; 32] = [
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    "english",
    "estonian",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "irish",
    "italian",
    "lithuanian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "turkish",
    "persian",
    "bengali",
    "brazilian",
    "bulgarian",
    "czech",
    "hindi",
    "indonesian",
    "latvian",
    "sorani",
];

const ITALIAN_ARTICLES: [&str; 22] = [
    "c", "l", "all", "dall", "dell", "nell", "sull", "coll", "pell", "gl", "agl", "dagl", "degl", "negl",
    "sugl", "un", "m", "t", "s", "v", "d", "quest",
];
const CATALAN_ARTICLES: [&str; 9] = ["d", "l", "m", "n", "s", "t", "el", "els", "ls"];

/// The analyzer of a language; none where it is none of the languages.
pub(super) fn build(language: &str, params: Params<'_>) -> Result<Option<Chain>> {
    if !LANGUAGES.contains(&language) {
        return Ok(None);
    }
    params.refuse_files(&[("stopwords_path", "stopwords"), ("stem_exclusion_path", "stem_exclusion")])?;
    let list = format!("_{language}_");
    let excluded = |chain: Chain| match params.list("stem_exclusion") {
        Some(words) => chain.with("keyword_marker", KeywordMarker::of(words)),
        None => chain,
    };
    let chain = match language {
        // What is to stay as it is, is said as it is written.
        "bengali" | "hindi" => {
            normalized(language, excluded(before_stop_words(language)?)).stop(params, &list)
        }
        _ => excluded(after_stop_words(language, before_stop_words(language)?.stop(params, &list))),
    };
    stems(language, chain).map(Some)
}

/// Words in lower case, without what is written together with them.
fn before_stop_words(language: &str) -> Result<Chain> {
    let standard = Chain::standard();
    Ok(match language {
        "english" => standard.with("possessive_english", Stem::new("possessive_english")?).lowercase(),
        "french" => standard.with("elision", Elision::new(&FRENCH_ARTICLES)).lowercase(),
        "italian" => standard.with("elision", Elision::new(&ITALIAN_ARTICLES)).lowercase(),
        "catalan" => standard.with("elision", Elision::new(&CATALAN_ARTICLES[..6])).lowercase(),
        "irish" => {
            let hyphenated: Vec<String> = ["h", "n", "t"].map(str::to_owned).to_vec();
            standard
                .with("hyphenations", Stop::of(&hyphenated))
                .with("elision", Elision::new(&["d", "m", "b"]))
                .with("lowercase", Case::lower(LowercaseLanguage::Irish))
        }
        "greek" => standard.with("lowercase", Case::lower(LowercaseLanguage::Greek)),
        "turkish" => standard
            .with("apostrophe", Edit::words(apostrophe))
            .with("lowercase", Case::lower(LowercaseLanguage::Turkish)),
        "arabic" => standard.lowercase().with("decimal_digit", Edit::letters(decimal_digits)),
        "persian" => standard
            .with_char_filter("zero_width_non_joiner", Mappings::of(&[("\u{200c}", " ")]))
            .lowercase()
            .with("decimal_digit", Edit::letters(decimal_digits))
            .with("arabic_normalization", Edit::letters(arabic_normalization))
            .with("persian_normalization", Edit::letters(persian_normalization)),
        "bengali" | "hindi" => standard.lowercase().with("decimal_digit", Edit::letters(decimal_digits)),
        "sorani" => standard
            .with("sorani_normalization", Edit::letters(sorani_normalization))
            .lowercase()
            .with("decimal_digit", Edit::letters(decimal_digits)),
        "romanian" => {
            standard.lowercase().with("romanian_normalization", Edit::letters(romanian_normalization))
        }
        _ => standard.lowercase(),
    })
}

/// Spelling that varies, for the languages of India.
fn normalized(language: &str, chain: Chain) -> Chain {
    let chain = chain.with("indic_normalization", Edit::letters(indic_normalization));
    match language {
        "bengali" => chain.with("bengali_normalization", Edit::spelling(bengali_normalization)),
        _ => chain.with("hindi_normalization", Edit::spelling(hindi_normalization)),
    }
}

fn after_stop_words(language: &str, chain: Chain) -> Chain {
    match language {
        "arabic" => chain.with("arabic_normalization", Edit::letters(arabic_normalization)),
        _ => chain,
    }
}

/// Words as their stems.
fn stems(language: &str, chain: Chain) -> Result<Chain> {
    Ok(match language {
        "english" => chain.with("porter_stem", Stem::new("porter")?),
        "german" => chain
            .with("german_normalization", Edit::letters(german_normalization))
            .with("light_german", Stem::new("light_german")?),
        "french" | "italian" | "portuguese" | "spanish" => {
            let light = format!("light_{language}");
            let stem = Stem::new(&light)?;
            chain.with(&light, stem)
        }
        "dutch" => {
            let known = [("fiets", "fiets"), ("bromfiets", "bromfiets"), ("ei", "eier"), ("kind", "kinder")];
            chain.with("stemmer_override", Override::of(&known)).with("dutch", Stem::new("dutch")?)
        }
        "persian" => chain,
        _ => chain.with(language, Stem::new(language)?),
    })
}
