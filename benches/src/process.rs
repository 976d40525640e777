//! Processes of a run, looked at from outside while they live: who takes which memory, time and threads. `/proc` is read
//! five times a second, which costs the machine about half a percent of one processor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::unistd::{SysconfVar, sysconf};

/// What a process is in a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `flotilla`: coordinator, and with `transcode` the object store too.
    Coordinator,
    /// The daemon `flotilla-runner run`.
    Runner,
    /// Its child, which works on one task.
    Engine,
    /// Anything else, the peers' ffmpeg for one.
    Other,
}

/// One process, as last seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What it is.
    pub role: Role,
    /// Own user and system time, seconds.
    pub cpu_seconds: f64,
    /// Largest resident memory, bytes.
    pub peak_bytes: u64,
    /// Most threads at a time.
    pub threads: usize,
}

/// All processes of a run.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    seen: BTreeMap<i32, Seen>,
    /// Engine threads that ran or were ready to run, over all engines and all looks that saw engines.
    busy_engine_threads: usize,
    /// Looks that saw engines.
    looks_at_engines: usize,
    /// Most engines at one look.
    pub engines_at_once: usize,
}

impl Watched {
    /// Looks at `root` and all its descendants.
    pub fn look(&mut self, root: i32) {
        let (mut busy, mut engines) = (0, 0);
        for stat in descendants(root) {
            let known = self.seen.get(&stat.pid).copied();
            // A child that has not yet become an engine still has the name of the daemon that it stems from.
            let told = known.map(|seen| seen.role).filter(|role| *role != Role::Runner);
            let role = told.unwrap_or_else(|| role(stat.pid));
            let before = known.unwrap_or(Seen { role, cpu_seconds: 0.0, peak_bytes: 0, threads: 0 });
            let seen = Seen {
                role,
                cpu_seconds: stat.cpu_seconds,
                peak_bytes: before.peak_bytes.max(high_water_bytes(stat.pid)),
                threads: before.threads.max(stat.threads),
            };
            self.seen.insert(stat.pid, seen);
            if role == Role::Engine {
                engines += 1;
                busy += busy_threads(stat.pid);
            }
        }
        self.busy_engine_threads += busy;
        self.looks_at_engines += usize::from(engines > 0);
        self.engines_at_once = self.engines_at_once.max(engines);
    }

    /// Engine threads that ran or were ready to run at a time, on average. A single look tells little: where one thread
    /// hands over to another, both are ready for a moment.
    pub fn busy_engine_threads(&self) -> f64 {
        self.busy_engine_threads as f64 / self.looks_at_engines.max(1) as f64
    }

    /// Own time of all processes of a role, seconds; what they did after the last look is not in it.
    pub fn cpu_seconds(&self, role: Role) -> f64 {
        self.of(role).map(|seen| seen.cpu_seconds).sum()
    }

    /// Largest memory of any process of a role, bytes; 0: none was seen.
    pub fn peak_bytes(&self, role: Role) -> u64 {
        self.of(role).map(|seen| seen.peak_bytes).max().unwrap_or(0)
    }

    /// Most threads of any process of a role.
    pub fn threads(&self, role: Role) -> usize {
        self.of(role).map(|seen| seen.threads).max().unwrap_or(0)
    }

    /// Takes in what another watch saw of other processes.
    pub fn extend(&mut self, other: &Self) {
        self.seen.extend(&other.seen);
        self.busy_engine_threads += other.busy_engine_threads;
        self.looks_at_engines += other.looks_at_engines;
        self.engines_at_once = self.engines_at_once.max(other.engines_at_once);
    }

    fn of(&self, role: Role) -> impl Iterator<Item = &Seen> {
        self.seen.values().filter(move |seen| seen.role == role)
    }
}

struct Stat {
    pid: i32,
    parent: i32,
    cpu_seconds: f64,
    /// Of its children that have ended.
    ended_seconds: f64,
    threads: usize,
}

/// A process and all that stem from it, as far as the chain of parents holds.
fn descendants(root: i32) -> Vec<Stat> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats =
        folders.filter_map(|folder| Stat::parse(&fs::read_to_string(folder.path().join("stat")).ok()?));
    let all: Vec<Stat> = stats.collect();
    let mut family = BTreeSet::from([root]);
    // Process ids wrap around, so a child may stand before its parent.
    while all.iter().any(|stat| family.contains(&stat.parent) && family.insert(stat.pid)) {}
    all.into_iter().filter(|stat| family.contains(&stat.pid)).collect()
}

impl Stat {
    /// proc(5): id (name) state parent … utime(14) stime(15) cutime(16) cstime(17) … threads(20); the name may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (pid, _) = stat.split_once(' ')?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let per_second =
            sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0).unwrap_or(100);
        Some(Self {
            pid: pid.parse().ok()?,
            parent: i32::try_from(number(4)?).ok()?,
            cpu_seconds: (number(14)? + number(15)?) as f64 / per_second as f64,
            ended_seconds: (number(16)? + number(17)?) as f64 / per_second as f64,
            threads: usize::try_from(number(20)?).ok()?,
        })
    }
}

/// By the command line: an engine is the runner's program with the word `engine`.
fn role(pid: i32) -> Role {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split('\0');
    match words.next().and_then(|program| program.rsplit('/').next()) {
        Some("flotilla") => Role::Coordinator,
        Some("flotilla-runner") if words.next() == Some("engine") => Role::Engine,
        Some("flotilla-runner") => Role::Runner,
        _ => Role::Other,
    }
}

/// `VmHWM` of proc(5) status, which is in KiB.
fn high_water_bytes(pid: i32) -> u64 {
    status(pid, "VmHWM:")
}

/// Resident memory now, bytes; 0: it has ended.
pub fn resident_bytes(pid: i32) -> u64 {
    status(pid, "VmRSS:")
}

/// Processor time of a process, seconds: its own, and that of its children that have ended; none: it has ended.
pub fn cpu_seconds(pid: i32) -> Option<(f64, f64)> {
    let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some((stat.cpu_seconds, stat.ended_seconds))
}

fn status(pid: i32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim_end().parse::<u64>().unwrap_or(0) << 10
}

/// Threads that run or would run if they had a processor.
fn busy_threads(pid: i32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let runs = |stat: &str| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'));
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .filter(|stat| runs(stat))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let rest = "S 7 2 3 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0";
        for name in ["(engine)", "(a b)", "(a) S 9 (b)"] {
            let stat = Stat::parse(&format!("42 {name} {rest}")).unwrap();
            assert_eq!((stat.pid, stat.parent, stat.threads), (42, 7, 5), "{name}");
            assert!(stat.cpu_seconds > 0.0, "{name}");
        }
        assert!(Stat::parse("42 (cut off) S 1").is_none());
    }

    #[test]
    fn this_very_process_is_seen() {
        let mut watched = Watched::default();
        watched.look(i32::try_from(std::process::id()).unwrap());
        assert!(watched.peak_bytes(Role::Other) > 1 << 20, "a test program holds more than a MiB");
    }
}
