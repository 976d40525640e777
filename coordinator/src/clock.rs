//! The only file that reads the wall clock, rolls dice for secrets and makes ids. Everything else is handed these, so
//! that tests and the simulation decide what time it is.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::{Timestamp, Token};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A new id that sorts after all older ones.
pub fn new_id<T: From<uuid::Uuid>>() -> T {
    T::from(uuid::Uuid::now_v7())
}

/// A new secret of 256 random bits, hexadecimal.
pub fn new_secret() -> String {
    let bytes: [u8; 32] = rand::random();
    hex::encode(bytes)
}

/// SHA-256 of a secret, hexadecimal: what is stored in its place. Makers and checkers of secrets must agree on it.
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A new lease token.
pub fn new_lease_token() -> Token {
    Token::new(new_secret())
}
