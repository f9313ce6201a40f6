//! Japanese and Korean are cut as Lucene cuts them: tables of its tokens, made with the same dictionaries.
//!
//! `WEIR_DICTIONARY_JA` and `WEIR_DICTIONARY_KO` name folders of dictionaries; Debian's IPADIC is found by itself.
#![cfg(feature = "japanese-korean")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shard::{Analysis, AnalysisDefinitions, AnalyzeRequest, GramLimits, Language, install_dictionary};

const IPADIC: &str = "/usr/share/mecab/dic/ipadic";
const JAPANESE: &str = include_str!("data/lucene_japanese.tsv");
const KOREAN: &str = include_str!("data/lucene_korean.tsv");
const USER_RULES: [&str; 3] = [
    "朝青龍,朝青龍,アサショウリュウ,カスタム人名",
    "関西国際空港,関西 国際 空港,カンサイ コクサイ クウコウ,カスタム名詞",
    "ファイル,ファ イル,ファ イル,カスタム",
];

/// Whether there is a dictionary of a language here; it is built once for all tests.
fn is_there(language: Language) -> bool {
    static FOUND: [OnceLock<bool>; 2] = [OnceLock::new(), OnceLock::new()];
    let (place, variable, folder) = match language {
        Language::Japanese => (0, "WEIR_DICTIONARY_JA", Some(IPADIC)),
        Language::Korean => (1, "WEIR_DICTIONARY_KO", None),
    };
    *FOUND[place].get_or_init(|| {
        let folder = std::env::var_os(variable).map(PathBuf::from).or(folder.map(PathBuf::from));
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
            println!("SKIPPED: words of {language:?}: no dictionary; install mecab-ipadic of Debian for Japanese, or name a folder in {variable}");
            return false;
        };
        let data = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs_err::create_dir_all(data).expect("a folder");
        install_dictionary(language, &folder, data).expect("a dictionary");
        true
    })
}

/// An analyzer by what a section of the tables says: kind, mode, flags and filters.
fn analysis(section: &str) -> Analysis {
    let parts: Vec<&str> = section.split(':').collect();
    let [kind, mode, flags, filters] = parts.as_slice() else { panic!("no section: {section}") };
    let is_user = *filters == "user";
    let rules: &[&str] = if is_user { &USER_RULES } else { &[] };
    let filters: Vec<&str> = filters
        .split('+')
        .filter_map(|filter| match filter {
            "baseform" => Some("kuromoji_baseform"),
            "stem" => Some("kuromoji_stemmer"),
            "reading" => Some("kuromoji_readingform"),
            "romaji" => Some("romaji"),
            "number" => Some("kuromoji_number"),
            "koreading" => Some("nori_readingform"),
            "konumber" => Some("nori_number"),
            _ => None,
        })
        .collect();
    let defined = match *kind {
        "kuromoji" | "nori" => {
            json!({"analyzer.a.type": kind, "analyzer.a.mode": mode, "analyzer.a.decompound_mode": mode})
        }
        "ja" => json!({"tokenizer.t.type": "kuromoji_tokenizer", "tokenizer.t.mode": mode,
            "tokenizer.t.discard_punctuation": !flags.contains('p'), "tokenizer.t.discard_compound_token": flags.contains('d'),
            "tokenizer.t.user_dictionary_rules": rules,
            "filter.romaji.type": "kuromoji_readingform", "filter.romaji.use_romaji": true,
            "analyzer.a.tokenizer": "t", "analyzer.a.filter": filters}),
        _ => json!({"tokenizer.t.type": "nori_tokenizer", "tokenizer.t.decompound_mode": mode,
            "tokenizer.t.discard_punctuation": !flags.contains('p'),
            "analyzer.a.tokenizer": "t", "analyzer.a.filter": filters}),
    };
    made(&defined).expect("valid")
}

fn made(defined: &Value) -> Result<Analysis, shard::AnalysisError> {
    let defined: &Map<String, Value> = defined.as_object().expect("an object");
    let flat = defined.iter().map(|(key, value)| (key.as_str(), value));
    Analysis::of_index(AnalysisDefinitions::read(flat, GramLimits::default())?)
}

/// The tokens of a text as the tables have them.
fn tokens(analysis: &Analysis, text: &str) -> Vec<String> {
    let request = AnalyzeRequest::read(&json!({"analyzer": "a", "text": text})).expect("a request");
    let answer = request.answer(analysis, None, usize::MAX).expect("an answer");
    let shown = answer["tokens"].as_array().expect("tokens").iter().map(|token| {
        let length = token.get("positionLength").and_then(Value::as_u64).unwrap_or(1);
        let text = token["token"].as_str().unwrap_or_default();
        format!("{text}\t{}\t{}\t{}\t{length}", token["start_offset"], token["end_offset"], token["position"])
    });
    shown.collect()
}

