//! All indices: creating, deleting, finding them by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cluster::state::{ClusterState, Command, CopyId, IndexId, NodeId, Refusal, ShardId};
use daemon::clock::Clock;
use parking_lot::RwLock;
use serde_json::{Map, Value};
use shard::create_folder_durably;
use shard::mapping::parse_mapping;

use super::agreement::{Agreement, Alone, Disagreement};
use super::blocks::Level;
use super::data_stream::{DataStreamView, backing_name, built_in_mapping, is_stream_name};
use super::found::{self, unreadable};
use super::index::{Index, Resources};
use super::index_names::IndexNames;
use super::lost_index::LostIndex;
use super::metadata::IndexMetadata;
use super::names::{NameOptions, check_index_name, expand};
use super::routing::Routing;
use super::served::Served;
use super::settings::{IndexSettings, PLACES, flatten};
use super::sort_settings;
use crate::disk_watch::DiskWatch;
use crate::error::ApiError;
use crate::state_file::StateFileError;

/// All indices.
pub struct Indices {
    auto_create: bool,
    disk_watch: Arc<DiskWatch>,
    clock: Clock,
    served: Arc<Served>,
    agreement: Arc<dyn Agreement>,
    /// Those that are on the disk and cannot be served.
    lost: RwLock<Vec<Arc<LostIndex>>>,
}

/// What an expression means.
pub(crate) struct Meant {
    pub(crate) indices: Vec<Arc<Index>>,
    /// Indices that cannot be served, and whether the expression names them without wildcards.
    pub(crate) lost: Vec<(Arc<LostIndex>, bool)>,
}

impl Indices {
    /// Opens every index below `folder`, for a node that agrees with itself. One that cannot be opened is named and left out;
    /// the others serve.
    pub fn open(folder: &Path, auto_create: bool, resources: Resources) -> std::io::Result<Self> {
        create_folder_durably(resources.shared.disk.as_ref(), folder)?;
        let (found, mut lost) = found::look(folder, resources.shared.disk.as_ref())?;
        let (disk_watch, clock) = (Arc::clone(&resources.disk_watch), resources.clock.clone());
        let served = Arc::new(Served::new(folder, resources, &found, &lost));
        let alone = Alone::new(&served, &found);
        for (id, error) in alone.begin() {
            let of_id = found.iter().find(|found| found.id() == id);
            lost.extend(of_id.map(|found| unreadable(&found.folder, found.names(), &error.reason)));
        }
        lost.iter().for_each(LostIndex::log);
        let lost = RwLock::new(lost.into_iter().map(Arc::new).collect());
        Ok(Self { auto_create, disk_watch, clock, served, agreement: alone, lost })
    }

    /// For a node of a cluster: nothing is served until the map is followed. What cannot be read is left as it is.
    pub(crate) fn clustered(
        folder: &Path,
        auto_create: bool,
        resources: Resources,
        agreement: Arc<dyn Agreement>,
    ) -> std::io::Result<Self> {
        create_folder_durably(resources.shared.disk.as_ref(), folder)?;
        let (found, lost) = found::look(folder, resources.shared.disk.as_ref())?;
        lost.iter().for_each(LostIndex::log);
        let (disk_watch, clock) = (Arc::clone(&resources.disk_watch), resources.clock.clone());
        let served = Arc::new(Served::new(folder, resources, &found, &lost));
        let lost = RwLock::new(lost.into_iter().map(Arc::new).collect());
        Ok(Self { auto_create, disk_watch, clock, served, agreement, lost })
    }

    /// Makes the indices of this node what the map says. Gives those for which that failed.
    pub(crate) fn follow(&self, map: &ClusterState, own: NodeId) -> BTreeMap<IndexId, ApiError> {
        self.served.follow(map, own, &self.agreement)
    }

    /// The commands that put what the folder holds into a map that is new: for data of a build that had no cluster.
    pub(crate) fn found(&self, map: &ClusterState, own: NodeId) -> Result<Vec<Command>, StateFileError> {
        self.served.commands_for_found(map, own)
    }

