//! All indices: creating, deleting, finding them by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cluster::state::{ClusterState, Command, CopyId, IndexId, NodeId, Refusal, ShardId};
use daemon::clock::Clock;
use parking_lot::RwLock;
use serde_json::Value;
use shard::{Condition, create_folder_durably};

use super::agreement::{Agreement, Alone, Disagreement};
use super::auto_create::{AUTO_CREATE, AutoCreate};
use super::blocks::Level;
use super::date_math::resolve_dates;
use super::found::{self, unreadable};
use super::index::{Index, Resources};
use super::index_names::IndexNames;
use super::lookup::{Lookup, Searched, only_creates};
use super::lost_index::LostIndex;
use super::names::{Known, NameKind, NameOptions, expand};
use super::served::Served;
use super::templates::{IndexBody, Templates};
use crate::disk_watch::DiskWatch;
use crate::error::ApiError;
use crate::state_file::StateFileError;

/// All indices.
pub struct Indices {
    /// What this node's own settings say; the cluster's count more.
    auto_create: AutoCreate,
    disk_watch: Arc<DiskWatch>,
    pub(super) clock: Clock,
    pub(super) served: Arc<Served>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// Those that are on the disk and cannot be served.
    lost: RwLock<Vec<Arc<LostIndex>>>,
}

/// What an expression means.
pub(crate) struct Meant {
    pub(crate) indices: Vec<Arc<Index>>,
    /// Indices that cannot be served, and whether the expression names them without wildcards.
    pub(crate) lost: Vec<(Arc<LostIndex>, bool)>,
    /// The names that it stands for.
    names: Vec<String>,
}

impl Indices {
    /// Opens every index below `folder`, for a node that agrees with itself. One that cannot be opened is named and left out;
    /// the others serve.
    pub fn open(folder: &Path, auto_create: AutoCreate, resources: Resources) -> std::io::Result<Self> {
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
        auto_create: AutoCreate,
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
    pub(super) fn check_lost(&self, name: &str) -> Result<(), ApiError> {
        let lost = self.lost.read();
        lost.iter().find(|lost| lost.is_called(name)).map_or(Ok(()), |lost| Err(lost.error()))
    }

    /// Every index, in the order of names.
    pub fn all(&self) -> Vec<Arc<Index>> {
        self.served.all()
    }

    /// Whether writes to any index wait for more copies than the primary, where they do not say.
    pub(crate) fn wait_for_copies(&self) -> bool {
        self.served.all().iter().any(|index| !index.settings().active.is_usual())
    }

    /// The index of exactly this name.
    pub fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.served.get(name)
    }

    /// The index of an id.
    pub(crate) fn of_id(&self, id: &IndexId) -> Option<Arc<Index>> {
        self.served.of_id(id)
    }

    /// What every name means.
    pub(crate) fn lookup(&self) -> Arc<Lookup> {
        self.served.lookup()
    }

    /// The templates that there are.
    pub(crate) fn templates(&self) -> Arc<Templates> {
        Arc::clone(&self.lookup().templates)
    }

    /// Whether a name is an alias.
    pub fn is_alias(&self, name: &str) -> bool {
        self.lookup().aliases.contains_key(name)
    }

    /// The names that an expression stands for, wildcards and dates worked out.
    pub(crate) fn named(&self, expression: &str, options: NameOptions) -> Result<Vec<String>, ApiError> {
        let expression = resolve_dates(expression, self.clock.now_millis())?;
        expand(&expression, &self.lookup().known, options)
    }

    /// What an expression means: names, aliases, data streams, wildcards.
    pub(crate) fn meant(&self, expression: &str, options: NameOptions) -> Result<Meant, ApiError> {
        self.meant_in(&self.lookup(), expression, options)
    }

