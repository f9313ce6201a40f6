//! What the nodes of a cluster share and nobody else knows.

use std::fmt;

/// The least bytes that a secret is made of: fewer could be guessed from a handshake that was overheard.
pub const SECRET_BYTES_MIN: usize = 32;

/// What the nodes of a cluster share. It never travels: a node proves that it knows it.
#[derive(Clone)]
pub struct Secret([u8; blake3::KEY_LEN]);

/// Too short to be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a secret of {0} bytes can be guessed; make one of at least {SECRET_BYTES_MIN} random bytes")]
pub struct SecretTooShort(usize);

/// Whose proof it is. That it is a part of the proof is what keeps a node from being answered with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Caller,
    Acceptor,
}

impl Secret {
    /// The secret made of random bytes.
    pub fn new(material: &[u8]) -> Result<Self, SecretTooShort> {
        if material.len() < SECRET_BYTES_MIN {
            return Err(SecretTooShort(material.len()));
        }
        Ok(Self(blake3::derive_key("weir 2026 transport secret of a cluster", material)))
    }

    /// What proves that a node in a role knows the secret and saw the same two messages. Comparing two takes the same
    /// time wherever they differ.
    pub(crate) fn proof(&self, role: Role, hello: &[u8], welcome: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(match role {
            Role::Caller => b"weir transport: calls  ",
            Role::Acceptor => b"weir transport: accepts",
        });
        hasher.update(&(hello.len() as u64).to_le_bytes());
        hasher.update(hello);
        hasher.update(welcome);
        hasher.finalize()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_secret_one_role_and_both_messages() {
        let secret = Secret::new(&[7; 32]).expect("long enough");
        let proof = secret.proof(Role::Caller, b"hello", b"welcome");

        assert_eq!(
            Secret::new(&[7; 32]).expect("long enough").proof(Role::Caller, b"hello", b"welcome"),
            proof
        );
        for other in [
            Secret::new(&[8; 32]).expect("long enough").proof(Role::Caller, b"hello", b"welcome"),
            secret.proof(Role::Acceptor, b"hello", b"welcome"),
            secret.proof(Role::Caller, b"hellow", b"elcome"),
            secret.proof(Role::Caller, b"hello", b"welcomE"),
        ] {
            assert_ne!(other, proof);
        }
        assert_eq!(Secret::new(&[7; 31]).err(), Some(SecretTooShort(31)));
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
