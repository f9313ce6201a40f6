//! The settings that operators change while the cluster runs (`_cluster/settings`), as the map keeps them.

use std::collections::BTreeMap;

use cluster::allocation::{AllocationSettings, SettingError};
use cluster::state::{ClusterState, Command};

use crate::action::async_search::RESPONSE_SIZE;
use crate::action::search::{
    DEFAULT_KEEP_ALIVE, HeldLimits, MAX_BUCKETS, MAX_KEEP_ALIVE, MAX_OPEN_PIT_CONTEXT,
    MAX_OPEN_SCROLL_CONTEXT, MAX_OPEN_SCROLL_SIZE,
};
use crate::indices::{AUTO_CREATE, AutoCreate};

/// What these settings are among the texts of the map.
const KIND: &str = "settings";

/// Whether the copies that are searched are chosen by how soon their nodes answer; else they are taken in turn.
const ADAPTIVE: &str = "cluster.routing.use_adaptive_replica_selection";

/// How many bytes a second a node takes at most for copies that are filled.
const RECOVERY_BYTES: &str = "indices.recovery.max_bytes_per_sec";

/// What is said about points in time that are held for clients.
const HELD: [&str; 4] = [MAX_OPEN_SCROLL_CONTEXT, MAX_OPEN_PIT_CONTEXT, MAX_KEEP_ALIVE, DEFAULT_KEEP_ALIVE];

/// Whether a setting is for good, or an operator's answer to what happens now. Both outlive restarts of nodes; the second stands
/// above the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    Persistent,
    Transient,
}

/// All that is set, by full names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DynamicSettings {
    pub(crate) persistent: BTreeMap<String, String>,
    pub(crate) transient: BTreeMap<String, String>,
}

impl Lasting {
    /// Its name in requests, and in the map.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Transient => "transient",
        }
    }
}

impl DynamicSettings {
    /// What the map says. A text of another build that cannot be read counts as none.
    pub(crate) fn of(map: &ClusterState) -> Self {
        let read = |lasting: Lasting| {
            let text = map.metadata.get(KIND, lasting.name());
            text.and_then(|text| serde_json::from_str(&text.text).ok()).unwrap_or_default()
        };
        Self { persistent: read(Lasting::Persistent), transient: read(Lasting::Transient) }
    }

    pub(crate) fn get(&self, lasting: Lasting) -> &BTreeMap<String, String> {
        match lasting {
            Lasting::Persistent => &self.persistent,
            Lasting::Transient => &self.transient,
        }
    }

    pub(crate) fn get_mut(&mut self, lasting: Lasting) -> &mut BTreeMap<String, String> {
        match lasting {
            Lasting::Persistent => &mut self.persistent,
            Lasting::Transient => &mut self.transient,
        }
    }

    /// What counts of all that is set, over what a node's own settings say.
    pub(crate) fn values(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut values = own.clone();
        values.extend(self.persistent.clone());
        values.extend(self.transient.clone());
        values
    }

