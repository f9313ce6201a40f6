//! Real processes: this test program, started again as a node.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use disk::HostDisk;

use super::{Host, cluster_of, start_at};
use crate::Start;

const ROOT: &str = "DISCOVERY_TEST_ROOT";
const NODE: &str = "DISCOVERY_TEST_NODE";

/// The node that the test below starts; by itself it does nothing.
#[test]
fn a_node_as_a_process() {
    let (Some(root), Ok(node)) = (std::env::var_os(ROOT), std::env::var(NODE)) else {
        return;
    };
    let (root, node) = (PathBuf::from(root), node.parse().expect("a number"));
    let path_data = root.join(format!("data/node{node}"));
    let start = start_at(&root.join("registry"), &path_data, node, HostDisk::shared()).expect("started");
    let is_founder = matches!(start, Start::Found { .. } | Start::Known { is_founding: true, .. });
    println!("\nsaid {is_founder} {}", cluster_of(&start));
}

/// Some are killed while they start; those that are left, and those that come after, are of one cluster.
#[test]
fn processes_that_start_together_make_one_cluster_even_if_some_are_killed() {
    let program = std::env::current_exe().expect("this program");
    for round in 0..12 {
        let host = Host::new();
        let begin = |node: usize| {
            Command::new(&program)
                .args(["--exact", "suite::processes::a_node_as_a_process", "--nocapture"])
                .env(ROOT, host.root.path())
                .env(NODE, node.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .expect("started")
        };
        let said = |child: std::process::Child| {
            let output = child.wait_with_output().expect("ended");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().find_map(|line| line.strip_prefix("said ").map(str::to_owned))
        };
        let mut children: Vec<_> = (0..4).map(begin).collect();
        // The first is killed as soon as one of the steps is seen that any of them takes, another one in each round.
        let mut killed = children.remove(0);
        let steps =
            ["registry/weir.lock", "registry/weir.secret", "registry/weir.json", "data/node0/node.state"];
        let step = host.root.path().join(steps[round % steps.len()]);
        while !step.exists() {
            assert!(killed.try_wait().is_ok_and(|ended| ended.is_none_or(|status| status.success())));
            std::thread::yield_now();
        }
        killed.kill().expect("killed");
        let first = said(killed);
        let mut all: Vec<String> = children.into_iter().map(|child| said(child).expect("said")).collect();
        all.extend(first);
        all.push(said(begin(0)).expect("said"));

        let clusters: BTreeSet<&str> = all.iter().filter_map(|said| said.split(' ').nth(1)).collect();
        assert_eq!(clusters.len(), 1, "round {round}: {all:?}");
    }
}
