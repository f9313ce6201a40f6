//! New indices: what templates and the request say together, agreed on by all nodes.

use std::sync::Arc;

use cluster::state::{ClusterState, Command, Expectation, IndexEntry, IndexId};
use serde_json::Value;
use shard::mapping::{Mapping, MappingError, parse_mapping, parse_new_mapping};

use super::agreed_names::AgreedNames;
use super::alias::Alias;
use super::date_math::resolve_dates;
use super::guard::Guard;
use super::index::Index;
use super::metadata::IndexMetadata;
use super::names::check_index_name;
use super::registry::Indices;
use super::routing::Routing;
use super::settings::{IndexSettings, PLACES, PROVIDED_NAME, check_public};
use super::sort_settings;
use super::templates::{FieldMerge, IndexBody, Templates};
use crate::error::ApiError;

/// An index that is to be made, with all that templates say.
pub(super) struct NewIndex {
    pub name: String,
    /// What it was called by who asked for it, if otherwise.
    pub provided_name: Option<String>,
    pub body: IndexBody,
    pub data_stream: Option<String>,
    /// What an older build took of its mapping, if there is such a thing.
    pub older: Option<OlderMapping>,
}

/// The part of a mapping that an older build took, of which less was asked, and the part that is said now.
#[derive(Default)]
pub(super) struct OlderMapping {
    pub older: Value,
    pub said: Value,
}

impl OlderMapping {
    /// Refuses what is said now as if it were said of a new index. `whole` is both together.
    fn check(&self, whole: &Mapping, settings: &IndexSettings) -> Result<(), ApiError> {
        let said = parse_new_mapping(&self.said).map_err(unparsed)?;
        let older = parse_mapping(&self.older).map_err(unparsed)?;
        // Who was beyond a limit before adds no more than what is within it.
        let is_within = settings.limits.check(&older).is_ok();
        settings.limits.check(if is_within { whole } else { &said })?;
        Ok(whole.check_links_after(&older)?)
    }
}

impl NewIndex {
    /// Its mapping, which holds together but for what an older build took of it.
    fn read_mapping(&self, settings: &IndexSettings) -> Result<Mapping, ApiError> {
        let body = self.body.mapping();
        if let Some(older) = &self.older {
            let mapping = parse_mapping(&body).map_err(unparsed)?;
            older.check(&mapping, settings)?;
            return Ok(mapping);
        }
        let mapping = parse_new_mapping(&body).map_err(unparsed)?;
        settings.limits.check(&mapping)?;
        mapping.check_links()?;
        mapping.check_time_field().map_err(unparsed)?;
        Ok(mapping)
    }
}

impl Indices {
    /// Makes an index from the body of `PUT /{index}`, and waits until it can be written to.
    pub fn create(&self, name: &str, body: &Value) -> Result<Arc<Index>, ApiError> {
        self.create_at_once(name, body).inspect(|made| self.wait_primaries(made))
    }

    pub(super) fn wait_primaries(&self, made: &Index) {
        self.agreement.wait_primaries(&IndexId(made.uuid.clone()));
    }

    /// Makes an index from the body of `PUT /{index}`. Whoever asked says how long its shards are waited for.
    pub(crate) fn create_at_once(&self, name: &str, body: &Value) -> Result<Arc<Index>, ApiError> {
        let provided_name = name;
        let name = &*resolve_dates(name, self.clock.now_millis())?;
        self.create_provided(name, provided_name, body)
    }

    /// The same where the dates of the name are worked out already.
    pub(super) fn create_provided(
        &self,
        name: &str,
        provided_name: &str,
        body: &Value,
    ) -> Result<Arc<Index>, ApiError> {
        check_index_name(name)?;
        let request = read_body(body)?;
        self.make(name, |map| self.created_by_name(map, (name, provided_name), &request))
    }

    /// The commands that make an index of a name, with what templates say.
    pub(super) fn created_by_name(
        &self,
        map: &ClusterState,
        (name, provided_name): (&str, &str),
        request: &IndexBody,
    ) -> Result<Vec<Command>, ApiError> {
        let names = AgreedNames::of(map);
        names.check_free(name)?;
        let mut new = with_templates(map, name, request.clone())?;
        new.provided_name = (provided_name != name).then(|| provided_name.to_owned());
        let mut commands = self.new_index(map, &names, &new)?;
        commands.insert(0, Guard::Templates.expected(map));
        Ok(commands)
    }

    /// Has agreed on a new index; `decide` gives the commands, one of which makes it.
    pub(super) fn make(
        &self,
        name: &str,
        decide: impl Fn(&ClusterState) -> Result<Vec<Command>, ApiError>,
    ) -> Result<Arc<Index>, ApiError> {
        // The map knows an index that this node has lost; what is served under its name counts more.
        if !self.lookup().known.contains_key(name) {
            self.check_lost(name)?;
        }
        let id = self.agree_upon(Some(name), |map| {
            let commands = decide(map)?;
            let id = commands.iter().find_map(|command| match command {
                Command::CreateIndex { id, .. } => Some(id.clone()),
                _ => None,
            });
            Ok((commands, id))
        })?;
        id.and_then(|id| self.served.of_id(&id)).ok_or_else(|| ApiError::no_index(name))
    }

