//! Two changes of names that are decided upon one map: whichever is agreed on first, each name means one thing in the end.

use cluster::state::{ClusterState, Command};
use serde_json::{Value, json};
use shard::HostDisk;

use super::agreed_names::AgreedNames;
use super::alias::Alias;
use super::alias_changes::{AliasAction, change_aliases};
use super::auto_create::AutoCreate;
use super::guard::Guard;
use super::registry::Indices;
use super::rollover::plan;
use super::stream_changes::deleted_indices;
use super::templates::{
    IndexBody, IndexTemplate, NewTemplate, TemplateKind, Templates, delete_templates, put_template,
};
use super::test_disk::resources;
use super::test_map::map_of;
use crate::error::ApiError;

type Decision = Box<dyn Fn(&ClusterState) -> Result<Vec<Command>, ApiError>>;

const STREAM: &str = "event-new";

fn map() -> ClusterState {
    let mut map = map_of(&[
        ("log-000001", json!({"log": {"is_write_index": true}, "all": {}})),
        ("plain", json!({"all": {}})),
    ]);
    let said = json!({"index_patterns": ["event-*"], "data_stream": {}, "priority": 500});
    let template = NewTemplate::Index(IndexTemplate::read(&said).expect("a template"));
    let commands = put_template(&map, "events", &template, true).expect("decided");
    map.apply(Command::Several(commands)).expect("kept");
    map
}

/// An index with aliases.
fn created(indices: &'static Indices, name: &'static str, aliases: Value) -> (String, Decision) {
    let mut body = IndexBody::default();
    body.take("aliases", &aliases).expect("aliases");
    let decide = move |map: &ClusterState| indices.created_by_name(map, (name, name), &body);
    (format!("create {name} with {aliases}"), Box::new(decide))
}

fn aliased(index: &'static str, alias: &'static str) -> (String, Decision) {
    let decide = move |map: &ClusterState| {
        let said = Box::new(Alias::read(alias, &json!({}), |_| false).expect("an alias"));
        let (indices, aliases) = (vec![index.to_owned()], vec![alias.to_owned()]);
        change_aliases(map, &[AliasAction::Add { indices, aliases, said }])
    };
    (format!("alias {alias} of {index}"), Box::new(decide))
}

fn decisions(indices: &'static Indices) -> Vec<(String, Decision)> {
    let rolled = move |map: &ClusterState| {
        let planned = plan(map, "log", None, 0)?;
        indices.rolled_alias(map, "log", &planned, &IndexBody::default()).map(|(commands, _)| commands)
    };
    let begun = move |map: &ClusterState| indices.begun_stream(map, STREAM, ".ds-event-new-000001");
    let deleted = |map: &ClusterState| {
        let names = AgreedNames::of(map);
        let mut commands = deleted_indices(map, &names, [names.indices["plain"].0].into_iter())?;
        commands.insert(0, Guard::Names.changed(map));
        Ok(commands)
    };
    let forgotten = |map: &ClusterState| delete_templates(map, TemplateKind::Index, "events");
    vec![
        created(indices, "name", json!({})),
        created(indices, "other", json!({"name": {}})),
        created(indices, "log-000002", json!({})),
        created(indices, "third", json!({"event-new": {}, "all": {"is_write_index": true}})),
        created(indices, "fourth", json!({"all": {"is_write_index": true}})),
        aliased("plain", "name"),
        aliased("log-000001", "name"),
        aliased("plain", "log-000002"),
        aliased("plain", STREAM),
        ("roll over".to_owned(), Box::new(rolled)),
        ("begin a stream".to_owned(), Box::new(begun)),
        ("delete an index".to_owned(), Box::new(deleted)),
        ("delete the template".to_owned(), Box::new(forgotten)),
    ]
}

/// Where copies are is nothing of names, and would have changes refused for their sake.
fn leave_out_copies(command: &mut Command) {
    if let Command::CreateIndex { entry, .. } = command {
        entry.shards.clear();
    }
}

/// What is wrong with the names of a map.
fn faults(map: &ClusterState) -> Vec<String> {
    let names = AgreedNames::of(map);
    let mut faults = Vec::new();
    if names.indices.len() != map.indices.len() {
        faults.push("two indices have one name".to_owned());
    }
    for (alias, members) in &names.aliases {
        if names.indices.contains_key(alias.as_str()) || names.streams.contains_key(alias) {
            faults.push(format!("[{alias}] is an alias and something else"));
        }
        if members.values().filter(|said| said.is_write_index == Some(true)).count() > 1 {
            faults.push(format!("[{alias}] has several indices that are written to"));
        }
    }
    for (stream, about) in &names.streams {
        if names.indices.contains_key(stream.as_str()) {
            faults.push(format!("[{stream}] is an index and a stream"));
        }
        if !about.indices.iter().all(|id| map.indices.keys().any(|known| known.0 == *id)) {
            faults.push(format!("[{stream}] has indices that are not there"));
        }
        let templates = Templates::of(map);
        let template = templates.matching(stream, false);
        if template.is_none_or(|(_, template)| template.stream.is_none()) {
            faults.push(format!("[{stream}] has no template for its next index"));
        }
    }
    faults
}

#[test]
fn two_changes_at_the_same_moment_leave_each_name_one_meaning() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = Indices::open(folder.path(), AutoCreate::All, resources(HostDisk::shared()));
    let indices: &'static Indices = Box::leak(Box::new(opened.expect("opens")));
    let map = map();
    assert_eq!(faults(&map), Vec::<String>::new());
    let decisions: Vec<(String, Vec<Command>)> = decisions(indices)
        .into_iter()
        .map(|(name, decide)| {
            let mut commands = decide(&map).expect("decided upon the map alone");
            commands.iter_mut().for_each(leave_out_copies);
            (name, commands)
        })
        .collect();
    let mut both = 0;
    for (first, commands) in &decisions {
        let mut once = map.clone();
        once.apply(Command::Several(commands.clone())).expect("it was decided upon this map");
        assert_eq!(faults(&once), Vec::<String>::new(), "{first}");
        for (second, commands) in &decisions {
            let mut twice = once.clone();
            both += usize::from(twice.apply(Command::Several(commands.clone())).is_ok());
            assert_eq!(faults(&twice), Vec::<String>::new(), "{first}, then {second}");
        }
    }
    assert!(both > 10, "changes that do not touch one another go side by side: {both}");
}
