//! The small files that everything else is found by: a shard's manifest and checkpoint, the state of a node and of an index.
//!
//! The first byte says which file, and whether the rest is the file as it lies or the content behind a checksum that is
//! right: what somebody wrote who knows the format.
//!
//! # Invariants
//!
//! - A file that is not what was written is reported, or changes nothing.
//! - Whatever a well-formed one says, opening it serves or refuses; a node with an index that cannot be opened serves.

use http::Method;
use serde_json::{Value, json};
use shard::Shard;

use crate::in_process::InProcess;
use crate::shard_files::{ShardFiles, check_whole, open};
use crate::{Target, scratch};

const MANIFEST: &str = "index/manifest";
const CHECKPOINT: &str = "translog/translog.ckp";
/// The part of the first byte that says which file.
const WHICH: u8 = 0b11;
/// Set if the rest is what stands behind a right checksum.
const IS_CONTENT: u8 = 0b100;
/// An index's folder bears its unique name.
const UUID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub(crate) struct StateFiles {
    shard: ShardFiles,
}

impl StateFiles {
    pub(crate) fn open() -> Self {
        Self { shard: ShardFiles::make() }
    }

    fn shard_file(&self, name: &str, content: &[u8], is_as_it_lies: bool) {
        let folder = scratch::folder();
        self.shard.lay_out(folder.path(), name, content);
        // Figures for people: any will do, or a reason why there are none.
        let _figures = Shard::peek(folder.path()).map_err(|error| error.to_string());
        if let Ok(shard) = open(folder.path())
            && is_as_it_lies
        {
            check_whole(&shard);
        }
    }
}

impl Target for StateFiles {
    fn run(&mut self, input: &[u8]) {
        let Some((first, rest)) = input.split_first() else { return };
        let is_content = first & IS_CONTENT != 0;
        let framed = |magic: &[u8; 8]| if is_content { frame(magic, rest) } else { rest.to_vec() };
        match first & WHICH {
            0 => self.shard_file(MANIFEST, &framed(b"WRMANIF2"), !is_content),
            1 => {
                let content = if is_content { slots(rest) } else { rest.to_vec() };
                self.shard_file(CHECKPOINT, &content, !is_content);
            }
            2 => node_with(&format!("indices/{UUID}/index.state"), &framed(b"WRSTATE1")),
            _ => node_with("node.state", &framed(b"WRSTATE1")),
        }
    }
}

/// Magic, length, content, checksum: `docs/formats/manifest.md` and `state-file.md`.
fn frame(magic: &[u8; 8], content: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(content);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Up to two slots of a checkpoint, each with its checksum: `docs/formats/translog.md`.
fn slots(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for numbers in content.chunks(56).take(2) {
        let start = bytes.len();
        bytes.extend_from_slice(b"SNTCKP01");
        bytes.extend_from_slice(numbers);
        bytes.resize(start + 64, 0);
        let checksum = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.resize(start + 512, 0);
    }
    bytes
}

/// Starts a node on a folder with this one file, and asks it what there is.
fn node_with(name: &str, content: &[u8]) {
    let folder = scratch::folder();
    let path = folder.path().join(name);
    fs_err::create_dir_all(path.parent().expect("in a folder")).expect("made");
    fs_err::write(&path, content).expect("written");
    let is_index = name != "node.state";
    let node = match InProcess::open(folder, "") {
        Ok(node) => node,
        Err(error) => {
            assert!(!is_index, "one index keeps the node from starting: {error}");
            return;
        }
    };
    for path in ["/", "/_mapping", "/_settings", "/_cat/indices", "/_cluster/health", "/_data_stream"] {
        let answer = node.ask(Method::GET, path, &Value::Null);
        assert!(answer.status.as_u16() < 500, "{path}: {} {}", answer.status, answer.body);
    }
    // The shards of the index are not there: that is told, and nothing breaks of it.
    let search = node.ask(Method::POST, "/_search", &json!({"query": {"match_all": {}}}));
    assert!(!search.body.to_string().contains("broke"), "{}", search.body);
}

/// Inputs from files that the product wrote: for the corpus.
pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let files = ShardFiles::make();
    let (manifest, checkpoint) = (files.content(MANIFEST), files.content(CHECKPOINT));
    let with = |first: u8, rest: &[u8]| [&[first], rest].concat();
    let numbers = [&checkpoint[8..64], &checkpoint[520..576]].concat();
    let index = json!({
        "name": "logs", "uuid": UUID, "created_millis": 1_795_515_630_123i64,
        "settings": {"number_of_shards": "2", "translog.durability": "async", "refresh_interval": "5s"},
        "mapping": {"properties": {"t": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "d": {"type": "date"}}},
        "aliases": {"all": {}}, "data_stream": null
    });
    let node = json!({"node_id": "AAAAAAAAAAAAAAAAAAAAAA", "cluster_uuid": "BBBBBBBBBBBBBBBBBBBBBB"});
    vec![
        ("manifest", with(0, manifest)),
        ("manifest-content", with(4, &manifest[16..manifest.len() - 4])),
        ("checkpoint", with(1, checkpoint)),
        ("checkpoint-content", with(5, &numbers)),
        ("index", with(2, &frame(b"WRSTATE1", index.to_string().as_bytes()))),
        ("index-content", with(6, index.to_string().as_bytes())),
        ("node-content", with(7, node.to_string().as_bytes())),
    ]
}
