//! What every event of this process has in common: `agent.*`, `host.*`, `ecs.version`, tags and fields.
//!
//! It does not travel with each event but is rendered once as JSON and joined when an output writes the document:
//! a line costs no copies of its host's name. Where processors may look at or drop these fields, the pipeline puts
//! them on the event first and gives the output an empty [`Common`].

use std::fmt::Write;
use std::net::IpAddr;

use event::{Event, Map, Value, json};
use fs_err as fs;

use crate::identity::Identity;

/// The version of the Elastic Common Schema that the field names follow.
pub(crate) const ECS_VERSION: &str = "8.17.0";

/// The fields that every event of this process has.
#[derive(Debug, Clone, Default)]
pub struct Common {
    fields: Map<String, Value>,
    /// The members as JSON, each after a comma.
    rendered: String,
}

impl Common {
    /// From an object.
    pub fn new(fields: Map<String, Value>) -> Self {
        let mut rendered = String::new();
        for (key, value) in &fields {
            let _infallible = write!(rendered, ",{}:{value}", Value::from(key.as_str()));
        }
        Self { fields, rendered }
    }

    /// The agent, the host, tags and fields of the settings.
    pub fn of(program: &str, identity: &Identity, settings: &settings::Settings) -> Self {
        let host = host_fields(&settings.text("name"));
        let name = host["name"].clone();
        let mut fields = Map::new();
        fields.insert("ecs".to_owned(), json!({"version": ECS_VERSION}));
        fields.insert("host".to_owned(), Value::Object(host));
        let agent = json!({
            "type": program, "version": env!("CARGO_PKG_VERSION"), "name": name,
            "id": identity.id, "ephemeral_id": identity.ephemeral_id,
        });
        fields.insert("agent".to_owned(), agent);
        let tags = settings.list("tags");
        if !tags.is_empty() {
            fields.insert("tags".to_owned(), tags.into());
        }
        if let Some(Value::Object(own)) = settings.node("fields").map(crate::to_json) {
            if settings.bool("fields_under_root") {
                merge(&mut fields, &own);
            } else {
                fields.insert("fields".to_owned(), Value::Object(own));
            }
        }
        Self::new(fields)
    }

    /// The program's name, empty where nothing is common.
    pub(crate) fn program(&self) -> &str {
        self.fields
            .get("agent")
            .and_then(|agent| agent.get("type"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The document as one line of JSON.
    pub fn document(&self, event: &Event) -> String {
        if self.fields.keys().any(|key| event.fields.contains_key(key)) {
            let mut event = event.clone();
            self.put_on(&mut event);
            return Value::Object(event.to_document()).to_string();
        }
        let mut text = String::with_capacity(self.rendered.len() + 512);
        let _infallible = write!(text, "{{\"@timestamp\":\"{}\"", event.timestamp);
        for (key, value) in &event.fields {
            let _infallible = write!(text, ",{}:{value}", Value::from(key.as_str()));
        }
        text.push_str(&self.rendered);
        text.push('}');
        text
    }

    /// Puts the fields on the event; where both have a value the event's own wins, and tags are joined.
    pub fn put_on(&self, event: &mut Event) {
        merge(&mut event.fields, &self.fields);
    }
}

fn merge(own: &mut Map<String, Value>, common: &Map<String, Value>) {
    for (key, value) in common {
        match (own.get_mut(key), value) {
            (None, _) => {
                own.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(inner)), Value::Object(outer)) => merge(inner, outer),
            (Some(Value::Array(tags)), Value::Array(more)) if key == "tags" => {
                let missing: Vec<Value> = more.iter().filter(|tag| !tags.contains(tag)).cloned().collect();
                tags.extend(missing);
            }
            (Some(_), _) => {}
        }
    }
}

/// `host.*` of this machine; `name` replaces its name if it is not empty.
pub fn host_fields(name: &str) -> Map<String, Value> {
    let hostname = first_line("/proc/sys/kernel/hostname").unwrap_or_else(|| "localhost".to_owned());
    let release = os_release();
    let member = |key: &str| release.get(key).cloned().unwrap_or_default();
    let mut host = Map::new();
    host.insert("name".to_owned(), if name.is_empty() { hostname.clone() } else { name.to_owned() }.into());
    host.insert("hostname".to_owned(), hostname.into());
    host.insert("architecture".to_owned(), std::env::consts::ARCH.into());
    host.insert(
        "os".to_owned(),
        json!({
            "type": "linux", "platform": member("ID"), "family": family(&member("ID"), &member("ID_LIKE")),
            "name": member("NAME"), "version": member("VERSION_ID"), "kernel": first_line("/proc/sys/kernel/osrelease").unwrap_or_default(),
        }),
    );
    if let Some(id) = first_line("/etc/machine-id").filter(|id| !id.is_empty()) {
        host.insert("id".to_owned(), id.into());
    }
    let addresses = addresses();
    if !addresses.is_empty() {
        host.insert(
            "ip".to_owned(),
            addresses.into_iter().map(|ip| ip.to_string()).collect::<Vec<_>>().into(),
        );
    }
    host
}

fn first_line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(|line| line.trim().to_owned())
}

fn os_release() -> std::collections::HashMap<String, String> {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

fn family(id: &str, like: &str) -> String {
    let names = format!("{id} {like}");
    let known = [
        ("debian", "debian"),
        ("ubuntu", "debian"),
        ("rhel", "redhat"),
        ("fedora", "redhat"),
        ("centos", "redhat"),
        ("suse", "suse"),
    ];
    known.iter().find(|(name, _)| names.contains(name)).map_or(id, |(_, family)| family).to_owned()
}

/// The local addresses, from the kernel's own tables; loopback is left out.
fn addresses() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = local_v4();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    found.extend(v6.lines().filter_map(|line| {
        let bits = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(IpAddr::V6(bits.into()))
    }));
    found.retain(|ip| !ip.is_loopback());
    found.dedup();
    found
}

/// IPv4 addresses stand in the routing trie as `/32 host LOCAL` under the address itself.
fn local_v4() -> Vec<IpAddr> {
    let text = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<IpAddr>().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(ip) = last.take()
            && !found.contains(&ip)
        {
            found.push(ip);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use event::Timestamp;

    use super::*;

    fn common() -> Common {
        let Value::Object(fields) = json!({"host": {"name": "a", "os": {"type": "linux"}}, "tags": ["x"]})
        else {
            unreachable!("an object literal")
        };
        Common::new(fields)
    }

    #[test]
    fn a_document_has_the_events_fields_and_the_common_ones() {
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.set("message", "say \"hi\"\n");

        let document: Value = serde_json::from_str(&common().document(&event)).expect("JSON");

        let expected = json!({"@timestamp": "1970-01-01T00:00:00.000Z", "message": "say \"hi\"\n", "host": {"name": "a", "os": {"type": "linux"}}, "tags": ["x"]});
        assert_eq!(document, expected);
    }

    #[test]
    fn where_both_have_a_value_the_events_own_wins_and_tags_are_joined() {
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.set("host.name", "b").tag("y");

        let document: Value = serde_json::from_str(&common().document(&event)).expect("JSON");

        assert_eq!(document["host"], json!({"name": "b", "os": {"type": "linux"}}));
        assert_eq!(document["tags"], json!(["y", "x"]));
    }

    #[test]
    fn this_host_is_described() {
        let host = host_fields("chosen");

        assert_eq!(host["name"], "chosen");
        assert!(host["hostname"].as_str().is_some_and(|name| !name.is_empty()));
        assert_eq!(host["os"]["type"], "linux");
    }
}
