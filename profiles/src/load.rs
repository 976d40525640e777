//! The library: the profiles that are compiled in, and the user's own, which take the place of those of the same name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::near::near;
use crate::profile::Profile;
use crate::validate::{Problem, parse};

/// The files that are compiled in.
const SHIPPED: [(&str, &str); 7] = [
    ("audio.toml", include_str!("../library/audio.toml")),
    ("av1-rav1e.toml", include_str!("../library/av1-rav1e.toml")),
    ("av1.toml", include_str!("../library/av1.toml")),
    ("web-audio.toml", include_str!("../library/web-audio.toml")),
    ("web-mp4.toml", include_str!("../library/web-mp4.toml")),
    ("web-multi.toml", include_str!("../library/web-multi.toml")),
    ("web.toml", include_str!("../library/web.toml")),
];

/// All profiles by name.
#[derive(Clone, Debug)]
pub struct Library {
    profiles: BTreeMap<String, Profile>,
}

/// A problem and the file that has it; prints as `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Name of the file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A folder or file cannot be read.
    #[error("the profiles in {} cannot be read", path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Some files have mistakes; all of them are here.
    #[error("{}", lines(.0))]
    Invalid(Vec<FileProblem>),
}

/// There is no profile of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {name:?}{}; known are {}", suggestion(near), known.join(", "))]
pub struct UnknownProfile {
    /// What was asked for.
    pub name: String,
    /// Names that are spelt much like it.
    pub near: Vec<String>,
    /// Every name there is.
    pub known: Vec<String>,
}

impl Library {
    /// The shipped profiles and, when a folder is named, every `*.toml` in `user_dir`.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, or with every problem of every file.
    pub fn load(user_dir: Option<&Path>) -> Result<Self, LoadError> {
        let mut library = Self { profiles: BTreeMap::new() };
        let mut problems = Vec::new();
        for (file, text) in SHIPPED {
            library.add(Path::new(file), text, &mut problems);
        }
        for path in user_dir.map(profile_files).transpose()?.unwrap_or_default() {
            let unreadable = |source| LoadError::Unreadable { path: path.clone(), source };
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            library.add(&path, &text, &mut problems);
        }
        if problems.is_empty() { Ok(library) } else { Err(LoadError::Invalid(problems)) }
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// With the names that are spelt much like it.
    pub fn get(&self, name: &str) -> Result<&Profile, UnknownProfile> {
        self.profiles.get(name).ok_or_else(|| UnknownProfile {
            name: name.to_owned(),
            near: near(name, self.names()).into_iter().map(str::to_owned).collect(),
            known: self.names().map(str::to_owned).collect(),
        })
    }

    /// Every name, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// Every profile, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    fn add(&mut self, file: &Path, text: &str, problems: &mut Vec<FileProblem>) {
        let mut report = |problem| problems.push(FileProblem { file: file.to_owned(), problem });
        match parse(text) {
            // People look for `NAME.toml` when they want to change the profile NAME.
            Ok(profile) if file.file_stem().is_none_or(|stem| stem != profile.name.as_str()) => {
                let message =
                    format!("name is {:?}: call the file {0}.toml, or change the name", profile.name);
                let line = 1 + text.lines().position(|line| line.starts_with("name")).unwrap_or(0);
                report(Problem { line, message });
            }
            Ok(profile) => drop(self.profiles.insert(profile.name.clone(), profile)),
            Err(found) => found.into_iter().for_each(report),
        }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}:{}: {}", self.file.display(), self.problem.line, self.problem.message)
    }
}

/// In alphabetical order, so that the same folder always gives the same messages.
fn profile_files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

fn lines(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn suggestion(near: &[String]) -> String {
    match near.first() {
        Some(name) => format!(" (did you mean {name:?}?)"),
        None => String::new(),
    }
}