    /// The copies here that the map does not know on any node.
    pub(crate) fn found_copies(&self, map: &ClusterState) -> Vec<(ShardId, CopyId)> {
        self.served.found_copies(map)
    }

    /// What the copies here wish the map to say of them.
    pub(crate) fn wishes(&self, map: &ClusterState) -> Vec<Command> {
        self.served.wishes(map)
    }

    /// Every index that cannot be served.
    pub(crate) fn lost(&self) -> Vec<Arc<LostIndex>> {
        self.lost.read().clone()
    }

    /// Refuses a name that means an index that cannot be served: another one of that name would hide what is left of it.
    fn check_lost(&self, name: &str) -> Result<(), ApiError> {
        let lost = self.lost.read();
        lost.iter().find(|lost| lost.is_called(name)).map_or(Ok(()), |lost| Err(lost.error()))
    }

    /// Every index, in the order of names.
    pub fn all(&self) -> Vec<Arc<Index>> {
        self.served.all()
    }

    /// The index of exactly this name.
    pub fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.served.get(name)
    }

    /// The index of an id.
    pub(crate) fn of_id(&self, id: &IndexId) -> Option<Arc<Index>> {
        self.served.of_id(id)
    }

    /// Whether a name is an alias.
    pub fn is_alias(&self, name: &str) -> bool {
        self.all().iter().any(|index| index.aliases().contains_key(name))
    }

    /// What an expression means: names, aliases, data streams, wildcards.
    pub(crate) fn meant(&self, expression: &str, options: NameOptions) -> Result<Meant, ApiError> {
        let all = self.all();
        let groups = groups(&all);
        let all_lost = self.lost();
        // Backing indices are found by wildcards through their streams.
        let lost_names = all_lost.iter().flat_map(|lost| &lost.names).flat_map(IndexNames::all);
        let mut known: Vec<&str> = groups.keys().map(String::as_str).chain(lost_names).collect();
        known.sort_unstable();
        known.dedup();
        let mut meant = Meant { indices: Vec::new(), lost: Vec::new() };
        for name in expand(expression, &known, options)? {
            for index in groups.get(name).into_iter().flatten() {
                if !meant.indices.iter().any(|known| known.uuid == index.uuid) {
                    meant.indices.push(Arc::clone(index));
                }
            }
            // Where an index of that very name is served, it is the one that is meant.
            let is_served = all.iter().any(|index| index.name == name);
            for lost in all_lost.iter().filter(|lost| !is_served && lost.is_called(name)) {
                if !meant.lost.iter().any(|(known, _)| Arc::ptr_eq(known, lost)) {
                    let is_named = expression.split(',').any(|part| part.trim() == name);
                    meant.lost.push((Arc::clone(lost), is_named));
                }
            }
        }
        Ok(meant)
    }

    /// The indices that an expression means. One that it names and that cannot be served is an error; wildcards pass it over.
    pub fn resolve(&self, expression: &str, options: NameOptions) -> Result<Vec<Arc<Index>>, ApiError> {
        self.served(expression, options, |is_named| is_named)
    }

    /// The same for a search: an answer without what was acknowledged looks like any other, so that wildcards pass nothing
    /// over.
    pub(crate) fn resolve_to_search(
        &self,
        expression: &str,
        options: NameOptions,
    ) -> Result<Vec<Arc<Index>>, ApiError> {
        let found = self.served(expression, options, |_| true)?;
        found.iter().try_for_each(|index| index.check_block(Level::Read))?;
        Ok(found)
    }

    fn served(
        &self,
        expression: &str,
        options: NameOptions,
        is_wanted: impl Fn(bool) -> bool,
    ) -> Result<Vec<Arc<Index>>, ApiError> {
        let meant = self.meant(expression, options)?;
        match meant.lost.iter().find(|(_, is_named)| is_wanted(*is_named)) {
            Some((lost, _)) if !options.ignore_unavailable => Err(lost.error()),
            _ => Ok(meant.indices),
        }
    }

    /// The index that a write to `name` goes to, made if there is none. `is_create` tells whether the operation may
    /// go to a data stream.
    pub fn for_write(&self, name: &str, is_create: bool) -> Result<Arc<Index>, ApiError> {
        if let Some(index) = self.get(name) {
            return Ok(index);
        }
        self.check_lost(name)?;
        let all = self.all();
        match groups(&all).get(name).map(Vec::as_slice) {
            Some([only]) if only.data_stream.is_none() => return Ok(Arc::clone(only)),
            Some(indices) => return write_end(name, indices, is_create),
            None => {}
        }
        if !self.auto_create {
            return Err(ApiError::no_index(name));
        }
        // The write that would follow is refused, and no empty index shall be left of it.
        self.disk_watch.check(name)?;
        if is_stream_name(name) {
            if !is_create {
                return Err(only_creates());
            }
            return self.create_stream(name).inspect(|_| self.agreement.wait_followed());
        }
        match self.create(name, &Value::Null) {
            Err(error) if error.kind == "resource_already_exists_exception" => {
                self.get(name).ok_or_else(|| ApiError::no_index(name))
            }
            // Once the write is acknowledged, no node may say that there is no such index.
            made => made.inspect(|_| self.agreement.wait_followed()),
        }
    }

    /// Makes an index from the body of `PUT /{index}`, and waits until it can be written to.
    pub fn create(&self, name: &str, body: &Value) -> Result<Arc<Index>, ApiError> {
        self.create_at_once(name, body).inspect(|made| self.wait_primaries(made))
    }

    fn wait_primaries(&self, made: &Index) {
        self.agreement.wait_primaries(&IndexId(made.uuid.clone()));
    }

    /// Makes an index from the body of `PUT /{index}`. Whoever asked says how long its shards are waited for.
    pub(crate) fn create_at_once(&self, name: &str, body: &Value) -> Result<Arc<Index>, ApiError> {
        check_index_name(name)?;
        if !matches!(body, Value::Null | Value::Object(_)) {
            let reason = "the body of a request that makes an index must be an object, as {\"settings\": {}}";
            return Err(ApiError::new(400, "parse_exception", reason));
        }
        let member = |key: &str| body.get(key).cloned().unwrap_or(Value::Null);
        if let Some(unknown) = body.as_object().and_then(|object| {
            object.keys().find(|key| !matches!(key.as_str(), "settings" | "mappings" | "aliases"))
        }) {
            return Err(ApiError::parsing(format!(
                "unknown key [{unknown}] for create index; known: settings, mappings, aliases"
            )));
        }
        let mapping = match member("mappings") {
            Value::Null => Value::Object(Map::new()),
            mapping => untyped(mapping),
        };
        let aliases = member("aliases").as_object().cloned().unwrap_or_default();
        check_aliases(&aliases)?;
        self.make(name, flatten(&member("settings"))?, mapping, aliases, None)
    }

    /// Makes a data stream with its first backing index.
    pub fn create_stream(&self, name: &str) -> Result<Arc<Index>, ApiError> {
        check_index_name(name)?;
        self.check_lost(name)?;
        let backing = backing_name(name, self.clock.now_millis(), 1);
        let made = self.make(&backing, Map::new(), built_in_mapping(), Map::new(), Some(name.to_owned()));
        match made.inspect(|made| self.wait_primaries(made)) {
            Err(error) if error.kind == "resource_already_exists_exception" => {
                self.get(&backing).ok_or_else(|| ApiError::no_index(name))
            }
            made => made,
        }
    }

    fn make(
        &self,
        name: &str,
        mut settings: Map<String, Value>,
        mapping: Value,
        aliases: Map<String, Value>,
        data_stream: Option<String>,
    ) -> Result<Arc<Index>, ApiError> {
        if settings.contains_key(PLACES) {
            return Err(ApiError::argument(format!("unknown setting [index.{PLACES}]")));
        }
        let mut read = IndexSettings::read(&settings)?;
        if !settings.contains_key("number_of_routing_shards") {
            let places = Routing::usual_places(read.routing.shards());
            settings.insert(PLACES.to_owned(), Value::from(places.to_string()));
            read = IndexSettings::read(&settings)?;
        }
        let mapping = parse_mapping(&mapping).map_err(|error| {
            let mut api = ApiError::from(error);
            api.reason = format!("Failed to parse mapping: {}", api.reason);
            api
        })?;
        read.limits.check(&mapping)?;
        sort_settings::check(read.sort.as_ref(), &mapping)?;
        if let Some(taken) = self.taken(name) {
            return Err(taken);
        }
        self.check_lost(name)?;
        let uuid = super::new_id(self.clock.now_millis());
        let metadata = IndexMetadata {
            name: name.to_owned(),
            uuid: uuid.clone(),
            created_millis: self.clock.now_millis(),
            settings,
            mapping: mapping.to_json(),
            aliases,
            data_stream,
            version: 1,
            copies: None,
        };
        let id = IndexId(uuid);
        loop {
            let mut entry = metadata.to_entry(Vec::new())?;
            entry.shards = self.agreement.place(&id, &entry, read.routing.shards())?;
            match self.agreement.agree(Command::CreateIndex { id: id.clone(), entry }) {
                Ok(()) => {
                    return self.served.of_id(&id).ok_or_else(|| ApiError::no_index(name));
                }
                // Another index was made meanwhile and its copies took these names, or a node has left that was to have some.
                Err(Disagreement::Refused(Refusal::OldName(_) | Refusal::NoNode(_))) => {}
                Err(why) => return Err(self.unmade(name, why)),
            }
        }
    }

    fn unmade(&self, name: &str, why: Disagreement) -> ApiError {
        match why {
            Disagreement::Refused(Refusal::NameTaken(_)) => self.taken(name).unwrap_or_else(|| {
                ApiError::new(
                    400,
                    "resource_already_exists_exception",
                    format!("index [{name}] already exists"),
                )
            }),
            Disagreement::Refused(refusal) => ApiError::new(
                503,
                "failed_to_commit_cluster_state_exception",
                format!("index [{name}] cannot be made: {refusal}; ask again"),
            ),
            Disagreement::Failed(error) => ApiError::new(
                error.status,
                &error.kind,
                format!("index [{name}] cannot be made: {}", error.reason),
            )
            .with("index", name),
        }
    }

    fn taken(&self, name: &str) -> Option<ApiError> {
        let all = self.all();
        let groups = groups(&all);
        let owner = groups.get(name)?.first()?;
        let reason = if owner.name == name {
            format!("index [{name}/{}] already exists", owner.uuid)
        } else {
            format!("Invalid index name [{name}], already exists as alias or data stream")
        };
        Some(
            ApiError::new(400, "resource_already_exists_exception", reason)
                .with("index", name)
                .with("index_uuid", owner.uuid.as_str()),
        )
    }

    /// Deletes indices.
    pub fn delete(&self, indices: &[Arc<Index>]) -> Result<(), ApiError> {
        indices.iter().try_for_each(|index| self.delete_id(&index.uuid))
    }

    fn delete_id(&self, uuid: &str) -> Result<(), ApiError> {
        match self.agreement.agree(Command::DeleteIndex { id: IndexId(uuid.to_owned()) }) {
            // Somebody else has deleted it meanwhile.
            Ok(()) | Err(Disagreement::Refused(Refusal::NoIndex(_))) => Ok(()),
            Err(Disagreement::Refused(refusal)) => Err(ApiError::internal(refusal.to_string())),
            Err(Disagreement::Failed(error)) => Err(error),
        }
    }

    /// Deletes indices that cannot be served.
    pub(crate) fn delete_lost(&self, doomed: &[Arc<LostIndex>]) -> Result<(), ApiError> {
        for lost in doomed {
            let name = lost.names.as_ref().map_or("_na_", |names| &names.name);
            if let Some(names) = &lost.names {
                self.delete_id(&names.uuid)?;
            }
            self.served.remove(&lost.folder, name, || {
                self.lost.write().retain(|known| !Arc::ptr_eq(known, lost));
            })?;
            tracing::info!(index = name, "deleted index that could not be served");
        }
        Ok(())
    }

    /// The data streams, in the order of names.
    pub fn streams(&self) -> Vec<DataStreamView> {
        let mut streams: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for index in self.all() {
            if let Some(stream) = &index.data_stream {
                streams.entry(stream.clone()).or_default().push((index.name.clone(), index.uuid.clone()));
            }
        }
        streams.into_iter().map(|(name, indices)| DataStreamView { name, indices }).collect()
    }
}

