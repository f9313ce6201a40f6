//! Monitors: who is asked when, and the envelope of the answer.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use beat_core::stream::Stream;
use beat_core::{Beat, Publisher, to_json};
use daemon::CancellationToken;
use daemon::clock::Clock;
use event::{Event, Timestamp, Value, json};
use regex::bytes::RegexSet;
use settings::{Settings, SettingsError, parse_duration};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::check::{Down, Finding, url};
use crate::http::{self, HttpCheck};
use crate::icmp;
use crate::tcp::{self, TcpCheck};

/// One monitor, checked.
#[derive(Debug)]
struct Monitor {
    id: String,
    name: String,
    kind: &'static str,
    every: Duration,
    timeout: Duration,
    asks_all: bool,
    ipv4: bool,
    ipv6: bool,
    tags: Vec<String>,
    endpoints: Vec<Endpoint>,
    ask: Ask,
    stream: Stream,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    host: String,
    port: Option<u16>,
    path: String,
}

#[derive(Debug)]
enum Ask {
    Http(Box<HttpCheck>),
    Tcp(TcpCheck),
    Icmp(Duration),
}

/// Asks until the beat stops.
pub async fn start(beat: Beat) -> anyhow::Result<()> {
    let monitors = Monitor::all(&beat.settings)?;
    let names: Vec<String> =
        monitors.iter().map(|monitor| format!("{} ({})", monitor.name, monitor.kind)).collect();
    beat.ready(&names.join(", "));
    let Beat { publisher, stop, clock, .. } = beat;
    let mut tasks = JoinSet::new();
    for monitor in monitors {
        tasks.spawn(monitor.run(publisher.clone(), clock.clone(), stop.clone()));
    }
    drop(publisher);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

impl Monitor {
    fn all(settings: &Settings) -> Result<Vec<Self>, SettingsError> {
        let mut monitors: Vec<Self> = Vec::new();
        for view in settings.items("heartbeat.monitors") {
            if !view.bool("enabled") {
                continue;
            }
            let monitor = Self::of(&view, &settings.text("data_stream.namespace"))?;
            if monitors.iter().any(|known| known.id == monitor.id) {
                return Err(
                    view.fault("id", format!("two monitors have the `id` {}; give each its own", monitor.id))
                );
            }
            monitors.push(monitor);
        }
        if monitors.is_empty() {
            return Err(settings.fault(
                "heartbeat.monitors",
                "`heartbeat.monitors` has no enabled monitor, so nobody would be asked; add `- type: http`",
            ));
        }
        Ok(monitors)
    }

    fn of(view: &Settings, namespace: &str) -> Result<Self, SettingsError> {
        let kind = match view.text("type").as_str() {
            "tcp" => "tcp",
            "icmp" => "icmp",
            _ => "http",
        };
        let hosts: Vec<String> = view.list("hosts").into_iter().chain(view.list("urls")).collect();
        if hosts.is_empty() {
            return Err(view.fault(
                "hosts",
                "`hosts` is empty, so nobody would be asked; list at least one, e.g. http://127.0.0.1:9200",
            ));
        }
        let ports = view.list("ports");
        let mut endpoints = Vec::new();
        for host in &hosts {
            endpoints.extend(
                endpoint(kind, host, &ports)
                    .map_err(|reason| view.fault("hosts", format!("`hosts`: {host}: {reason}")))?,
            );
        }
        let schedule = view.text("schedule");
        let every = schedule
            .strip_prefix("@every")
            .and_then(|span| parse_duration(span.trim()))
            .filter(|span| !span.is_zero())
            .ok_or_else(|| {
                view.fault(
                    "schedule",
                    format!(
                        "`schedule` is `{schedule}`, but must be `@every` and a time span, e.g. '@every 10s'"
                    ),
                )
            })?;
        let id = Some(view.text("id"))
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("auto-{kind}-{}", hosts.join(",")));
        let stream =
            Stream::new("uptime", kind, namespace).map_err(|error| view.fault("id", error.to_string()))?;
        Ok(Self {
            name: Some(view.text("name")).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone()),
            id,
            kind,
            every,
            timeout: view.span("timeout"),
            asks_all: view.text("mode") == "all",
            ipv4: view.bool("ipv4"),
            ipv6: view.bool("ipv6"),
            tags: view.list("tags"),
            endpoints,
            ask: Ask::of(kind, view)?,
            stream,
        })
    }

    async fn run(self, publisher: Publisher, clock: Clock, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut was_down = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let events = tokio::select! {
                events = self.check(&clock) => events,
                () = stop.cancelled() => return,
            };
            let reason = events.iter().find_map(|event| event.fields.get("error")?.get("message")?.as_str());
            if let Some(reason) = reason
                && !was_down
            {
                warn!(monitor = self.id, reason, "monitor is down");
            }
            was_down = reason.is_some();
            tokio::select! {
                pushed = publisher.publish(events, None) => if pushed.is_err() { return },
                () = stop.cancelled() => return,
            }
        }
    }

    /// One event per endpoint and address, the last with the summary.
    async fn check(&self, clock: &Clock) -> Vec<Event> {
        let began = clock.now_nanos();
        let group = uuid::Uuid::new_v4().to_string();
        let mut events = Vec::new();
        for endpoint in &self.endpoints {
            for mut event in self.ask_endpoint(endpoint, clock).await {
                let span = i128::try_from(self.every.as_nanos()).unwrap_or(0);
                let until = Timestamp::from_nanos(event.timestamp.as_nanos() + span);
                let timespan = json!({"gte": event.timestamp.to_string(), "lt": until.to_string()});
                event
                    .set("monitor.id", self.id.as_str())
                    .set("monitor.name", self.name.as_str())
                    .set("monitor.type", self.kind)
                    .set("monitor.check_group", group.as_str())
                    .set("monitor.timespan", timespan);
                self.tags.iter().for_each(|tag| event.tag(tag));
                self.stream.stamp(&mut event);
                events.push(event);
            }
        }
        let down = events.iter().filter(|event| event.fields.contains_key("error")).count();
        let up = events.len() - down;
        if let Some(last) = events.last_mut() {
            let status = if down == 0 { "up" } else { "down" };
            last.set("summary", json!({"up": up, "down": down, "status": status, "attempt": 1, "max_attempts": 1, "final_attempt": true}));
            last.set("event.type", "heartbeat/summary");
            last.set("event.duration", u64::try_from(clock.now_nanos() - began).unwrap_or(0));
        }
        events
    }

    async fn ask_endpoint(&self, endpoint: &Endpoint, clock: &Clock) -> Vec<Event> {
        let began = Instant::now();
        let resolved = self.resolve(&endpoint.host).await;
        let took = began.elapsed();
        let now = || Timestamp::from_nanos(i128::from(clock.now_nanos()));
        let url = match &self.ask {
            Ask::Http(_) => url("http", &endpoint.host, endpoint.port, Some(&endpoint.path)),
            Ask::Tcp(_) => url("tcp", &endpoint.host, endpoint.port, None),
            Ask::Icmp(_) => url("icmp", &endpoint.host, None, None),
        };
        let addresses = match resolved {
            Ok(addresses) => addresses,
            Err(down) => {
                let mut finding = Finding::begun(now());
                finding.event.set("url", url);
                finding.down = Some(down);
                return vec![finding.close(took)];
            }
        };
        let is_name = endpoint.host.parse::<IpAddr>().is_err();
        let mut events = Vec::new();
        for ip in addresses {
            let mut finding = Finding::begun(now());
            finding.event.set("url", url.clone());
            finding.resolved(ip, is_name.then_some(took));
            let began = Instant::now();
            let asked =
                tokio::time::timeout(self.timeout, self.ask_address(endpoint, ip, &mut finding)).await;
            finding.down = match asked {
                Ok(Ok(())) => None,
                Ok(Err(down)) => Some(down),
                Err(_) => Some(Down::io(format!("no answer within {:?}", self.timeout))),
            };
            events.push(finding.close(began.elapsed()));
        }
        events
    }

    async fn ask_address(&self, endpoint: &Endpoint, ip: IpAddr, finding: &mut Finding) -> Result<(), Down> {
        let address = SocketAddr::new(ip, endpoint.port.unwrap_or(0));
        match &self.ask {
            Ask::Http(check) => {
                http::ask(address, &endpoint.authority(), &endpoint.path, check, finding).await
            }
            Ask::Tcp(check) => tcp::ask(address, check, finding).await,
            Ask::Icmp(wait) => icmp::ask(ip, *wait, finding).await,
        }
    }

    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Down> {
        let looked_up = tokio::time::timeout(self.timeout, tokio::net::lookup_host((host, 0))).await;
        let found = match looked_up {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(Down::io(format!("{host} cannot be resolved: {error}"))),
            Err(_) => {
                return Err(Down::io(format!("{host} cannot be resolved within {:?}", self.timeout)));
            }
        };
        let mut addresses: Vec<IpAddr> = found
            .map(|address| address.ip())
            .filter(|ip| if ip.is_ipv4() { self.ipv4 } else { self.ipv6 })
            .collect();
        addresses.dedup();
        if !self.asks_all {
            addresses.truncate(1);
        }
        if addresses.is_empty() {
            return Err(Down::io(format!("{host} has no address of a wanted kind; see `ipv4` and `ipv6`")));
        }
        Ok(addresses)
    }
}

