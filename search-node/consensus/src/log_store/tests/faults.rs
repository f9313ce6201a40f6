//! Every call of the disk fails once. The store then accepts nothing more until it is opened again, and nothing is lost.

use std::io::ErrorKind;

use testkit::{CrashDisk, PowerCut, RecordedDisk, Survival, scratch};

use super::record;
use super::script::{Expected, Node, Step, script};
use crate::log_store::{Ballot, StoreError};

/// The script on a disk of which one call fails; whether it came to that.
fn ordeal(steps: &[Step], nth: usize, kind: ErrorKind) -> Result<bool, String> {
    let root = scratch();
    let crash = CrashDisk::new(root.path());
    let disk = RecordedDisk::failing_once(&crash, nth, kind);
    let mut expected = Expected::default();
    let mut has_failed = false;
    let mut node = match Node::open(&disk) {
        Ok(node) => node,
        Err(_) => {
            has_failed = true;
            Node::open(&disk).map_err(|error| format!("it does not open again: {error}"))?
        }
    };
    for step in steps {
        expected.begin(*step);
        if let Err(first) = node.step(*step) {
            has_failed = true;
            check_fenced(&mut node, *step)?;
            drop(node);
            node = Node::open(&disk).map_err(|error| format!("after {step:?} ({first}): {error}"))?;
            expected.settle(&node).map_err(|fault| format!("after {step:?} ({first}): {fault}"))?;
            for survival in
                [Survival::Nothing, Survival::AllButTheTornLast, Survival::Some { seed: nth as u64 }]
            {
                let folder = scratch();
                PowerCut::after(&crash, crash.len(), survival).lay_out(folder.path()).expect("laid out");
                expected
                    .check(folder.path())
                    .map_err(|fault| format!("cut after {step:?} ({first}): {fault}"))?;
            }
            again(&mut node, *step).map_err(|error| format!("{step:?} failed again: {error}"))?;
            expected.begin(*step);
        }
        expected.end();
    }
    expected.compare(&node)?;
    Ok(has_failed)
}

/// Does a step again of which a part may have been done.
fn again(node: &mut Node, step: Step) -> Result<(), StoreError> {
    match step {
        Step::Append { term, first, count } => {
            let next = node.store.last().map_or(first, |last| last.index + 1).max(first);
            node.step(Step::Append { term, first: next, count: first + count - next })
        }
        _ => node.step(step),
    }
}

fn check_fenced(node: &mut Node, step: Step) -> Result<(), String> {
    if matches!(step, Step::Snapshot(_)) {
        return match node.step(step) {
            Err(StoreError::Fenced { .. }) => Ok(()),
            other => Err(format!("another snapshot was written: {other:?}")),
        };
    }
    let next = node.store.last().map_or(0, |last| last.index + 1);
    let vote = Ballot { term: u64::MAX, node: 0, is_committed: true };
    match (node.store.append(&[record(99, next)]), node.store.save_vote(vote)) {
        (Err(StoreError::Fenced { .. }), Err(StoreError::Fenced { .. })) => Ok(()),
        others => Err(format!("a fenced store accepted something after {step:?}: {others:?}")),
    }
}

#[test]
fn a_disk_that_fails_once_at_any_call_costs_nothing_acknowledged() {
    let steps = script(8, 40);
    let mut nth = 0;
    loop {
        let kind = if nth % 2 == 0 { ErrorKind::Other } else { ErrorKind::StorageFull };
        let has_failed = ordeal(&steps, nth, kind).unwrap_or_else(|fault| panic!("call {nth}: {fault}"));
        if !has_failed {
            break;
        }
        nth += 1;
    }
    assert!(nth > 100, "the script makes only {nth} calls");
    println!("each of {nth} calls of the disk failed once: nothing lost");
}
