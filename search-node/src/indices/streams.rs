//! Data streams made, changed, rolled over and deleted.

use std::sync::Arc;

use cluster::state::{ClusterState, Command, Expectation};
use serde_json::{Value, json};

use super::agreed_names::AgreedNames;
use super::creation::NewIndex;
use super::data_stream::{DataStream, backing_name};
use super::guard::Guard;
use super::index::Index;
use super::names::{NameOptions, check_index_name};
use super::registry::Indices;
use super::stream_changes::{StreamAction, delete_streams, migrate_alias, modify_streams, timestamped};
use super::templates::{FieldMerge, IndexBody, StreamTemplate, Templates};
use crate::error::ApiError;

impl Indices {
    /// Makes a data stream with its first backing index.
    pub fn create_stream(&self, name: &str) -> Result<Arc<Index>, ApiError> {
        check_index_name(name).map_err(|error| {
            let fault = error.reason.split_once(", ").map_or("", |(_, fault)| fault).to_owned();
            ApiError::argument(format!("data_stream [{name}] {fault}"))
        })?;
        if name.starts_with(".ds-") {
            let reason = format!("data_stream [{name}] must not start with '.ds-'");
            return Err(ApiError::argument(reason));
        }
        self.check_lost(name)?;
        let backing = backing_name(name, self.clock.now_millis(), 1);
        let made = self.make(&backing, |map| self.begun_stream(map, name, &backing));
        made.inspect(|made| self.wait_primaries(made))
    }

    /// The commands that make a stream with its first backing index.
    pub(super) fn begun_stream(
        &self,
        map: &ClusterState,
        name: &str,
        backing: &str,
    ) -> Result<Vec<Command>, ApiError> {
        let names = AgreedNames::of(map);
        names.check_free(name)?;
        names.check_free(backing)?;
        let (new, template) = backing_index(map, name, backing, IndexBody::default())?;
        let created = self.new_index(map, &names, &new)?;
        let id = created_id(&created);
        let stream = DataStream::begun(template.timestamp_field(), &id, template.is_hidden);
        let mut commands = with_stream(map, created, stream.written(name, map));
        commands.insert(0, Command::Expect(Expectation::NoIndex(name.to_owned())));
        Ok(commands)
    }

    /// Begins another backing index of a stream, unless somebody has since it had `seen` as its newest one. Gives the newest one.
    pub(super) fn roll_over_stream(
        &self,
        name: &str,
        seen: Option<&str>,
        body: &IndexBody,
    ) -> Result<Arc<Index>, ApiError> {
        let now = self.clock.now_millis();
        let newest = self.agree_upon(None, |map| {
            let names = AgreedNames::of(map);
            let stream = names.streams.get(name).ok_or_else(|| ApiError::no_index(name))?;
            let newest = stream.indices.last().cloned().unwrap_or_default();
            if seen.is_some_and(|seen| seen != newest) {
                return Ok((Vec::new(), newest));
            }
            let generation = stream.generation + 1;
            let backing = backing_name(name, now, generation);
            names.check_free(&backing)?;
            let (new, _) = backing_index(map, name, &backing, body.clone())?;
            let created = self.new_index(map, &names, &new)?;
            let id = created_id(&created);
            let mut next = DataStream { generation, rolls_over_on_write: false, ..stream.clone() };
            next.indices.push(id.clone());
            Ok((with_stream(map, created, next.written(name, map)), id))
        })?;
        let made = self.served.of_id(&cluster::state::IndexId(newest));
        made.ok_or_else(|| ApiError::no_index(name)).inspect(|made| self.wait_primaries(made))
    }

    /// Has the next write to a stream begin another backing index.
    pub(crate) fn roll_over_on_write(&self, name: &str) -> Result<(), ApiError> {
        self.agree_upon(None, |map| {
            let names = AgreedNames::of(map);
            let stream = names.streams.get(name).ok_or_else(|| ApiError::no_index(name))?;
            if stream.rolls_over_on_write {
                return Ok((Vec::new(), ()));
            }
            let next = DataStream { rolls_over_on_write: true, ..stream.clone() };
            Ok((vec![Guard::Names.changed(map), next.written(name, map)], ()))
        })
    }

    /// Deletes data streams with their indices.
    pub(crate) fn delete_streams(&self, expression: &str, options: NameOptions) -> Result<(), ApiError> {
        self.agree_upon(None, |map| Ok((delete_streams(map, expression, options)?, ())))
    }

