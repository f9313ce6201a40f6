//! Formats of dates, values, math and names with dates.
//!
//! An input is lines: a format, a time zone, then values, dates with math, or names between angle brackets.
//!
//! # Invariants
//!
//! - A date as written stands for a time that ends no sooner than it begins; what is shown of it is read as a time that is shown alike from then on.
//! - Rounded down, a date with math is never later than rounded up, where clocks are not changed.
//! - A value that a document was accepted with is found by a range from it to it, and by the interval of a histogram.
//! - A name with dates is worked out or refused.

use http::Method;
use serde_json::{Value, json};
use shard::mapping::dates::{DateFormats, DateSpan, read_math, show_as, time_zone};

use crate::Target;
use crate::in_process::{InProcess, in_path};

const NOW_MILLIS: i64 = 1_795_515_630_123;
/// How many lines of an input are tried.
const LINES_MAX: usize = 24;
/// How many of them become documents.
const DOCUMENTS_MAX: usize = 6;

pub(crate) struct Dates {
    node: InProcess,
}

impl Dates {
    pub(crate) fn open() -> Self {
        Self { node: InProcess::empty("") }
    }

    /// Dates and math in a mapping, documents and searches.
    fn try_in_index(&self, format: &str, zone: &str, lines: &[&str]) {
        for kind in ["date", "date_nanos"] {
            let mapping = json!({"mappings": {"properties": {"d": {"type": kind, "format": format}}}});
            let made = self.node.ask(Method::PUT, "/i", &mapping);
            made.check();
            if !made.status.is_success() {
                continue;
            }
            let mut kept = Vec::new();
            for (id, line) in lines.iter().enumerate().take(DOCUMENTS_MAX) {
                let put = self.node.ask(Method::PUT, &format!("/i/_doc/{id}"), &json!({"d": line}));
                put.check();
                if put.status.is_success() && !line.is_empty() {
                    kept.push((id, *line));
                }
            }
            let refreshed = self.node.ask(Method::POST, "/i/_refresh", &Value::Null);
            assert!(refreshed.status.is_success(), "{}", refreshed.body);
            for (id, value) in kept {
                self.check_found(format, id, value);
            }
            for line in lines.iter().take(DOCUMENTS_MAX) {
                self.search(
                    json!({"query": {"range": {"d": {"gte": line, "lt": "now/d", "time_zone": zone}}}}),
                );
            }
            self.search(json!({"size": 0, "aggs": {"days": {"date_histogram": {
                "field": "d", "calendar_interval": "month", "time_zone": zone, "format": format, "min_doc_count": 1
            }}}}));
            let deleted = self.node.ask(Method::DELETE, "/i", &Value::Null);
            assert!(deleted.status.is_success(), "{}", deleted.body);
        }
    }

    /// The document is among those whose date is from its value to its value.
    fn check_found(&self, format: &str, id: usize, value: &str) {
        // As a date with math such a text means something else than as a value.
        if value.contains("||") || value.starts_with("now") {
            return;
        }
        let range = json!({"gte": value, "lte": value, "format": format});
        let query =
            json!({"bool": {"filter": [{"range": {"d": range}}, {"ids": {"values": [id.to_string()]}}]}});
        let counted = self.node.ask(Method::POST, "/i/_count", &json!({"query": query}));
        assert_eq!(counted.body["count"], json!(1), "{value:?} by {format:?}: {}", counted.body);
    }

    fn search(&self, body: Value) {
        self.node.ask(Method::POST, "/i/_search", &body).check();
    }

    /// A name in a path, and in a body.
    fn try_name(&self, name: &str) {
        let path = format!("/{}/_count?ignore_unavailable=true", in_path(name));
        self.node.ask(Method::GET, &path, &Value::Null).check();
        self.node.ask(Method::POST, "/_mget", &json!({"docs": [{"_index": name, "_id": "1"}]})).check();
    }
}

fn check_span(formats: &DateFormats, format: &str, text: &str, span: DateSpan) {
    assert!(span.first <= span.last, "{text:?} by {format:?}: {span:?}");
    assert!(span.nanos < 1_000_000, "{text:?} by {format:?}: {span:?}");
    let utc = time_zone("UTC").expect("there");
    // A format may leave out what another part needs, such as the hour of minutes; what is left then stays.
    let again = |millis| {
        let shown = show_as(millis, format, &utc).expect("a format that reads, writes");
        formats.read(&shown).map(|span| span.first)
    };
    if let Some(first) = again(span.first)
        && let Some(second) = again(first)
    {
        let shown = |millis| show_as(millis, format, &utc);
        assert_eq!(shown(second), shown(first), "{text:?} by {format:?}");
    }
}

fn try_line(formats: &DateFormats, format: &str, zone: &str, line: &str) {
    if let Some(span) = formats.read(line) {
        check_span(formats, format, line, span);
    }
    if let Ok(number) = line.parse::<i64>() {
        assert_eq!(
            formats.read_number(number).map(|span| span.first),
            formats.read(&number.to_string()).map(|span| span.first),
            "{number} by {format:?}"
        );
    }
    let Ok(zone_read) = time_zone(zone) else { return };
    let down = read_math(line, formats, NOW_MILLIS, &zone_read, false);
    let up = read_math(line, formats, NOW_MILLIS, &zone_read, true);
    let is_fixed = zone_read.to_fixed_offset().is_ok();
    if let (Ok(down), Ok(up)) = (down, up)
        && is_fixed
    {
        assert!(down <= up, "{line:?} by {format:?} in {zone:?}: {down} > {up}");
    }
}

impl Target for Dates {
    fn run(&mut self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.split('\n');
        let format = lines.next().unwrap_or_default();
        let zone = lines.next().unwrap_or_default();
        let lines: Vec<&str> = lines.take(LINES_MAX).collect();
        if let Ok(formats) = DateFormats::parse(format) {
            lines.iter().for_each(|line| try_line(&formats, format, zone, line));
        }
        let (names, values): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.contains('<'));
        names.into_iter().for_each(|name| self.try_name(name));
        if !values.is_empty() {
            self.try_in_index(format, zone, &values);
        }
    }
}
