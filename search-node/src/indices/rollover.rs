//! Rollover: the next index behind an alias or a data stream, and the conditions on which it is made.

use std::sync::Arc;

use cluster::state::{ClusterState, Command, IndexId};
use serde_json::{Map, Value};

use super::agreed_names::AgreedNames;
use super::alias::Alias;
use super::creation::with_templates;
use super::data_stream::backing_name;
use super::date_math::resolve_dates;
use super::guard::Guard;
use super::index::Index;
use super::lenient::{number_of, text_of};
use super::metadata::{aliases_of, aliases_part, created_of, settings_of};
use super::names::check_index_name;
use super::registry::Indices;
use super::settings::PROVIDED_NAME;
use super::templates::{IndexBody, Templates};
use crate::error::ApiError;
use crate::time_span::read_span;

/// What an index is measured by. Those with `max` ask for a rollover, and those with `min` forbid it until they are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Age,
    Docs,
    Size,
    PrimaryShardSize,
    PrimaryShardDocs,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RolloverCondition {
    /// As the request has it, `max_docs: 1000`.
    shown: String,
    measure: Measure,
    is_least: bool,
    bound: u64,
}

/// The figures of the index that is written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub age_millis: u64,
    /// In all primaries.
    pub documents: u64,
    pub bytes: u64,
    /// In the largest of them.
    pub shard_documents: u64,
    pub shard_bytes: u64,
}

/// What a rollover would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The index that is written to until then.
    pub old: IndexId,
    pub old_name: String,
    pub new_name: String,
    /// What the new one is called with dates that are not worked out, if it is.
    pub provided_name: Option<String>,
    pub is_stream: bool,
    /// Since when the old one is there.
    pub created_millis: i64,
}

impl RolloverCondition {
    /// Reads the conditions of a request.
    pub(crate) fn read_all(said: &Value) -> Result<Vec<Self>, ApiError> {
        let members = match said {
            Value::Null => return Ok(Vec::new()),
            Value::Object(members) => members,
            other => return Err(ApiError::parsing(format!("[conditions] must be an object, not [{other}]"))),
        };
        let conditions = members.iter().map(|(name, value)| Self::read(name, value));
        let conditions: Vec<Self> = conditions.collect::<Result<_, _>>()?;
        if !conditions.is_empty() && conditions.iter().all(|condition| condition.is_least) {
            return Err(ApiError::validation(
                "at least one max_* rollover condition must be set when using min_* conditions",
            ));
        }
        Ok(conditions)
    }

    fn read(name: &str, value: &Value) -> Result<Self, ApiError> {
        let unknown = || ApiError::malformed(format!("[conditions] unknown field [{name}]"));
        let (is_least, what) = match name.split_once('_').ok_or_else(unknown)? {
            ("max", what) => (false, what),
            ("min", what) => (true, what),
            _ => return Err(unknown()),
        };
        let measure = match what {
            "age" => Measure::Age,
            "docs" => Measure::Docs,
            "size" => Measure::Size,
            "primary_shard_size" => Measure::PrimaryShardSize,
            "primary_shard_docs" => Measure::PrimaryShardDocs,
            _ => return Err(unknown()),
        };
        let wrong = || ApiError::parsing(format!("[conditions] [{name}] does not take the value [{value}]"));
        let text = text_of(value).ok_or_else(wrong)?;
        let bound = match measure {
            Measure::Age => {
                let span = read_span(name, &text)?.ok_or_else(wrong)?;
                u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
            }
            Measure::Docs | Measure::PrimaryShardDocs => {
                number_of(value).and_then(|number| u64::try_from(number).ok()).ok_or_else(wrong)?
            }
            Measure::Size | Measure::PrimaryShardSize => settings::parse_bytes(&text).ok_or_else(|| {
                ApiError::new(
                    400,
                    "parse_exception",
                    format!("failed to parse setting [{name}] with value [{text}] as a size in bytes: unit is missing or unrecognized"),
                )
            })?,
        };
        Ok(Self { shown: format!("[{name}: {text}]"), measure, is_least, bound })
    }

    fn is_met(&self, figures: &Figures) -> bool {
        let figure = match self.measure {
            Measure::Age => figures.age_millis,
            Measure::Docs => figures.documents,
            Measure::Size => figures.bytes,
            Measure::PrimaryShardSize => figures.shard_bytes,
            Measure::PrimaryShardDocs => figures.shard_documents,
        };
        figure >= self.bound
    }
}