    /// What counts of all that is set under a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.transient.get(name).or_else(|| self.persistent.get(name)).map(String::as_str)
    }

    /// Whether there is a setting of this name.
    pub(crate) fn knows(name: &str) -> bool {
        matches!(name, ADAPTIVE | AUTO_CREATE | RECOVERY_BYTES | RESPONSE_SIZE)
            || [MAX_OPEN_SCROLL_SIZE, MAX_BUCKETS].contains(&name)
            || HELD.contains(&name)
            || AllocationSettings::knows(name)
    }

    /// Why a setting does not take a value.
    pub(crate) fn check(name: &str, value: &str) -> Result<(), String> {
        if matches!(name, RESPONSE_SIZE | MAX_OPEN_SCROLL_SIZE) {
            return read_bytes(value).map(drop).ok_or_else(|| {
                format!("failed to parse setting [{name}] with value [{value}] as a size in bytes: use 10mb")
            });
        }
        if name == RECOVERY_BYTES {
            return read_bytes(value).map(drop).ok_or_else(|| {
                format!("failed to parse setting [{name}] with value [{value}] as a size in bytes: use 40mb, or 0 for no bound")
            });
        }
        if HELD.contains(&name) || name == MAX_BUCKETS {
            return check_held(name, value);
        }
        if name == AUTO_CREATE {
            return AutoCreate::read(value).map(drop);
        }
        if name != ADAPTIVE {
            return AllocationSettings::read_one(name, value).map_err(|error| error.to_string());
        }
        value.parse::<bool>().map(drop).map_err(|_| {
            format!("failed to parse value [{value}] for setting [{name}]: expected true or false")
        })
    }

    /// Whether copies are searched that are likely to answer soonest.
    pub(crate) fn chooses_soonest(&self) -> bool {
        self.value(ADAPTIVE).is_none_or(|value| value != "false")
    }

    /// How large the answer of an asynchronous search may be that is kept, where a node's own settings say `own`.
    pub(crate) fn async_response_bytes(&self, own: u64) -> u64 {
        self.value(RESPONSE_SIZE).and_then(read_bytes).unwrap_or(own)
    }

    /// How many buckets an answer may have, if that is said.
    pub(crate) fn buckets_max(&self) -> Option<usize> {
        self.value(MAX_BUCKETS).and_then(|value| value.parse().ok())
    }

    /// How many points in time nodes hold for clients and for how long, where a node's own settings say `own`.
    pub(crate) fn held_limits(&self, own: &HeldLimits) -> HeldLimits {
        let count = |name| self.value(name).and_then(|value| value.parse().ok());
        let span = |name| self.value(name).and_then(settings::parse_duration);
        HeldLimits {
            scrolls_max: count(MAX_OPEN_SCROLL_CONTEXT).unwrap_or(own.scrolls_max),
            scroll_bytes_max: self
                .value(MAX_OPEN_SCROLL_SIZE)
                .and_then(read_bytes)
                .unwrap_or(own.scroll_bytes_max),
            points_max: count(MAX_OPEN_PIT_CONTEXT).unwrap_or(own.points_max),
            keep_default: span(DEFAULT_KEEP_ALIVE).unwrap_or(own.keep_default),
            keep_max: span(MAX_KEEP_ALIVE).unwrap_or(own.keep_max),
        }
    }

    /// How many bytes a second a node may take for copies that are filled, where its own settings say `own`; none for no bound.
    pub(crate) fn recovery_bytes(&self, own: Option<u64>) -> Option<u64> {
        match self.value(RECOVERY_BYTES).and_then(read_bytes) {
            Some(bytes) => Some(bytes).filter(|bytes| *bytes > 0),
            None => own,
        }
    }

    /// What is set about allocation, and what was left out of it, and why. What was agreed on was checked by the node that asked for it,
    /// which may have been of an older build. Should marks of the disk not fit this node's own settings, those give way.
    pub(crate) fn allocation(
        &self,
        own: &BTreeMap<String, String>,
    ) -> (AllocationSettings, Vec<SettingError>) {
        let read = |values: &BTreeMap<String, String>| {
            let known = values.iter().filter(|(name, _)| AllocationSettings::knows(name));
            AllocationSettings::read_stored(known.map(|(name, value)| (name.as_str(), value.as_str())))
        };
        let (settings, left_out) = read(&self.values(own));
        let is_unfit = left_out.iter().any(|error| matches!(error, SettingError::Watermarks { .. }));
        if is_unfit { read(&self.values(&BTreeMap::new())) } else { (settings, left_out) }
    }

    /// The commands that make the map say this instead of `current`, where it says what was seen.
    pub(crate) fn commands(&self, current: &Self, seen: &ClusterState) -> Vec<Command> {
        let (AllocationSettings { filters, .. }, _) = self.allocation(&BTreeMap::new());
        let are_others = filters != seen.filters;
        // Rules come from both kinds: neither may change meanwhile.
        let changing = [Lasting::Persistent, Lasting::Transient]
            .into_iter()
            .filter(|lasting| are_others || self.get(*lasting) != current.get(*lasting));
        let mut commands: Vec<Command> = changing.map(|lasting| self.command(seen, lasting)).collect();
        commands.extend(are_others.then_some(Command::SetFilters { filters }));
        commands
    }

    /// The command that makes the map say this of one kind.
    fn command(&self, seen: &ClusterState, lasting: Lasting) -> Command {
        let (kind, name) = (KIND.to_owned(), lasting.name().to_owned());
        let version = seen.metadata.get(KIND, lasting.name()).map(|text| text.version);
        let settings = self.get(lasting);
        // Texts by names always can be written.
        let text = (!settings.is_empty()).then(|| serde_json::to_string(settings).unwrap_or_default());
        Command::ChangeMetadata { kind, name, seen: version, text }
    }
}

