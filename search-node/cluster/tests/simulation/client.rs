//! Who writes: every value once, and who was told that it is done.

/// What was acknowledged: the value, and the number under which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) value: u64,
    pub(crate) seq_no: i64,
    /// The term of the primary that said so.
    pub(crate) term: u64,
}

#[derive(Default)]
pub(crate) struct Client {
    next: u64,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

impl Client {
    /// A value that was never written before. Nothing has the value 0.
    pub(crate) fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
