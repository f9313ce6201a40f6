//! `dashboard.yml` as a table and as checked values.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use search_client::ClientOptions;
use settings::{Kind, Schema, Setting, Settings, SettingsError, setting};

const SERVER: &[Setting] = &[
    setting(
        "server.host",
        Kind::Text,
        Some("127.0.0.1"),
        "The IP address to listen on; any but loopback asks for an explicit `security.enabled: false`.",
    ),
    setting("server.port", Kind::Port, Some("5601"), "The port of the browser UI and its API."),
    setting(
        "server.allowed_hosts",
        Kind::TextList,
        Some("[]"),
        "Further names under which browsers may reach a dashboard that listens on loopback, e.g. that of a proxy before it; others are refused, so that no web page can reach in through a name it controls.",
    ),
    setting("server.request_bytes_max", Kind::Bytes, Some("1mb"), "The largest request body that is read."),
    setting(
        "server.shutdown_timeout",
        Kind::Duration,
        Some("5s"),
        "How long running requests may take to finish when the program stops.",
    ),
    setting(
        "security.enabled",
        Kind::Bool,
        None,
        "Must be set to false to listen beyond loopback: this version knows no users, so everyone who reaches the port reads everything.",
    ),
];

const NODE: &[Setting] = &[
    setting(
        "elasticsearch.hosts",
        Kind::TextList,
        Some("[http://127.0.0.1:9200]"),
        "The search nodes to ask; the first that answers is used.",
    ),
    setting(
        "elasticsearch.username",
        Kind::Text,
        None,
        "The name to give to the search node, if it asks for one.",
    ),
    setting("elasticsearch.password", Kind::Text, None, "The password that belongs to the name."),
    setting("elasticsearch.api_key", Kind::Text, None, "An API key as id:key, instead of name and password."),
    setting(
        "elasticsearch.request_timeout",
        Kind::Duration,
        Some("30s"),
        "How long the search node may take for one request.",
    ),
    setting(
        "elasticsearch.requests_max",
        Kind::Integer(1, 1_000),
        Some("16"),
        "How many requests run on the search node at the same time.",
    ),
    setting(
        "elasticsearch.requests_waiting_max",
        Kind::Integer(0, 100_000),
        Some("256"),
        "How many requests may wait for their turn before browsers are answered 429.",
    ),
    setting(
        "elasticsearch.fields_cache",
        Kind::Duration,
        Some("10s"),
        "How long the fields of a source are remembered.",
    ),
];

const EXPLORE: &[Setting] = &[
    setting(
        "explore.page_rows",
        Kind::Integer(10, 5_000),
        Some("300"),
        "How many rows a page of results holds; scrolling fetches the next.",
    ),
    setting(
        "explore.tied_rows_max",
        Kind::Integer(100, 10_000),
        Some("10000"),
        "How many rows with the same time can be told apart while scrolling; more of them are cut and the page says so.",
    ),
    setting(
        "explore.histogram_buckets",
        Kind::Integer(10, 1_000),
        Some("100"),
        "How many bars the histogram aims at.",
    ),
    setting(
        "explore.top_values",
        Kind::Integer(1, 100),
        Some("10"),
        "How many top values of a field are listed.",
    ),
    setting(
        "explore.cell_bytes_max",
        Kind::Bytes,
        Some("10kb"),
        "How much of one value is sent for the table; the document view shows more.",
    ),
    setting(
        "explore.document_bytes_max",
        Kind::Bytes,
        Some("5mb"),
        "The largest document that the document view shows.",
    ),
    setting("explore.query_bytes_max", Kind::Bytes, Some("8kb"), "The longest query that is read."),
    setting(
        "explore.fields_max",
        Kind::Integer(10, 1_000_000),
        Some("10000"),
        "How many fields of a source are listed.",
    ),
];

const HOME: &[Setting] = &[
    setting(
        "home.sources_max",
        Kind::Integer(1, 1_000),
        Some("40"),
        "How many sources Home shows, those with the most documents first.",
    ),
    setting("home.items_max", Kind::Integer(1, 1_000), Some("50"), "How many hosts and monitors Home shows."),
    setting(
        "home.rows",
        Kind::Integer(1, 200),
        Some("12"),
        "How many flows, DNS questions and log lines Home shows.",
    ),
];

/// Every setting of the program.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Server", SERVER),
        ("Search node", NODE),
        ("Explore", EXPLORE),
        ("Home", HOME),
        ("Logging", settings::LOGGING),
    ],
};

