//! The readers: a thread for each interface that is up, begun again after it has ended.
//!
//! A link that goes down ends its thread, and an interface may come up later than the beat. Neither is a reason to
//! stop: the interfaces are looked at again every `packet-beat.interfaces.retry`.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;

use tracing::{info, warn};

use crate::interface::InterfaceError;

/// The interfaces that are being read.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    running: BTreeMap<String, JoinHandle<()>>,
    /// Those whose trouble was told, so that it is told once.
    failing: BTreeSet<String>,
    has_begun: bool,
}

impl Readers {
    /// Begins to read every interface of `up` that is not being read; one that fails costs no other. The error is
    /// the last, and matters only where nothing is read at all.
    pub(crate) fn look(
        &mut self,
        up: &[String],
        mut begin: impl FnMut(&str) -> Result<JoinHandle<()>, InterfaceError>,
    ) -> Result<(), InterfaceError> {
        self.running.retain(|_, thread| !thread.is_finished());
        self.failing.retain(|device| up.contains(device));
        let mut trouble = Ok(());
        for device in up.iter().filter(|device| !self.running.contains_key(*device)).collect::<Vec<_>>() {
            match begin(device) {
                Ok(thread) => {
                    if self.has_begun {
                        info!(device, "interface is read from now on");
                    }
                    self.failing.remove(device);
                    self.running.insert(device.clone(), thread);
                }
                // What this process may not do, it may do on no interface; one line says so.
                Err(error @ InterfaceError::NotPermitted { .. }) => return Err(error),
                Err(error) => {
                    if self.failing.insert(device.clone()) {
                        warn!(%error, "interface is not read; it is tried again");
                    }
                    trouble = Err(error);
                }
            }
        }
        self.has_begun = true;
        trouble
    }

    /// The names of those that are read.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.running.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(device: &str) -> InterfaceError {
        InterfaceError::Failed { device: device.to_owned(), error: std::io::ErrorKind::Unsupported.into() }
    }

    /// A thread that reads until its interface goes down.
    fn reading() -> (std::sync::mpsc::Sender<()>, JoinHandle<()>) {
        let (up, down) = std::sync::mpsc::channel::<()>();
        (up, std::thread::spawn(move || while down.recv().is_ok() {}))
    }

    #[test]
    fn interfaces_that_come_up_are_read_and_a_bad_one_costs_no_other() {
        let mut readers = Readers::default();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut links = BTreeMap::new();
        let mut begin = |device: &str| {
            if device == "bad0" {
                return Err(failed(device));
            }
            let (link, thread) = reading();
            links.insert(device.to_owned(), link);
            Ok(thread)
        };

        readers.look(&names(&["bad0", "eth0"]), &mut begin).expect_err("told of the bad one");
        assert_eq!(readers.names(), ["eth0"]);

        readers.look(&names(&["eth0", "wlan0"]), &mut begin).expect("no trouble");
        assert_eq!(readers.names(), ["eth0", "wlan0"]);
        assert_eq!(links.len(), 2);
    }

    #[test]
    fn a_reader_that_has_ended_is_begun_again() {
        let mut readers = Readers::default();
        let up = ["eth0".to_owned()];
        let (link, thread) = reading();
        let mut first = Some(thread);
        readers.look(&up, |_| first.take().ok_or_else(|| failed("eth0"))).expect("read");

        drop(link);
        while !readers.running["eth0"].is_finished() {
            std::thread::yield_now();
        }
        let mut begun = 0;
        readers
            .look(&up, |_| {
                begun += 1;
                Ok(reading().1)
            })
            .expect("read again");

        assert_eq!(begun, 1);
    }
}
