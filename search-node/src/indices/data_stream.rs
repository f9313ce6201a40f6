//! Data streams: one name for a row of backing indices, written only at its newest end.
//!
//! A write to `logs-*-*`, `metrics-*-*`, `packets-*-*`, `uptime-*-*` or `traces-*-*` makes the stream with our built-in
//! mapping. Rollover and templates of the user's own are not here yet.

use serde_json::{Value, json};

/// A data stream as the API shows it.
#[derive(Debug, Clone)]
pub struct DataStreamView {
    pub name: String,
    /// Backing indices, the oldest first: name and uuid.
    pub indices: Vec<(String, String)>,
}

const TYPES: [&str; 5] = ["logs", "metrics", "packets", "uptime", "traces"];

/// Whether a write to this name makes a data stream: `<type>-<dataset>-<namespace>`.
pub(super) fn is_stream_name(name: &str) -> bool {
    let mut parts = name.splitn(3, '-');
    let kind = parts.next().unwrap_or_default();
    TYPES.contains(&kind)
        && parts.next().is_some_and(|p| !p.is_empty())
        && parts.next().is_some_and(|p| !p.is_empty())
}

/// The name of a backing index.
pub(super) fn backing_name(stream: &str, now_millis: i64, generation: usize) -> String {
    let day = shard::mapping::dates::show(now_millis)[..10].replace('-', ".");
    format!(".ds-{stream}-{day}-{generation:06}")
}

/// The mapping of streams that nobody described: texts are keywords, `message` can be searched by word, addresses are
/// addresses. A value that does not fit costs its field, not its document.
pub(super) fn built_in_mapping() -> Value {
    let address = json!({"type": "ip", "ignore_malformed": true});
    let node = json!({"properties": {"ip": address}});
    json!({
        "date_detection": false,
        "dynamic_templates": [{
            "texts_as_keywords": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}
        }],
        "properties": {
            "@timestamp": {"type": "date"},
            "message": {"type": "text"},
            "error": {"properties": {"message": {"type": "text"}}},
            "event": {"properties": {"original": {"type": "keyword", "index": false, "doc_values": false}}},
            "host": node, "source": node, "destination": node, "client": node, "server": node, "monitor": node
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stream_names_make_streams() {
        for name in ["logs-nginx.access-default", "metrics-system.cpu-default", "uptime-http-a-b"] {
            assert!(is_stream_name(name), "{name}");
        }
        for name in ["logs", "logs-a", "logs--default", "my-logs-a-b", "logs-a-"] {
            assert!(!is_stream_name(name), "{name}");
        }
        assert_eq!(backing_name("logs-a-b", 1_795_515_630_123, 1), ".ds-logs-a-b-2026.11.24-000001");
    }

    #[test]
    fn the_built_in_mapping_is_valid() {
        shard::mapping::parse_mapping(&built_in_mapping()).expect("valid");
    }
}
