//! The inputs of a pipeline: beats, standard input, a generator.

use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daemon::CancellationToken;
use daemon::clock::Clock;
use event::{Batch, Event, Timestamp, Value};
use processors::{Template, reference};
use queue::Producer;
use tokio::sync::mpsc;
use wire::{FrameLimits, WireError, WireServer, WireServerOptions};

use crate::codec::Codec;
use crate::filters::add;
use crate::language::Fault;
use crate::language::ast::{Literal, Plugin, Stage};
use crate::options::Options;
use crate::pipeline::Totals;
use crate::plugins::{Context, PluginCounts};

/// Events that stdin and the generator hand over at a time, at most.
const BATCH: usize = 125;

/// An input as it is written.
pub struct Input {
    kind: Kind,
    marks: Marks,
}

enum Kind {
    Beats { receiver: Box<WireServerOptions>, codec: Codec },
    Stdin(Codec),
    Generator { lines: Vec<String>, count: u64 },
}

/// What every event of an input gets.
#[derive(Clone)]
struct Marks {
    add_field: Vec<(Template, Template)>,
    kind: Option<String>,
    tags: Vec<String>,
    counts: Arc<PluginCounts>,
}

/// An input that is ready to run.
pub struct Bound {
    input: Input,
    server: Option<WireServer>,
}

/// An address that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "cannot listen on {0}: the port is in use; stop the program that holds it, or set another `port` in the input `beats`"
    )]
    Taken(String),
    /// The system refuses.
    #[error("{0}; set another `host` or `port` in the input `beats`")]
    Refused(#[from] WireError),
}

/// What inputs run with.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// This host's name.
    pub host: String,
    /// The longest line of stdin.
    pub line_bytes_max: usize,
    /// Where events are counted.
    pub totals: Totals,
}

/// Builds the inputs of a section.
pub fn build(stages: &[Stage], context: &Context<'_>) -> Result<Vec<Input>, Fault> {
    let mut inputs = Vec::new();
    for stage in stages {
        match stage {
            Stage::Plugin(plugin) => inputs.push(input(plugin, context)?),
            Stage::Branch(branch) => {
                let at = branch.at;
                let reason = "`if` has no place in `input`; put it into `filter` or `output`".to_owned();
                return Err(Fault { file: branch.file.clone(), at, reason });
            }
        }
    }
    Ok(inputs)
}

fn input(plugin: &Plugin, context: &Context<'_>) -> Result<Input, Fault> {
    let options = Options::new(plugin, context.variables);
    let name = options.codec(if options.name() == "stdin" { "line" } else { "plain" })?;
    let codec = Codec::named(&name).ok_or_else(|| {
        options
            .fault("codec", format!("codec `{name}` is for outputs; write plain, line, json or json_lines"))
    })?;
    let kind = match options.name() {
        "beats" => {
            let port = options.number("port", 5044)?;
            if port > u64::from(u16::MAX) {
                return Err(options.fault("port", format!("`port` is {port}, but must be 0 to 65535")));
            }
            Kind::Beats { receiver: Box::new(receiver(&options, port)?), codec }
        }
        "stdin" => Kind::Stdin(codec),
        _ => Kind::Generator {
            lines: {
                let lines = options.list("lines")?;
                if lines.is_empty() {
                    vec![options.text("message")?.unwrap_or_else(|| "Hello world!".to_owned())]
                } else {
                    lines
                }
            },
            count: options.number("count", 0)?,
        },
    };
    let add_field = options.pairs("add_field")?;
    let marks = Marks {
        add_field: add_field
            .iter()
            .map(|(name, value)| (Template::new(name), Template::new(value)))
            .collect(),
        kind: options.text("type")?,
        tags: options.list("tags")?,
        counts: context.enlist("input", &options),
    };
    Ok(Input { kind, marks })
}

/// Where the input `beats` listens, and what it takes at most. An error that a sender causes names these options.
fn receiver(options: &Options<'_>, port: u64) -> Result<WireServerOptions, Fault> {
    let host = options.text("host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let usual = WireServerOptions::default();
    let count = |option: &str, default: usize| -> Result<usize, Fault> {
        let number = options.number(option, default as u64)?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX).max(1))
    };
    Ok(WireServerOptions {
        address: format!("{host}:{port}"),
        idle_timeout: Duration::from_secs(options.number("client_inactivity_timeout", 60)?),
        connections_max: count("connections_max", usual.connections_max)?,
        limits: FrameLimits {
            frame_bytes_max: options.bytes("frame_bytes_max", usual.limits.frame_bytes_max)?,
            inflated_bytes_max: options.bytes("inflated_bytes_max", usual.limits.inflated_bytes_max)?,
            window_events_max: count("window_events_max", usual.limits.window_events_max)?,
        },
        ..usual
    })
}

impl Marks {
    fn put(&self, event: &mut Event) {
        for (name, value) in &self.add_field {
            let value = Value::String(value.render(event));
            if let Ok(path) = reference(&name.render(event)) {
                add(event, &path, value);
            }
        }
        if let Some(kind) = &self.kind
            && !event.fields.contains_key("type")
        {
            event.fields.insert("type".to_owned(), Value::String(kind.clone()));
        }
        for tag in &self.tags {
            event.tag(tag);
        }
    }

    fn batch(&self, mut batch: Batch, totals: &Totals) -> Batch {
        batch.events.iter_mut().for_each(|event| self.put(event));
        totals.entered(batch.events.len());
        self.counts.entered(batch.events.len());
        self.counts.left(batch.events.len(), Duration::ZERO);
        batch
    }
}

