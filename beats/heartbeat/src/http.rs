//! The http monitor: one request, its times, its status, and whether the body is the wanted one.

use std::net::SocketAddr;
use std::time::Instant;

use event::{Map, Value};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use regex::bytes::RegexSet;

use crate::check::{Down, Finding, micros};
use crate::tcp;

/// What is asked, and which answer means up.
#[derive(Debug, Clone)]
pub(crate) struct HttpCheck {
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) status: Vec<u16>,
    pub(crate) patterns: RegexSet,
    pub(crate) body_max: usize,
    /// The answer's headers that are kept, in lower case.
    pub(crate) response_headers: Vec<String>,
}

/// Asks one address; `authority` and `path` are those of the URL.
pub(crate) async fn ask(
    address: SocketAddr,
    authority: &str,
    path: &str,
    check: &HttpCheck,
    finding: &mut Finding,
) -> Result<(), Down> {
    let broken = |error: hyper::Error| Down::io(format!("{address} does not answer in HTTP: {error}"));
    let stream = tcp::connect(address, finding).await?;
    let began = Instant::now();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let result = async {
        let mut request =
            Request::builder().method(check.method.as_str()).uri(path).header("host", authority);
        if !check.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            request = request.header("user-agent", concat!("heartbeat/", env!("CARGO_PKG_VERSION")));
        }
        for (name, value) in &check.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(check.body.clone())))
            .map_err(|error| Down::validate(format!("the request cannot be made: {error}")))?;
        let response = sender.send_request(request).await.map_err(broken)?;
        let head = Instant::now();
        finding.event.set("http.rtt.response_header.us", micros(head - began));
        let status = response.status().as_u16();
        note_head(&response, &check.response_headers, finding);
        let body = read(response.into_body(), check.body_max).await?;
        let rtt = &mut finding.event;
        rtt.set("http.rtt.content.us", micros(head.elapsed()));
        rtt.set("http.rtt.total.us", micros(began.elapsed()));
        rtt.set("http.response.body.bytes", body.len() as u64);
        judge(status, &body, check)
    }
    .await;
    connection.abort();
    result
}

/// Notes the status and the wanted headers. Only those: a field for each name that a server makes up would let it
/// choose the fields of the index.
fn note_head(response: &hyper::Response<hyper::body::Incoming>, wanted: &[String], finding: &mut Finding) {
    let text = |name: &str| {
        let values = response.headers().get_all(name).iter();
        let values: Vec<_> = values.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    finding.event.set("http.response.status_code", response.status().as_u16());
    if let Some(kind) = text("content-type")
        && let Some(mime) = kind.split(';').next()
    {
        finding.event.set("http.response.mime_type", mime);
    }
    let headers: Map<String, Value> =
        wanted.iter().filter_map(|name| Some((name.clone(), text(name)?.into()))).collect();
    if !headers.is_empty() {
        finding.event.set("http.response.headers", Value::Object(headers));
    }
}

async fn read(mut body: hyper::body::Incoming, most: usize) -> Result<Vec<u8>, Down> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Down::io(format!("the body broke off: {error}")))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(&data[..data.len().min(most - bytes.len())]);
        }
        if bytes.len() == most {
            break;
        }
    }
    Ok(bytes)
}

fn judge(status: u16, body: &[u8], check: &HttpCheck) -> Result<(), Down> {
    if check.status.is_empty() && status >= 400 {
        return Err(Down::validate(format!(
            "{status} means an error; list it in `check.response.status` if it is wanted"
        )));
    }
    if !check.status.is_empty() && !check.status.contains(&status) {
        return Err(Down::validate(format!("the status is {status}, but must be one of {:?}", check.status)));
    }
    if !check.patterns.is_empty() && !check.patterns.is_match(body) {
        return Err(Down::validate(format!("the body matches none of {:?}", check.patterns.patterns())));
    }
    Ok(())
}
