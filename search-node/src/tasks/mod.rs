//! Tasks: what can run longer than a request should wait, with a status, a brake and an end that can be asked for.

mod answered;
mod caller;
mod description;
mod progress;
mod registry;
mod task;

pub(crate) use answered::{Answered, AnsweredSoFar};
pub(crate) use caller::called;
pub(crate) use description::{Description, Searched};
pub(crate) use progress::{Count, Progress, Shown};
pub(crate) use registry::{Outcome, Registered, Tasks};
pub(crate) use task::{Parent, Task, TaskKind};
