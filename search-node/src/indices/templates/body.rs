//! What a template gives an index: settings, a mapping, aliases.

use serde_json::{Map, Value, json};
use shard::mapping::{Mapping, parse_new_mapping};

use super::merging::{FieldMerge, merge_mappings};
use crate::error::ApiError;
use crate::indices::alias::Alias;
use crate::indices::creation::{OlderMapping, unparsed};
use crate::indices::settings::{IndexSettings, flatten, nest};
use crate::indices::sort_settings;
use crate::indices::sound_settings::sound;
use crate::indices::untyped::untyped;

/// What an index is made with, from whatever it comes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IndexBody {
    /// Flat, without `index.` in front; none where nothing was said.
    pub settings: Option<Map<String, Value>>,
    pub mappings: Option<Value>,
    pub aliases: Option<Map<String, Value>>,
}

impl IndexBody {
    /// Reads a body of which every member is known; `what` is who has it.
    pub(crate) fn read(said: &Value, what: &str) -> Result<Self, ApiError> {
        let Some(members) = said.as_object() else {
            return Err(ApiError::parsing(format!("[{what}] must be an object, not [{said}]")));
        };
        let mut body = Self::default();
        for (key, value) in members {
            if !body.take(key, value)? {
                return Err(ApiError::malformed(format!(
                    "[{what}] unknown field [{key}]; known: settings, mappings, aliases"
                )));
            }
        }
        Ok(body)
    }

    /// Takes a member that is one of a body's; whether it is.
    pub(crate) fn take(&mut self, key: &str, value: &Value) -> Result<bool, ApiError> {
        match key {
            "settings" | "mappings" | "aliases" if value.is_null() => {}
            "settings" => self.settings = Some(flatten(value)?),
            "mappings" => self.mappings = Some(read_mapping(value)?),
            "aliases" => self.aliases = Some(Alias::read_all(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses a part that no index could be made with, whatever other parts say.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        self.checked().map(drop)
    }

    /// Refuses what no index could be made with.
    pub(super) fn check_whole(&self) -> Result<(), ApiError> {
        let (settings, mapping) = self.checked()?;
        mapping.check_analysis(&settings.analysis).map_err(unparsed)?;
        settings.query.similarities.check(&mapping).map_err(unparsed)
    }

    fn checked(&self) -> Result<(IndexSettings, Mapping), ApiError> {
        let settings = IndexSettings::read(&self.settings.clone().unwrap_or_default())?;
        let mapping = parse_new_mapping(&self.mapping()).map_err(unparsed)?;
        settings.limits.check(&mapping)?;
        mapping.check_links()?;
        sort_settings::check_nested(settings.sort.as_ref(), &mapping)?;
        Ok((settings, mapping))
    }

    /// Leaves out the settings that only an older build took, before a request is put over: whatever that says of settings is refused as if
    /// they had never been said. Gives the mappings of both, of which the older one stays as it is.
    pub(in crate::indices) fn leave_out_unsound(&mut self, request: &Self) -> OlderMapping {
        self.settings = self.settings.as_ref().map(sound);
        OlderMapping { older: self.mapping(), said: request.mapping() }
    }

    /// The mapping, which may be empty.
    pub(crate) fn mapping(&self) -> Value {
        self.mappings.clone().unwrap_or_else(|| json!({}))
    }

    /// Puts another body over this one: what it says counts more.
    pub(crate) fn put_over(&mut self, other: Self, fields: FieldMerge) {
        if let Some(settings) = other.settings {
            self.settings.get_or_insert_default().extend(settings);
        }
        if let Some(mapping) = other.mappings {
            let known = self.mappings.get_or_insert_with(|| json!({}));
            merge_mappings(known, mapping, fields);
        }
        if let Some(aliases) = other.aliases {
            self.aliases.get_or_insert_default().extend(aliases);
        }
    }

    /// As the API shows it; what was not said is not shown.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        if let Some(settings) = &self.settings {
            let nested = if settings.is_empty() { json!({}) } else { json!({"index": nest(settings)}) };
            shown.insert("settings".to_owned(), nested);
        }
        if let Some(mappings) = &self.mappings {
            shown.insert("mappings".to_owned(), mappings.clone());
        }
        if let Some(aliases) = &self.aliases {
            shown.insert("aliases".to_owned(), Value::Object(aliases.clone()));
        }
        shown
    }
}

fn read_mapping(said: &Value) -> Result<Value, ApiError> {
    let parsed = match said {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| said.clone()),
        other => other.clone(),
    };
    if parsed.is_object() {
        return Ok(untyped(parsed));
    }
    Err(ApiError::new(
        400,
        "mapper_parsing_exception",
        format!("[mappings] must be an object, not [{parsed}]"),
    ))
}
