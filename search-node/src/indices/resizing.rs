//! `_shrink`, `_split` and `_clone`: what the new index is, what is refused, and which documents each of its shards begins with.
//!
//! The new index is made with shards that have no copy yet. The first copy of each is filled with the documents of the source before
//! the map takes it for in sync (see `action::resize`): until then it serves nobody, and a node that goes away takes nothing with it
//! but the work. All of that is decided here, without I/O.

use std::ops::Range;
use std::sync::Arc;

use cluster::state::{ClusterState, Command, CopyId, IndexEntry, IndexId, ShardCopies, UnassignedReason};
use serde_json::{Map, Value, json};

use super::agreed_names::AgreedNames;
use super::alias::Alias;
use super::blocks::Level;
use super::creation::{NewIndex, OlderMapping, guards};
use super::date_math::resolve_dates;
use super::index::Index;
use super::metadata::{is_closed, mapping_of, resize_source_of, settings_of};
use super::names::check_index_name;
use super::registry::Indices;
use super::replicas::NUMBER;
use super::routing::Routing;
use super::settings::{
    IndexSettings, PLACES, PROVIDED_NAME, RESIZE_SOURCE_NAME, RESIZE_SOURCE_UUID, check_public,
    flatten_with_nulls,
};
use super::sound_settings::sound;
use super::templates::IndexBody;
use crate::error::ApiError;

/// As many documents as a shard of Elasticsearch holds.
const DOCUMENTS_MAX: u64 = 2_147_483_519;

const SHARDS: &str = "number_of_shards";
const ROUTING_SHARDS: &str = "number_of_routing_shards";

/// What becomes of the number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resize {
    Shrink,
    Split,
    Clone,
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct ResizeWish {
    kind: Resize,
    source: String,
    target: String,
    /// Flat, without `index.` in front; null where a setting of the source is not to be taken over.
    settings: Map<String, Value>,
    aliases: Map<String, Value>,
}

/// The documents that a shard begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirstDocuments {
    /// The shards of the source that have them.
    pub(crate) shards: Range<usize>,
    /// Of these documents only what belongs to the shard of this number, where there are others.
    pub(crate) only: Option<(Routing, usize)>,
}

impl ResizeWish {
    /// Reads a request.
    pub(crate) fn read(kind: Resize, source: String, target: String, body: &Value) -> Result<Self, ApiError> {
        let mut wish = Self { kind, source, target, settings: Map::new(), aliases: Map::new() };
        let fault = ApiError::malformed;
        match body {
            Value::Null => {}
            Value::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "settings" => wish.settings = flatten_with_nulls(value)?,
                        "aliases" if value.is_null() => {}
                        "aliases" => wish.aliases = Alias::read_all(value)?,
                        other => return Err(fault(format!("[resize_request] unknown field [{other}]"))),
                    }
                }
            }
            other => return Err(fault(format!("[resize_request] must be an object, not [{other}]"))),
        }
        wish.check()?;
        Ok(wish)
    }

    fn check(&self) -> Result<(), ApiError> {
        check_public(&self.settings)?;
        if self.kind == Resize::Split && !self.settings.contains_key(SHARDS) {
            return Err(ApiError::validation("index.number_of_shards is required for split operations"));
        }
        if self.settings.contains_key("routing_partition_size") {
            return Err(ApiError::argument(
                "cannot provide a routing partition size value when resizing an index",
            ));
        }
        if self.settings.keys().any(|key| key.starts_with("sort.")) {
            return Err(ApiError::validation("can't override index sort when resizing an index"));
        }
        Ok(())
    }

    /// How many shards the new index has, and among how many places its routing values are spread, of a source with these.
    fn routing(&self, source: Routing) -> Result<Routing, ApiError> {
        let asked = |key: &str| self.settings.get(key).filter(|value| !value.is_null()).cloned();
        let mut said = Map::new();
        if let Some(shards) = asked(SHARDS) {
            said.insert(SHARDS.to_owned(), shards);
        }
        let target = match (said.contains_key(SHARDS), self.kind) {
            (true, _) => IndexSettings::read(&said)?.routing.shards(),
            (false, Resize::Shrink) => 1,
            (false, Resize::Split | Resize::Clone) => source.shards(),
        };
        check_factor(self.kind, source, target)?;
        let places = asked(ROUTING_SHARDS);
        // Of one shard everything is known to be in it, wherever it would be otherwise.
        if self.kind == Resize::Split && source.shards() == 1 {
            said.extend(places.map(|places| (ROUTING_SHARDS.to_owned(), places)));
            return match said.contains_key(ROUTING_SHARDS) {
                true => Ok(IndexSettings::read(&said)?.routing),
                false => Ok(Routing::new(target, Routing::usual_places(target))),
            };
        }
        match places {
            Some(_) => Err(ApiError::argument("cannot provide index.number_of_routing_shards on resize")),
            None => Ok(Routing::new(target, source.places())),
        }
    }

    /// The settings of the new index: those of the source, but for what the request says.
    fn settings(&self, source: &IndexId, entry: &IndexEntry) -> Result<Map<String, Value>, ApiError> {
        let before = settings_of(entry);
        let routing = self.routing(IndexSettings::read_stored(&before)?.routing)?;
        // What an older build took of them and this one refuses goes no further; what the request says is refused like that of any other.
        let mut settings = sound(&before);
        settings.retain(|key, _| is_copied(key));
        for (key, value) in &self.settings {
            if value.is_null() {
                settings.remove(key);
            } else {
                settings.insert(key.clone(), value.clone());
            }
        }
        settings.insert(SHARDS.to_owned(), Value::from(routing.shards().to_string()));
        if !settings.contains_key(ROUTING_SHARDS) {
            settings.insert(PLACES.to_owned(), Value::from(routing.places().to_string()));
        }
        settings.insert(RESIZE_SOURCE_NAME.to_owned(), Value::from(entry.name.as_str()));
        settings.insert(RESIZE_SOURCE_UUID.to_owned(), Value::from(source.0.as_str()));
        Ok(settings)
    }
}

