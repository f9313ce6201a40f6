//! Time spans of requests, read as Elasticsearch reads them.

use std::time::Duration;

use crate::error::ApiError;

/// A time span as Elasticsearch writes it; none for `-1`, which stands for no bound.
pub(crate) fn read_span(name: &str, text: &str) -> Result<Option<Duration>, ApiError> {
    let fault = |reason: &str| {
        ApiError::argument(format!(
            "failed to parse setting [{name}] with value [{text}] as a time value: {reason}"
        ))
    };
    let span = text.trim().to_ascii_lowercase();
    if span == "-1" {
        return Ok(None);
    }
    let unit_missing = || fault("unit is missing or unrecognized");
    if let Some(positive) = span.strip_prefix('-') {
        let is_span = settings::parse_duration(positive).is_some();
        return Err(if is_span { fault("negative durations are not supported") } else { unit_missing() });
    }
    let read = settings::parse_duration(&span).ok_or_else(unit_missing)?;
    if span.contains('.') {
        let reason = format!("failed to parse [{text}], fractional time values are not supported");
        return Err(ApiError::argument(reason));
    }
    Ok(Some(read))
}

/// `13ms`, `1.2s`, `4.5m`, `2d`.
pub(crate) fn show_span(millis: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match UNITS.iter().find(|(_, unit)| millis >= *unit) {
        Some((name, unit)) => format!("{}{name}", tenths(millis as f64 / *unit as f64)),
        None => format!("{millis}ms"),
    }
}

/// One digit behind the point, cut off rather than rounded, and none where it is 0.
pub(crate) fn tenths(number: f64) -> String {
    let cut = (number * 10.0).floor() / 10.0;
    if cut.fract() == 0.0 { format!("{cut:.0}") } else { format!("{cut:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_elasticsearch_reads_them() {
        for (text, expected) in [
            ("-1", None),
            ("0", Some(Duration::ZERO)),
            ("10s", Some(Duration::from_secs(10))),
            ("1S", Some(Duration::from_secs(1))),
            ("500ms", Some(Duration::from_millis(500))),
        ] {
            assert_eq!(read_span("timeout", text).expect(text), expected, "{text}");
        }
        for (text, reason) in [
            ("abc", "value [abc] as a time value: unit is missing or unrecognized"),
            ("", "value [] as a time value: unit is missing or unrecognized"),
            ("1", "unit is missing or unrecognized"),
            ("10x", "unit is missing or unrecognized"),
            ("-5s", "negative durations are not supported"),
            ("1.5s", "failed to parse [1.5s], fractional time values are not supported"),
        ] {
            let error = read_span("timeout", text).expect_err(text);
            assert!(error.status == 400 && error.reason.contains(reason), "{text}: {}", error.reason);
        }
    }
}
