//! Settings that an older build took, without what this one refuses: what is made out of them says nothing that nobody may say.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::known_settings;
use super::query_settings::{self, SIMILARITY};
use super::replicas::CopySettings;
use super::settings::{IndexSettings, check_active};

/// Those of these settings that would be taken today. A similarity is taken or left as a whole.
pub(super) fn sound(flat: &Map<String, Value>) -> Map<String, Value> {
    let mut sound = flat.clone();
    let groups: BTreeSet<&str> = flat.keys().map(|key| group(key)).collect();
    for name in groups {
        let of_group = flat.iter().filter(|(key, _)| group(key) == name);
        let alone = of_group.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !is_sound(&alone) {
            sound.retain(|key, _| group(key) != name);
        }
    }
    if check_active(&sound).is_err() {
        sound.remove("write.wait_for_active_shards");
    }
    sound
}

/// What a setting is a part of: of a similarity, or of itself.
fn group(key: &str) -> &str {
    match key.strip_prefix(SIMILARITY) {
        Some(rest) => {
            let name = rest.split('.').next().unwrap_or_default();
            key.get(..SIMILARITY.len() + name.len()).unwrap_or(key)
        }
        None => key,
    }
}

/// Whether settings would be taken, as far as that needs no others.
fn is_sound(alone: &Map<String, Value>) -> bool {
    known_settings::check(alone).is_ok()
        && IndexSettings::check_codec(alone).is_ok()
        && CopySettings::read(alone).is_ok()
        && query_settings::read(alone).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::settings::flatten;
    use super::*;

    #[test]
    fn what_is_refused_today_is_left_out_and_the_rest_stays() {
        let flat = |said: &Value| flatten(said).expect("flat");
        let well = json!({
            "codec": "best_compression", "number_of_shards": 2, "number_of_replicas": 0, "max_result_window": 5,
            "similarity": {"good": {"type": "BM25", "b": 0.5}}, "analysis": {"analyzer": {"a": {"tokenizer": "keyword"}}}
        });
        assert_eq!(sound(&flat(&well)), flat(&well));

        let mut old = flat(&well);
        for (key, value) in [
            ("codec", "nonsense"),
            ("max_inner_result_window", "0"),
            ("write.wait_for_active_shards", "3"),
            ("routing.allocation.exclude._ip", "alpha"),
            ("max_terms_count", "0"),
            ("similarity.bad.type", "BM25"),
            ("similarity.bad.b", "7"),
        ] {
            old.insert(key.to_owned(), json!(value));
            assert!(IndexSettings::read(&old).is_err(), "{key}");
        }

        let mut rest = flat(&well);
        rest.remove("codec");
        assert_eq!(sound(&old), rest);
        IndexSettings::read(&rest).expect("sound");
    }
}
