//! The syntax that all playlists share (RFC 8216 §4.1, §4.2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Names a playlist by its folder.
pub fn name_of(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The lines of a playlist that say something.
pub fn lines(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    ensure!(text.starts_with("#EXTM3U"), "{} does not begin with #EXTM3U", path.display());
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Where a URI of a playlist leads.
pub fn beside(playlist: &Path, uri: &str) -> PathBuf {
    playlist.with_file_name(uri)
}

/// An attribute list (RFC 8216 §4.2): commas inside quotes do not separate.
pub fn attributes(text: &str) -> BTreeMap<String, String> {
    let mut quoted = false;
    let separates = |character: char| {
        quoted ^= character == '"';
        character == ',' && !quoted
    };
    let pairs = text.split(separates).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim_matches('"').to_owned())).collect()
}
