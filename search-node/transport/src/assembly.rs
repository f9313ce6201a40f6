//! A long body that arrives in parts.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

/// The least memory that is asked for at a time while a body grows.
const GROWTH_BYTES_MIN: usize = 1 << 20;

/// A long body that arrives in parts, once there is room for all of it.
#[derive(Debug)]
pub(crate) struct Assembly {
    total: usize,
    arrived: usize,
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
    is_granted: bool,
    is_kept: bool,
}

/// A part that may not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssemblyError {
    #[error("a part of a body came before there was room for it")]
    NotGranted,
    #[error("a body is longer than was said")]
    TooLong,
}

impl Assembly {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, arrived: 0, bytes: Vec::new(), room: None, is_granted: false, is_kept: true }
    }

    /// There is room.
    pub(crate) fn grant(&mut self, room: OwnedSemaphorePermit) {
        self.room = Some(room);
        self.is_granted = true;
    }

    /// Nobody wants the body any more; what still comes is only counted.
    pub(crate) fn forget(&mut self) {
        self.bytes = Vec::new();
        self.room = None;
        self.is_kept = false;
    }

    /// Takes a part; true once the body is whole.
    pub(crate) fn push(&mut self, part: &[u8]) -> Result<bool, AssemblyError> {
        if !self.is_granted {
            return Err(AssemblyError::NotGranted);
        }
        if part.len() > self.total - self.arrived {
            return Err(AssemblyError::TooLong);
        }
        self.arrived += part.len();
        if self.is_kept {
            // Grows with what arrives, and never beyond the whole: the length alone makes nobody allocate.
            if self.bytes.capacity() - self.bytes.len() < part.len() {
                let goal = (self.bytes.len() * 2).max(self.bytes.len() + GROWTH_BYTES_MIN).min(self.total);
                self.bytes.reserve_exact(goal - self.bytes.len());
            }
            self.bytes.extend_from_slice(part);
        }
        Ok(self.arrived == self.total)
    }

    /// The body, and the room that it takes.
    pub(crate) fn finish(self) -> (Bytes, Option<OwnedSemaphorePermit>) {
        (Bytes::from(self.bytes), self.room)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn a_body_takes_no_more_memory_than_has_arrived_and_never_more_than_was_said() {
        let room = Arc::new(Semaphore::new(usize::MAX >> 4));
        let total = 10 * GROWTH_BYTES_MIN + 7;
        let mut assembly = Assembly::new(total);
        assert_eq!(assembly.push(&[1]), Err(AssemblyError::NotGranted));
        assembly.grant(room.try_acquire_owned().expect("room"));
        assert_eq!(assembly.bytes.capacity(), 0);

        let part = vec![3; 60_000];
        let mut left = total;
        while left > 0 {
            let size = left.min(part.len());
            left -= size;
            assert_eq!(assembly.push(&part[..size]), Ok(left == 0));
            assert!(assembly.bytes.capacity() <= total.min(2 * assembly.arrived + GROWTH_BYTES_MIN));
        }
        assert_eq!(assembly.push(&[1]), Err(AssemblyError::TooLong));

        assert_eq!(assembly.finish().0, vec![3; total]);
    }

    #[test]
    fn a_body_that_nobody_wants_is_only_counted() {
        let room = Arc::new(Semaphore::new(1));
        let mut assembly = Assembly::new(200);
        assembly.grant(Arc::clone(&room).try_acquire_owned().expect("room"));
        assert_eq!(assembly.push(&[1; 100]), Ok(false));

        assembly.forget();

        assert_eq!(room.available_permits(), 1);
        assert_eq!(assembly.push(&[1; 100]), Ok(true));
        assert_eq!(assembly.bytes.capacity(), 0);
    }
}
