//! Texts of the map that change whenever names or templates do, so that what was decided upon others is refused and decided again.

use cluster::state::{ClusterState, Command, Expectation};

/// What these are among the texts of the map.
const KIND: &str = "guard";

/// What is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Aliases and data streams: which there are, and where they lead.
    Names,
    /// Templates of all kinds.
    Templates,
}

impl Guard {
    fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Templates => "templates",
        }
    }

    /// The version of what is guarded.
    pub(super) fn seen(self, map: &ClusterState) -> Option<u64> {
        map.metadata.get(KIND, self.name()).map(|text| text.version)
    }

    /// The command for who has only looked.
    pub(super) fn expected(self, map: &ClusterState) -> Command {
        let (kind, name) = (KIND.to_owned(), self.name().to_owned());
        Command::Expect(Expectation::Metadata { kind, name, seen: self.seen(map) })
    }

    /// The command for who changes it.
    pub(super) fn changed(self, map: &ClusterState) -> Command {
        let (kind, name) = (KIND.to_owned(), self.name().to_owned());
        Command::ChangeMetadata { kind, name, seen: self.seen(map), text: Some(String::new()) }
    }
}
