//! The state of the tests: every proposal in the order in which it was applied.

use consensus::{Place, RestoreError, SnapshotError, StateMachine};

/// The proposals, each a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger(pub(crate) Vec<u64>);

impl StateMachine for Ledger {
    /// Answers with the place of the proposal.
    fn apply(&mut self, _: Place, proposal: &[u8]) -> Vec<u8> {
        self.0.push(number(proposal).expect("a number"));
        (self.0.len() as u64 - 1).to_le_bytes().to_vec()
    }

    fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(self.0.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let numbers: Option<Vec<u64>> = snapshot.chunks(8).map(number).collect();
        self.0 = numbers.ok_or_else(|| RestoreError("it is cut off".to_owned()))?;
        Ok(())
    }
}

pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().map(u64::from_le_bytes).ok()
}
