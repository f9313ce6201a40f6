//! An index whose stored settings an older build took, and this one would not: it is served, and they cost themselves alone.

use std::sync::Arc;

use cluster::state::Command;
use serde_json::{Value, json};
use shard::{Condition, HostDisk, WriteRequest};

use super::auto_create::AutoCreate;
use super::index_run::IndexRun;
use super::metadata::{FILE, IndexMetadata};
use super::registry::Indices;
use super::resizing::{Resize, ResizeWish};
use super::settings_changes::SettingsChange;
use super::templates::TemplateKind;
use super::test_disk::resources;
use crate::state_file::{read, write};

fn change(changes: &Value) -> SettingsChange<'_> {
    SettingsChange { changes, keeps_existing: false, expanded: None }
}

const RULE: &str = "routing.allocation.exclude._ip";

#[test]
fn an_index_with_a_setting_that_is_not_taken_any_more_is_served_and_changed() {
    let root = tempfile::tempdir().expect("a folder");
    let open = || Indices::open(root.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    let file = {
        let indices = open();
        indices.create("logs", &Value::Null).expect("made").folder().join(FILE)
    };
    let mut metadata: IndexMetadata = read(&file).expect("read").expect("there");
    metadata.settings.insert(RULE.to_owned(), json!("alpha"));
    metadata.settings.insert("routing.allocation.exclude._name".to_owned(), json!("n1"));
    write(&*HostDisk::shared(), &file, &metadata).expect("written");

    let indices = open();

    assert!(indices.lost().is_empty(), "it is read");
    let index = indices.get("logs").expect("served");
    index.shards().expect("opened");
    let map = indices.agreement.map();
    let entry = map.indices.values().next().expect("in the map");
    assert_eq!(entry.filters.keys().collect::<Vec<_>>(), ["exclude._name"], "only that rule is left out");
    // The map of an older build has the rule itself, and each change of it is followed.
    index.change_settings(change(&json!({"refresh_interval": "7s"}))).expect("nobody touches the rule");
    let refused = index.change_settings(change(&json!({RULE: "beta"}))).expect_err("no address");
    assert!(refused.status == 400 && refused.reason.contains("[beta]"), "{}", refused.reason);
    assert!(indices.create("more", &json!({"settings": {RULE: "alpha"}})).is_err(), "nobody may say so anew");
    index.change_settings(change(&json!({RULE: null}))).expect("taken back");
}

/// What this build refuses of mappings and values, an older one took: such an index is served, and takes new fields.
#[test]
fn an_index_with_a_mapping_and_bounds_that_are_not_taken_any_more_is_served_and_grows() {
    let root = tempfile::tempdir().expect("a folder");
    let open = || Indices::open(root.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    let file = {
        let indices = open();
        indices.create("logs", &Value::Null).expect("made").folder().join(FILE)
    };
    let mut metadata: IndexMetadata = read(&file).expect("read").expect("there");
    metadata.settings.insert("max_inner_result_window".to_owned(), json!("0"));
    metadata.settings.insert("mapping.depth.limit".to_owned(), json!("0"));
    metadata.mapping = json!({
        "dynamic_templates": [{"all": {"mapping": {"type": "keyword"}}}, {"no": {"match": "n", "mapping": {"type": "nope"}}}],
        "properties": {
            "n": {"type": "long", "null_value": "x", "norms": true},
            "t": {"type": "text", "doc_values": false, "copy_to": "t.k", "fields": {"k": {"type": "keyword"}}},
            "a": {"type": "alias", "path": "o.n"},
            "o": {"type": "nested", "properties": {"n": {"type": "long"}}}
        }
    });
    write(&*HostDisk::shared(), &file, &metadata).expect("written");
    let mapping = |json: Value| shard::mapping::parse_new_mapping(&json).expect("valid");

    let indices = open();

    assert!(indices.lost().is_empty(), "it is read");
    let index = indices.get("logs").expect("served");
    index.shards().expect("opened");
    assert_eq!(index.settings().inner_window_max, 100, "as if nobody had said it");
    index.add_mapping(&mapping(json!({"properties": {"new": {"type": "ip"}}}))).expect("another field");
    let refused =
        index.add_mapping(&mapping(json!({"properties": {"n": {"type": "long"}}}))).expect_err("changed");
    assert!(
        refused.reason.contains("Cannot update parameter [null_value] from [x] to [null]"),
        "{}",
        refused.reason
    );
    let grown =
        shard::mapping::parse_mapping(&json!({"properties": {"d": {"type": "keyword"}}})).expect("valid");
    index.grow_mapping(&grown).expect("a field of a document");
    assert!(index.mapping().leaf("d").is_some() && index.mapping().leaf("new").is_some());
}

/// Each of these alone was enough to keep an index shut.
#[test]
fn an_index_opens_and_answers_whatever_an_older_build_took_for_its_mapping() {
    let root = tempfile::tempdir().expect("a folder");
    let open = || Indices::open(root.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    let field = |field: Value| json!({"properties": {"f": field}});
    let template = |template: Value| json!({"dynamic_templates": [{"t": template}]});
    let text = json!({"type": "text", "norms": {"enabled": false}});
    let stored = [
        field(text.clone()),
        field(json!({"type": "keyword", "fields": {"t": text}})),
        field(json!({"type": "text", "fielddata": {"format": "disabled"}})),
        field(json!({"type": "text", "eager_global_ordinals": "yes"})),
        field(json!({"type": "date", "format": "yyyy-MM-dd'T"})),
        field(json!({"type": "date", "format": "yyyy-MM-ddd"})),
        field(json!({"type": "date", "format": "yyyy{MM}"})),
        field(json!({"type": "date_range", "format": "yyyy/MM/dd HH:mm:ss.SSSZZZZZZ"})),
        field(json!({"type": "date_nanos", "locale": "klingon"})),
        json!({"dynamic_date_formats": ["epoch_millis"]}),
        json!({"dynamic_date_formats": ["MM/dd/yyyy||nonsense"]}),
        json!({"dynamic_date_formats": false}),
        template(json!({"match": ["x", 1], "mapping": {"type": "keyword"}})),
        template(json!({"match": "n", "mapping": text})),
        template(json!({"match": "n", "mapping": {"type": "date", "format": "yyyy{MM}"}})),
        json!({"dynamic_templates": [{"t": {"match": "n", "mapping": {"type": "keyword"}}, "u": {"mapping": {}}}]}),
    ];
    let name = |number: usize| format!("i{number}");
    {
        let indices = open();
        for (number, mapping) in stored.iter().enumerate() {
            let made = indices.create(&name(number), &Value::Null).expect("made");
            let file = made.folder().join(FILE);
            let mut metadata: IndexMetadata = read(&file).expect("read").expect("there");
            metadata.mapping = mapping.clone();
            write(&*HostDisk::shared(), &file, &metadata).expect("written");
        }
    }

    let indices = open();

    assert!(indices.lost().is_empty(), "all are read");
    for (number, mapping) in stored.iter().enumerate() {
        let index = indices.get(&name(number)).expect("served");
        index.shards().unwrap_or_else(|error| panic!("{mapping}: {}", error.reason));
        let request = WriteRequest {
            uid: "1",
            doc_type: None,
            id: "1",
            routing: None,
            source: Some(br#"{"f": "2026-01-01", "n": "2026-01-01"}"#),
            condition: Condition::None,
            is_new_id: false,
            now_millis: 0,
        };
        let source = br#"{"f": {"gte": "2026-01-01"}, "n": "2026-01-01"}"#.as_slice();
        let is_span = mapping.pointer("/properties/f/type").is_some_and(|kind| kind == "date_range");
        let request = if is_span { WriteRequest { source: Some(source), ..request } } else { request };
        let mut run = IndexRun::new(Arc::clone(&index));
        let (_, place) = run.write(&request).unwrap_or_else(|error| panic!("{mapping}: {}", error.reason));
        let kept = place.shard.get("1").expect("read").expect("there");
        assert_eq!(kept.ignored, Vec::<String>::new(), "{mapping}");
        assert!(index.mapping().leaf("n").is_some(), "{mapping}: it grows");
        let again = index
            .add_mapping(&shard::mapping::parse_new_mapping(&field(json!({"type": "ip"}))).expect("valid"));
        assert!(again.is_err(), "{mapping}: a field keeps its type");
        let refused = indices.create("new", &json!({"mappings": mapping}));
        assert!(refused.is_err(), "{mapping}: nobody may say so anew");
    }
}

/// Templates last as long as indices do, and what is made out of them is made on later builds.
#[test]
fn indices_and_streams_are_made_out_of_templates_that_an_older_build_took() {
    let root = tempfile::tempdir().expect("a folder");
    let indices = Indices::open(root.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    let put = |kind: TemplateKind, name: &str, said: Value| {
        let (kind, name) = (kind.name().to_owned(), name.to_owned());
        let command = Command::ChangeMetadata { kind, name, seen: None, text: Some(said.to_string()) };
        indices.agreement.agree(command).expect("agreed on");
    };
    let older = json!({
        "settings": {"index": {
            "max_inner_result_window": "0", "routing.allocation.exclude._ip": "alpha", "max_result_window": "500", "codec": "nonsense",
            "similarity": {"bad": {"type": "BM25", "b": "7"}}
        }},
        "mappings": {
            "_size": {"enabled": true}, "_routing": null,
            "properties": {"n": {"type": "long", "null_value": "x", "norms": true}, "t": {"type": "text", "doc_values": false}, "lost": {"type": "alias", "path": "nowhere"}}
        }
    });
    put(TemplateKind::Component, "part", json!({"template": older}));
    put(TemplateKind::Index, "one", json!({"index_patterns": ["one*"], "composed_of": ["part"]}));
    put(
        TemplateKind::Index,
        "many",
        json!({"index_patterns": ["many*"], "data_stream": {}, "template": older}),
    );
    let mut legacy = older.clone();
    legacy["index_patterns"] = json!(["old*"]);
    put(TemplateKind::Legacy, "old", legacy);

    let own = json!({
        "settings": {"similarity": {"mine": {"type": "BM25", "b": "0.5"}}},
        "mappings": {"properties": {"own": {"type": "ip"}, "words": {"type": "text", "similarity": "mine"}}}
    });
    let one = indices.create("one", &own).expect("made");
    let many = indices.create_stream("many").expect("made");
    let old = indices.create("old", &Value::Null).expect("made");
    let next = indices.roll_over_stream("many", None, &Default::default()).expect("rolled over");

    for index in [&one, &many, &old, &next] {
        let mapping = index.mapping();
        assert!(mapping.leaf("n").is_some() && mapping.leaf("t").is_some(), "{}", index.name);
        assert_eq!(index.settings().inner_window_max, 100, "as if nobody had said it");
        assert_eq!(index.settings().result_window_max, Some(500));
    }
    assert!(one.mapping().leaf("own").is_some() && one.mapping().to_json()["properties"]["lost"].is_object());
    let kept = one.settings_json()["index"].take();
    assert_eq!(kept.pointer("/similarity/mine/b"), Some(&json!("0.5")));
    assert_eq!(
        (kept.get("codec"), kept.pointer("/similarity/bad")),
        (None, None),
        "as if nobody had said it"
    );
    let two_fields = json!({"properties": {"a": {"type": "long"}, "b": {"type": "long"}}});
    for wrong in [
        json!({"settings": {"codec": "more nonsense"}}),
        json!({"settings": {"max_terms_count": 0}}),
        json!({"settings": {"write.wait_for_active_shards": 7}}),
        json!({"settings": {"similarity": {"own": {"type": "BM25", "b": "7"}}}}),
        json!({"settings": {"mapping.total_fields.limit": 1}, "mappings": two_fields}),
        json!({"mappings": {"properties": {"own": {"type": "alias", "path": "gone"}}}}),
        json!({"mappings": {"_size": {}}}),
        json!({"mappings": {"properties": {"own": {"type": "long", "norms": true, "null_value": "x"}}}}),
        json!({"settings": {"max_inner_result_window": 0}}),
        json!({"settings": {RULE: "beta"}}),
        json!({"settings": {"nonsense": 1}}),
    ] {
        assert_eq!(indices.create("one-more", &wrong).err().map(|error| error.status), Some(400), "{wrong}");
    }
}

/// Only the mapping of the source was let through, and its settings were refused.
#[test]
fn an_index_with_settings_that_are_not_taken_any_more_is_the_source_of_others() {
    let root = tempfile::tempdir().expect("a folder");
    let open = || Indices::open(root.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
    let file = {
        let indices = open();
        let made = indices.create("src", &json!({"settings": {"number_of_shards": 2, "blocks.write": true}}));
        made.expect("made").folder().join(FILE)
    };
    let mut metadata: IndexMetadata = read(&file).expect("read").expect("there");
    for (key, value) in [
        ("codec", "nonsense"),
        ("max_inner_result_window", "0"),
        ("max_result_window", "500"),
        ("similarity.bad.type", "BM25"),
        ("similarity.bad.b", "7"),
        (RULE, "alpha"),
    ] {
        metadata.settings.insert(key.to_owned(), json!(value));
    }
    metadata.mapping = json!({"properties": {"lost": {"type": "alias", "path": "nowhere"}}});
    write(&*HostDisk::shared(), &file, &metadata).expect("written");
    let indices = open();
    assert!(indices.lost().is_empty(), "it is read");

    for (kind, name, shards) in
        [(Resize::Clone, "same", 2), (Resize::Shrink, "less", 1), (Resize::Split, "more", 4)]
    {
        let wish = |name: &str, settings: Value| {
            let body = json!({"settings": settings});
            ResizeWish::read(kind, "src".to_owned(), name.to_owned(), &body).expect("a wish")
        };
        let said = json!({"number_of_shards": shards});
        let made = indices.resize(&wish(name, said), &[]).expect("made");
        let settings = made.settings_json()["index"].take();
        assert_eq!(settings["max_result_window"], "500", "{name}");
        assert_eq!((settings.get("codec"), settings.pointer("/similarity/bad")), (None, None), "{name}");
        for (key, value) in
            [("codec", "nonsense"), ("max_inner_result_window", "0"), (RULE, "alpha"), ("nonsense", "1")]
        {
            let said = json!({"number_of_shards": shards, key: value});
            let refused = indices.resize(&wish("refused", said), &[]).err();
            assert_eq!(refused.map(|error| error.status), Some(400), "{name}: {key}");
        }
    }
}