/// Each section of a table with its texts and their tokens.
fn check(table: &str) {
    let mut checked = 0;
    for section in table.split("\n# ").skip(1) {
        let (name, texts) = section.split_once('\n').expect("a name");
        let analysis = analysis(name);
        for text in texts.trim_start_matches("T\t").split("\nT\t") {
            let mut lines = text.lines();
            let text = lines.next().expect("a text");
            let expected: Vec<&str> = lines.collect();
            assert_eq!(tokens(&analysis, text), expected, "{name}: {text}");
            checked += expected.len();
        }
    }
    assert!(checked > 500, "only {checked} tokens were looked at");
}

#[test]
fn japanese_is_cut_as_lucene_cuts_it() {
    if is_there(Language::Japanese) {
        check(JAPANESE);
    }
}

#[test]
fn korean_is_cut_as_lucene_cuts_it() {
    if is_there(Language::Korean) {
        check(KOREAN);
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    if !is_there(Language::Japanese) {
        return;
    }
    for (defined, reason) in [
        (
            json!({"tokenizer.t.type": "kuromoji_tokenizer", "tokenizer.t.user_dictionary": "a.txt"}),
            "[user_dictionary] of [t]",
        ),
        (
            json!({"tokenizer.t.type": "kuromoji_tokenizer", "tokenizer.t.nbest_cost": 5}),
            "[nbest_cost] of [t] is not supported",
        ),
        (
            json!({"tokenizer.t.type": "kuromoji_tokenizer", "tokenizer.t.user_dictionary_rules": ["a,b,c,d"]}),
            "Illegal user dictionary entry a - the concatenated segmentation (b)",
        ),
        (
            json!({"tokenizer.t.type": "kuromoji_tokenizer", "tokenizer.t.user_dictionary_rules": ["a,a,c,d", "a,a,c,d"]}),
            "Found duplicate term [a] in user dictionary",
        ),
        (
            json!({"analyzer.a.type": "kuromoji_completion"}),
            "analyzer [kuromoji_completion] is not supported",
        ),
    ] {
        let error = made(&defined).expect_err("refused").to_string();
        assert!(error.contains(reason), "{defined}: {error}");
    }
    if std::env::var_os("WEIR_DICTIONARY_KO").is_none() {
        let error = made(&json!({"analyzer.a.type": "nori"})).expect_err("refused").to_string();
        assert!(
            error.contains("needs a dictionary of Korean") && error.contains("analysis.dictionaries.ko"),
            "{error}"
        );
    }
}

#[test]
fn a_folder_that_is_no_dictionary_is_refused_with_its_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, reason) in [
        (folder.path().join("nothing"), "there is no such folder"),
        (folder.path().to_owned(), "it has neither dict.trie"),
    ] {
        // Korean is installed in no other test unless it is there, in which case nothing is read again.
        if std::env::var_os("WEIR_DICTIONARY_KO").is_some() {
            return;
        }
        let error =
            install_dictionary(Language::Korean, &path, folder.path()).expect_err("refused").to_string();
        assert!(error.starts_with("[analysis.dictionaries.ko] is") && error.contains(reason), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Texts of letters that mean something to the rules, and of any others.
    #[test]
    fn any_text_is_cut_within_its_bounds(text in "([々ゝゞヽヾ。一二三万0-9,.ｱｶﾞﾊﾟＡァィッー・〇　東京株式会社国際空港すもの😀𠮷한국어은 \u{301}]|\\PC){0,300}", section in 0..7usize) {
        let sections = [
            "ja:normal:p:baseform+stem", "ja:search::reading", "ja:extended:p:romaji", "ja:search:p:number", "kuromoji:search::",
            "ko:mixed:p:konumber", "nori:discard::",
        ];
        let language = if section < 5 { Language::Japanese } else { Language::Korean };
        if is_there(language) {
            let units = text.encode_utf16().count();
            for line in tokens(&analysis(sections[section]), &text) {
                let numbers: Vec<usize> = line.rsplit('\t').take(4).map(|number| number.parse().expect("a number")).collect();
                prop_assert!(numbers[3] <= numbers[2] && numbers[2] <= units, "{line:?} of {text:?}");
            }
        }
    }
}