    fn meant_in(&self, lookup: &Lookup, expression: &str, options: NameOptions) -> Result<Meant, ApiError> {
        let expression = resolve_dates(expression, self.clock.now_millis())?;
        let all_lost = self.lost();
        let lost_names: Vec<&str> =
            all_lost.iter().flat_map(|lost| &lost.names).flat_map(IndexNames::all).collect();
        let names = if lost_names.is_empty() {
            expand(&expression, &lookup.known, options)?
        } else {
            let mut known = lookup.known.clone();
            for name in lost_names {
                let is_hidden = name.starts_with('.');
                known.entry(name.to_owned()).or_insert_with(|| Known::new(NameKind::Index, is_hidden));
            }
            expand(&expression, &known, options)?
        };
        let mut meant = Meant { indices: Vec::new(), lost: Vec::new(), names };
        let is_named = |name: &str| expression.split(',').any(|part| part.trim() == name);
        for name in &meant.names {
            for index in lookup.members(name) {
                if !is_meant(index, is_named(name), options)? {
                    continue;
                }
                if !meant.indices.iter().any(|known| known.uuid == index.uuid) {
                    meant.indices.push(Arc::clone(index));
                }
            }
            // Where an index of that very name is served, it is the one that is meant.
            let is_served = lookup.indices.contains_key(name);
            for lost in all_lost.iter().filter(|lost| !is_served && lost.is_called(name)) {
                if !meant.lost.iter().any(|(known, _)| Arc::ptr_eq(known, lost)) {
                    meant.lost.push((Arc::clone(lost), is_named(name)));
                }
            }
        }
        if meant.indices.is_empty() && meant.lost.is_empty() && !options.allow_no_indices {
            return Err(ApiError::no_index(&expression));
        }
        Ok(meant)
    }

    /// The indices that an expression means. One that it names and that cannot be served is an error; wildcards pass it over.
    pub fn resolve(&self, expression: &str, options: NameOptions) -> Result<Vec<Arc<Index>>, ApiError> {
        served(self.meant(expression, options)?, options, |is_named| is_named).map(|meant| meant.indices)
    }

    /// The same for a search: an answer without what was acknowledged looks like any other, so that wildcards pass nothing
    /// over. What aliases say of their indices counts with the routing values of the request.
    pub(crate) fn resolve_to_search(
        &self,
        expression: &str,
        options: NameOptions,
        routing: &[String],
    ) -> Result<Vec<Searched>, ApiError> {
        let lookup = self.lookup();
        let meant = served(self.meant_in(&lookup, expression, options)?, options, |_| true)?;
        meant.indices.iter().try_for_each(|index| index.check_block(Level::Read))?;
        let said: BTreeSet<String> = routing.iter().cloned().collect();
        Ok(meant.indices.iter().map(|index| lookup.searched(index, &meant.names, &said)).collect())
    }

    /// The index that a write to `name` goes to, made if there is none. `is_create` tells whether the operation may
    /// go to a data stream.
    pub fn for_write(&self, name: &str, is_create: bool) -> Result<Arc<Index>, ApiError> {
        if let Some(index) = self.get(name) {
            return Ok(index);
        }
        let provided_name = name;
        let name = &*resolve_dates(name, self.clock.now_millis())?;
        self.check_lost(name)?;
        let lookup = self.lookup();
        match lookup.write_index(name, is_create) {
            Some(Ok(index)) => self.rolled_over(&lookup, name, index),
            Some(Err(error)) => Err(error),
            None => self.create_for_write(name, provided_name, is_create),
        }
    }

    /// The index that a write to a name goes to, after a rollover that waits for it.
    fn rolled_over(&self, lookup: &Lookup, name: &str, index: Arc<Index>) -> Result<Arc<Index>, ApiError> {
        if !lookup.streams.get(name).is_some_and(|stream| stream.about.rolls_over_on_write) {
            return Ok(index);
        }
        let newest = self.roll_over_stream(name, Some(&index.uuid), &IndexBody::default());
        newest.inspect(|_| self.agreement.wait_followed())
    }

