//! A process of the product, in a session of its own: whatever it starts can be found, and is gone with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::wait_for;

/// A started process. Dropping it kills its whole session.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in a new session; what it says goes to the file `log`, after what is there already.
    pub fn start(program: &Path, configure: impl FnOnce(&mut Command), log: &Path) -> Self {
        // `setsid` makes the session and then becomes the program: both have one process id.
        let mut command = Command::new("setsid");
        command.arg(program);
        configure(&mut command);
        let open = || File::options().create(true).append(true).open(log).expect("a log file can be written");
        let child = command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Self { child, log: log.to_owned() }
    }

    /// Its process id, which is its session's id too.
    pub fn id(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Where it writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.id(), signal).expect("the process is there to be signalled");
    }

    /// Kills the process alone, as a power cut would: it gets no chance to tidy up.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a killed process ends");
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the process can be waited for").is_none()
    }

    /// Waits for the process to end.
    pub fn wait_end(&mut self, at_most: Duration) -> ExitStatus {
        let log = self.log.clone();
        let child = &mut self.child;
        let ended = || child.try_wait().expect("the process can be waited for");
        wait_for(&format!("the end of the process that writes {}", log.display()), at_most, ended)
    }

    /// The newest line of its output that begins with `start`, without `start`.
    pub fn said(&self, start: &str) -> Option<String> {
        let text = fs::read_to_string(&self.log).ok()?;
        text.lines().rev().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
    }

    /// Processes that it has started itself and that still run.
    pub fn children(&self) -> Vec<Pid> {
        processes().filter(|process| process.parent == self.id()).map(|process| process.id).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for process in session_members(self.id()) {
            // It may have ended by itself in the meantime.
            let _ = kill(process, Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All running processes of a session.
pub fn session_members(session: Pid) -> Vec<Pid> {
    processes().filter(|process| process.session == session).map(|process| process.id).collect()
}

struct Entry {
    id: Pid,
    parent: Pid,
    session: Pid,
}

fn processes() -> impl Iterator<Item = Entry> {
    let folders = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    folders.filter_map(|folder| Entry::read(&fs::read_to_string(folder.path().join("stat")).ok()?))
}

impl Entry {
    /// proc(5): id (name) state parent group session …; the name may hold anything, even parentheses. Zombies have
    /// ended.
    fn read(stat: &str) -> Option<Self> {
        let (id, _) = stat.split_once(' ')?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |text: &str| text.parse().ok().map(Pid::from_raw);
        let entry =
            Self { id: number(id)?, parent: number(fields.get(1)?)?, session: number(fields.get(3)?)? };
        (fields.first() != Some(&"Z")).then_some(entry)
    }
}
