//! What a client says of the form of a body: `application/yaml`, `application/vnd.elasticsearch+json;compatible-with=8`, `yaml`.

use http::HeaderValue;

use crate::error::ApiError;

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::rest) enum Format {
    #[default]
    Json,
    Yaml,
    Cbor,
    Smile,
}

const FORMATS: [Format; 4] = [Format::Json, Format::Yaml, Format::Cbor, Format::Smile];

/// The versions of the API that clients may ask for: what is answered is the same.
const VERSIONS: [&str; 3] = ["7", "8", "9"];

/// What begins the media types of those who say which version they speak.
const VENDOR: &str = "application/vnd.elasticsearch+";

impl Format {
    pub(in crate::rest) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Cbor => "cbor",
            Self::Smile => "smile",
        }
    }

    /// As `format` names it.
    pub(in crate::rest) fn of(name: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }
}

/// A media type that this API knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::rest) struct MediaType {
    pub(in crate::rest) format: Format,
    /// Whether it is one of lines: `application/x-ndjson`.
    pub(in crate::rest) is_lines: bool,
    /// The version that the client says it speaks.
    version: Option<&'static str>,
}

impl MediaType {
    /// What a value of a header says; none where it names another type. A version that is not known is an error.
    pub(in crate::rest) fn read(text: &str) -> Result<Option<Self>, ApiError> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (subtype, is_vendor) = match name.strip_prefix(VENDOR) {
            Some(subtype) => (subtype, true),
            None => (name.strip_prefix("application/").unwrap_or_default(), false),
        };
        let is_lines = subtype == "x-ndjson";
        let Some(format) = Format::of(subtype).or(is_lines.then_some(Format::Json)) else { return Ok(None) };
        let told = parts.filter_map(|part| part.split_once('=')).find(|(key, _)| *key == "compatible-with");
        let version = match told.filter(|_| is_vendor) {
            None => None,
            Some((_, told)) => match VERSIONS.into_iter().find(|version| *version == told) {
                None => return Err(unknown(text, told)),
                known => known,
            },
        };
        Ok(Some(Self { format, is_lines, version }))
    }

    /// The same type for another form.
    pub(in crate::rest) fn with_format(self, format: Format) -> Self {
        Self { format, is_lines: false, ..self }
    }

    /// As the answer names it.
    pub(in crate::rest) fn shown(self) -> HeaderValue {
        let name = self.format.name();
        let text = match self.version {
            Some(version) => format!("{VENDOR}{name};compatible-with={version}"),
            None => format!("application/{name}"),
        };
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("application/json"))
    }
}

fn unknown(text: &str, told: &str) -> ApiError {
    ApiError::new(
        400,
        "media_type_header_exception",
        format!("the version in [{text}] must be one of {}, but is [{told}]", VERSIONS.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_known_by_form_and_version_and_shown_as_they_are() {
        for (text, expected) in [
            ("application/json", Some("application/json")),
            ("application/json; charset=UTF-8", Some("application/json")),
            ("Application/YAML", Some("application/yaml")),
            ("application/cbor", Some("application/cbor")),
            ("application/smile", Some("application/smile")),
            ("application/x-ndjson", Some("application/json")),
            (
                "application/vnd.elasticsearch+json; compatible-with=8",
                Some("application/vnd.elasticsearch+json;compatible-with=8"),
            ),
            (
                "application/vnd.elasticsearch+smile;compatible-with=7",
                Some("application/vnd.elasticsearch+smile;compatible-with=7"),
            ),
            (
                "application/vnd.elasticsearch+x-ndjson;compatible-with=9",
                Some("application/vnd.elasticsearch+json;compatible-with=9"),
            ),
            ("text/plain", None),
            ("*/*", None),
            ("application/x-www-form-urlencoded", None),
            ("", None),
        ] {
            let read = MediaType::read(text).expect(text);
            assert_eq!(read.map(|media| media.shown()), expected.map(HeaderValue::from_static), "{text}");
        }
        let unknown = MediaType::read("application/vnd.elasticsearch+json;compatible-with=6");
        let error = unknown.expect_err("refused");
        assert_eq!((error.status, error.kind.as_str()), (400, "media_type_header_exception"));
    }
}
