//! What the indices of a cluster are made with: which types of fields they have, and which parts of analysis, their own and those that
//! come with the program.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::state::{ClusterState, IndexId};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::action::cluster::part_of;
use crate::rest::mapped_fields::mapped_fields;

/// The parts of analysis that an index can define, by how settings and answers call them.
const PARTS: [(&str, &str); 4] = [
    ("char_filter", "char_filter_types"),
    ("tokenizer", "tokenizer_types"),
    ("filter", "filter_types"),
    ("analyzer", "analyzer_types"),
];

/// The same where an index uses one that it does not define.
const BUILT_IN: [(&str, &str); 4] = [
    ("char_filter", "built_in_char_filters"),
    ("tokenizer", "built_in_tokenizers"),
    ("filter", "built_in_filters"),
    ("analyzer", "built_in_analyzers"),
];

/// What fields say of their analysis.
const ANALYZERS: [&str; 3] = ["analyzer", "search_analyzer", "search_quote_analyzer"];

/// How often an index has something, by the lists of an answer and by name.
#[derive(Debug, Default)]
struct IndexCounts(BTreeMap<&'static str, BTreeMap<String, u64>>);

/// How often there is something of a name, and in how many indices.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    indices: u64,
}

/// Tallies by name, of the lists of an answer.
#[derive(Debug, Default)]
pub(super) struct MappingStats {
    lists: BTreeMap<&'static str, BTreeMap<String, Tally>>,
}

/// What each index has, kept for as long as its entry in the map is the same: mappings may be large, and there may be many.
#[derive(Debug, Default)]
pub(crate) struct KnownMappings {
    by_index: Mutex<BTreeMap<IndexId, (u64, Arc<IndexCounts>)>>,
}

impl KnownMappings {
    /// What all indices of a map have together. Reads the mappings that are new.
    pub(super) fn stats_of(&self, map: &ClusterState) -> MappingStats {
        let mut stats = MappingStats::default();
        let mut by_index = self.by_index.lock();
        by_index.retain(|id, _| map.indices.contains_key(id));
        for (id, entry) in &map.indices {
            let known = by_index.get(id).filter(|(version, _)| *version == entry.version);
            let counts = known.map(|(_, counts)| Arc::clone(counts)).unwrap_or_else(|| {
                let settings = part_of(entry, "settings");
                let settings = settings.as_object().cloned().unwrap_or_default();
                let counts = Arc::new(IndexCounts::of(&part_of(entry, "mapping"), &settings));
                by_index.insert(id.clone(), (entry.version, Arc::clone(&counts)));
                counts
            });
            stats.add(&counts);
        }
        stats
    }
}

impl IndexCounts {
    /// What an index has: its mapping and its flat settings.
    fn of(mapping: &Value, settings: &Map<String, Value>) -> Self {
        let mut counts = Self::default();
        let own = definitions(settings);
        for (kind, list) in PARTS {
            for definition in own.get(kind).into_iter().flat_map(BTreeMap::values) {
                // An analyzer need not say that it is made of parts.
                let usual = (kind == "analyzer").then_some("custom");
                if let Some(said) = definition.get("type").and_then(|said| said.as_str()).or(usual) {
                    counts.count(list, said);
                }
            }
        }
        let is_own = |kind: &str, name: &str| own.get(kind).is_some_and(|own| own.contains_key(name));
        for analyzer in own.get("analyzer").into_iter().flat_map(BTreeMap::values) {
            for (kind, list) in BUILT_IN.into_iter().filter(|(kind, _)| *kind != "analyzer") {
                for name in analyzer.get(kind).map(|said| names(said)).unwrap_or_default() {
                    if !is_own(kind, &name) {
                        counts.count(list, &name);
                    }
                }
            }
        }
        for field in mapped_fields(mapping) {
            counts.count("field_types", field.kind);
            for name in ANALYZERS.iter().filter_map(|key| field.mapping.get(key)?.as_str()) {
                if !is_own("analyzer", name) {
                    counts.count("built_in_analyzers", name);
                }
            }
        }
        counts
    }

    fn count(&mut self, list: &'static str, name: &str) {
        *self.0.entry(list).or_default().entry(name.to_owned()).or_default() += 1;
    }
}

impl MappingStats {
    fn add(&mut self, index: &IndexCounts) {
        for (list, counts) in &index.0 {
            let tallies = self.lists.entry(list).or_default();
            for (name, count) in counts {
                let tally = tallies.entry(name.clone()).or_default();
                tally.count += count;
                tally.indices += 1;
            }
        }
    }

    fn list(&self, list: &str) -> Value {
        let tallies = self.lists.get(list).into_iter().flatten();
        tallies
            .map(|(name, tally)| json!({"name": name, "count": tally.count, "index_count": tally.indices}))
            .collect()
    }