/// Every name that means indices: their own, their aliases, their data streams.
fn groups(all: &[Arc<Index>]) -> BTreeMap<String, Vec<Arc<Index>>> {
    let mut groups: BTreeMap<String, Vec<Arc<Index>>> = BTreeMap::new();
    for index in all {
        let names = std::iter::once(index.name.clone())
            .chain(index.aliases().into_iter().map(|(alias, _)| alias))
            .chain(index.data_stream.clone());
        for name in names {
            groups.entry(name).or_default().push(Arc::clone(index));
        }
    }
    groups
}

/// An alias takes a name and whether writes go to its index; what would change searches is refused rather than passed over.
fn check_aliases(aliases: &Map<String, Value>) -> Result<(), ApiError> {
    for (alias, options) in aliases {
        check_index_name(alias)?;
        for (key, value) in options.as_object().into_iter().flatten() {
            let reason = match key.as_str() {
                "is_write_index" | "is_hidden" if value.is_boolean() => continue,
                "is_write_index" | "is_hidden" => format!("[{key}] must be true or false, not [{value}]"),
                _ => format!("[{key}] is not supported; known: is_write_index, is_hidden"),
            };
            return Err(ApiError::argument(format!("alias [{alias}]: {reason}")));
        }
    }
    Ok(())
}