    /// The commands that make an index whose name is free. Nobody may give its name or its aliases to something else meanwhile.
    pub(super) fn new_index(
        &self,
        map: &ClusterState,
        names: &AgreedNames<'_>,
        new: &NewIndex,
    ) -> Result<Vec<Command>, ApiError> {
        let mut commands = guards(map, names, new)?;
        check_public(&new.body.settings.clone().unwrap_or_default())?;
        let (id, mut entry, shards) = self.new_entry(new)?;
        entry.shards = self.agreement.place(&id, &entry, shards)?;
        commands.push(Command::CreateIndex { id, entry });
        Ok(commands)
    }

    /// A new index without its shards, and how many it has.
    pub(super) fn new_entry(&self, new: &NewIndex) -> Result<(IndexId, IndexEntry, usize), ApiError> {
        let mut settings = new.body.settings.clone().unwrap_or_default();
        if let Some(provided) = &new.provided_name {
            settings.insert(PROVIDED_NAME.to_owned(), Value::from(provided.as_str()));
        }
        let mut read = IndexSettings::read(&settings)?;
        if !settings.contains_key("number_of_routing_shards") && !settings.contains_key(PLACES) {
            let places = Routing::usual_places(read.routing.shards());
            settings.insert(PLACES.to_owned(), Value::from(places.to_string()));
            read = IndexSettings::read(&settings)?;
        }
        read.routing.check(&new.name)?;
        let mapping = new.read_mapping(&read)?;
        read.routing.check_mapping(&new.name, &mapping)?;
        mapping.check_analysis(&read.analysis).map_err(unparsed)?;
        read.query.similarities.check(&mapping).map_err(unparsed)?;
        sort_settings::check(read.sort.as_ref(), &mapping)?;
        let now = self.clock.now_millis();
        let uuid = super::new_id(now);
        let said = settings.get("creation_date").and_then(|date| date.as_str()?.parse().ok());
        let metadata = IndexMetadata {
            name: new.name.clone(),
            uuid: uuid.clone(),
            created_millis: said.filter(|date| *date >= 0).unwrap_or(now),
            settings,
            mapping: mapping.to_json(),
            aliases: new.body.aliases.clone().unwrap_or_default(),
            data_stream: new.data_stream.clone(),
            is_closed: false,
            version: 1,
            copies: None,
        };
        Ok((IndexId(uuid), metadata.to_entry(Vec::new())?, read.routing.shards()))
    }
}

/// A mapping of something new that cannot be read.
pub(super) fn unparsed(error: MappingError) -> ApiError {
    let (kind, reason) = (error.kind, error.reason.clone());
    let api = ApiError::from(error);
    ApiError {
        kind: "mapper_parsing_exception".to_owned(),
        reason: format!("Failed to parse mapping: {reason}"),
        ..api.caused_by(kind, reason)
    }
}

/// The commands by which nobody gives the name of a new index or its aliases to something else meanwhile.
pub(super) fn guards(
    map: &ClusterState,
    names: &AgreedNames<'_>,
    new: &NewIndex,
) -> Result<Vec<Command>, ApiError> {
    let aliases = new.body.aliases.clone().unwrap_or_default();
    for (alias, said) in &aliases {
        names.check_new_alias(alias, &new.name, &Alias::kept(said))?;
    }
    let guard = if aliases.is_empty() { Guard::Names.expected(map) } else { Guard::Names.changed(map) };
    // Who makes an index only looks at the guard, so that its name is looked at beside.
    let free = aliases.keys().map(|alias| Command::Expect(Expectation::NoIndex(alias.clone())));
    Ok(std::iter::once(guard).chain(free).collect())
}

fn read_body(body: &Value) -> Result<IndexBody, ApiError> {
    let members = match body {
        Value::Null => return Ok(IndexBody::default()),
        Value::Object(members) => members,
        _ => {
            let reason = "the body of a request that makes an index must be an object, as {\"settings\": {}}";
            return Err(ApiError::new(400, "parse_exception", reason));
        }
    };
    let mut read = IndexBody::default();
    for (key, value) in members {
        if !read.take(key, value)? {
            return Err(ApiError::parsing(format!(
                "unknown key [{key}] for create index; known: settings, mappings, aliases"
            )));
        }
    }
    Ok(read)
}

/// An index of a name with what templates say below what the request says.
pub(super) fn with_templates(
    map: &ClusterState,
    name: &str,
    request: IndexBody,
) -> Result<NewIndex, ApiError> {
    let templates = Templates::of(map);
    let applied = templates.applied(name, is_hidden(&request))?;
    if let (Some(template), Some(_)) = (&applied.template, &applied.stream) {
        return Err(ApiError::argument(format!(
            "cannot create index with name [{name}], because it matches with template [{template}] that creates data streams only, use create data stream api instead"
        )));
    }
    let fields = if applied.template.is_some() { FieldMerge::Replaced } else { FieldMerge::Deep };
    let mut body = applied.body;
    let is_older = templates.are_of_older_build(name, is_hidden(&request));
    let older = is_older.then(|| body.leave_out_unsound(&request));
    body.put_over(request, fields);
    Ok(NewIndex { name: name.to_owned(), provided_name: None, body, data_stream: None, older })
}

pub(super) fn is_hidden(body: &IndexBody) -> bool {
    let hidden = body.settings.as_ref().and_then(|settings| settings.get("hidden"));
    hidden.and_then(Value::as_str) == Some("true")
}