impl Input {
    /// Takes the input's address, if it has one.
    pub async fn bind(self, surroundings: &Surroundings) -> Result<Bound, BindError> {
        let Kind::Beats { receiver, .. } = &self.kind else {
            return Ok(Bound { input: self, server: None });
        };
        let options = WireServerOptions { clock: surroundings.clock.clone(), ..(**receiver).clone() };
        let address = options.address.clone();
        match WireServer::bind(options).await {
            Ok(server) => Ok(Bound { input: self, server: Some(server) }),
            Err(WireError::Bind { source, .. }) if daemon::is_listening_taken(&source) => {
                Err(BindError::Taken(address))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Bound {
    /// The address, of an input that listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().and_then(|server| server.local_addr().ok())
    }

    /// Reads until `stop` or the end of what there is to read.
    pub async fn run(self, producer: Producer, surroundings: Surroundings, stop: CancellationToken) {
        let marks = self.input.marks;
        match (self.input.kind, self.server) {
            (Kind::Beats { codec, .. }, Some(server)) => {
                let sink = move |mut batch: Batch| {
                    batch.events.iter_mut().for_each(|event| codec.enrich(event));
                    let batch = marks.batch(batch, &surroundings.totals);
                    let producer = producer.clone();
                    async move { producer.push(batch).await }
                };
                server.run(sink, stop).await;
            }
            (Kind::Beats { .. }, None) => {}
            (Kind::Stdin(codec), _) => stdin(codec, &marks, &producer, &surroundings, &stop).await,
            (Kind::Generator { lines, count }, _) => {
                generate(&lines, count, &marks, &producer, &surroundings, &stop).await
            }
        }
    }
}

fn now(surroundings: &Surroundings) -> Timestamp {
    Timestamp::from_nanos(i128::from(surroundings.clock.now_nanos()))
}

async fn stdin(
    codec: Codec,
    marks: &Marks,
    producer: &Producer,
    surroundings: &Surroundings,
    stop: &CancellationToken,
) {
    let (sender, mut lines) = mpsc::channel(BATCH);
    let bytes_max = surroundings.line_bytes_max;
    // A thread of its own: a read of standard input cannot be called off, and must hold up nobody.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Some(line) = read_line(&mut input, bytes_max) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut received = Vec::with_capacity(BATCH);
    loop {
        let count = tokio::select! {
            count = lines.recv_many(&mut received, BATCH) => count,
            () = stop.cancelled() => 0,
        };
        if count == 0 {
            return;
        }
        let decode = |line: String| {
            let mut events = codec.decode(&line, now(surroundings));
            for event in &mut events {
                event.set("event.original", line.as_str()).set("host.hostname", surroundings.host.as_str());
            }
            events
        };
        let events = received.drain(..).flat_map(decode).collect();
        let batch = marks.batch(Batch::without_ack(events), &surroundings.totals);
        if producer.push(batch).await.is_err() {
            return;
        }
    }
}

/// The next line without its end; at most `bytes_max` of it, the rest being the next. None at the end.
pub(crate) fn read_line(input: &mut impl BufRead, bytes_max: usize) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let (used, ended) = match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) | Ok([]) => {
                return (!line.is_empty()).then(|| text(line));
            }
            Ok(bytes) => {
                let room = &bytes[..bytes.len().min(bytes_max - line.len())];
                let end = room.iter().position(|byte| *byte == b'\n');
                line.extend_from_slice(&room[..end.unwrap_or(room.len())]);
                (end.map_or(room.len(), |end| end + 1), end.is_some())
            }
        };
        input.consume(used);
        if ended || line.len() >= bytes_max {
            return Some(text(line));
        }
    }
}

fn text(mut line: Vec<u8>) -> String {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

async fn generate(
    lines: &[String],
    count: u64,
    marks: &Marks,
    producer: &Producer,
    surroundings: &Surroundings,
    stop: &CancellationToken,
) {
    let mut sequence: u64 = 0;
    while !stop.is_cancelled() && (count == 0 || sequence < count) {
        let mut events = Vec::new();
        while events.len() < BATCH && (count == 0 || sequence < count) {
            for line in lines {
                let mut event = Event::at(now(surroundings));
                event
                    .set("message", line.as_str())
                    .set("event.original", line.as_str())
                    .set("event.sequence", sequence);
                event.set("host.name", surroundings.host.as_str());
                events.push(event);
            }
            sequence += 1;
        }
        let pushed = tokio::select! {
            pushed = producer.push(marks.batch(Batch::without_ack(events), &surroundings.totals)) => pushed.is_ok(),
            () = stop.cancelled() => false,
        };
        if !pushed {
            return;
        }
    }
}

/// The codec of a plugin where it is written with options of its own.
pub(crate) fn codec_option<'a>(plugin: &'a Plugin, option: &str) -> Option<&'a Plugin> {
    plugin.attributes.iter().find_map(|attribute| match &attribute.value {
        Literal::Plugin(codec) if attribute.name == option => Some(codec),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_their_ends_and_at_the_bound() {
        let mut input = std::io::Cursor::new(b"one\r\n\nthree is long\nfour".to_vec());
        let mut lines = Vec::new();

        while let Some(line) = read_line(&mut input, 8) {
            lines.push(line);
        }

        assert_eq!(lines, ["one", "", "three is", " long", "four"]);
    }
}