impl Ask {
    fn of(kind: &str, view: &Settings) -> Result<Self, SettingsError> {
        Ok(match kind {
            "tcp" => {
                Self::Tcp(TcpCheck { send: view.text("check.send"), receive: view.text("check.receive") })
            }
            "icmp" => Self::Icmp(view.span("wait").max(Duration::from_millis(1))),
            _ => Self::Http(Box::new(HttpCheck {
                method: view.text("check.request.method"),
                headers: headers(view),
                body: view.text("check.request.body"),
                status: view
                    .list("check.response.status")
                    .iter()
                    .map(|text| {
                        text.parse().map_err(|_| {
                            view.fault(
                                "check.response.status",
                                format!(
                                    "`check.response.status`: `{text}` is no status; write e.g. [200, 301]"
                                ),
                            )
                        })
                    })
                    .collect::<Result<_, _>>()?,
                patterns: RegexSet::new(view.list("check.response.body"))
                    .map_err(|error| view.fault("check.response.body", error.to_string()))?,
                body_max: usize::try_from(view.bytes("response.body_max")).unwrap_or(usize::MAX),
                response_headers: view
                    .list("response.headers")
                    .iter()
                    .map(|name| name.to_ascii_lowercase())
                    .collect(),
            })),
        })
    }
}

