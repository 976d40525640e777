//! Join tokens: made here, shown once, kept as digests.

use serde::{Deserialize, Serialize};

use super::JobsError;
use crate::clock::{digest, new_secret};
use crate::parts::Parts;
use crate::store::TokenRecord;

/// A token as it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, for people.
    pub note: String,
    /// How many runners may join with it.
    pub uses: u32,
    /// How long it is good for, seconds.
    pub life_seconds: u64,
}

impl Default for NewToken {
    fn default() -> Self {
        Self { note: String::new(), uses: 1, life_seconds: 3600 }
    }
}

/// Prefix by which people and secret scanners recognise a token.
const PREFIX: &str = "flt-";

/// Longest note, characters.
const MAX_NOTE_CHARS: usize = 200;

/// Makes a token.
pub async fn create(parts: &Parts, wanted: NewToken) -> Result<(TokenRecord, String), JobsError> {
    if wanted.uses == 0 || wanted.life_seconds == 0 {
        return Err(JobsError::Invalid("a token needs at least one use and one second of life".into()));
    }
    if wanted.note.chars().count() > MAX_NOTE_CHARS || wanted.note.chars().any(char::is_control) {
        return Err(JobsError::Invalid(format!("a note is one line of up to {MAX_NOTE_CHARS} characters")));
    }
    let token = format!("{PREFIX}{}", new_secret());
    let now = parts.clock.now();
    let life_ms = i64::try_from(wanted.life_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let record = TokenRecord {
        id: new_secret()[..12].to_owned(),
        digest: digest(&token),
        note: wanted.note,
        created_at: now,
        expires_at: now.plus_ms(life_ms),
        uses_left: wanted.uses,
    };
    parts.store.create_token(record.clone()).await?;
    Ok((record, token))
}
