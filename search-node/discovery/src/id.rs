//! Ids that nobody else has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A new id of a cluster or a node: 128 random bits, 22 characters.
pub(crate) fn new_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}
