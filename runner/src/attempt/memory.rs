//! The largest memory that an engine has held. The kernel forgets it when the process ends, so it is looked at while the
//! process lives, and a last time before an engine that has said its last word is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::Pid;
use tokio::task::JoinHandle;

/// Between two looks; what an engine that dies takes in between is not seen.
const LOOK: Duration = Duration::from_millis(200);

/// Looks at a process again and again.
#[derive(Debug)]
pub struct Watch {
    pid: Pid,
    peak_bytes: Arc<AtomicU64>,
    looking: JoinHandle<()>,
}

impl Watch {
    /// Watches a process until this is dropped.
    pub fn start(pid: Pid) -> Self {
        let peak_bytes = Arc::new(AtomicU64::new(0));
        let seen = peak_bytes.clone();
        let looking = tokio::spawn(async move {
            loop {
                seen.fetch_max(peak(pid), Ordering::Relaxed);
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { pid, peak_bytes, looking }
    }

    /// Looks once more; the largest that was seen, bytes.
    pub fn peak_bytes(&self) -> u64 {
        let now = peak(self.pid);
        self.peak_bytes.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// 0 when the process has ended, or the kernel does not tell.
fn peak(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.ok().and_then(|status| high_water_bytes(&status)).unwrap_or(0)
}

/// `VmHWM` of proc(5) status, which is in KiB.
fn high_water_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_found() {
        assert_eq!(high_water_bytes("Name:\tengine\nVmPeak:\t 9 kB\nVmHWM:\t   20480 kB\n"), Some(20 << 20));
        assert_eq!(high_water_bytes("Name:\tzombie\nState:\tZ (zombie)\n"), None);
    }

    #[tokio::test]
    async fn a_process_that_has_ended_keeps_what_was_seen() {
        let watch = Watch::start(Pid::this());
        let seen = watch.peak_bytes();
        assert!(seen > 1 << 20, "this very process takes {seen} bytes");
        assert_eq!(peak(Pid::from_raw(i32::MAX)), 0);
    }
}
