//! What a client is given of a point in time: a text that says which node holds which shard, and under which number.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use cluster::state::NodeId;
use serde::{Deserialize, Serialize};

use super::Kind;

/// What every id begins with: that it is one, and how it is written.
const MARK: &[u8] = b"W1";

/// No id that is given out is longer, or names more shards or longer names.
const BYTES_MAX: usize = 1 << 20;
const SHARDS_MAX: usize = 1 << 16;
const NAME_BYTES_MAX: usize = 512;

/// Letters that a path can hold; with or without the signs that fill the end.
const LETTERS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A point in time, as its id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::action::search) struct HeldId {
    pub kind: Kind,
    pub number: u64,
    /// The shards in the order of their places.
    pub shards: Vec<Place>,
}

/// A shard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::action::search) struct Place {
    pub node: NodeId,
    /// The index by its id, and by its name.
    pub index: (String, String),
    pub shard: usize,
}

/// The same as it is written: every name once.
#[derive(Serialize, Deserialize)]
struct Written {
    kind: Kind,
    number: u64,
    nodes: Vec<u64>,
    indices: Vec<(String, String)>,
    /// Node, index and number of each shard.
    shards: Vec<(usize, usize, usize)>,
}

impl HeldId {
    pub(crate) fn to_text(&self) -> String {
        let mut written = Written {
            kind: self.kind,
            number: self.number,
            nodes: Vec::new(),
            indices: Vec::new(),
            shards: Vec::new(),
        };
        for place in &self.shards {
            let node = position_in(&mut written.nodes, &place.node.0);
            let index = position_in(&mut written.indices, &place.index);
            written.shards.push((node, index, place.shard));
        }
        // Plain values always can be written.
        LETTERS.encode(postcard::to_extend(&written, MARK.to_vec()).unwrap_or_default())
    }

    /// The point in time of an id; none where it is none.
    pub(crate) fn read(text: &str, kind: Kind) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let bytes = LETTERS.decode(text).ok()?;
        let (written, rest) = postcard::take_from_bytes::<Written>(bytes.strip_prefix(MARK)?).ok()?;
        let place = |(node, index, shard): (usize, usize, usize)| {
            let (node, index) = (NodeId(*written.nodes.get(node)?), written.indices.get(index)?.clone());
            Some(Place { node, index, shard })
        };
        // No shard is held twice, and no index has a longer name: what a foreign text says is not multiplied.
        let mut known = HashSet::new();
        let is_once = written.shards.iter().all(|(_, index, shard)| known.insert((*index, *shard)));
        let is_short = |(uuid, name): &(String, String)| uuid.len() + name.len() <= NAME_BYTES_MAX;
        if !is_once || written.shards.len() > SHARDS_MAX || !written.indices.iter().all(is_short) {
            return None;
        }
        let shards = written.shards.iter().copied().map(place).collect::<Option<Vec<_>>>()?;
        (rest.is_empty() && written.kind == kind).then_some(Self { kind, number: written.number, shards })
    }

    /// The nodes that hold shards, each once.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.shards.iter().map(|place| place.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

/// Where something is in a list, which it is put into if it is not there.
fn position_in<T: PartialEq + Clone>(all: &mut Vec<T>, one: &T) -> usize {
    all.iter().position(|known| known == one).unwrap_or_else(|| {
        all.push(one.clone());
        all.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_what_is_none_is_refused() {
        let place = |node, index: &str, shard| Place {
            node: NodeId(node),
            index: (format!("{index}-id"), index.to_owned()),
            shard,
        };
        let shards = vec![place(u64::MAX, "a", 0), place(7, "a", 1), place(7, "b", 0)];
        let id = HeldId { kind: Kind::Scroll, number: 42, shards };
        let text = id.to_text();

        assert_eq!(HeldId::read(&text, Kind::Scroll), Some(id.clone()));
        assert_eq!(id.nodes(), [NodeId(7), NodeId(u64::MAX)]);
        assert!(
            text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter)),
            "{text}"
        );
        assert_eq!(HeldId::read(&text, Kind::PointInTime), None, "it is a scroll");
        for wrong in
            ["", "x", "DXF1ZXJ5QW5kRmV0Y2g=", &text[1..], &format!("{text}AAAA"), &text[..text.len() - 4]]
        {
            assert_eq!(HeldId::read(wrong, Kind::Scroll), None, "{wrong}");
        }
        let empty = HeldId { kind: Kind::PointInTime, number: 1, shards: Vec::new() };
        assert_eq!(HeldId::read(&empty.to_text(), Kind::PointInTime), Some(empty));
    }
}
