//! The disk of the tests of power loss: faults on demand at a kind of call of a kind of file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use shard::{Disk, DiskOperation};
use testkit::{CrashDisk, Fate, RecordedDisk};

/// The disk of a test; clones are the same disk.
#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) crash: CrashDisk,
    forgets: Forgets,
    calls: Arc<Mutex<Calls>>,
}

/// What the disk only pretends to do, to show that the test would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgets {
    Nothing,
    /// The names in the folder of segments are never made durable.
    Folders,
    /// The content of closed files is never made durable.
    Files,
    /// The content of open files is never made durable.
    Writes,
}

/// A place at which the disk can fail: an operation on a kind of path.
pub(crate) type Place = (DiskOperation, &'static str);

/// One call that fails, once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injection {
    pub(crate) place: Place,
    /// Which of the calls at that place.
    pub(crate) nth: usize,
    pub(crate) kind: io::ErrorKind,
}

#[derive(Default)]
struct Calls {
    counts: BTreeMap<Place, usize>,
    injection: Option<Injection>,
    has_failed: bool,
}

/// What a path is for.
fn kind_of(path: &Path) -> &'static str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("tlog") => "translog",
        Some("ckp") => "checkpoint",
        Some("del") => "deletes",
        Some("tmp") => "manifest",
        Some(_) => "segment",
        None if name == "manifest" => "manifest",
        None => match name {
            "translog" => "folder of the translog",
            "index" => "folder of segments",
            _ => "folder",
        },
    }
}

impl Recorded {
    pub(crate) fn new(crash: CrashDisk, forgets: Forgets, injection: Option<Injection>) -> Self {
        let calls = Calls { injection, ..Calls::default() };
        Self { crash, forgets, calls: Arc::new(Mutex::new(calls)) }
    }

    /// The disk as the shard takes it.
    pub(crate) fn shared(&self) -> Arc<dyn Disk> {
        let (forgets, calls) = (self.forgets, Arc::clone(&self.calls));
        let disk = RecordedDisk::deciding(&self.crash, move |operation, path| {
            let injected = calls.lock().expect("no panic").count(operation, kind_of(path));
            match injected {
                Err(error) => Fate::Failed(error),
                Ok(()) if forgets.includes(operation, path) => Fate::Forgotten,
                Ok(()) => Fate::Done,
            }
        });
        disk.shared()
    }

    /// How often each place was reached.
    pub(crate) fn counts(&self) -> BTreeMap<Place, usize> {
        self.calls.lock().expect("no panic").counts.clone()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.calls.lock().expect("no panic").has_failed
    }
}

impl Forgets {
    fn includes(self, operation: DiskOperation, path: &Path) -> bool {
        match self {
            Self::Nothing => false,
            Self::Folders => operation == DiskOperation::SyncFolder && path.ends_with("index"),
            Self::Files => operation == DiskOperation::SyncFile,
            Self::Writes => operation == DiskOperation::Sync,
        }
    }
}

impl Calls {
    /// Counts a call, and fails it if it is the one. Reading is not among what is tried here.
    fn count(&mut self, operation: DiskOperation, path_kind: &'static str) -> io::Result<()> {
        if operation == DiskOperation::Read {
            return Ok(());
        }
        let place = (operation, path_kind);
        let count = self.counts.entry(place).or_default();
        let nth = *count;
        *count += 1;
        match self.injection {
            Some(injection) if injection.place == place && injection.nth == nth => {
                self.has_failed = true;
                Err(io::Error::new(injection.kind, format!("injected: {operation:?} of {path_kind}")))
            }
            _ => Ok(()),
        }
    }
}
