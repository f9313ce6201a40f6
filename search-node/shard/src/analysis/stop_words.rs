//! Lists of common words by language, as settings name them: `_english_`.

use hashbrown::HashSet;

/// The words that Lucene leaves out of English.
const ENGLISH: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with";

/// Each list with its name; a file's lines that begin with `#` say where it is from.
const LISTS: [(&str, &str); 35] = [
    ("arabic", include_str!("stop_words/arabic.txt")),
    ("armenian", include_str!("stop_words/armenian.txt")),
    ("basque", include_str!("stop_words/basque.txt")),
    ("bengali", include_str!("stop_words/bengali.txt")),
    ("brazilian", include_str!("stop_words/brazilian.txt")),
    ("bulgarian", include_str!("stop_words/bulgarian.txt")),
    ("catalan", include_str!("stop_words/catalan.txt")),
    ("cjk", include_str!("stop_words/cjk.txt")),
    ("czech", include_str!("stop_words/czech.txt")),
    ("danish", include_str!("stop_words/danish.txt")),
    ("dutch", include_str!("stop_words/dutch.txt")),
    ("estonian", include_str!("stop_words/estonian.txt")),
    ("finnish", include_str!("stop_words/finnish.txt")),
    ("french", include_str!("stop_words/french.txt")),
    ("galician", include_str!("stop_words/galician.txt")),
    ("german", include_str!("stop_words/german.txt")),
    ("greek", include_str!("stop_words/greek.txt")),
    ("hindi", include_str!("stop_words/hindi.txt")),
    ("hungarian", include_str!("stop_words/hungarian.txt")),
    ("indonesian", include_str!("stop_words/indonesian.txt")),
    ("irish", include_str!("stop_words/irish.txt")),
    ("italian", include_str!("stop_words/italian.txt")),
    ("japanese", include_str!("stop_words/japanese.txt")),
    ("latvian", include_str!("stop_words/latvian.txt")),
    ("lithuanian", include_str!("stop_words/lithuanian.txt")),
    ("norwegian", include_str!("stop_words/norwegian.txt")),
    ("persian", include_str!("stop_words/persian.txt")),
    ("portuguese", include_str!("stop_words/portuguese.txt")),
    ("romanian", include_str!("stop_words/romanian.txt")),
    ("russian", include_str!("stop_words/russian.txt")),
    ("sorani", include_str!("stop_words/sorani.txt")),
    ("spanish", include_str!("stop_words/spanish.txt")),
    ("swedish", include_str!("stop_words/swedish.txt")),
    ("thai", include_str!("stop_words/thai.txt")),
    ("turkish", include_str!("stop_words/turkish.txt")),
];

/// The words of a list.
fn named(language: &str) -> Option<Vec<&'static str>> {
    match language {
        "none" => Some(Vec::new()),
        "english" => Some(ENGLISH.split(' ').collect()),
        _ => {
            let (_, lines) = LISTS.iter().find(|(name, _)| *name == language)?;
            Some(lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect())
        }
    }
}

/// Words, with those of each list that is named among them.
pub(crate) fn all(words: &[String], ignores_case: bool) -> HashSet<String> {
    let mut set = HashSet::new();
    for word in words {
        let list = word.strip_prefix('_').and_then(|name| named(name.strip_suffix('_')?));
        match list {
            Some(list) => set.extend(list.into_iter().map(str::to_owned)),
            None if ignores_case => drop(set.insert(word.to_lowercase())),
            None => drop(set.insert(word.clone())),
        }
    }
    set
}
