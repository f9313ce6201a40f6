//! What nodes ask one another to agree: a version, for whom it is, and the question.
//!
//! Every byte comes from elsewhere: what does not decode is refused, and nothing is allocated on its word alone.

use openraft::error::SnapshotMismatch;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::types::Types;

/// The version of questions and answers; another one is refused.
const VERSION: u8 = 1;

/// What a node is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// For whom it is: another node may have the address by now, and must not answer.
    pub(crate) to: u64,
    pub(crate) question: Question,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<u64>),
    Snapshot(InstallSnapshotRequest<Types>),
    /// To try to lead: whoever asks hands over.
    Campaign,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Append(AppendEntriesResponse<u64>),
    Vote(VoteResponse<u64>),
    Snapshot(Result<InstallSnapshotResponse<u64>, SnapshotMismatch>),
    /// It cannot answer, and why.
    Refused(String),
    /// It tries to lead.
    Campaigns,
}

/// The bytes of a message.
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, MessageError> {
    postcard::to_extend(message, vec![VERSION]).map_err(|error| MessageError(error.to_string()))
}

/// The message that bytes hold.
pub(crate) fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, MessageError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|error| MessageError(error.to_string())),
        Some((other, _)) => Err(MessageError(format!(
            "it has version {other}, this node speaks {VERSION}; upgrade the older one"
        ))),
        None => Err(MessageError("it is empty".to_owned())),
    }
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
#[error("a message of the consensus cannot be read: {0}")]
pub(crate) struct MessageError(String);

#[cfg(test)]
mod tests {
    use super::{Answer, MessageError, Question, Request, decode, encode};
    use crate::types::{Bytes, Types};
    use openraft::raft::{AppendEntriesRequest, InstallSnapshotRequest, VoteRequest};
    use openraft::{CommittedLeaderId, Entry, EntryPayload, LogId, SnapshotMeta, Vote};
    use testkit::Chance;

    fn requests() -> Vec<Request> {
        let at = LogId::new(CommittedLeaderId::new(3, 7), 11);
        let entries = vec![Entry { log_id: at, payload: EntryPayload::Normal(Bytes(vec![1, 2, 3])) }];
        let vote = Vote::new_committed(3, 7);
        let append =
            AppendEntriesRequest::<Types> { vote, prev_log_id: Some(at), entries, leader_commit: None };
        let meta = SnapshotMeta { last_log_id: Some(at), ..SnapshotMeta::default() };
        let chunk = InstallSnapshotRequest { vote, meta, offset: 5, data: vec![9; 40], done: true };
        let questions = [
            Question::Append(append),
            Question::Vote(VoteRequest::new(vote, Some(at))),
            Question::Snapshot(chunk),
        ];
        questions.into_iter().map(|question| Request { to: 2, question }).collect()
    }

    #[test]
    fn a_request_survives_the_way() {
        for request in requests() {
            let bytes = encode(&request).expect("bytes");
            let back: Request = decode(&bytes).expect("read");
            assert_eq!(format!("{back:?}"), format!("{request:?}"));
        }
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let mut bytes = encode(&Answer::Refused("no".to_owned())).expect("bytes");
        bytes[0] = 9;
        let refused: Result<Answer, MessageError> = decode(&bytes);
        assert!(refused.expect_err("refused").to_string().contains("version 9"));
    }

    #[test]
    fn foreign_bytes_are_refused_and_never_panic() {
        let mut chance = Chance::new(5);
        for request in requests() {
            let whole = encode(&request).expect("bytes");
            for cut in 0..whole.len() {
                let cut_off: Result<Request, MessageError> = decode(&whole[..cut]);
                assert!(cut_off.is_err(), "{cut} of {} bytes", whole.len());
            }
            for _ in 0..2_000 {
                let mut bytes = whole.clone();
                for _ in 0..=chance.below(4) {
                    let at = chance.below(bytes.len());
                    bytes[at] = chance.below(256) as u8;
                }
                drop(decode::<Request>(&bytes));
                drop(decode::<Answer>(&bytes));
            }
        }
    }
}
