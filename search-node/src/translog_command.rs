//! `search-node translog show|verify|salvage FOLDER`: looks at a shard's translog while its node is stopped.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use shard::{HostDisk, Operation, OperationKind, inspect_translog, salvage_translog, uid_parts};

/// The words of the command, as the command line knows them.
pub const COMMAND: &str = "translog";

const USAGE: &str = "usage: search-node translog show|verify|salvage FOLDER, where FOLDER is a shard's, such as data/search-node/indices/UUID/0";

/// Does what the words after `translog` ask; whether everything that was acknowledged is there.
pub fn run(words: &[&str]) -> anyhow::Result<bool> {
    if words.iter().any(|word| matches!(*word, "-h" | "--help" | "help")) {
        println!(
            "{USAGE}\n\nshow prints each operation as a line of JSON; verify tells whether all that was acknowledged is there (status 2 if not); salvage moves a damaged translog aside and writes one with all that verifies"
        );
        return Ok(true);
    }
    let [verb, folder] = words else { bail!("{USAGE}") };
    let folder = translog_of(Path::new(folder))?;
    match *verb {
        "show" => show(&folder),
        "verify" => verify(&folder),
        "salvage" => salvage(&folder),
        other => bail!("unknown command [translog {other}]; {USAGE}"),
    }
}

/// A shard's folder or the folder of its translog; both are understood.
fn translog_of(folder: &Path) -> anyhow::Result<PathBuf> {
    let inside = folder.join("translog");
    let found = if inside.is_dir() { inside } else { folder.to_owned() };
    if !found.join("translog.ckp").is_file() {
        bail!("{} holds no translog; {USAGE}", folder.display());
    }
    refuse_while_running(&found)?;
    Ok(found)
}

/// A node that runs writes to these files: what would be read is not what is there.
fn refuse_while_running(folder: &Path) -> anyhow::Result<()> {
    let Some(lock) = folder.ancestors().map(|above| above.join("node.lock")).find(|lock| lock.is_file())
    else {
        return Ok(());
    };
    let file = fs_err::File::open(&lock)?;
    if rustix::fs::flock(file.file(), rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        let holder = fs_err::read_to_string(&lock).unwrap_or_default();
        bail!("{} is held by process {}; stop that node first", lock.display(), holder.trim());
    }
    Ok(())
}

fn shown(operation: &Operation) -> Value {
    let (doc_type, id) = uid_parts(&operation.uid);
    let kind = match operation.kind {
        OperationKind::Index => "index",
        OperationKind::Delete => "delete",
        OperationKind::NoOp => "no-op",
        OperationKind::Void => "void",
    };
    let mut line = json!({
        "op": kind, "seq_no": operation.seq_no, "primary_term": operation.term, "version": operation.version,
        "_type": doc_type, "_id": id
    });
    if !operation.routing.is_empty() {
        line["routing"] = json!(operation.routing);
    }
    if operation.kind == OperationKind::Index {
        let text = || json!(String::from_utf8_lossy(&operation.source));
        line["_source"] = serde_json::from_slice(&operation.source).unwrap_or_else(|_| text());
    }
    line
}

fn show(folder: &Path) -> anyhow::Result<bool> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    let inspection = inspect_translog(folder, &mut |operation| {
        if written.is_ok() {
            written = writeln!(out, "{}", shown(operation));
        }
    })?;
    written.and_then(|()| out.flush()).context("standard output")?;
    for fault in &inspection.faults {
        eprintln!("{fault}");
    }
    Ok(!has_loss(&inspection.faults))
}

fn verify(folder: &Path) -> anyhow::Result<bool> {
    let inspection = inspect_translog(folder, &mut |_| ())?;
    let seq_nos = inspection.seq_nos.map_or("none".to_owned(), |(low, high)| format!("{low} to {high}"));
    println!(
        "{}: {} generations, {} operations, sequence numbers {seq_nos}",
        folder.display(),
        inspection.generations.len(),
        inspection.operations
    );
    for fault in &inspection.faults {
        println!("{fault}");
    }
    Ok(!has_loss(&inspection.faults))
}

/// A torn tail that was never acknowledged is no loss.
fn has_loss(faults: &[String]) -> bool {
    faults.iter().any(|fault| !fault.contains("never acknowledged"))
}

fn salvage(folder: &Path) -> anyhow::Result<bool> {
    let salvage = salvage_translog(&HostDisk, folder)?;
    println!(
        "saved {} operations; the damaged translog is in {}",
        salvage.operations,
        salvage.damaged.display()
    );
    for (low, high) in &salvage.lost {
        println!("lost sequence numbers {low} to {high}");
    }
    Ok(salvage.lost.is_empty())
}
