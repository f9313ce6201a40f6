//! Blocks of an index (`index.blocks.*`): what may not be done with it until an operator takes them back.

use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// What somebody wants to do with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Read,
    Write,
    MetadataRead,
    MetadataWrite,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::MetadataRead => "metadata_read",
            Self::MetadataWrite => "metadata_write",
        }
    }
}

/// A kind of block, as Elasticsearch numbers and describes it.
#[derive(Debug)]
struct Kind {
    /// Behind `index.blocks.`.
    name: &'static str,
    number: u32,
    description: &'static str,
    status: u16,
    levels: &'static [Level],
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "read_only",
        number: 5,
        description: "index read-only (api)",
        status: 403,
        levels: &[Level::Write, Level::MetadataWrite],
    },
    Kind { name: "read", number: 7, description: "index read (api)", status: 403, levels: &[Level::Read] },
    Kind { name: "write", number: 8, description: "index write (api)", status: 403, levels: &[Level::Write] },
    Kind {
        name: "metadata",
        number: 9,
        description: "index metadata (api)",
        status: 403,
        levels: &[Level::MetadataRead, Level::MetadataWrite],
    },
    Kind {
        name: "read_only_allow_delete",
        number: 12,
        description: "disk usage exceeded flood-stage watermark, index has read-only-allow-delete block",
        status: 429,
        levels: &[Level::Write, Level::MetadataWrite],
    },
];

/// The block of an index that is closed. Whoever is kept out by it is told that it is closed.
const CLOSED: [Kind; 1] = [Kind {
    name: "closed",
    number: 4,
    description: "index closed",
    status: 403,
    levels: &[Level::Read, Level::Write],
}];

/// The blocks that are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Blocks([bool; KINDS.len()]);

impl Blocks {
    /// The names that requests know.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.name)
    }

    /// Whether a setting without `index.` is about a block.
    pub(crate) fn knows(setting: &str) -> bool {
        setting.strip_prefix("blocks.").is_some_and(|name| Self::names().any(|known| known == name))
    }

    /// Sets a block, by its setting without `index.`.
    pub(super) fn set(&mut self, setting: &str, is_set: bool) {
        let name = setting.strip_prefix("blocks.").unwrap_or_default();
        if let Some(at) = KINDS.iter().position(|kind| kind.name == name) {
            self.0[at] = is_set;
        }
    }

    fn kinds(self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().zip(self.0).filter(|(_, is_set)| *is_set).map(|(kind, _)| kind)
    }

    /// Refuses what a block is against.
    pub(crate) fn check(self, index: &str, level: Level) -> Result<(), ApiError> {
        self.refuse(index, self.kinds().filter(|kind| kind.levels.contains(&level)))
    }

    /// The same for the deletion of the index, which frees a full disk.
    pub(crate) fn check_delete(self, index: &str) -> Result<(), ApiError> {
        let against = |kind: &&Kind| kind.levels.contains(&Level::MetadataWrite) && kind.number != 12;
        self.refuse(index, self.kinds().filter(against))
    }

    fn refuse(self, index: &str, against: impl Iterator<Item = &'static Kind>) -> Result<(), ApiError> {
        let against: Vec<&Kind> = against.collect();
        let Some(status) = against.iter().map(|kind| kind.status).max() else { return Ok(()) };
        let listed = against.iter().map(|kind| {
            let word = if kind.status == 429 { "TOO_MANY_REQUESTS" } else { "FORBIDDEN" };
            format!("[{word}/{}/{}];", kind.number, kind.description)
        });
        let reason = format!("index [{index}] blocked by: {}", listed.collect::<String>());
        Err(ApiError::new(status, "cluster_block_exception", reason).with("index", index))
    }

    /// The same with the one that a closed index has, which no setting takes back.
    pub(crate) fn and_closed(self, is_closed: bool) -> ShownBlocks {
        ShownBlocks { set: self, is_closed }
    }
}

/// The blocks of an index as the state of the cluster shows them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownBlocks {
    set: Blocks,
    is_closed: bool,
}

impl ShownBlocks {
    /// None where there is none.
    pub(crate) fn to_json(self) -> Option<Value> {
        let shown = CLOSED.iter().filter(|_| self.is_closed).chain(self.set.kinds()).map(|kind| {
            let levels: Vec<&str> = kind.levels.iter().map(|level| level.name()).collect();
            let block = json!({"description": kind.description, "retryable": false, "levels": levels});
            (kind.number.to_string(), block)
        });
        let shown: Map<String, Value> = shown.collect();
        (!shown.is_empty()).then_some(Value::Object(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_against_what_their_levels_say() {
        use Level::{MetadataRead, MetadataWrite, Read, Write};
        for (name, levels, may_be_deleted) in [
            ("read_only", vec![Write, MetadataWrite], false),
            ("read", vec![Read], true),
            ("write", vec![Write], true),
            ("metadata", vec![MetadataRead, MetadataWrite], false),
            ("read_only_allow_delete", vec![Write, MetadataWrite], true),
        ] {
            let mut blocks = Blocks::default();
            blocks.set(&format!("blocks.{name}"), true);
            for level in [Read, Write, MetadataRead, MetadataWrite] {
                assert_eq!(blocks.check("i", level).is_err(), levels.contains(&level), "{name} {level:?}");
            }
            assert_eq!(blocks.check_delete("i").is_ok(), may_be_deleted, "{name}");
        }
        assert!(Blocks::knows("blocks.write") && !Blocks::knows("blocks.writes"));
    }

    #[test]
    fn all_blocks_that_are_against_it_are_told() {
        let mut blocks = Blocks::default();
        blocks.set("blocks.read_only", true);
        blocks.set("blocks.write", true);

        let error = blocks.check("i", Level::Write).expect_err("blocked");

        let reason =
            "index [i] blocked by: [FORBIDDEN/5/index read-only (api)];[FORBIDDEN/8/index write (api)];";
        assert_eq!((error.status, error.reason.as_str()), (403, reason));
        let shown = blocks.and_closed(true).to_json().expect("shown");
        assert_eq!(shown["8"]["levels"], json!(["write"]));
        assert_eq!(shown["4"]["description"], "index closed");
        assert_eq!(blocks.and_closed(false).to_json().expect("shown")["4"], Value::Null);
        assert_eq!(Blocks::default().and_closed(false).to_json(), None);
    }
}