    /// Changes which indices data streams have.
    pub(crate) fn modify_streams(&self, actions: &[StreamAction]) -> Result<(), ApiError> {
        self.agree_upon(None, |map| Ok((modify_streams(map, actions)?, ())))
    }

    /// Makes a data stream of an alias and its indices.
    pub(crate) fn migrate_alias(&self, alias: &str) -> Result<(), ApiError> {
        self.agree_upon(None, |map| {
            let template = stream_template(map, alias)?;
            let mut commands = migrate_alias(map, alias, template.timestamp_field())?;
            commands.insert(0, Guard::Templates.expected(map));
            Ok((commands, ()))
        })
    }
}

/// Puts the text of a stream beside the commands that make its index; both stand or fall together.
fn with_stream(map: &ClusterState, created: Vec<Command>, written: Command) -> Vec<Command> {
    let mut commands = vec![Guard::Templates.expected(map), Guard::Names.changed(map), written];
    // A stream changes names itself; what its index would say of them is said by that.
    let is_kept = |command: &Command| {
        matches!(command, Command::CreateIndex { .. } | Command::Expect(Expectation::NoIndex(_)))
    };
    commands.extend(created.into_iter().filter(is_kept));
    commands
}

fn created_id(commands: &[Command]) -> String {
    let mut ids = commands.iter().filter_map(|command| match command {
        Command::CreateIndex { id, .. } => Some(id.0.clone()),
        _ => None,
    });
    ids.next().unwrap_or_default()
}

/// How the template for a stream's name makes streams.
fn stream_template(map: &ClusterState, name: &str) -> Result<StreamTemplate, ApiError> {
    let templates = Templates::of(map);
    let Some((template, found)) = templates.matching(name, false) else {
        return Err(ApiError::argument(format!("no matching index template found for data stream [{name}]")));
    };
    found.stream.clone().ok_or_else(|| {
        ApiError::argument(format!(
            "matching index template [{template}] for data stream [{name}] has no data stream template"
        ))
    })
}

/// A backing index: what the template of its stream says, with a time in every document, and hidden.
fn backing_index(
    map: &ClusterState,
    stream: &str,
    backing: &str,
    request: IndexBody,
) -> Result<(NewIndex, StreamTemplate), ApiError> {
    let template = stream_template(map, stream)?;
    let templates = Templates::of(map);
    let mut body = templates.applied(stream, false)?.body;
    let older = templates.are_of_older_build(stream, false).then(|| body.leave_out_unsound(&request));
    body.put_over(request, FieldMerge::Replaced);
    body.mappings = Some(of_stream(&body, template.timestamp_field(), backing)?);
    body.settings.get_or_insert_default().insert("hidden".to_owned(), json!("true"));
    let data_stream = Some(stream.to_owned());
    let name = backing.to_owned();
    Ok((NewIndex { name, provided_name: None, body, data_stream, older }, template))
}

/// The mapping of an index of a stream: what is said of it, over a field of its time.
pub(super) fn of_stream(body: &IndexBody, field: &str, index: &str) -> Result<Value, ApiError> {
    let mut whole = IndexBody { mappings: Some(time_mapping(field)), ..IndexBody::default() };
    whole.put_over(body.clone(), FieldMerge::Replaced);
    timestamped(whole.mapping(), field, index)
}

/// The mapping of a date field, below what templates say of it.
fn time_mapping(field: &str) -> Value {
    let leaf = json!({"type": "date"});
    field.rsplit('.').fold(leaf, |inner, name| json!({"properties": {name: inner}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_field_is_mapped_at_any_depth() {
        assert_eq!(time_mapping("@timestamp"), json!({"properties": {"@timestamp": {"type": "date"}}}));
        let nested = json!({"properties": {"a": {"properties": {"b": {"type": "date"}}}}});
        assert_eq!(time_mapping("a.b"), nested);
    }

    #[test]
    fn a_backing_index_has_what_the_template_of_its_stream_says_and_is_hidden() {
        let map = ClusterState::default();

        let (new, _) = backing_index(&map, "logs-a-b", "x", IndexBody::default()).expect("made");

        let mapping = new.body.mapping();
        assert_eq!(mapping["_data_stream_timestamp"], json!({"enabled": true}));
        assert_eq!(mapping["properties"]["message"]["type"], json!("match_only_text"));
        assert_eq!(new.body.settings.expect("settings")["hidden"], json!("true"));
        let error = backing_index(&map, "other", "x", IndexBody::default()).err().expect("no template");
        assert_eq!(error.reason, "no matching index template found for data stream [other]");
    }
}