/// Whether an index with such figures is to be rolled over, and each condition by itself.
pub(crate) fn are_met(conditions: &[RolloverCondition], figures: &Figures) -> (bool, Map<String, Value>) {
    let of = |is_least: bool| conditions.iter().filter(move |condition| condition.is_least == is_least);
    let is_asked = conditions.is_empty() || of(false).any(|condition| condition.is_met(figures));
    let is_allowed = of(true).all(|condition| condition.is_met(figures));
    let each = conditions.iter().map(|one| (one.shown.clone(), Value::Bool(one.is_met(figures))));
    (is_asked && is_allowed, each.collect())
}

/// What a rollover of an alias or a data stream would do; `new_name` is what the request calls the new index.
pub(super) fn plan(
    map: &ClusterState,
    target: &str,
    new_name: Option<&str>,
    now_millis: i64,
) -> Result<Plan, ApiError> {
    let names = AgreedNames::of(map);
    if let Some(stream) = names.streams.get(target) {
        if new_name.is_some() {
            return Err(ApiError::argument(
                "new index name may not be specified when rolling over a data stream",
            ));
        }
        let old = IndexId(stream.indices.last().cloned().unwrap_or_default());
        let new_name = backing_name(target, now_millis, stream.generation + 1);
        return planned(map, old, (new_name, None), true);
    }
    let old_name = written_by(&names, target)?;
    let old = id_of(&names, old_name);
    let provided_name = match new_name {
        Some(name) => name.to_owned(),
        None => next_name(&provided_name_of(map, &old).unwrap_or_else(|| old_name.to_owned()))?,
    };
    let new_name = resolve_dates(&provided_name, now_millis)?.into_owned();
    check_index_name(&new_name)?;
    names.check_free(&new_name)?;
    let provided_name = Some(provided_name).filter(|provided| *provided != new_name);
    planned(map, old, (new_name, provided_name), false)
}

/// What an index was called by who made it, with dates: the next one is called by the dates of its own time.
fn provided_name_of(map: &ClusterState, index: &IndexId) -> Option<String> {
    let settings = settings_of(map.indices.get(index)?);
    settings.get(PROVIDED_NAME).and_then(Value::as_str).map(str::to_owned)
}

fn id_of(names: &AgreedNames<'_>, index: &str) -> IndexId {
    names.indices.get(index).map_or_else(|| IndexId(String::new()), |(id, _)| (*id).clone())
}

/// The index that an alias writes to.
fn written_by<'a>(names: &'a AgreedNames<'_>, target: &str) -> Result<&'a str, ApiError> {
    let Some(members) = names.aliases.get(target) else {
        let reason = match names.indices.contains_key(target) {
            true => {
                "rollover target is a [concrete index] but one of [alias,data_stream] was expected".to_owned()
            }
            false => format!("rollover target [{target}] does not exist"),
        };
        return Err(ApiError::argument(reason));
    };
    let mut members = members.iter();
    let only = (members.len() == 1).then(|| members.clone().next()).flatten();
    let only = only.filter(|(_, said)| said.is_write_index != Some(false));
    let written = members.find(|(_, said)| said.is_write_index == Some(true)).or(only);
    let Some((old_name, _)) = written else {
        let reason = format!("rollover target [{target}] does not point to a write index");
        return Err(ApiError::argument(reason));
    };
    Ok(old_name)
}

fn planned(
    map: &ClusterState,
    old: IndexId,
    (new_name, provided_name): (String, Option<String>),
    is_stream: bool,
) -> Result<Plan, ApiError> {
    let entry = map.indices.get(&old).ok_or_else(|| ApiError::no_index(&old.0))?;
    let (old_name, created_millis) = (entry.name.clone(), created_of(entry));
    Ok(Plan { old, old_name, new_name, provided_name, is_stream, created_millis })
}

