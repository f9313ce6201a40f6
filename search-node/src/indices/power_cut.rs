//! A power cut at every place while indices are made and their mappings grow: each index that was acknowledged is there with
//! all of its fields, in its old state or in the new one, and never in none.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use shard::mapping::parse_mapping;
use shard::{Disk, HostDisk};
use testkit::{CrashDisk, PowerCut, RecordedDisk, Survival};

use super::auto_create::AutoCreate;
use super::registry::Indices;
use super::test_disk::resources;
use crate::state_file;

/// How many fields are added, one after the other.
const FIELDS: usize = 6;

fn fields(count: usize) -> Value {
    let all = (0..count).map(|n| (format!("field{n}"), json!({"type": "keyword"})));
    json!({"properties": all.collect::<serde_json::Map<_, _>>()})
}

/// What a cut may leave of one state: the outcomes that a disk can have.
const OUTCOMES: [Survival; 5] = [
    Survival::Nothing,
    Survival::AllButTheTornLast,
    Survival::Some { seed: 1 },
    Survival::Some { seed: 2 },
    Survival::Some { seed: 3 },
];

/// Does `work` on a disk that remembers, and gives each state that a power cut could leave to `check`, with the last mark
/// that was set before, and the name of the cut.
fn at_every_cut(work: impl Fn(&CrashDisk, Arc<dyn Disk>), check: impl Fn(&Path, usize, &str)) {
    let root = tempfile::tempdir().expect("a folder");
    let disk = CrashDisk::new(root.path());
    work(&disk, RecordedDisk::over(&disk).shared());
    for cut in 0..=disk.len() {
        for survival in OUTCOMES {
            let folder = tempfile::tempdir().expect("a folder");
            PowerCut::after(&disk, cut, survival).lay_out(folder.path()).expect("laid out");
            let acknowledged = disk.marks_before(cut).last().copied().unwrap_or(0);
            check(folder.path(), acknowledged, &format!("cut {cut} of {}, {survival:?}", disk.len()));
        }
    }
}

#[test]
fn an_index_is_there_with_its_fields_whenever_the_power_is_cut() {
    at_every_cut(
        |disk, recorded| {
            let indices =
                Indices::open(&disk.root().join("data/indices"), AutoCreate::All, resources(recorded))
                    .expect("opens");
            let body = json!({"settings": {"number_of_shards": 2}, "mappings": fields(1)});
            let index = indices.create("logs", &body).expect("made");
            disk.mark(1);
            for count in 2..=FIELDS {
                index.add_mapping(&parse_mapping(&fields(count)).expect("valid")).expect("added");
                disk.mark(count);
            }
        },
        |root, acknowledged, cut| {
            let indices =
                Indices::open(&root.join("data/indices"), AutoCreate::All, resources(HostDisk::shared()));
            let indices = indices.expect(cut);

            assert_eq!(indices.lost().len(), 0, "{cut}");
            let Some(index) = indices.get("logs") else {
                assert_eq!(acknowledged, 0, "{cut}: the index is gone");
                return;
            };
            let found = index.mapping().leaves().len();
            assert!(found == acknowledged || found == acknowledged + 1, "{cut}: {found} fields");
            assert_eq!(index.shards().expect(cut).len(), 2);
        },
    );
}

/// Replacing leaves the old content or the new, from the first byte to the last.
#[test]
fn a_state_file_is_the_old_one_or_the_new_one() {
    at_every_cut(
        |disk, recorded| {
            for number in 1..4usize {
                let text = "x".repeat(number * 700);
                state_file::write(recorded.as_ref(), &disk.root().join("node.state"), &(number, text))
                    .expect("written");
                disk.mark(number);
            }
        },
        |root, acknowledged, cut| {
            let read: Option<(usize, String)> = state_file::read(&root.join("node.state")).expect(cut);

            let found = read.map_or(0, |(number, _)| number);
            assert!(found == acknowledged || found == acknowledged + 1, "{cut}: {found}");
        },
    );
}