fn headers(view: &Settings) -> Vec<(String, String)> {
    let Some(Value::Object(members)) = view.node("check.request.headers").map(to_json) else {
        return Vec::new();
    };
    members
        .into_iter()
        .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

impl Endpoint {
    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

/// Reads `http://host:port/path`, `tcp://host:port`, `host:port` or `host`.
fn endpoint(kind: &str, text: &str, ports: &[String]) -> Result<Vec<Endpoint>, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or((kind, text));
    if !(scheme == kind || (kind == "tcp" && scheme == "plain")) {
        return Err(format!(
            "`{scheme}` cannot be asked by a {kind} monitor of this version; write {kind}://"
        ));
    }
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = split_port(authority)?;
    if host.is_empty() {
        return Err("no host is named".to_owned());
    }
    let ports = match (port, kind) {
        (Some(port), _) => vec![Some(port)],
        (None, "http") => vec![Some(80)],
        (None, "tcp") if ports.is_empty() => {
            return Err("no port is named; write host:port or list `ports`".to_owned());
        }
        (None, "tcp") => ports
            .iter()
            .map(|port| port.parse().map(Some).map_err(|_| format!("`{port}` is no port")))
            .collect::<Result<_, _>>()?,
        (None, _) => vec![None],
    };
    Ok(ports
        .into_iter()
        .map(|port| Endpoint { host: host.to_owned(), port, path: path.to_owned() })
        .collect())
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let parse = |port: &str| port.parse().map(Some).map_err(|_| format!("`{port}` is no port"));
    if let Some(inner) = authority.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or("a bracket is not closed")?;
        return Ok((host, rest.strip_prefix(':').map_or(Ok(None), parse)?));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host, parse(port)?)),
        _ => Ok((authority, None)),
    }
}

#[cfg(test)]
mod tests;
