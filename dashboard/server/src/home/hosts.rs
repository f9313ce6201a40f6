//! Each host's processor, memory, load, file systems and network, from metric-beat's `system` module.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{STEP, Window, buckets, key_millis, key_text, metric};
use crate::error::ApiError;
use crate::explore::request::TIME_FIELD;
use crate::fields::Fields;
use crate::server::Api;
use crate::source::Source;

/// How many file systems and interfaces of a host are read.
const PARTS_MAX: usize = 24;

/// The lines of the small charts: name in the answer, field.
const LINES: &[(&str, &str)] = &[
    ("cpu", "system.cpu.total.norm.pct"),
    ("memory", "system.memory.actual.used.pct"),
    ("load", "system.load.1"),
];

pub(super) async fn hosts(api: &Api, window: Window) -> Result<Value, ApiError> {
    let source = Source::of("metrics-system.*");
    let fields = api.fields.of(&api.node, &source).await?;
    if fields.indices == 0 {
        return Ok(json!({"hosts": [], "present": false}));
    }
    let body = body(&fields, window, api.settings.home.items_max)?;
    let answer = api.node.search(&source, &body).await?;
    let mut hosts: BTreeMap<String, Value> = BTreeMap::new();
    for bucket in buckets(&answer, "/aggregations/hosts/buckets") {
        hosts.insert(key_text(bucket), host(bucket, window));
    }
    let list: Vec<Value> = hosts
        .into_iter()
        .map(|(name, mut host)| {
            host["name"] = json!(name);
            host
        })
        .collect();
    Ok(json!({"hosts": list, "present": true}))
}

fn body(fields: &Fields, window: Window, hosts_max: usize) -> Result<Value, ApiError> {
    let mut lines = serde_json::Map::new();
    for (name, field) in LINES {
        lines.insert((*name).to_owned(), json!({"avg": {"field": field}}));
    }
    let name_of = |field: &str| fields.countable_or_self(field);
    let extremes = |field: &str| json!({"field": field});
    Ok(json!({
        "query": {"bool": {"filter": [window.clause()?]}},
        "size": 0,
        "track_total_hits": false,
        "aggs": {"hosts": {
            "terms": {"field": name_of("host.name"), "size": hosts_max},
            "aggs": {
                "time": {
                    "date_histogram": {"field": TIME_FIELD, "fixed_interval": STEP, "min_doc_count": 1},
                    "aggs": lines,
                },
                "seen": {"max": {"field": TIME_FIELD}},
                "cores": {"max": {"field": "system.load.cores"}},
                "memory_total": {"max": {"field": "system.memory.total"}},
                "disks": {
                    "terms": {"field": name_of("system.filesystem.mount_point"), "size": PARTS_MAX},
                    "aggs": {
                        "used": {"avg": {"field": "system.filesystem.used.pct"}},
                        "total": {"max": {"field": "system.filesystem.total"}},
                    },
                },
                "interfaces": {
                    "terms": {"field": name_of("system.network.name"), "size": PARTS_MAX},
                    "aggs": {
                        "in_min": {"min": extremes("system.network.in.bytes")},
                        "in_max": {"max": extremes("system.network.in.bytes")},
                        "out_min": {"min": extremes("system.network.out.bytes")},
                        "out_max": {"max": extremes("system.network.out.bytes")},
                        "first": {"min": {"field": TIME_FIELD}},
                        "last": {"max": {"field": TIME_FIELD}},
                    },
                },
            },
        }},
    }))
}

fn host(bucket: &Value, window: Window) -> Value {
    let mut host = json!({
        "seen": metric(bucket, "seen"),
        "cores": metric(bucket, "cores"),
        "memory_total": metric(bucket, "memory_total"),
        "disks": disks(bucket),
        "interfaces": interfaces(bucket),
    });
    for (name, _) in LINES {
        let mut line: Vec<Option<f64>> = vec![None; window.steps()];
        for step in buckets(bucket, "/time/buckets") {
            if let Some(at) = window.step_of(key_millis(step)) {
                line[at] = metric(step, name);
            }
        }
        let now = line.iter().rev().find_map(|value| *value);
        host[*name] = json!({"now": now, "chart": line});
    }
    host
}

/// The fullest first: that is the one to look at.
fn disks(bucket: &Value) -> Vec<Value> {
    let mut disks: Vec<(f64, Value)> = buckets(bucket, "/disks/buckets")
        .iter()
        .filter_map(|disk| {
            let used = metric(disk, "used")?;
            Some((used, json!({"mount": key_text(disk), "used": used, "total": metric(disk, "total")})))
        })
        .collect();
    disks.sort_by(|a, b| b.0.total_cmp(&a.0));
    disks.into_iter().map(|(_, disk)| disk).collect()
}

/// Counters become rates: what was added between the first and the last report.
fn interfaces(bucket: &Value) -> Vec<Value> {
    let mut interfaces: Vec<(f64, Value)> = buckets(bucket, "/interfaces/buckets")
        .iter()
        .filter_map(|interface| {
            let seconds = (metric(interface, "last")? - metric(interface, "first")?) / 1_000.0;
            let rate = |least: &str, most: &str| {
                let added = metric(interface, most)? - metric(interface, least)?;
                (seconds > 0.0).then(|| added.max(0.0) / seconds)
            };
            let (incoming, outgoing) = (rate("in_min", "in_max")?, rate("out_min", "out_max")?);
            let row = json!({"name": key_text(interface), "in": incoming, "out": outgoing});
            Some((incoming + outgoing, row))
        })
        .collect();
    interfaces.sort_by(|a, b| b.0.total_cmp(&a.0));
    interfaces.into_iter().map(|(_, interface)| interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_counters_become_rates_and_the_busiest_is_first() {
        let interface = |name: &str, added: f64| {
            json!({"key": name,
                "in_min": {"value": 100.0}, "in_max": {"value": 100.0 + added}, "out_min": {"value": 0.0}, "out_max": {"value": 0.0},
                "first": {"value": 0.0}, "last": {"value": 10_000.0}})
        };
        let bucket = json!({"interfaces": {"buckets": [interface("lo", 10.0), interface("eth0", 1_000.0)]}});

        let rows = interfaces(&bucket);

        assert_eq!(rows[0], json!({"name": "eth0", "in": 100.0, "out": 0.0}));
        assert_eq!(rows[1]["name"], "lo");
    }

    #[test]
    fn one_report_alone_has_no_rate() {
        let bucket = json!({"interfaces": {"buckets": [{"key": "lo",
            "in_min": {"value": 1.0}, "in_max": {"value": 1.0}, "out_min": {"value": 1.0}, "out_max": {"value": 1.0},
            "first": {"value": 5.0}, "last": {"value": 5.0}}]}});
        assert!(interfaces(&bucket).is_empty());
    }
}