    /// The member `mappings` of the answer.
    pub(super) fn mappings(&self) -> Value {
        json!({"field_types": self.list("field_types")})
    }

    /// The member `analysis`.
    pub(super) fn analysis(&self) -> Value {
        let lists = PARTS.iter().chain(&BUILT_IN);
        Value::Object(lists.map(|(_, list)| ((*list).to_owned(), self.list(list))).collect())
    }
}

/// What is said of each part of analysis, by kind and name.
type Definitions<'s> = BTreeMap<&'s str, BTreeMap<&'s str, BTreeMap<&'s str, &'s Value>>>;

fn definitions(settings: &Map<String, Value>) -> Definitions<'_> {
    let mut definitions = Definitions::new();
    for (key, value) in settings {
        let Some(key) = key.strip_prefix("analysis.") else { continue };
        let mut parts = key.splitn(3, '.');
        if let (Some(kind), Some(name), Some(parameter)) = (parts.next(), parts.next(), parts.next()) {
            definitions.entry(kind).or_default().entry(name).or_default().insert(parameter, value);
        }
    }
    definitions
}

/// One name, several parted by commas, or a list.
fn names(said: &Value) -> Vec<String> {
    match said {
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::String(text) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indices::test_map::map_of;

    #[test]
    fn fields_and_parts_of_analysis_are_counted_by_index() {
        let settings = json!({
            "number_of_shards": "1",
            "analysis.analyzer.mine.tokenizer": "pairs", "analysis.analyzer.mine.filter": ["lowercase", "own", "stop"],
            "analysis.analyzer.mine.char_filter": "html_strip", "analysis.analyzer.plain.type": "standard",
            "analysis.analyzer.words.type": "custom", "analysis.analyzer.words.tokenizer": "whitespace",
            "analysis.tokenizer.pairs.type": "ngram", "analysis.filter.own.type": "stop",
            "analysis.filter.other.type": "stop", "analysis.normalizer.n.filter": ["asciifolding"]
        });
        let first = json!({"properties": {
            "a": {"type": "text", "analyzer": "mine", "search_analyzer": "simple", "fields": {"k": {"type": "keyword"}}},
            "o": {"properties": {"n": {"type": "nested", "properties": {"t": {"type": "text", "analyzer": "english"}}}}}
        }});
        let second = json!({"properties": {"t": {"type": "text", "search_quote_analyzer": "english"}}});
        let mut stats = MappingStats::default();

        stats.add(&IndexCounts::of(&first, settings.as_object().expect("an object")));
        stats.add(&IndexCounts::of(&second, &Map::new()));

        let of = |name: &str, count: u64, index_count: u64| json!({"name": name, "count": count, "index_count": index_count});
        assert_eq!(
            stats.mappings(),
            json!({"field_types": [of("keyword", 1, 1), of("nested", 1, 1), of("object", 1, 1), of("text", 3, 2)]})
        );
        assert_eq!(
            stats.analysis(),
            json!({
                "char_filter_types": [], "tokenizer_types": [of("ngram", 1, 1)], "filter_types": [of("stop", 2, 1)],
                "analyzer_types": [of("custom", 2, 1), of("standard", 1, 1)],
                "built_in_char_filters": [of("html_strip", 1, 1)], "built_in_tokenizers": [of("whitespace", 1, 1)],
                "built_in_filters": [of("lowercase", 1, 1), of("stop", 1, 1)],
                "built_in_analyzers": [of("english", 2, 2), of("simple", 1, 1)]
            })
        );
    }

    /// Each call used to read every mapping.
    #[test]
    fn a_mapping_is_read_once_until_it_changes() {
        let mapping = |kind: &str| json!({"properties": {"a": {"type": kind}}}).to_string();
        let mut map = map_of(&[("one", json!({})), ("two", json!({}))]);
        let ids: Vec<IndexId> = map.indices.keys().cloned().collect();
        for entry in map.indices.values_mut() {
            entry.parts.insert("mapping".to_owned(), mapping("long"));
        }
        let known = KnownMappings::default();
        let of = |name: &str, count: u64| json!({"name": name, "count": count, "index_count": count});
        let types = |map: &ClusterState| known.stats_of(map).mappings()["field_types"].take();
        assert_eq!(types(&map), json!([of("long", 2)]));

        let first = map.indices.get_mut(&ids[0]).expect("there");
        first.parts.insert("mapping".to_owned(), mapping("date"));
        assert_eq!(types(&map), json!([of("long", 2)]), "the version says whether it is another one");
        map.indices.get_mut(&ids[0]).expect("there").version += 1;
        assert_eq!(types(&map), json!([of("date", 1), of("long", 1)]));
        map.indices.remove(&ids[0]);
        assert_eq!(types(&map), json!([of("long", 1)]));
        assert_eq!(known.by_index.lock().len(), 1, "what is gone is forgotten");
    }
}
