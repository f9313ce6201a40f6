//! A shard as files: made once, laid out again for each input.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{Condition, EngineOptions, Shard, Shared, Workers, WriteOutcome, WriteRequest};

use crate::scratch;

const NOW: i64 = 1_795_515_630_123;
const DOCUMENTS: u64 = 9;

pub(crate) fn open(folder: &Path) -> Result<Shard, String> {
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    let options = EngineOptions { writers: 1, ..EngineOptions::default() };
    Shard::open(folder, mapping(), options, shared).map_err(|error| error.to_string())
}

fn mapping() -> Arc<Mapping> {
    let fields =
        json!({"properties": {"n": {"type": "long"}, "t": {"type": "text"}, "k": {"type": "keyword"}}});
    Arc::new(parse_mapping(&fields).expect("valid"))
}

fn document(n: u64) -> Value {
    json!({"n": n, "t": format!("word{n} common"), "k": format!("key{}", n % 5)})
}

fn write(shard: &Shard, id: &str, source: Option<&Value>) {
    let source = source.map(|source| source.to_string().into_bytes());
    let request = WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: source.as_deref(),
        condition: Condition::None,
        is_new_id: false,
        now_millis: NOW,
    };
    let outcome = shard.write(&request).expect("written");
    assert!(matches!(outcome, WriteOutcome::Written(_)), "the mapping has every field");
}

/// The files of a shard with a durable state, a deleted document, and operations that only the translog holds.
pub(crate) struct ShardFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl ShardFiles {
    pub(crate) fn make() -> Self {
        let folder = scratch::folder();
        let shard = open(folder.path()).expect("opens");
        for n in 0..DOCUMENTS {
            write(&shard, &n.to_string(), Some(&document(n)));
            if n == DOCUMENTS / 2 {
                write(&shard, "gone", Some(&document(n)));
                shard.flush(NOW).expect("flushed");
                write(&shard, "gone", None);
                shard.flush(NOW).expect("flushed");
            }
        }
        shard.sync_all().expect("synced");
        let mut files = Vec::new();
        read_all(folder.path(), folder.path(), &mut files);
        Self { files }
    }

    /// Lays the files out below `folder`, with other content for one of them.
    pub(crate) fn lay_out(&self, folder: &Path, victim: &str, content: &[u8]) {
        assert!(self.files.iter().any(|(path, _)| path == Path::new(victim)), "{victim} is one of the files");
        for (path, bytes) in &self.files {
            let target = folder.join(path);
            fs_err::create_dir_all(target.parent().expect("in a folder")).expect("made");
            let bytes = if path == Path::new(victim) { content } else { bytes };
            fs_err::write(target, bytes).expect("written");
        }
    }

    /// What a file holds.
    pub(crate) fn content(&self, name: &str) -> &[u8] {
        let found = self.files.iter().find(|(path, _)| path == Path::new(name));
        found.map(|(_, bytes)| bytes.as_slice()).expect("one of the files")
    }
}

fn read_all(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below").to_owned();
            files.push((name, fs_err::read(&path).expect("read")));
        }
    }
}

/// Every document is as it was acknowledged; panics if one is not.
pub(crate) fn check_whole(shard: &Shard) {
    for n in 0..DOCUMENTS {
        let stored =
            shard.get(&n.to_string()).expect("got").unwrap_or_else(|| panic!("document {n} is gone"));
        assert_eq!(serde_json::from_slice::<Value>(&stored.source).ok(), Some(document(n)), "document {n}");
    }
    assert!(shard.get("gone").expect("got").is_none(), "a deleted document is back");
}
