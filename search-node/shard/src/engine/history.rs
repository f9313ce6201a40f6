//! History: operations from a number on, for a copy that returns and lacks no more than those.

use std::sync::Arc;

use super::{Engine, EngineError};
use crate::translog::{HistoryReader, Operation};

/// Operations from a number on, as they were written. What it reads is kept as long as it lives.
pub struct History {
    engine: Arc<Engine>,
    reader: HistoryReader,
    /// The first operation of the next batch, for which there was no room.
    next: Option<Operation>,
}

impl History {
    pub(crate) fn begin(engine: &Arc<Engine>, from: u64, to: Option<u64>) -> Result<Self, EngineError> {
        let reader = engine.translog.begin_history(from, to)?;
        Ok(Self { engine: Arc::clone(engine), reader, next: None })
    }

    /// The next operations, `bytes_max` of them at most as [`Operation::encode`] counts, but one at least; none at the end. All of them
    /// were verified.
    pub fn next_batch(&mut self, bytes_max: usize) -> Result<Vec<Operation>, EngineError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        loop {
            let next = match self.next.take() {
                Some(operation) => Some(operation),
                None => self.engine.translog.next_of_history(&mut self.reader)?,
            };
            let Some(operation) = next else { return Ok(batch) };
            bytes += operation.encoded_bytes();
            if bytes > bytes_max && !batch.is_empty() {
                self.next = Some(operation);
                return Ok(batch);
            }
            batch.push(operation);
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.engine.translog.end_history(&self.reader);
    }
}
