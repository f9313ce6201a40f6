//! The templates that come with the program: data streams of logs, metrics, packets, traces and checks, with fields as the Elastic
//! Common Schema has them.
//!
//! They are in no map, so that every node of a build has the same ones without asking; one of the same name that is put takes the
//! place of the built-in one until it is deleted. A value that does not fit costs its field, not its document.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::component::ComponentTemplate;
use super::composable::IndexTemplate;

/// The types of streams, `<type>-<dataset>-<namespace>`.
const TYPES: [&str; 5] = ["logs", "metrics", "packets", "traces", "uptime"];

/// Above what is for every name, and below what users make for names of their own.
const PRIORITY: u64 = 100;

/// The index templates by their names.
pub(super) fn index_templates() -> BTreeMap<String, IndexTemplate> {
    let made = TYPES.iter().filter_map(|kind| {
        let said = json!({
            "index_patterns": [format!("{kind}-*-*")], "priority": PRIORITY, "data_stream": {},
            "composed_of": ["streams-mappings", format!("{kind}-settings")],
            "version": 1, "_meta": meta(&format!("data streams of {kind}"))
        });
        Some(((*kind).to_owned(), IndexTemplate::read(&said).ok()?))
    });
    made.collect()
}

/// The component templates by their names.
pub(super) fn component_templates() -> BTreeMap<String, ComponentTemplate> {
    // What does not fit, or is beyond the limit of fields, costs itself and not its document.
    let lenient = json!({"index": {"mapping": {"ignore_malformed": true, "total_fields": {"ignore_dynamic_beyond_limit": true}}}});
    let settings = TYPES.iter().map(|kind| {
        let name = format!("{kind}-settings");
        (name, json!({"template": {"settings": lenient}, "version": 1, "_meta": meta(&format!("settings of {kind}"))}))
    });
    let mappings = json!({
        "template": {"mappings": mappings()}, "version": 3, "_meta": meta("fields of the Elastic Common Schema")
    });
    let all = settings.chain([("streams-mappings".to_owned(), mappings)]);
    all.filter_map(|(name, said)| Some((name, ComponentTemplate::read(&said).ok()?))).collect()
}

/// Whether a template came with the program.
pub(super) fn is_managed(template: &IndexTemplate) -> bool {
    let managed = template.meta.as_ref().and_then(|meta| meta.get("managed"));
    managed == Some(&Value::Bool(true))
}

fn meta(description: &str) -> Value {
    json!({"managed": true, "description": description})
}

/// Times by the names that they have; those of `event` are in the mapping.
const TIMES: [&str; 19] = [
    "*.timestamp",
    "*_timestamp",
    "*file.created",
    "*file.accessed",
    "*file.ctime",
    "*file.mtime",
    "*.creation_date",
    "process.start",
    "*.process.start",
    "process.end",
    "*.process.end",
    "*.start_time",
    "package.installed",
    "*.not_after",
    "*.not_before",
    "*.first_seen",
    "*.last_seen",
    "*.last_activity",
    "*.modified_at",
];

/// Texts that may be long and are looked for by their parts: what a page of a site is called, or a terminal has brought.
const LONG_TEXTS: [&str; 4] = ["*url.path", "*.io.text", "*.message_id", "*registry.data.strings"];

/// Those of them that the schema also has by word (`url.full.text`): a command, an address, what a request has brought.
const LONG_TEXTS_BY_WORD: [&str; 4] = ["*.command_line", "*url.full", "*url.original", "*.body.content"];

/// Keywords that the schema also has by word (`user_agent.original.text`).
const KEYWORDS_BY_WORD: [&str; 23] = [
    "*user_agent.original",
    "*.executable",
    "*.working_directory",
    "*process.title",
    "*process.parent.title",
    "*process.name",
    "*process.parent.name",
    "*_leader.name",
    "*file.path",
    "*file.target_path",
    "*user.name",
    "user.changes.name",
    "user.effective.name",
    "user.target.name",
    "*.full_name",
    "*os.name",
    "*os.full",
    "*organization.name",
    "*entity.name",
    "*.display_name",
    "*technique.name",
    "email.subject",
    "vulnerability.description",
];

/// Names of things that may look like numbers.
const IDS: [&str; 10] = [
    "*.id",
    "*.uid",
    "*.gid",
    "*.inode",
    "*.procid",
    "*.postal_code",
    "*.iana_number",
    "event.code",
    "error.code",
    "*.version",
];

/// Measures whose first value may happen to be whole.
const PARTS: [&str; 12] = [
    "*.pct",
    "*_pct",
    "*.ratio",
    "*.usage",
    "system.load.1",
    "system.load.5",
    "system.load.15",
    "system.load.norm.*",
    "*.score.*",
    "*_score",
    "*_score_norm",
    "*.load_average.*",
];