/// The settings with their meaning.
#[derive(Debug, Clone)]
pub struct DashboardSettings {
    /// Where to listen.
    pub address: SocketAddr,
    /// Names under which a loopback dashboard may be reached besides loopback's own.
    pub allowed_hosts: Vec<String>,
    /// The largest request body.
    pub request_bytes_max: usize,
    /// How long to wait for running requests at the end.
    pub shutdown_timeout: Duration,
    /// How to reach the search node.
    pub client: ClientOptions,
    /// How many requests run at the same time.
    pub requests_max: usize,
    /// How many may wait.
    pub requests_waiting_max: usize,
    /// How long fields are remembered.
    pub fields_cache: Duration,
    /// Bounds of Explore.
    pub explore: ExploreBounds,
    /// Bounds of Home.
    pub home: HomeBounds,
}

/// Bounds of Explore; each is a setting of the same name.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ExploreBounds {
    pub page_rows: usize,
    pub tied_rows_max: usize,
    pub histogram_buckets: usize,
    pub top_values: usize,
    pub cell_bytes_max: usize,
    pub document_bytes_max: usize,
    pub query_bytes_max: usize,
    pub fields_max: usize,
}

/// Bounds of Home; each is a setting of the same name.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct HomeBounds {
    pub sources_max: usize,
    pub items_max: usize,
    pub rows: usize,
}

impl DashboardSettings {
    /// Reads the checked settings and applies the rules between them.
    pub fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let size = |key: &str| usize::try_from(settings.bytes(key)).unwrap_or(usize::MAX);
        Ok(Self {
            address: address(settings)?,
            allowed_hosts: settings.list("server.allowed_hosts"),
            request_bytes_max: size("server.request_bytes_max"),
            shutdown_timeout: settings.span("server.shutdown_timeout"),
            client: client(settings)?,
            requests_max: settings.count("elasticsearch.requests_max"),
            requests_waiting_max: settings.count("elasticsearch.requests_waiting_max"),
            fields_cache: settings.span("elasticsearch.fields_cache"),
            explore: ExploreBounds {
                page_rows: settings.count("explore.page_rows"),
                tied_rows_max: settings.count("explore.tied_rows_max"),
                histogram_buckets: settings.count("explore.histogram_buckets"),
                top_values: settings.count("explore.top_values"),
                cell_bytes_max: size("explore.cell_bytes_max"),
                document_bytes_max: size("explore.document_bytes_max"),
                query_bytes_max: size("explore.query_bytes_max"),
                fields_max: settings.count("explore.fields_max"),
            },
            home: HomeBounds {
                sources_max: settings.count("home.sources_max"),
                items_max: settings.count("home.items_max"),
                rows: settings.count("home.rows"),
            },
        })
    }
}

fn address(settings: &Settings) -> Result<SocketAddr, SettingsError> {
    let host = settings.text("server.host");
    let name = if host == "localhost" { "127.0.0.1" } else { &host };
    let ip: IpAddr = name.parse().map_err(|_| {
        settings.fault(
            "server.host",
            format!(
                "`server.host` must be an IP address of this machine, not `{host}`; write e.g. 127.0.0.1"
            ),
        )
    })?;
    if settings.is_set("security.enabled") && settings.bool("security.enabled") {
        return Err(settings.fault(
            "security.enabled",
            "`security.enabled: true` is not there in this version; keep `server.host` on 127.0.0.1, or set `security.enabled: false`",
        ));
    }
    if !ip.is_loopback() && !settings.is_set("security.enabled") {
        return Err(settings.fault(
            "server.host",
            format!(
                "`server.host: {host}` would show every document to everyone who reaches this port; keep 127.0.0.1, or set `security.enabled: false` to accept that"
            ),
        ));
    }
    Ok(SocketAddr::new(ip, settings.port("server.port")))
}

fn client(settings: &Settings) -> Result<ClientOptions, SettingsError> {
    let hosts = settings.list("elasticsearch.hosts");
    if hosts.is_empty() {
        return Err(settings.fault(
            "elasticsearch.hosts",
            "`elasticsearch.hosts` is empty, so there is no search node to ask; list at least one, e.g. http://127.0.0.1:9200",
        ));
    }
    let timeout = settings.duration("elasticsearch.request_timeout").ok_or_else(|| {
        settings.fault(
            "elasticsearch.request_timeout",
            "`elasticsearch.request_timeout` must be a time span, so that a page never waits forever; write e.g. 30s",
        )
    })?;
    let name = settings.maybe_text("elasticsearch.username");
    Ok(ClientOptions {
        hosts,
        timeout,
        credentials: name.map(|name| (name, settings.text("elasticsearch.password"))),
        api_key: settings.maybe_text("elasticsearch.api_key"),
        ..ClientOptions::default()
    })
}

#[cfg(test)]
mod tests;
