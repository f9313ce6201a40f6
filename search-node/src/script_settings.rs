//! The settings of scripts and of templates.

use settings::{Kind, Setting, Settings, setting};

/// The rows about scripts.
pub(crate) const SCRIPTS: &[Setting] = &[
    setting(
        "script.max_size_in_bytes",
        Kind::Integer(0, 65_535),
        Some("65535"),
        "How long the text of a stored script or of a template may be.",
    ),
    setting(
        "mustache.max_output_size_bytes",
        Kind::Bytes,
        Some("1mb"),
        "How long the text may be that comes of a template in mustache.",
    ),
];

/// How large scripts may be.
#[derive(Debug, Clone, Copy)]
pub struct ScriptSettings {
    pub source_bytes_max: usize,
    /// What comes of a template.
    pub output_bytes_max: usize,
}

impl ScriptSettings {
    pub(crate) fn read(settings: &Settings) -> Self {
        Self {
            source_bytes_max: settings.count("script.max_size_in_bytes"),
            output_bytes_max: usize::try_from(settings.bytes("mustache.max_output_size_bytes"))
                .unwrap_or(usize::MAX),
        }
    }
}
