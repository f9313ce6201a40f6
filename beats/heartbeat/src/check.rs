//! What a check found, and the event it becomes.

use std::net::IpAddr;
use std::time::Duration;

use event::{Event, Timestamp, Value, json};

/// Why an endpoint is down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Down {
    /// `io` when it could not be asked, `validate` when its answer is not the wanted one.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Down {
    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self { kind: "io", message: message.into() }
    }

    pub(crate) fn validate(message: impl Into<String>) -> Self {
        Self { kind: "validate", message: message.into() }
    }
}

/// What was found at one address of one endpoint.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) event: Event,
    pub(crate) down: Option<Down>,
}

impl Finding {
    pub(crate) fn begun(now: Timestamp) -> Self {
        Self { event: Event::at(now), down: None }
    }

    pub(crate) fn resolved(&mut self, ip: IpAddr, took: Option<Duration>) {
        self.event.set("monitor.ip", ip.to_string());
        if let Some(took) = took {
            self.event.set("resolve", json!({"ip": ip.to_string(), "rtt": {"us": micros(took)}}));
        }
    }

    /// Puts the outcome on the event.
    pub(crate) fn close(mut self, took: Duration) -> Event {
        let status = if self.down.is_none() { "up" } else { "down" };
        self.event.set("monitor.status", status).set("monitor.duration.us", micros(took));
        if let Some(down) = self.down {
            self.event.set("error", json!({"type": down.kind, "message": down.message}));
        }
        self.event
    }
}

/// `url.*` of an endpoint.
pub(crate) fn url(scheme: &str, host: &str, port: Option<u16>, path: Option<&str>) -> Value {
    let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let full = match port {
        Some(port) => format!("{scheme}://{shown}:{port}{}", path.unwrap_or_default()),
        None => format!("{scheme}://{shown}{}", path.unwrap_or_default()),
    };
    let mut url = json!({"scheme": scheme, "domain": host, "full": full});
    if let Some(port) = port {
        url["port"] = port.into();
    }
    if let Some(path) = path {
        url["path"] = path.split('?').next().unwrap_or(path).into();
    }
    url
}

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
