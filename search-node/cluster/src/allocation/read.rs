//! The settings of allocation by the names that operators give.

use super::settings::AllowRebalance;
use super::{AllocationSettings, BalanceSettings, DiskSettings, Watermark};
use crate::state::{Enable, IndexAllocation, RebalanceEnable, check_rule};

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Nothing of allocation has this name.
    #[error("unknown setting [{0}]; see the reference of cluster settings")]
    Unknown(String),
    /// The value is not one of those that there are.
    #[error("failed to parse value [{value}] for setting [{name}]: expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
        /// What may be given.
        expected: &'static str,
    },
    /// Nothing would weigh anything.
    #[error(
        "[cluster.routing.allocation.balance.index] and [cluster.routing.allocation.balance.shard] must sum to more than 0, or no node has more than another"
    )]
    Balance,
    /// The marks of the disk do not fit together.
    #[error(
        "the disk watermarks low [{low}], high [{high}] and flood stage [{flood_stage}] must be of one kind, shares or amounts, and must not fall; set all that change together"
    )]
    Watermarks {
        /// `low`.
        low: String,
        /// `high`.
        high: String,
        /// `flood_stage`.
        flood_stage: String,
    },
}

const ALLOCATION: &str = "cluster.routing.allocation.";

impl AllocationSettings {
    /// The settings with these values by their full names, and defaults for the rest.
    pub fn read<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SettingError> {
        let (settings, mut left_out) = Self::read_stored(values);
        if left_out.is_empty() { Ok(settings) } else { Err(left_out.swap_remove(0)) }
    }

    /// The same of values that were agreed on, perhaps by a build that knew other bounds: what is refused is left out, and what it would
    /// have set is as if nobody had said anything; and why.
    pub fn read_stored<'a>(
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<SettingError>) {
        let mut settings = Self::default();
        let mut left_out: Vec<SettingError> =
            values.into_iter().filter_map(|(name, value)| settings.set(name, value).err()).collect();
        if let Err(error) = settings.check_watermarks() {
            left_out.push(error);
            let is_enabled = settings.disk.is_enabled;
            settings.disk = DiskSettings { is_enabled, ..DiskSettings::default() };
        }
        if settings.balance.index + settings.balance.shard <= 0.0 {
            left_out.push(SettingError::Balance);
            let threshold = settings.balance.threshold;
            settings.balance = BalanceSettings { threshold, ..BalanceSettings::default() };
        }
        (settings, left_out)
    }

    /// Whether a setting is one of allocation's.
    pub fn knows(name: &str) -> bool {
        !matches!(Self::default().set(name, ""), Err(SettingError::Unknown(_)))
    }

    /// Whether a value is one that a setting takes, whatever the others are.
    pub fn read_one(name: &str, value: &str) -> Result<(), SettingError> {
        Self::default().set(name, value)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        match name {
            "cluster.routing.rebalance.enable" => self.rebalance = rebalance(name, value)?,
            "cluster.max_shards_per_node" => self.max_shards_per_node = positive(name, value)?,
            _ => {
                let short = name.strip_prefix(ALLOCATION).ok_or_else(|| unknown(name))?;
                self.set_of_allocation(name, short, value)?;
            }
        }
        Ok(())
    }

    fn set_of_allocation(&mut self, name: &str, short: &str, value: &str) -> Result<(), SettingError> {
        match short {
            "enable" => self.enable = enable(name, value)?,
            "allow_rebalance" => self.allow_rebalance = allow_rebalance(name, value)?,
            "cluster_concurrent_rebalance" => self.rebalances = number_or_any(name, value)?,
            "node_concurrent_recoveries" => self.recoveries = number(name, value)?,
            "node_concurrent_incoming_recoveries" => self.incoming_recoveries = Some(number(name, value)?),
            "node_concurrent_outgoing_recoveries" => self.outgoing_recoveries = Some(number(name, value)?),
            "node_initial_primaries_recoveries" => self.initial_primaries = number(name, value)?,
            "same_shard.host" => self.is_host_shared = boolean(name, value)?,
            "total_shards_per_node" => {
                self.shards_per_node = number_or_any(name, value)?.map(|most| most as u32);
            }
            "awareness.attributes" => self.awareness = list(value),
            "disk.threshold_enabled" => self.disk.is_enabled = boolean(name, value)?,
            "disk.watermark.low" => self.disk.low = watermark(name, value)?,
            "disk.watermark.high" => self.disk.high = watermark(name, value)?,
            "disk.watermark.flood_stage" => self.disk.flood_stage = watermark(name, value)?,
            "balance.index" => self.balance.index = factor(name, value)?,
            "balance.shard" => self.balance.shard = factor(name, value)?,
            "balance.threshold" => self.balance.threshold = factor(name, value)?,
            _ => return self.set_by_attribute(name, short, value),
        }
        Ok(())
    }

    /// The settings whose names end with, or hold, an attribute of nodes.
    fn set_by_attribute(&mut self, name: &str, short: &str, value: &str) -> Result<(), SettingError> {
        let forced = short.strip_prefix("awareness.force.").and_then(|rest| rest.strip_suffix(".values"));
        if let Some(attribute) = forced {
            self.forced_values.insert(attribute.to_owned(), list(value).into_iter().collect());
            return Ok(());
        }
        let rule = short.split_once('.').filter(|(_, attribute)| !attribute.is_empty());
        if !rule.is_some_and(|(kind, _)| matches!(kind, "require" | "include" | "exclude")) {
            return Err(unknown(name));
        }
        // An empty value takes the rule away, as operators do it.
        if value.trim().is_empty() {
            self.filters.remove(short);
        } else {
            check_rule(short, value).map_err(|expected| wrong(name, value, expected))?;
            self.filters.insert(short.to_owned(), value.to_owned());
        }
        Ok(())
    }

    fn check_watermarks(&self) -> Result<(), SettingError> {
        let disk = &self.disk;
        let is_in_order = disk.low.is_above(disk.high) == Some(false)
            && disk.high.is_above(disk.flood_stage) == Some(false);
        if is_in_order || !disk.is_enabled {
            return Ok(());
        }
        let [low, high, flood_stage] = [disk.low, disk.high, disk.flood_stage].map(|mark| mark.to_string());
        Err(SettingError::Watermarks { low, high, flood_stage })
    }
}