/// Why one of these does not take a value.
fn check_held(name: &str, value: &str) -> Result<(), String> {
    if matches!(name, MAX_KEEP_ALIVE | DEFAULT_KEEP_ALIVE) {
        return settings::parse_duration(value).map(drop).ok_or_else(|| {
            format!("failed to parse setting [{name}] with value [{value}] as a time value: unit is missing or unrecognized")
        });
    }
    let number = value.parse::<i32>();
    let is_sound = number.as_ref().is_ok_and(|number| *number >= 0);
    if is_sound {
        return Ok(());
    }
    Err(match number {
        Ok(_) => format!("Failed to parse value [{value}] for setting [{name}] must be >= 0"),
        Err(_) => format!("Failed to parse value [{value}] for setting [{name}]"),
    })
}

/// An amount of bytes; `-1` is none at all, as Elasticsearch has it.
fn read_bytes(value: &str) -> Option<u64> {
    if matches!(value, "-1" | "0") { Some(0) } else { settings::parse_bytes(value) }
}

#[cfg(test)]
mod tests {
    use cluster::allocation::Watermark;
    use cluster::state::Enable;

    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn copies_are_chosen_by_how_soon_they_answer_unless_somebody_says_otherwise() {
        assert!(DynamicSettings::default().chooses_soonest());
        let mut set =
            DynamicSettings { persistent: texts(&[(ADAPTIVE, "false")]), ..DynamicSettings::default() };
        assert!(!set.chooses_soonest());
        assert_eq!(
            set.allocation(&BTreeMap::new()).0,
            AllocationSettings::default(),
            "it is none of allocation's"
        );
        set.transient = texts(&[(ADAPTIVE, "true")]);
        assert!(set.chooses_soonest());
        assert!(DynamicSettings::knows(ADAPTIVE) && DynamicSettings::check(ADAPTIVE, "true").is_ok());
        assert!(DynamicSettings::check(ADAPTIVE, "yes").is_err_and(|reason| reason.contains("[yes]")));
    }

    const ENABLE: &str = "cluster.routing.allocation.enable";
    const HIGH: &str = "cluster.routing.allocation.disk.watermark.high";

    #[test]
    fn how_fast_copies_are_filled_is_what_was_said_last() {
        let mut set = DynamicSettings::default();
        assert_eq!(set.recovery_bytes(Some(7)), Some(7));
        for (value, bytes) in [("20mb", Some(20 << 20)), ("0", None), ("-1", None)] {
            assert_eq!(DynamicSettings::check(RECOVERY_BYTES, value), Ok(()), "{value}");
            set.persistent = texts(&[(RECOVERY_BYTES, value)]);
            assert_eq!(set.recovery_bytes(Some(7)), bytes, "{value}");
        }
        set.transient = texts(&[(RECOVERY_BYTES, "1kb")]);
        assert_eq!(set.recovery_bytes(None), Some(1024));
        assert!(
            DynamicSettings::check(RECOVERY_BYTES, "fast").is_err_and(|reason| reason.contains("[fast]"))
        );
    }

    #[test]
    fn buckets_are_as_many_as_was_said_last() {
        let mut set = DynamicSettings::default();
        assert_eq!(set.buckets_max(), None);
        set.persistent = texts(&[(MAX_BUCKETS, "10")]);
        set.transient = texts(&[(MAX_BUCKETS, "7")]);
        assert_eq!((set.buckets_max(), DynamicSettings::knows(MAX_BUCKETS)), (Some(7), true));
        assert_eq!(DynamicSettings::check(MAX_BUCKETS, "0"), Ok(()));
        for value in ["-1", "many"] {
            assert!(DynamicSettings::check(MAX_BUCKETS, value).is_err_and(|reason| reason.contains(value)));
        }
    }

