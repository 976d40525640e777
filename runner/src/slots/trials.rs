//! Results of trials kept between starts. They hold as long as no file changes that could change what an
//! encoder puts out: this program, the engine and every shared library that is loaded with it.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::capability::Trial;
use crate::config;
use crate::identity::StateDir;

/// Results and what they hold for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trials {
    /// As [`Trials::key`] made it.
    pub key: String,
    /// One per candidate.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// Names the present state of the program, the engine and the libraries: path, size and time of change of
    /// each.
    pub fn key(engine: &config::Engine) -> String {
        let mut digest = Sha256::new();
        digest.update(env!("CARGO_PKG_VERSION"));
        let mut paths = loaded_libraries();
        paths.extend(std::env::current_exe().ok().map(|path| path.display().to_string()));
        digest.update(engine.arguments.join(" "));
        paths.insert(engine.program.display().to_string());
        for path in paths {
            let state =
                std::fs::metadata(Path::new(&path)).map(|file| (file.len(), file.mtime(), file.mtime_nsec()));
            digest.update(format!("{path} {state:?}\n"));
        }
        hex::encode(digest.finalize())
    }

    /// The results kept for `key`; none when there are none, or for another state of things.
    pub fn load(state: &StateDir, key: &str) -> Option<Vec<Trial>> {
        let text = std::fs::read(state.trials_path()).ok()?;
        let kept: Self = serde_json::from_slice(&text).ok()?;
        (kept.key == key).then_some(kept.trials)
    }

    /// Keeps the results.
    pub fn store(&self, state: &StateDir) -> io::Result<()> {
        state.replace(&state.trials_path(), &serde_json::to_vec_pretty(self)?)
    }
}

/// Paths of the shared libraries in this process, FFmpeg's and those of its encoders among them.
fn loaded_libraries() -> BTreeSet<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path = |line: &str| {
        Some(line.split_once('/')?.1).filter(|path| path.contains(".so")).map(|path| format!("/{path}"))
    };
    maps.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_hold_until_the_engine_changes() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let program = folder.path().join("engine");
        std::fs::write(&program, "one").unwrap();
        let engine = config::Engine { program: program.clone(), arguments: Vec::new(), memory_mib: 0 };
        let trials = vec![Trial { encoder: "aac".into(), result: Err("no".into()) }];
        Trials { key: Trials::key(&engine), trials: trials.clone() }.store(&state).unwrap();
        assert_eq!(Trials::load(&state, &Trials::key(&engine)), Some(trials));
        std::fs::write(&program, "another").unwrap();
        assert_eq!(Trials::load(&state, &Trials::key(&engine)), None);
    }
}
