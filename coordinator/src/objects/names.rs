//! Names of buckets, keys and renditions that come from outside: those that could leave their place are refused.

/// S3's limit on a key.
pub(super) const MAX_KEY_BYTES: usize = 1024;

/// A name that no object may have, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} {reason}")]
pub struct InvalidName {
    name: String,
    reason: &'static str,
}

impl InvalidName {
    pub(super) fn new(name: &str, reason: &'static str) -> Self {
        Self { name: name.to_owned(), reason }
    }
}

/// The rules of S3: they also keep a bucket's name harmless as the name of a folder or host.
pub(super) fn check_bucket(name: &str) -> Result<(), InvalidName> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let legal = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inner)
        && outer(bytes.first())
        && outer(bytes.last())
        && !name.contains("..");
    if legal {
        return Ok(());
    }
    Err(InvalidName::new(name, "is no bucket name: 3 to 63 lower-case letters, digits, dots and dashes"))
}

pub(super) fn check_key(key: &str) -> Result<(), InvalidName> {
    if key.len() > MAX_KEY_BYTES {
        return Err(InvalidName::new(key, "is longer than 1024 bytes"));
    }
    key.split('/').try_for_each(|part| check_part(key, part))
}

pub(super) fn check_rendition(name: &str) -> Result<(), InvalidName> {
    if name.contains('/') || name.len() > 128 {
        return Err(InvalidName::new(name, "is no rendition name: up to 128 bytes without a slash"));
    }
    check_part(name, name)
}

fn check_part(name: &str, part: &str) -> Result<(), InvalidName> {
    match part {
        "" => Err(InvalidName::new(name, "has an empty part")),
        "." | ".." => Err(InvalidName::new(name, "has a part `.` or `..`")),
        _ if part.chars().any(char::is_control) => Err(InvalidName::new(name, "has a control character")),
        _ => Ok(()),
    }
}