    #[test]
    fn the_map_keeps_what_is_set_and_forgets_what_is_not() {
        let mut map = ClusterState::default();
        let set = DynamicSettings { transient: texts(&[(ENABLE, "none")]), ..DynamicSettings::default() };
        map.apply(set.command(&map, Lasting::Transient)).expect("changed");
        assert_eq!(DynamicSettings::of(&map), set);

        let overtaken = set.command(&ClusterState::default(), Lasting::Transient);
        assert!(map.apply(overtaken).is_err(), "somebody else has changed it meanwhile");
        map.apply(DynamicSettings::default().command(&map, Lasting::Transient)).expect("changed");

        assert_eq!(DynamicSettings::of(&map), DynamicSettings::default());
    }

    #[test]
    fn transient_stands_above_persistent_and_that_above_the_nodes_own() {
        let set = DynamicSettings {
            persistent: texts(&[(ENABLE, "primaries"), (HIGH, "91%")]),
            transient: texts(&[(ENABLE, "none")]),
        };

        let (allocation, _) = set.allocation(&texts(&[(HIGH, "93%"), (ENABLE, "new_primaries")]));

        assert_eq!(allocation.enable, Enable::None);
        assert_eq!(allocation.disk.high, Watermark::Used(0.91));
    }

    #[test]
    fn own_settings_give_way_where_both_do_not_fit() {
        let set = DynamicSettings { persistent: texts(&[(HIGH, "94%")]), ..DynamicSettings::default() };
        let own = texts(&[("cluster.routing.allocation.disk.watermark.flood_stage", "92%")]);

        assert_eq!(set.allocation(&own).0.disk.high, Watermark::Used(0.94));
    }

    /// A map of an older build, which took what this one does not: only that is left out, and what else is set stays.
    #[test]
    fn a_stored_value_that_is_not_taken_any_more_costs_itself_alone() {
        const RULE: &str = "cluster.routing.allocation.exclude._name";
        for (name, value) in [
            ("cluster.max_shards_per_node", "0"),
            ("cluster.routing.allocation.require._ip", "alpha"),
            ("cluster.routing.allocation.balance.threshold", "-1"),
        ] {
            let mut map = ClusterState::default();
            let before = DynamicSettings {
                persistent: texts(&[(name, value), (HIGH, "91%"), (RULE, "n1")]),
                ..DynamicSettings::default()
            };
            map.apply(before.command(&map, Lasting::Persistent)).expect("stored");
            let mut filters = texts(&[("exclude._name", "n1")]);
            if name.ends_with("_ip") {
                filters.insert("require._ip".to_owned(), value.to_owned());
            }
            map.apply(Command::SetFilters { filters }).expect("stored");
            let stored = DynamicSettings::of(&map);

            let own = texts(&[("cluster.routing.allocation.disk.watermark.flood_stage", "96%")]);
            let (allocation, left_out) = stored.allocation(&own);

            assert_eq!(left_out.len(), 1, "{left_out:?}");
            assert!(left_out[0].to_string().contains(name), "{}", left_out[0]);
            assert_eq!(allocation.disk.high, Watermark::Used(0.91), "{name}");
            assert_eq!(allocation.disk.flood_stage, Watermark::Used(0.96), "{name}");
            assert_eq!(allocation.max_shards_per_node, 1_000);
            assert_eq!(allocation.filters, texts(&[("exclude._name", "n1")]), "{name}");
            let mut next = stored.clone();
            next.transient.insert(ENABLE.to_owned(), "primaries".to_owned());
            for command in next.commands(&stored, &map) {
                map.apply(command).expect("changed");
            }
            assert_eq!(map.filters, allocation.filters, "{name}: what else was set stays");
        }
        let none =
            ["index", "shard"].map(|of| (format!("cluster.routing.allocation.balance.{of}"), "0".to_owned()));
        let set = DynamicSettings { persistent: none.into(), ..DynamicSettings::default() };
        let (allocation, left_out) = set.allocation(&BTreeMap::new());
        assert_eq!((allocation, left_out.len()), (AllocationSettings::default(), 1));
    }
}
