//! Opaque names of things. They sort by age (UUID version 7), so listings need no second column.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// When it was made; none when it is not one of ours (UUID version 7, RFC 9562 §5.7).
            pub fn made_at(&self) -> Option<Timestamp> {
                let (seconds, nanoseconds) = uuid::Uuid::parse_str(&self.0).ok()?.get_timestamp()?.to_unix();
                let milliseconds = seconds.checked_mul(1000)?.checked_add(u64::from(nanoseconds / 1_000_000))?;
                i64::try_from(milliseconds).ok().map(Timestamp)
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(uuid: uuid::Uuid) -> Self {
                Self(uuid.simple().to_string())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                match !text.is_empty() && text.len() <= 64 && text.bytes().all(plain) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(InvalidId),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A job: one source, one profile, one destination.
    JobId
);
id!(
    /// A task: one piece of a job's work.
    TaskId
);
id!(
    /// An attempt: one runner's try at a task.
    AttemptId
);
id!(
    /// A runner that has joined.
    RunnerId
);

/// The text is no id: ids are up to 64 letters, digits and dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 letters, digits and dashes")]
pub struct InvalidId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_ours_tells_when_it_was_made() {
        let uuid =
            uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_790_000_000, 123_000_000));
        assert_eq!(JobId::from(uuid).made_at(), Some(Timestamp(1_790_000_000_123)));
        assert_eq!("upload-7".parse::<JobId>().unwrap().made_at(), None);
        assert_eq!(JobId::from(uuid::Uuid::nil()).made_at(), None);
    }
}
