//! Visits a bucket's objects in the order of their keys, passing by folders that cannot hold what is wanted.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::commit::is_absent;
use super::layout::{Name, decode};

/// Which keys are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    /// They begin with this.
    pub prefix: &'a str,
    /// They come after this.
    pub after: &'a str,
}

type Visit<'a> = dyn FnMut(&str, &Path) -> io::Result<ControlFlow<()>> + 'a;

/// Calls `visit` with each wanted key and its file until it breaks. What is deleted meanwhile may be missing.
pub(super) fn walk(objects: &Path, wanted: Wanted<'_>, visit: &mut Visit<'_>) -> io::Result<()> {
    walk_folder(objects, "", wanted, visit).map(drop)
}

impl Wanted<'_> {
    fn holds(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && key > self.after
    }

    /// Whether a key that begins with `start` may be wanted.
    fn may_begin(&self, start: &str) -> bool {
        let in_prefix = start.starts_with(self.prefix) || self.prefix.starts_with(start);
        in_prefix && (start > self.after || self.after.starts_with(start))
    }
}

fn walk_folder(
    folder: &Path,
    start: &str,
    wanted: Wanted<'_>,
    visit: &mut Visit<'_>,
) -> io::Result<ControlFlow<()>> {
    for (key, path) in sorted_entries(folder, start)? {
        let flow = match key.is_folder {
            true if wanted.may_begin(&key.text) => walk_folder(&path, &key.text, wanted, visit)?,
            false if wanted.holds(&key.text) => visit(&key.text, &path)?,
            _ => ControlFlow::Continue(()),
        };
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A whole key, or what the keys in a folder begin with: that ends in a slash, so both sort as keys do. An
/// object whose key ends in a slash lies within the folder and comes first there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    text: String,
    is_folder: bool,
}

fn sorted_entries(folder: &Path, start: &str) -> io::Result<Vec<(Entry, PathBuf)>> {
    let read = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        read => read?,
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry?;
        let name = entry.file_name();
        let entry_of = |text, is_folder| Entry { text, is_folder };
        match name.to_str().and_then(decode) {
            Some(Name::Folder(part)) => {
                entries.push((entry_of(format!("{start}{part}/"), true), entry.path()))
            }
            Some(Name::Object(part)) => {
                entries.push((entry_of(format!("{start}{part}"), false), entry.path()))
            }
            None => {}
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::layout::object_path;
    use super::*;

    const KEYS: [&str; 8] = ["a", "a!", "a/", "a/b", "a/x/y", "a0", "b/c", "ä"];

    fn check(prefix: &str, after: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder");
        for key in KEYS {
            let path = object_path(folder.path(), key).expect("a path");
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        let mut seen = Vec::new();
        let mut visit = |key: &str, _: &Path| {
            seen.push(key.to_owned());
            Ok(ControlFlow::Continue(()))
        };
        walk(folder.path(), Wanted { prefix, after }, &mut visit).expect("walked");
        assert_eq!(seen, expected, "prefix {prefix:?} after {after:?}");
    }

    #[test]
    fn keys_come_in_their_order() {
        check("", "", &KEYS);
        check("a/", "", &["a/", "a/b", "a/x/y"]);
        check("a/x", "", &["a/x/y"]);
        check("", "a/b", &["a/x/y", "a0", "b/c", "ä"]);
        check("a", "a/x/y", &["a0"]);
        check("c", "", &[]);
    }
}
