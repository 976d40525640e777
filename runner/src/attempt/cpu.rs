//! CPU time of a process that has ended but is not yet collected: exact to the kernel's clock tick, 10 ms on
//! Linux.

use std::time::Duration;

use nix::unistd::{Pid, SysconfVar, sysconf};

/// User and system time of all threads of a process; zero where the kernel does not tell.
pub fn time(pid: Pid) -> Duration {
    let ticks = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| ticks(&stat));
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
    Duration::from_millis(ticks.unwrap_or(0) * 1000 / per_second.filter(|ticks| *ticks > 0).unwrap_or(100))
}

/// `utime` + `stime`, fields 14 and 15 of proc(5) stat. The name in field 2 may hold spaces and brackets
/// itself.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let rest = "S 1 2 3 0 -1 4194560 100 0 0 0 250 13 0 0 20 0 1 0";
        for name in ["(engine)", "(a b)", "(a) S 9 (b)"] {
            assert_eq!(ticks(&format!("42 {name} {rest}")), Some(263), "{name}");
        }
        assert_eq!(ticks("42 (cut off) S 1"), None);
    }
}
