//! What a runner is told: a TOML file, overruled by the environment, overruled by flags. Reading it does no
//! more than read; all problems of a file are clap's or serde's own words with a place.

pub mod address;
pub mod file;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

pub use address::Address;

use crate::neighbour;

/// Everything that [`crate::app::run`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder for the identity and the results of trials.
    pub state_dir: PathBuf,
    /// Coordinators to join where there is no identity yet.
    pub joins: Vec<Join>,
    /// They are joined beside those that this runner has joined before; false: only where there is none.
    pub joins_beside: bool,
    /// Tasks at a time; none: as many as the machine carries.
    pub slots: Option<NonZeroU32>,
    /// Encoders to offer, as far as they work; empty: all.
    pub encoders: Vec<String>,
    /// Talk to all coordinators on other machines without encryption.
    pub allow_plaintext: bool,
    /// How an engine child is started.
    pub engine: Engine,
    /// When to work, and how quietly.
    pub neighbour: neighbour::Settings,
}

/// How to become known to a coordinator.
#[derive(Clone)]
pub struct Join {
    /// Address of the coordinator.
    pub url: String,
    /// Token that an admin made; none: there must be an identity already.
    pub token: Option<String>,
    /// Name that people see; empty: the coordinator chooses.
    pub name: String,
    /// How much of the machine it is for, beside others; none: as it was said when it was joined.
    pub share: Option<NonZeroU32>,
    /// Talk to it without encryption.
    pub allow_plaintext: bool,
}

impl Config {
    /// What is set of one coordinator.
    pub fn wanted(&self, url: &str) -> Option<&Join> {
        self.joins.iter().find(|join| join.is_of(url))
    }

    /// It may be talked to without encryption.
    pub fn allows_plaintext(&self, url: &str) -> bool {
        self.allow_plaintext || self.wanted(url).is_some_and(|wanted| wanted.allow_plaintext)
    }
}

impl Join {
    /// It is about the coordinator at this address.
    pub fn is_of(&self, url: &str) -> bool {
        self.url.trim_end_matches('/') == url.trim_end_matches('/')
    }
}

impl std::fmt::Debug for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, name, share, .. } = self;
        write!(f, "Join {{ url: {url:?}, token: …, name: {name:?}, share: {share:?} }}")
    }
}

/// The program that runs one task and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Memory that it may use, MiB; 0: as much as there is.
    pub memory_mib: u64,
}

impl Engine {
    /// This very program as an engine, unless the environment variable FLOTILLA_ENGINE names another, which bounds
    /// its memory by itself. Its niceness is `nice`, or the daemon's where that is higher.
    pub fn from_environment(memory_mib: u64, nice: u8) -> std::io::Result<Self> {
        match std::env::var_os("FLOTILLA_ENGINE") {
            Some(program) => Ok(Self { program: program.into(), arguments: Vec::new(), memory_mib: 0 }),
            None => {
                let words = ["engine", "--memory-mib", &memory_mib.to_string(), "--nice", &nice.to_string()];
                let arguments = words.map(str::to_owned).to_vec();
                Ok(Self { program: std::env::current_exe()?, arguments, memory_mib })
            }
        }
    }
}

/// Where state is kept when nothing says otherwise: /var/lib for root, the XDG state folder for everybody
/// else.
pub fn default_state_dir() -> PathBuf {
    if nix::unistd::Uid::effective().is_root() {
        return "/var/lib/flotilla-runner".into();
    }
    let state_home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    state_home.or_else(home).unwrap_or_else(std::env::temp_dir).join("flotilla-runner")
}
