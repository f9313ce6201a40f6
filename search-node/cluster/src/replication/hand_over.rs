//! The gate of a primary: who may begin an operation, and when nobody may because another copy is to be primary.
//!
//! ```text
//!           the map says so              all is done: ask
//!  Open ──────────────────────► Draining ──────────────────► Asked ──► the map has a new term, and this primary is over
//!    ▲                             │ give up                    │
//!    ├─────────────────────────────┘                            │
//!    └── the map says that there is no such hand-over any more ─┘
//! ```
//!
//! Once the map was asked, only the map can say that this primary goes on: what was asked may be decided at any time until then.

use crate::state::{CopyId, HandOver};

/// Who may begin an operation.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stage: Stage,
    /// Operations that were let in and have not been registered.
    inside: usize,
    /// An attempt that was given up, of which the map has not heard yet.
    given_up: Option<HandOver>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Draining(HandOver),
    Asked(HandOver),
}

/// Nobody is admitted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the primary hands over to copy {to}; ask again once the map has another primary or term")]
pub struct HandingOver {
    /// The copy that is to be primary.
    pub to: CopyId,
}

impl Gate {
    pub(super) fn admit(&mut self, operations: usize) -> Result<(), HandingOver> {
        match self.stage {
            Stage::Open => {
                self.inside += operations;
                Ok(())
            }
            Stage::Draining(HandOver { to, .. }) | Stage::Asked(HandOver { to, .. }) => {
                Err(HandingOver { to })
            }
        }
    }

    /// Whoever is inside may have more numbered: it is waited for anyway.
    pub(super) fn admit_more(&mut self, operations: usize) -> Result<(), HandingOver> {
        if self.inside == 0 {
            return self.admit(operations);
        }
        self.inside += operations;
        Ok(())
    }

    /// Operations that were let in have been registered, or will never be.
    pub(super) fn left(&mut self, operations: usize) {
        debug_assert!(operations <= self.inside, "{operations} of {} leave", self.inside);
        self.inside = self.inside.saturating_sub(operations);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inside == 0
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether another copy may be primary at any time: the map was asked for it.
    pub(super) fn has_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }

    pub(super) fn map_says(&mut self, under_way: Option<HandOver>) {
        self.given_up = self.given_up.filter(|given_up| under_way == Some(*given_up));
        self.stage = match (under_way, self.stage) {
            (Some(said), Stage::Asked(known)) if said == known => Stage::Asked(known),
            (Some(said), _) if self.given_up.is_none() => Stage::Draining(said),
            _ => Stage::Open,
        };
    }

    pub(super) fn ask(&mut self, is_drained: bool) -> Option<HandOver> {
        match self.stage {
            Stage::Asked(asked) => Some(asked),
            Stage::Draining(wanted) if is_drained => {
                self.stage = Stage::Asked(wanted);
                Some(wanted)
            }
            Stage::Draining(_) | Stage::Open => None,
        }
    }

    pub(super) fn give_up(&mut self) -> Option<HandOver> {
        match self.stage {
            Stage::Open => self.given_up,
            Stage::Draining(wanted) => {
                self.given_up = Some(wanted);
                self.stage = Stage::Open;
                Some(wanted)
            }
            Stage::Asked(asked) => Some(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: HandOver = HandOver { to: CopyId(2), attempt: 1 };

    fn draining() -> Gate {
        let mut gate = Gate::default();
        gate.admit(3).expect("open");
        gate.map_says(Some(WANTED));
        gate
    }

    #[test]
    fn nobody_is_let_in_while_it_drains_and_nothing_is_asked_before_it_has() {
        let mut gate = draining();

        assert_eq!(gate.admit(1), Err(HandingOver { to: CopyId(2) }));
        gate.left(2);
        assert!(!gate.is_empty());
        assert_eq!(gate.ask(false), None);
        gate.left(1);

        assert_eq!((gate.is_empty(), gate.ask(true)), (true, Some(WANTED)));
    }

    /// A request of many operations must not wait for a hand-over that waits for its first ones.
    #[test]
    fn who_is_inside_is_let_in_again_and_nobody_else() {
        let mut gate = draining();

        assert_eq!(gate.admit_more(2), Ok(()));
        gate.left(5);
        assert_eq!(gate.ask(true), Some(WANTED));

        assert_eq!(gate.admit_more(1), Err(HandingOver { to: CopyId(2) }));
    }

    #[test]
    fn what_was_not_asked_is_given_up_at_once_and_the_map_is_told_until_it_knows() {
        let mut gate = draining();

        assert_eq!(gate.give_up(), Some(WANTED));
        gate.map_says(Some(WANTED));
        assert_eq!((gate.admit(1), gate.give_up()), (Ok(()), Some(WANTED)), "the map does not know yet");
        gate.map_says(None);
        assert_eq!(gate.give_up(), None);

        gate.map_says(Some(HandOver { attempt: 2, ..WANTED }));
        assert!(gate.admit(1).is_err(), "that is another one");
    }

    /// What was asked may be decided at any time, until the map says otherwise.
    #[test]
    fn what_was_asked_is_given_up_by_the_map_alone() {
        let mut gate = draining();
        gate.left(3);
        gate.ask(true);

        assert_eq!(gate.give_up(), Some(WANTED));
        gate.map_says(Some(WANTED));
        assert!(gate.admit(1).is_err());
        gate.map_says(None);

        assert_eq!(gate.admit(1), Ok(()));
    }
}
