//! Keys as paths below a bucket's `objects` folder.
//!
//! Key parts before a slash become folders `PART.d`, the last part a file `PART.o`, so `a` and `a/x` live
//! side by side and no part can be `..`. Bytes other than letters, digits, `-`, `_` and `.` are
//! percent-encoded. A folder's entries, decoded and sorted with a slash at the end of folders, are in the
//! order of their keys: see `walk`.

use std::path::{Path, PathBuf};

use s3s::{S3Result, s3_error};

/// Room for the suffix within the 255 bytes that file systems allow.
const MAX_NAME_BYTES: usize = 250;

/// What a name below `objects` stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Keys that go on after a slash; the part without it.
    Folder(String),
    /// The last part of a key.
    Object(String),
}

/// The file of a key.
pub(super) fn object_path(objects: &Path, key: &str) -> S3Result<PathBuf> {
    let (folders, last) = match key.rsplit_once('/') {
        Some((folders, last)) => (Some(folders), last),
        None => (None, key),
    };
    let mut path = objects.to_owned();
    for part in folders.iter().flat_map(|folders| folders.split('/')) {
        path.push(encode(part, ".d")?);
    }
    path.push(encode(last, ".o")?);
    Ok(path)
}

/// What a file or folder name stands for; nothing when it is not ours.
pub(super) fn decode(name: &str) -> Option<Name> {
    match name.strip_suffix(".d") {
        Some(part) => Some(Name::Folder(percent_decode(part)?)),
        None => Some(Name::Object(percent_decode(name.strip_suffix(".o")?)?)),
    }
}

fn encode(part: &str, suffix: &str) -> S3Result<String> {
    let mut name = String::with_capacity(part.len() + suffix.len());
    for letter in part.chars() {
        if letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.') {
            name.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(s3_error!(
            KeyTooLongError,
            "a part of the key is longer than {MAX_NAME_BYTES} bytes on disk"
        ));
    }
    Ok(name + suffix)
}

fn percent_decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(key: &str, expected: &str) {
        assert_eq!(object_path(Path::new(""), key).expect(key), Path::new(expected), "{key}");
    }

    #[test]
    fn keys_have_harmless_paths() {
        check("a", "a.o");
        check("a/x", "a.d/x.o");
        check("a/", "a.d/.o");
        check("/a", ".d/a.o");
        check("../../etc/passwd", "...d/...d/etc.d/passwd.o");
        check("a\0b%/höhe", "a%00b%25.d/höhe.o");
        assert!(object_path(Path::new(""), &"k".repeat(251)).is_err());
    }

    proptest! {
        #[test]
        fn a_part_is_read_back(part in "[^/]{0,40}") {
            let name = encode(&part, ".o").expect("it is short");
            prop_assert!(!name.contains('/') && name != ".." && name != ".");
            prop_assert_eq!(decode(&name), Some(Name::Object(part)));
        }
    }
}