/// The longest term that an index holds, in letters of four bytes.
const TERM_LETTERS: u64 = 8191;

/// Texts are keywords, messages and stack traces can be searched by word, addresses are addresses, places are points, and times are
/// dates. What nobody searches for is kept in the document alone. Of messages there are words alone, without places and lengths:
/// logs are found by filters and sorted by time, and a phrase reads the few messages that have all its words. Of keywords there is a
/// column alone, by which they are found as well: an index of theirs would cost a fourth of the load and a fifth of the disk.
///
/// What the schema has by word beside the whole (`.text`) is so here: words without places, which take a percent of the disk for all
/// names together, and up to six for addresses or commands that differ in every document.
///
/// Rules by names and paths stand for the fields of the schema: an index has only those that its documents have.
fn mappings() -> Value {
    let address = json!({"type": "ip", "ignore_malformed": true});
    let time = json!({"type": "date", "ignore_malformed": true});
    let words = json!({"type": "match_only_text"});
    let node = json!({"properties": {"ip": address}});
    json!({
        "date_detection": false,
        "dynamic_templates": dynamic_templates(&address, &time, &words),
        "properties": {
            "@timestamp": {"type": "date"},
            "message": words,
            "error": {"properties": {"message": words}},
            "event": {"properties": {
                "original": {"type": "keyword", "index": false, "doc_values": false},
                "created": time, "ingested": time, "start": time, "end": time
            }},
            "host": node, "source": node, "destination": node, "client": node, "server": node, "monitor": node
        }
    })
}

/// The first that fits is taken.
fn dynamic_templates(address: &Value, time: &Value, words: &Value) -> Value {
    let place = json!({"type": "geo_point", "ignore_malformed": true});
    // Whose names anybody makes up: each name would be a field.
    let pairs = json!({"type": "flattened", "ignore_above": 1024});
    let keyword = json!({"type": "keyword", "ignore_above": 1024, "index": false});
    let long_text = json!({"type": "wildcard", "ignore_above": TERM_LETTERS});
    let by_word = |mut mapping: Value| {
        mapping["fields"] = json!({"text": words});
        mapping
    };
    let rule = |kind: &str, paths: Value, mapping: &Value| json!({"match_mapping_type": kind, "path_match": paths, "mapping": mapping});
    json!([
        // A place comes as an object, as a text or as a pair of numbers.
        {"places": rule("object", json!(["*.geo.location"]), &place)},
        {"written_places": rule("*", json!(["*.geo.location"]), &place)},
        {"pairs": rule(
            "object", json!(["labels", "*.labels", "*.annotations", "*.structured_data", "*.imports", "*.go_imports", "*.exports"]), &pairs
        )},
        {"addresses": {"match_mapping_type": "string", "match": ["ip", "*_ip", "clientip"], "mapping": address}},
        {"messages": rule("string", json!(["*.message", "*.stack_trace"]), words)},
        {"times": rule("string", json!(TIMES), time)},
        {"long_texts_by_word": rule("string", json!(LONG_TEXTS_BY_WORD), &by_word(long_text.clone()))},
        {"long_texts": rule("string", json!(LONG_TEXTS), &long_text)},
        {"ids": {
            "match_mapping_type": ["long", "double"], "path_match": IDS, "path_unmatch": "*.thread.id",
            "mapping": keyword
        }},
        {"parts": rule("long", json!(PARTS), &json!({"type": "float"}))},
        {"keywords_by_word": rule("string", json!(KEYWORDS_BY_WORD), &by_word(keyword.clone()))},
        {"texts_as_keywords": {"match_mapping_type": "string", "mapping": keyword}}
    ])
}

#[cfg(test)]
mod tests {
    use cluster::state::ClusterState;

    use super::super::Templates;
    use super::*;

    #[test]
    fn every_built_in_template_is_whole_and_makes_streams() {
        let templates = Templates::of(&ClusterState::default());
        assert_eq!((templates.indices.len(), templates.components.len()), (TYPES.len(), TYPES.len() + 1));
        for kind in TYPES {
            let name = format!("{kind}-nginx.access-default");
            let applied = templates.applied(&name, true).expect(kind);
            assert_eq!(applied.template.as_deref(), Some(kind));
            assert!(applied.stream.is_some() && is_managed(&templates.indices[kind]), "{kind}");
            applied.body.check().expect("valid");
        }
        for name in ["logs", "logs-a", "my-logs-a-b"] {
            assert_eq!(templates.matching(name, false), None, "{name}");
        }
    }
}