/// The name after a name that ends with a number: `logs-000002` after `logs-1`.
fn next_name(name: &str) -> Result<String, ApiError> {
    // A name with dates ends behind its number.
    let (name, end) = name.strip_suffix('>').map_or((name, ""), |inner| (inner, ">"));
    let counted = name.rsplit_once('-').and_then(|(front, number)| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        Some((front, number.parse::<u64>().ok().filter(|_| is_number)?))
    });
    let (front, number) = counted.ok_or_else(|| {
        ApiError::argument(format!("index name [{name}] does not match pattern '^.*-\\d+$'"))
    })?;
    Ok(format!("{front}-{:06}{end}", number.saturating_add(1)))
}

impl Indices {
    /// What a rollover would do now.
    pub(crate) fn plan_rollover(&self, target: &str, new_name: Option<&str>) -> Result<Plan, ApiError> {
        plan(&self.agreement.map(), target, new_name, self.clock.now_millis())
    }

    /// Does as planned; nothing where the index that is written to is another one by now.
    pub(crate) fn roll_over(
        &self,
        target: &str,
        planned: &Plan,
        body: &IndexBody,
    ) -> Result<Option<Arc<Index>>, ApiError> {
        if planned.is_stream {
            let made = self.roll_over_stream(target, Some(&planned.old.0), body)?;
            // Somebody else may have begun one of that name in its place, which is as good.
            return Ok((made.name == planned.new_name).then_some(made));
        }
        let new_name = &planned.new_name;
        self.check_lost(new_name)?;
        let id = self.agree_upon(Some(new_name), |map| {
            // Somebody who has rolled over meanwhile has most likely taken the name too.
            let names = AgreedNames::of(map);
            if id_of(&names, written_by(&names, target)?) != planned.old {
                return Ok((Vec::new(), None));
            }
            names.check_free(new_name)?;
            let (commands, id) = self.rolled_alias(map, target, planned, body)?;
            Ok((commands, Some(id)))
        })?;
        Ok(id.and_then(|id| self.served.of_id(&id)))
    }

    /// The commands by which an alias goes on to a new index.
    pub(super) fn rolled_alias(
        &self,
        map: &ClusterState,
        alias: &str,
        planned: &Plan,
        body: &IndexBody,
    ) -> Result<(Vec<Command>, IndexId), ApiError> {
        let mut names = AgreedNames::of(map);
        let Some(entry) = map.indices.get(&planned.old) else {
            return Err(ApiError::no_index(&planned.old_name));
        };
        let mut old = aliases_of(entry);
        let said = old.get(alias).map(Alias::kept).unwrap_or_default();
        let is_explicit = said.is_write_index == Some(true);
        let mut new = with_templates(map, &planned.new_name, body.clone())?;
        new.provided_name.clone_from(&planned.provided_name);
        check_not_in_template(map, alias, &planned.new_name)?;
        let next = Alias { is_write_index: is_explicit.then_some(true), ..said.clone() };
        new.body.aliases.get_or_insert_default().insert(alias.to_owned(), next.to_json());
        if is_explicit {
            old.insert(alias.to_owned(), Alias { is_write_index: Some(false), ..said }.to_json());
        } else {
            old.shift_remove(alias);
        }
        // The old index gives the alias away in the same step.
        if let Some(members) = names.aliases.get_mut(alias) {
            members.remove(planned.old_name.as_str());
        }
        let mut commands = self.new_index(map, &names, &new)?;
        commands.insert(0, Guard::Templates.expected(map));
        commands.push(Command::ChangeIndex {
            id: planned.old.clone(),
            seen: entry.version,
            parts: aliases_part(&old),
            replicas: None,
            filters: None,
            allocation: None,
        });
        let made = commands.iter().find_map(|command| match command {
            Command::CreateIndex { id, .. } => Some(id.clone()),
            _ => None,
        });
        Ok((commands, made.ok_or_else(|| ApiError::internal("a rollover makes no index"))?))
    }
}

/// An alias that a template gives to every new index would mean several of them after a rollover.
fn check_not_in_template(map: &ClusterState, alias: &str, index: &str) -> Result<(), ApiError> {
    let applied = Templates::of(map).applied(index, false)?;
    if !applied.body.aliases.is_some_and(|aliases| aliases.contains_key(alias)) {
        return Ok(());
    }
    let template = applied.template.unwrap_or_default();
    Err(ApiError::argument(format!(
        "Rollover alias [{alias}] can point to multiple indices, found duplicated alias [[{alias}]] in index template [{template}]"
    )))
}

#[cfg(test)]
mod tests;
