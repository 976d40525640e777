//! What other programs take of the processors: what the kernel counted for all, less what this process and its engines
//! took, over the last minute. From proc(5): /proc/stat, /proc/PID/stat.

use std::collections::VecDeque;
use std::path::Path;

/// Looks that are kept; with one every five seconds they span a minute.
const KEPT: usize = 13;

/// Clock ticks since the machine, or the process, has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    /// That all processors had.
    all: u64,
    /// In which they worked.
    busy: u64,
    /// In which they worked for us.
    own: u64,
}

/// Looks again and again.
#[derive(Debug, Default)]
pub struct Load {
    looks: VecDeque<Ticks>,
}

impl Load {
    /// What others took since the oldest look that is kept, per cent of all processors; none: this is the first look, or
    /// the kernel does not tell.
    pub fn look(&mut self) -> Option<u8> {
        self.note(ticks()?)
    }

    fn note(&mut self, now: Ticks) -> Option<u8> {
        let then = self.looks.front().copied();
        self.looks.push_back(now);
        if self.looks.len() > KEPT {
            self.looks.pop_front();
        }
        let then = then?;
        let (all, busy) = (now.all.checked_sub(then.all)?, now.busy.saturating_sub(then.busy));
        let others = busy.saturating_sub(now.own.saturating_sub(then.own));
        u8::try_from((others * 100).checked_div(all)?.min(100)).ok()
    }
}

fn ticks() -> Option<Ticks> {
    let (all, busy) = of_machine(&std::fs::read_to_string("/proc/stat").ok()?)?;
    // Children that have ended are in our own count; those that run are not yet. An engine that ends between the two looks
    // is missed by one and found by the next.
    let running: u64 = children().iter().filter_map(|child| of_process(&read_stat(child)?)).sum();
    let own = of_process(&read_stat("self")?)? + running;
    Some(Ticks { all, busy, own })
}

fn read_stat(process: &str) -> Option<String> {
    std::fs::read_to_string(Path::new("/proc").join(process).join("stat")).ok()
}

/// Ids of the children of all our threads.
fn children() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    threads
        .filter_map(of_thread)
        .flat_map(|ids| ids.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The line `cpu user nice system idle iowait irq softirq steal …`: all of it, and all of it but idle and iowait. Guest
/// time is in user time already.
fn of_machine(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<u64> =
        stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8).flat_map(str::parse).collect();
    let all = fields.iter().sum::<u64>();
    Some((all, all - fields.get(3)? - fields.get(4)?))
}

/// `utime`, `stime`, and `cutime`, `cstime` of the children that have ended: fields 14 to 17.
fn of_process(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let times: Vec<u64> = after_name.split_whitespace().skip(11).take(4).flat_map(str::parse).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_work_is_left_out_and_a_minute_is_looked_back() {
        let mut load = Load::default();
        let at = |all, busy, own| Ticks { all, busy, own };
        assert_eq!(load.note(at(1000, 500, 100)), None);
        assert_eq!(load.note(at(2000, 1400, 700)), Some(30));
        // Ticks of the two counts are not taken at one moment: never less than nothing.
        assert_eq!(load.note(at(3000, 1500, 1200)), Some(0));
        for look in 0..KEPT as u64 {
            load.note(at(3000 + 100 * look, 1500 + 100 * look, 1200));
        }
        assert_eq!(load.note(at(4400, 2900, 1200)), Some(100), "only what was lately counts");
    }

    #[test]
    fn the_kernel_s_words_are_understood() {
        let machine = "cpu  10 20 30 400 50 1 2 3 99 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        assert_eq!(of_machine(machine), Some((516, 66)));
        assert_eq!(of_process("42 (a) b) S 1 2 3 0 -1 4194560 100 0 0 0 250 13 5 2 20 0"), Some(270));
        assert_eq!(of_process("42 (cut off) S 1"), None);
        assert!(ticks().is_some(), "this kernel tells");
    }
}
