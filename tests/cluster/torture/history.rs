//! What clients asked and what came of it, in the order of one clock.

use std::sync::Mutex;
use std::time::Instant;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It was not done, and never will be.
    Refused,
    /// It may have been done, or be done yet.
    Unknown,
}

/// What was done with a register. Values are written once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The value that was found, if any.
    Read(Option<u64>),
    Write(u64),
    /// From the value that a version was read with to another.
    Swap {
        from: u64,
        to: u64,
    },
    Delete,
}

/// One request about a register that was done, or may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation {
    /// When it was sent, on the clock of the history.
    pub(crate) began: u64,
    /// When it was answered; none where nobody knows whether it was done.
    pub(crate) ended: Option<u64>,
    pub(crate) action: Action,
}

/// The operations on some registers.
pub(crate) struct History {
    origin: Instant,
    registers: Vec<Mutex<Vec<Operation>>>,
}

impl History {
    pub(crate) fn new(registers: usize) -> Self {
        Self { origin: Instant::now(), registers: (0..registers).map(|_| Mutex::default()).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.registers.len()
    }

    /// The time on its clock, in microseconds.
    pub(crate) fn now(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    /// Notes what became of an operation that began at `began` and has an outcome now.
    pub(crate) fn note(&self, register: usize, began: u64, action: Action, fate: Fate) {
        let ended = match fate {
            Fate::Done => Some(self.now()),
            Fate::Refused => return,
            // What was not read says nothing.
            Fate::Unknown if matches!(action, Action::Read(_)) => return,
            Fate::Unknown => None,
        };
        let mut operations = self.registers[register].lock().expect("nobody broke");
        operations.push(Operation { began, ended, action });
    }

    pub(crate) fn of(&self, register: usize) -> Vec<Operation> {
        self.registers[register].lock().expect("nobody broke").clone()
    }
}