/// Whether the new index has a setting from its source. How many copies it has is its own affair, and so is what others do with it.
fn is_copied(key: &str) -> bool {
    let own = [
        SHARDS,
        ROUTING_SHARDS,
        PLACES,
        NUMBER,
        RESIZE_SOURCE_NAME,
        RESIZE_SOURCE_UUID,
        PROVIDED_NAME,
        "creation_date",
    ];
    !own.contains(&key) && !key.starts_with("lifecycle.")
}

/// Refuses numbers of shards that cannot come of one another.
fn check_factor(kind: Resize, source: Routing, target: usize) -> Result<(), ApiError> {
    let (from, to) = (source.shards(), target);
    match kind {
        Resize::Clone if from != to => Err(ApiError::argument(format!(
            "the number of target shards ({to}) must be the same as the number of source shards ({from})"
        ))),
        Resize::Shrink if to > from => Err(ApiError::argument(format!(
            "the number of target shards [{to}] must be less that the number of source shards [{from}]"
        ))),
        Resize::Shrink if from % to != 0 => Err(ApiError::argument(format!(
            "the number of source shards [{from}] must be a multiple of [{to}]"
        ))),
        Resize::Split if from > to => Err(ApiError::argument(format!(
            "the number of source shards [{from}] must be less that the number of target shards [{to}]"
        ))),
        Resize::Split if from == to || to % from != 0 => Err(ApiError::argument(format!(
            "the number of source shards [{from}] must be a factor of [{to}]"
        ))),
        Resize::Split if from > 1 && !source.places().is_multiple_of(to) => Err(ApiError::new(
            500,
            "illegal_state_exception",
            format!(
                "the number of routing shards [{}] must be a multiple of the target shards [{to}]",
                source.places()
            ),
        )),
        Resize::Shrink | Resize::Split | Resize::Clone => Ok(()),
    }
}

/// What a shard of a new index begins with, of a source with such routing.
fn first_documents(source: Routing, target: Routing, number: usize) -> FirstDocuments {
    if source.shards() >= target.shards() {
        let factor = source.shards() / target.shards();
        return FirstDocuments { shards: number * factor..(number + 1) * factor, only: None };
    }
    let factor = target.shards() / source.shards();
    let from = number / factor;
    FirstDocuments { shards: from..from + 1, only: Some((target, number)) }
}