fn write_end(name: &str, indices: &[Arc<Index>], is_create: bool) -> Result<Arc<Index>, ApiError> {
    let is_stream = indices.iter().any(|index| index.data_stream.as_deref() == Some(name));
    match indices.last() {
        Some(_) if is_stream && !is_create => Err(only_creates()),
        Some(newest) if is_stream => Ok(Arc::clone(newest)),
        _ if let Some(chosen) = indices.iter().find(|index| is_write_index(index, name)) => {
            Ok(Arc::clone(chosen))
        }
        _ => Err(ApiError::argument(format!(
            "no write index is defined for alias [{name}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
        ))),
    }
}

fn is_write_index(index: &Index, alias: &str) -> bool {
    index.aliases().get(alias).is_some_and(|options| options["is_write_index"] == Value::Bool(true))
}

fn only_creates() -> ApiError {
    ApiError::argument("only write ops with an op_type of create are allowed in data streams")
}

/// `{"mappings": {"my_type": {"properties": …}}}`, the typed form, is taken as the mapping of all types.
fn untyped(mapping: Value) -> Value {
    const ROOT: [&str; 10] = [
        "properties",
        "dynamic",
        "_source",
        "_meta",
        "_routing",
        "date_detection",
        "numeric_detection",
        "dynamic_templates",
        "dynamic_date_formats",
        "_data_stream_timestamp",
    ];
    if let Value::Object(object) = &mapping
        && let [only] = object.keys().map(String::as_str).collect::<Vec<_>>().as_slice()
        && !ROOT.contains(only)
        && let Some(inner @ Value::Object(body)) = object.get(*only)
        && (body.is_empty() || body.keys().any(|key| ROOT.contains(&key.as_str())))
    {
        return inner.clone();
    }
    mapping
}
