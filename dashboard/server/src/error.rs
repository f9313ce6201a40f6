//! What an API call answers when it cannot do what was asked: a status, a kind and one sentence.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use search_client::ClientError;
use serde_json::{Value, json};

use crate::kql::Diagnostic;

/// A failed API call.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request itself is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// The query cannot be read.
    #[error("{}", .0.message)]
    BadQuery(Diagnostic),
    /// The call does not come from this dashboard's own pages.
    #[error("{0}")]
    Foreign(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Too much at once.
    #[error("{0}")]
    TooBusy(String),
    /// No search node answers.
    #[error("no search node answers at {hosts}: {reason}")]
    NodeAway {
        /// The addresses.
        hosts: String,
        /// What the last try said.
        reason: String,
    },
    /// The search node refused.
    #[error("the search node answered {status}: {reason}")]
    NodeRefused {
        /// Its HTTP status.
        status: u16,
        /// The error's type.
        kind: String,
        /// Its reason.
        reason: String,
    },
    /// The answer is not what the API promises.
    #[error("{0}")]
    NodeOdd(String),
}

impl ApiError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::BadRequest(_) | ApiError::BadQuery(_) => StatusCode::BAD_REQUEST,
            ApiError::Foreign(_) => StatusCode::FORBIDDEN,
            ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::TooBusy(_) => StatusCode::TOO_MANY_REQUESTS,
            ApiError::NodeAway { .. } | ApiError::NodeRefused { .. } | ApiError::NodeOdd(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// The stable name of the failure.
    pub fn kind(&self) -> &'static str {
        match self {
            ApiError::BadRequest(_) => "bad_request",
            ApiError::BadQuery(_) => "bad_query",
            ApiError::Foreign(_) => "foreign_request",
            ApiError::NotFound(_) => "not_found",
            ApiError::TooBusy(_) => "too_busy",
            ApiError::NodeAway { .. } => "node_away",
            ApiError::NodeRefused { .. } => "node_refused",
            ApiError::NodeOdd(_) => "node_odd",
        }
    }

    /// The body: `{"error": {…}}`, also used as a frame of a stream.
    pub fn body(&self) -> Value {
        let mut error = json!({"kind": self.kind(), "reason": self.to_string()});
        match self {
            ApiError::BadQuery(diagnostic) => error["diagnostic"] = json!(diagnostic),
            ApiError::NodeAway { hosts, reason } => {
                error["address"] = json!(hosts);
                error["cause"] = json!(reason);
            }
            ApiError::NodeRefused { status, kind, .. } => {
                error["status"] = json!(status);
                error["type"] = json!(kind);
            }
            _ => {}
        }
        json!({"error": error})
    }
}

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { hosts, reason } => ApiError::NodeAway { hosts, reason },
            ClientError::Refused { status, kind, reason, .. } => {
                ApiError::NodeRefused { status, kind, reason }
            }
            other => ApiError::NodeOdd(other.to_string()),
        }
    }
}

impl From<Diagnostic> for ApiError {
    fn from(diagnostic: Diagnostic) -> Self {
        ApiError::BadQuery(diagnostic)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}