/// Whether a copy is filled from the source of its index before it is one: the first one of a shard, unless an empty one was asked for.
pub(crate) fn fills_first(entry: &IndexEntry, shard: &ShardCopies, copy: CopyId) -> bool {
    shard.is_begun_by(copy)
        && shard.unassigned().reason != UnassignedReason::ForcedEmptyPrimary
        && resize_source_of(entry).is_some()
}

/// The source of a request, which may be read and no longer written to.
fn source_of<'a>(names: &AgreedNames<'a>, name: &str) -> Result<(&'a IndexId, &'a IndexEntry), ApiError> {
    let (id, entry) = *names.indices.get(name).ok_or_else(|| ApiError::no_index(name))?;
    if is_closed(entry) {
        return Err(ApiError::closed(name, &id.0));
    }
    let blocks = IndexSettings::read_stored(&settings_of(entry))?.blocks;
    if blocks.check(name, Level::Write).is_ok() {
        let reason =
            format!("index {name} must be read-only to resize index. use \"index.blocks.write=true\"");
        return Err(ApiError::new(500, "illegal_state_exception", reason));
    }
    Ok((id, entry))
}

/// Refuses shards with more documents than one may have; `documents` are those of each shard of the source.
fn check_documents(
    source: &str,
    parts: impl Iterator<Item = FirstDocuments>,
    documents: &[u64],
) -> Result<(), ApiError> {
    for FirstDocuments { shards, .. } in parts {
        let sum: u64 = documents.get(shards.clone()).unwrap_or_default().iter().sum();
        if sum > DOCUMENTS_MAX {
            let shards: Vec<String> = shards.map(|number| format!("[{source}][{number}]")).collect();
            return Err(ApiError::new(
                500,
                "illegal_state_exception",
                format!(
                    "Can't merge index with more than [{DOCUMENTS_MAX}] docs - too many documents in shards [{}]",
                    shards.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

impl Indices {
    /// The index that a request is about.
    pub(crate) fn resize_source(&self, wish: &ResizeWish) -> Result<Arc<Index>, ApiError> {
        let name = resolve_dates(&wish.source, self.clock.now_millis())?;
        self.get(&name).ok_or_else(|| ApiError::no_index(&name))
    }

    /// Makes the index that a request asks for. `documents` are how many each shard of the source has, as far as is known. Its shards
    /// are filled later.
    pub(crate) fn resize(&self, wish: &ResizeWish, documents: &[u64]) -> Result<Arc<Index>, ApiError> {
        let now = self.clock.now_millis();
        let (source, target) = (resolve_dates(&wish.source, now)?, resolve_dates(&wish.target, now)?);
        check_index_name(&target)?;
        self.make(&target, |map| self.resized(map, wish, (&source, &target), documents))
    }

    fn resized(
        &self,
        map: &ClusterState,
        wish: &ResizeWish,
        (source, target): (&str, &str),
        documents: &[u64],
    ) -> Result<Vec<Command>, ApiError> {
        let names = AgreedNames::of(map);
        names.check_free(target)?;
        let (id, entry) = source_of(&names, source)?;
        let settings = wish.settings(id, entry)?;
        let routing = (
            IndexSettings::read_stored(&settings_of(entry))?.routing,
            IndexSettings::read(&settings)?.routing,
        );
        let parts = (0..routing.1.shards()).map(|number| first_documents(routing.0, routing.1, number));
        check_documents(source, parts, documents)?;
        let body = IndexBody {
            settings: Some(settings),
            mappings: Some(mapping_of(entry)),
            aliases: Some(wish.aliases.clone()),
        };
        // The mapping is that of an index that is there.
        let older = Some(OlderMapping { older: body.mapping(), said: json!({}) });
        let new = NewIndex { name: target.to_owned(), provided_name: None, body, data_stream: None, older };
        let mut commands = guards(map, &names, &new)?;
        let (id, mut entry, shards) = self.new_entry(&new)?;
        entry.shards = vec![ShardCopies::unplaced(); shards];
        commands.push(Command::CreateIndex { id, entry });
        Ok(commands)
    }
}

impl Index {
    /// What a shard of this index begins with, if it was made of another one that is like this.
    pub(crate) fn first_documents_of(&self, source: &Index, number: u32) -> FirstDocuments {
        first_documents(source.settings().routing, self.settings().routing, number as usize)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::metadata::settings_part;
    use super::super::settings::flatten;
    use super::super::test_map::map_of;
    use super::*;

    fn wish(kind: Resize, body: &Value) -> Result<ResizeWish, ApiError> {
        ResizeWish::read(kind, "src".to_owned(), "new".to_owned(), body)
    }

    /// A map with the source of these settings.
    fn map(settings: &Value) -> ClusterState {
        let mut map = map_of(&[("src", json!({"all": {}})), ("other", json!({}))]);
        let flat = flatten(settings).expect("flat");
        let source = IndexId("src".to_owned());
        map.indices.get_mut(&source).expect("there").parts.extend(settings_part(&flat));
        map
    }

    fn settings(kind: Resize, source: &Value, body: &Value) -> Result<Map<String, Value>, ApiError> {
        let map = map(source);
        let id = IndexId("src".to_owned());
        wish(kind, body)?.settings(&id, &map.indices[&id])
    }

    #[test]
    fn numbers_of_shards_that_cannot_come_of_one_another_are_refused_in_elasticsearchs_words() {
        use Resize::{Clone, Shrink, Split};
        let places = |shards, places| json!({"number_of_shards": shards, "number_of_routing_shards": places});
        for (kind, source, shards, reason) in [
            (Shrink, places(4, 8), 3, "the number of source shards [4] must be a multiple of [3]"),
            (
                Shrink,
                places(4, 8),
                8,
                "the number of target shards [8] must be less that the number of source shards [4]",
            ),
            (Split, places(4, 8), 6, "the number of source shards [4] must be a factor of [6]"),
            (Split, places(4, 8), 4, "the number of source shards [4] must be a factor of [4]"),
            (
                Split,
                places(4, 8),
                2,
                "the number of source shards [4] must be less that the number of target shards [2]",
            ),
            (
                Split,
                places(4, 8),
                16,
                "the number of routing shards [8] must be a multiple of the target shards [16]",
            ),
            (
                Clone,
                places(4, 8),
                8,
                "the number of target shards (8) must be the same as the number of source shards (4)",
            ),
        ] {
            let body = json!({"settings": {"index.number_of_shards": shards}});
            let error = settings(kind, &source, &body).expect_err(reason);
            assert_eq!(error.reason, reason);
        }
        for (kind, source, body, shards, kept) in [
            (Shrink, places(4, 8), json!({}), "1", Some("8")),
            (Shrink, places(4, 8), json!({"settings": {"number_of_shards": 4}}), "4", Some("8")),
            (Split, places(4, 8), json!({"settings": {"number_of_shards": 8}}), "8", Some("8")),
            (Clone, places(4, 8), json!({}), "4", Some("8")),
            // Of one shard any number can be made.
            (Split, json!({}), json!({"settings": {"number_of_shards": 6}}), "6", Some("768")),
            (
                Split,
                json!({}),
                json!({"settings": {"number_of_shards": 6, "number_of_routing_shards": 12}}),
                "6",
                None,
            ),
            // An index of an older build has a place to a shard.
            (
                Shrink,
                json!({"number_of_shards": 6}),
                json!({"settings": {"number_of_shards": 3}}),
                "3",
                Some("6"),
            ),
        ] {
            let made = settings(kind, &source, &body).expect("made");
            assert_eq!(made[SHARDS], shards, "{kind:?} {body}");
            assert_eq!(made.get(PLACES).and_then(Value::as_str), kept, "{kind:?} {body}");
        }
    }

    #[test]
    fn settings_come_from_the_source_unless_the_request_says_otherwise() {
        let source = json!({"number_of_shards": 2, "number_of_replicas": 3, "refresh_interval": "7s",
            "analysis.analyzer.a.type": "keyword", "blocks.write": true, "routing_num_shards": 1024,
            "lifecycle.name": "p", "max_result_window": 5});
        let body = json!({"settings": {"index.blocks.write": null, "max_result_window": 6}});

        let made = settings(Resize::Clone, &source, &body).expect("made");

        let expected = json!({"number_of_shards": "2", "refresh_interval": "7s",
            "analysis.analyzer.a.type": "keyword", "routing_num_shards": "1024", "max_result_window": "6",
            "resize.source.name": "src", "resize.source.uuid": "src"});
        assert_eq!(Value::Object(made), expected);
    }

    #[test]
    fn requests_that_ask_for_what_comes_from_the_source_are_refused() {
        for (kind, body, reason) in [
            (Resize::Shrink, json!({"mappings": {}}), "[resize_request] unknown field [mappings]"),
            (Resize::Shrink, json!([]), "[resize_request] must be an object, not [[]]"),
            (
                Resize::Split,
                json!({}),
                "Validation Failed: 1: index.number_of_shards is required for split operations;",
            ),
            (
                Resize::Clone,
                json!({"settings": {"index.sort.field": "x"}}),
                "Validation Failed: 1: can't override index sort when resizing an index;",
            ),
        ] {
            assert_eq!(wish(kind, &body).expect_err(reason).reason, reason);
        }
        let body = json!({"settings": {"resize.source.uuid": "x"}});
        assert!(wish(Resize::Clone, &body).expect_err("private").reason.starts_with("unknown setting"));
        let body = json!({"settings": {"number_of_routing_shards": 8}});
        let error = settings(Resize::Clone, &json!({"number_of_shards": 4}), &body).expect_err("refused");
        assert_eq!(error.reason, "cannot provide index.number_of_routing_shards on resize");
    }

    #[test]
    fn a_source_that_can_still_be_written_to_is_refused() {
        for (settings, is_taken) in [
            (json!({}), false),
            (json!({"blocks.read": true}), false),
            (json!({"blocks.write": true}), true),
            (json!({"blocks.read_only": true}), true),
        ] {
            let map = map(&settings);
            let found = source_of(&AgreedNames::of(&map), "src").map(drop);
            assert_eq!(found.is_ok(), is_taken, "{settings}");
            if let Err(error) = found {
                let reason = "index src must be read-only to resize index. use \"index.blocks.write=true\"";
                assert_eq!((error.kind.as_str(), error.reason.as_str()), ("illegal_state_exception", reason));
            }
        }
        let map = map(&json!({}));
        assert_eq!(source_of(&AgreedNames::of(&map), "all").expect_err("an alias").status, 404);
    }

    /// Every document is in one shard of the new index, and it is where its routing value leads.
    #[test]
    fn each_document_goes_to_the_shard_where_it_is_looked_for() {
        for (source, target) in
            [((4, 8), (2, 8)), ((4, 8), (1, 8)), ((4, 8), (8, 8)), ((4, 8), (4, 8)), ((1, 1024), (6, 768))]
        {
            let (source, target) = (Routing::new(source.0, source.1), Routing::new(target.0, target.1));
            for value in (0..500).map(|n| n.to_string()) {
                let from = source.shard_of(&value, None);
                let goes = |number: &usize| {
                    let FirstDocuments { shards, only } = first_documents(source, target, *number);
                    shards.contains(&from)
                        && only.is_none_or(|(routing, own)| routing.shard_of(&value, None) == own)
                };
                let found: Vec<usize> = (0..target.shards()).filter(goes).collect();
                assert_eq!(found, [target.shard_of(&value, None)], "{value} of {source:?} to {target:?}");
            }
        }
    }

    #[test]
    fn a_shard_with_more_documents_than_one_may_have_is_refused() {
        let (source, target) = (Routing::new(4, 8), Routing::new(2, 8));
        let parts = || (0..2).map(|number| first_documents(source, target, number));
        let most = DOCUMENTS_MAX;

        assert!(check_documents("src", parts(), &[most, 0, 1, 1]).is_ok());
        assert!(check_documents("src", parts(), &[]).is_ok(), "nothing is known");
        let error = check_documents("src", parts(), &[0, 0, most, 1]).expect_err("too many");
        assert_eq!(
            error.reason,
            "Can't merge index with more than [2147483519] docs - too many documents in shards [[src][2], [src][3]]"
        );
    }
}
