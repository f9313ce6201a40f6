//! What must hold at every moment, whatever happens.

use std::collections::HashMap;

use cluster::state::{CopyId, NodeId, ShardCopies};

use crate::client::Acknowledged;
use crate::disk::Content;
use crate::node::{Machine, Role};

/// What is on a disk for good of each copy in sync.
fn in_sync<'m>(map: &ShardCopies, machines: &'m [Machine]) -> Result<Vec<&'m Content>, String> {
    let on_disk = |copy: &CopyId| {
        let contents = machines.iter().filter_map(|machine| machine.disk.synced.as_ref());
        contents
            .into_iter()
            .find(|content| content.copy == *copy)
            .ok_or(format!("copy {copy} in sync is on no disk"))
    };
    // A history begins with a copy that its machine has not heard of yet: it has acknowledged nothing before it is on the disk.
    let begins = |copy: &CopyId| !map.is_of_this_history(CopyId(copy.0 - 1)) && on_disk(copy).is_err();
    map.in_sync().iter().filter(|copy| !begins(copy)).map(on_disk).collect()
}

/// Every copy in sync has what was acknowledged.
pub(crate) fn has_all(
    map: &ShardCopies,
    machines: &[Machine],
    acknowledged: &[Acknowledged],
) -> Result<(), String> {
    for content in in_sync(map, machines)? {
        for done in acknowledged {
            let stored = content.operations.get(&done.seq_no);
            if stored.is_none_or(|stored| stored.value != done.value) {
                return Err(format!("acknowledged {done:?}, copy {} in sync has {stored:?}", content.copy));
            }
        }
    }
    Ok(())
}

/// In each term there is one primary.
pub(crate) fn one_primary(machines: &[Machine]) -> Result<(), String> {
    let mut terms = Vec::new();
    for machine in machines {
        if let Role::Primary(leading) = &machine.role {
            terms.push(leading.primary.term());
        }
    }
    terms.sort_unstable();
    match terms.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two primaries in term {}", pair[0])),
        None => Ok(()),
    }
}

/// A primary that has handed over has nothing left of which nobody knows what became.
pub(crate) fn nothing_broken_off(machines: &[Machine], node: NodeId, term: u64) -> Result<(), String> {
    for machine in machines.iter().filter(|machine| machine.is_up && machine.node == node) {
        let Role::Primary(leading) = &machine.role else { continue };
        let open = leading.unanswered();
        if leading.primary.term() == term && !open.is_empty() {
            return Err(format!("term {term} was handed over with {open:?} not answered"));
        }
    }
    Ok(())
}

/// A number and a term name one operation, wherever it is.
pub(crate) fn one_operation(
    machines: &[Machine],
    known: &mut HashMap<(i64, u64), u64>,
) -> Result<(), String> {
    for content in machines.iter().filter_map(|machine| machine.disk.written.as_ref()) {
        for (seq_no, stored) in content.operations.range(content.global.max(0) - 20..) {
            let first = *known.entry((*seq_no, stored.term)).or_insert(stored.value);
            if first != stored.value {
                return Err(format!("{seq_no} of term {} is {first} and {}", stored.term, stored.value));
            }
        }
    }
    Ok(())
}

/// Up to the global checkpoint that any copy in sync knows, all of them are equal.
pub(crate) fn equal_to_the_checkpoint(map: &ShardCopies, machines: &[Machine]) -> Result<(), String> {
    let contents = in_sync(map, machines)?;
    let Some(global) = contents.iter().map(|content| content.global).max() else { return Ok(()) };
    for pair in contents.windows(2) {
        let up_to = |content: &'_ Content| {
            content.operations.range(..=global).map(|(n, o)| (*n, *o)).collect::<Vec<_>>()
        };
        if up_to(pair[0]) != up_to(pair[1]) {
            return Err(format!("copies {} and {} differ below {global}", pair[0].copy, pair[1].copy));
        }
    }
    Ok(())
}

/// All copies hold the same.
pub(crate) fn all_equal(map: &ShardCopies, machines: &[Machine]) -> Result<(), String> {
    for pair in in_sync(map, machines)?.windows(2) {
        if pair[0].operations != pair[1].operations {
            return Err(format!("copies {} and {} differ in the end", pair[0].copy, pair[1].copy));
        }
    }
    Ok(())
}
