//! Keeps the machine awake while a task runs: a child `systemd-inhibit` holds the lock, and lets go when its standard
//! input ends, however this process ends. Where there is no systemd, nothing happens.

use std::process::Stdio;

use tokio::process::{Child, Command};

/// The lock, held or not.
#[derive(Debug, Default)]
pub struct Awake {
    holder: Option<Child>,
    is_unavailable: bool,
}

impl Awake {
    /// Holds the lock, or lets it go.
    pub fn hold(&mut self, is_wanted: bool) {
        if !is_wanted {
            // Dropping kills the holder.
            self.holder = None;
        } else if let Some(holder) = &mut self.holder {
            if !matches!(holder.try_wait(), Ok(None)) {
                tracing::debug!("systemd-inhibit has ended: the machine may go to sleep while it works");
                (self.holder, self.is_unavailable) = (None, true);
            }
        } else if !self.is_unavailable {
            match start() {
                Ok(holder) => self.holder = Some(holder),
                Err(error) => {
                    tracing::debug!(%error, "no systemd-inhibit: the machine may go to sleep while it works");
                    self.is_unavailable = true;
                }
            }
        }
    }
}

fn start() -> std::io::Result<Child> {
    Command::new("systemd-inhibit")
        .args([
            "--what=sleep",
            "--who=flotilla-runner",
            "--why=a video is being transcoded",
            "--mode=block",
            "cat",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}