    /// Which indices a write may make now.
    fn auto_create(&self) -> AutoCreate {
        let set = self.agreement.set(AUTO_CREATE);
        set.and_then(|value| AutoCreate::read(&value).ok()).unwrap_or_else(|| self.auto_create.clone())
    }

    fn create_for_write(
        &self,
        name: &str,
        provided_name: &str,
        is_create: bool,
    ) -> Result<Arc<Index>, ApiError> {
        let templates = self.templates();
        let template = templates.matching(name, false).map(|(_, template)| template);
        match template.and_then(|template| template.allow_auto_create) {
            Some(true) => {}
            Some(false) => {
                let mut error = ApiError::no_index(name);
                error.reason += " and composable template [allow_auto_create] forbids index auto creation";
                return Err(error);
            }
            None => self.auto_create().check(name)?,
        }
        let is_stream = template.is_some_and(|template| template.stream.is_some());
        if is_stream && !is_create {
            return Err(only_creates());
        }
        // The write that would follow is refused, and no empty index shall be left of it.
        self.disk_watch.check(name)?;
        let made = if is_stream {
            self.create_stream(name)
        } else {
            let made = self.create_provided(name, provided_name, &Value::Null);
            made.inspect(|made| self.wait_primaries(made))
        };
        match made {
            Err(error) if error.kind == "resource_already_exists_exception" => {
                // Somebody else makes it at this moment.
                let found = self.lookup().write_index(name, is_create);
                let found = found.unwrap_or_else(|| Err(ApiError::no_index(name)));
                found.inspect(|_| self.agreement.wait_followed())
            }
            // Once the write is acknowledged, no node may say that there is no such index.
            made => made.inspect(|_| self.agreement.wait_followed()),
        }
    }

    /// Refuses a write that names a backing index of a stream and does not know which document it replaces.
    pub(crate) fn check_direct(
        &self,
        name: &str,
        index: &Index,
        is_create: bool,
        condition: Condition,
    ) -> Result<(), ApiError> {
        if name != index.name || !index.is_backing() {
            return Ok(());
        }
        let what = match condition {
            _ if is_create => "op_type=create",
            Condition::SeqNo { .. } => return Ok(()),
            _ => "op_type=index and no if_primary_term and if_seq_no set",
        };
        let lookup = self.lookup();
        let stream = lookup.stream_of(index).unwrap_or_default();
        Err(ApiError::argument(format!(
            "index request with {what} targeting backing indices is disallowed, target corresponding data stream [{stream}] instead"
        )))
    }

    /// Refuses a routing value of the request's own for a document of a stream: it would be found nowhere else.
    pub(crate) fn check_stream_routing(&self, name: &str, routing: Option<&str>) -> Result<(), ApiError> {
        if routing.is_none() || !self.lookup().streams.contains_key(name) {
            return Ok(());
        }
        Err(ApiError::argument(format!(
            "index request targeting data stream [{name}] specifies a custom routing. target the backing indices directly or remove the custom routing."
        )))
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
}

/// Whether an index is meant by a name that the request has, or that one of its wildcards has found: by whether it is open.
fn is_meant(index: &Index, is_named: bool, options: NameOptions) -> Result<bool, ApiError> {
    let is_closed = index.is_closed();
    if !is_named && !options.expands_to(is_closed) {
        return Ok(false);
    }
    match is_closed && options.refuses_closed {
        true if options.ignore_unavailable => Ok(false),
        true => Err(index.closed()),
        false => Ok(true),
    }
}

/// What an expression means, unless something that is wanted of it cannot be served.
fn served(meant: Meant, options: NameOptions, is_wanted: impl Fn(bool) -> bool) -> Result<Meant, ApiError> {
    match meant.lost.iter().find(|(_, is_named)| is_wanted(*is_named)) {
        Some((lost, _)) if !options.ignore_unavailable => Err(lost.error()),
        _ => Ok(meant),
    }
}
