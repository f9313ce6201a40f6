//! The requests that were answered lately, so that one that is applied twice answers as the first time.
//!
//! Whoever proposes a command and hears nothing proposes it again; both may be agreed upon.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// How many are remembered. A repetition comes within the patience of whoever asks, seconds, and the cluster agrees on some hundred
/// commands a second at most. All nodes have to forget the same ones, so that this is no setting.
const REMEMBERED: usize = 4_096;

/// Requests and what they were answered, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    latest: VecDeque<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    request: u128,
    refusal: Option<Refusal>,
}

impl Answered {
    /// What a request was answered, if it was.
    pub(super) fn get(&self, request: u128) -> Option<Result<(), Refusal>> {
        let answer = self.latest.iter().rev().find(|answer| answer.request == request)?;
        Some(answer.refusal.clone().map_or(Ok(()), Err))
    }

    pub(super) fn remember(&mut self, request: u128, answer: &Result<(), Refusal>) {
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(Answer { request, refusal: answer.as_ref().err().cloned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_never_more_than_needed() {
        let mut answered = Answered::default();
        let refused = Err(Refusal::NameTaken("i".to_owned()));
        answered.remember(0, &Ok(()));
        answered.remember(1, &refused);
        for request in 2..=REMEMBERED as u128 {
            answered.remember(request, &Ok(()));
        }

        assert_eq!(answered.get(0), None);
        assert_eq!(answered.get(1), Some(refused));
        assert_eq!(answered.latest.len(), REMEMBERED);
    }
}
