//! The largest flows and the latest DNS questions, from packet-beat.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Window, buckets};
use crate::document::{number_at, text_at};
use crate::error::ApiError;
use crate::explore::request::TIME_FIELD;
use crate::server::Api;
use crate::source::Source;

/// How many of the largest flow reports are read; a long flow reports many times.
const REPORTS_READ: usize = 400;

pub(super) async fn network(api: &Api, window: Window) -> Result<Value, ApiError> {
    let source = Source::of("packets-*");
    let fields = api.fields.of(&api.node, &source).await?;
    if fields.indices == 0 {
        return Ok(json!({"flows": [], "questions": [], "present": false}));
    }
    let flows = json!({
        "query": {"bool": {"filter": [window.clause()?, {"exists": {"field": "flow.id"}}]}},
        "size": REPORTS_READ,
        "_source": ["flow", "network", "source", "destination"],
        "track_total_hits": false,
        "sort": [{"network.bytes": {"order": "desc", "unmapped_type": "long"}}],
    });
    let questions = json!({
        "query": {"bool": {"filter": [window.clause()?, {"exists": {"field": "dns.question.name"}}]}},
        "size": api.settings.home.rows,
        "_source": ["dns.question", "dns.response_code", "dns.resolved_ip", "event.duration", "status", "client.ip", "source.ip"],
        "track_total_hits": false,
        "sort": [{TIME_FIELD: {"order": "desc", "unmapped_type": "date"}}],
    });
    let (flows, questions) =
        futures::future::try_join(api.node.search(&source, &flows), api.node.search(&source, &questions))
            .await?;
    Ok(json!({
        "flows": largest(&flows, api.settings.home.rows),
        "questions": dns(&questions),
        "present": true,
    }))
}

/// A pair of hosts that talk, with what they said.
#[derive(Debug, Default)]
struct Talk {
    bytes: f64,
    packets: f64,
    flows: u64,
    protocol: Option<String>,
}

/// Reports of one flow grow, so its largest counts; flows between the same ends are one line.
fn largest(answer: &Value, limit: usize) -> Vec<Value> {
    let mut flows: HashMap<String, &Map<String, Value>> = HashMap::new();
    for hit in buckets(answer, "/hits/hits") {
        let Some(source) = hit.get("_source").and_then(Value::as_object) else {
            continue;
        };
        if let Some(id) = text_at(source, "flow.id") {
            // The answer is sorted: the first report of a flow is its largest.
            flows.entry(id).or_insert(source);
        }
    }
    let mut talks: HashMap<[String; 4], Talk> = HashMap::new();
    for source in flows.values() {
        let text = |name: &str| text_at(source, name).unwrap_or_default();
        let ends =
            [text("source.ip"), text("destination.ip"), text("destination.port"), text("network.transport")];
        let talk = talks.entry(ends).or_default();
        talk.bytes += number_at(source, "network.bytes").unwrap_or(0.0);
        talk.packets += number_at(source, "network.packets").unwrap_or(0.0);
        talk.flows += 1;
        talk.protocol = talk.protocol.take().or_else(|| text_at(source, "network.protocol"));
    }
    let mut talks: Vec<([String; 4], Talk)> = talks.into_iter().collect();
    talks.sort_by(|(ends, a), (others, b)| b.bytes.total_cmp(&a.bytes).then_with(|| ends.cmp(others)));
    talks
        .into_iter()
        .take(limit)
        .map(|([from, to, port, transport], talk)| {
            json!({
                "from": from, "to": to, "port": port, "transport": transport, "protocol": talk.protocol,
                "bytes": talk.bytes, "packets": talk.packets, "flows": talk.flows,
            })
        })
        .collect()
}

fn dns(answer: &Value) -> Vec<Value> {
    buckets(answer, "/hits/hits")
        .iter()
        .filter_map(|hit| {
            let source = hit.get("_source").and_then(Value::as_object)?;
            Some(json!({
                "name": text_at(source, "dns.question.name")?,
                "type": text_at(source, "dns.question.type"),
                "code": text_at(source, "dns.response_code"),
                "answer": text_at(source, "dns.resolved_ip"),
                "client": text_at(source, "client.ip").or_else(|| text_at(source, "source.ip")),
                "duration_ns": number_at(source, "event.duration"),
                "seen": hit.pointer("/sort/0"),
            }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_one_flow_count_once_and_ends_are_joined() {
        let report = |id: &str, port: u64, bytes: u64| {
            json!({"_source": {"flow": {"id": id}, "source": {"ip": "10.0.0.1"}, "destination": {"ip": "10.0.0.2", "port": port},
                "network": {"bytes": bytes, "packets": 1, "transport": "tcp"}}})
        };
        let answer = json!({"hits": {"hits": [report("a", 443, 900), report("a", 443, 500), report("b", 443, 100), report("c", 22, 950)]}});

        let rows = largest(&answer, 10);

        assert_eq!(rows.len(), 2);
        assert_eq!(
            (&rows[0]["port"], &rows[0]["bytes"], &rows[0]["flows"]),
            (&json!("443"), &json!(1000.0), &json!(2))
        );
        assert_eq!(rows[1]["bytes"], json!(950.0));
    }
}