impl IndexAllocation {
    /// Reads a setting of an index by its full name; gives whether it is one of these.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, SettingError> {
        match name {
            "index.routing.allocation.enable" => self.enable = Some(enable(name, value)?),
            "index.routing.rebalance.enable" => self.rebalance = Some(rebalance(name, value)?),
            "index.routing.allocation.total_shards_per_node" => {
                self.shards_per_node = number_or_any(name, value)?.map(|most| most as u32);
            }
            "index.allocation.max_retries" => self.max_retries = number(name, value)? as u32,
            "index.unassigned.node_left.delayed_timeout" => self.delay_millis = millis(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn unknown(name: &str) -> SettingError {
    SettingError::Unknown(name.to_owned())
}

fn wrong(name: &str, value: &str, expected: &'static str) -> SettingError {
    SettingError::Value { name: name.to_owned(), value: value.to_owned(), expected }
}

fn enable(name: &str, value: &str) -> Result<Enable, SettingError> {
    match value.to_ascii_lowercase().as_str() {
        "all" => Ok(Enable::All),
        "primaries" => Ok(Enable::Primaries),
        "new_primaries" => Ok(Enable::NewPrimaries),
        "none" => Ok(Enable::None),
        _ => Err(wrong(name, value, "all, primaries, new_primaries or none")),
    }
}

fn rebalance(name: &str, value: &str) -> Result<RebalanceEnable, SettingError> {
    match value.to_ascii_lowercase().as_str() {
        "all" => Ok(RebalanceEnable::All),
        "primaries" => Ok(RebalanceEnable::Primaries),
        "replicas" => Ok(RebalanceEnable::Replicas),
        "none" => Ok(RebalanceEnable::None),
        _ => Err(wrong(name, value, "all, primaries, replicas or none")),
    }
}

fn allow_rebalance(name: &str, value: &str) -> Result<AllowRebalance, SettingError> {
    match value.to_ascii_lowercase().as_str() {
        "always" => Ok(AllowRebalance::Always),
        "indices_primaries_active" => Ok(AllowRebalance::IndicesPrimariesActive),
        "indices_all_active" => Ok(AllowRebalance::IndicesAllActive),
        _ => Err(wrong(name, value, "always, indices_primaries_active or indices_all_active")),
    }
}

fn boolean(name: &str, value: &str) -> Result<bool, SettingError> {
    value.parse().map_err(|_| wrong(name, value, "true or false"))
}

fn number(name: &str, value: &str) -> Result<usize, SettingError> {
    let number: Option<u32> = value.parse().ok();
    number.map(|number| number as usize).ok_or_else(|| wrong(name, value, "a whole number from 0 on"))
}

fn positive(name: &str, value: &str) -> Result<usize, SettingError> {
    number(name, value)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| wrong(name, value, "a whole number from 1 on"))
}

fn number_or_any(name: &str, value: &str) -> Result<Option<usize>, SettingError> {
    if value == "-1" {
        return Ok(None);
    }
    let number: Option<u32> = value.parse().ok();
    number
        .map(|number| Some(number as usize))
        .ok_or_else(|| wrong(name, value, "a whole number from 0 on, or -1 for any number"))
}

fn factor(name: &str, value: &str) -> Result<f64, SettingError> {
    let factor: Option<f64> = value.parse().ok();
    factor
        .filter(|factor| (0.0..=1e9).contains(factor))
        .ok_or_else(|| wrong(name, value, "a number from 0 on, like 0.45"))
}

fn watermark(name: &str, value: &str) -> Result<Watermark, SettingError> {
    Watermark::read(value).ok_or_else(|| {
        wrong(name, value, "a share that may be used, like 85%, or what must be free, like 20gb")
    })
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn millis(name: &str, value: &str) -> Result<i64, SettingError> {
    // As in Elasticsearch, less than no time is none.
    if let Some(positive) = value.strip_prefix('-') {
        return if positive == "1" { Ok(0) } else { millis(name, positive).map(|_| 0) };
    }
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &value[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        "" if digits == "0" => Some(1),
        _ => None,
    };
    let number: Option<u32> = digits.parse().ok();
    number
        .zip(unit)
        .map(|(number, unit)| i64::from(number) * unit)
        .ok_or_else(|| wrong(name, value, "a time like 1m or 30s"))
}
