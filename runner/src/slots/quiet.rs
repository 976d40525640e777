//! A benchmark has the machine to itself: as long as one coordinator asks for one, none is offered a slot, and it begins
//! when nothing is held any more. Two are made one after the other.

use super::sharing::Member;

/// How far a coordinator's benchmark is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Benchmark {
    /// None is asked for, or it is over.
    #[default]
    None,
    /// The machine becomes empty for it.
    Waits,
    /// Engines measure.
    AtWork,
}

/// The benchmarks of all coordinators.
#[derive(Debug, Default)]
pub struct Quiet(Vec<Benchmark>);

impl Quiet {
    /// One coordinator more.
    pub fn add(&mut self) {
        self.0.push(Benchmark::None);
    }

    /// Where one stands. True: that is news.
    pub fn set(&mut self, member: Member, benchmark: Benchmark) -> bool {
        std::mem::replace(&mut self.0[member], benchmark) != benchmark
    }

    /// Begins one if the machine is free for it.
    pub fn begin(&mut self, member: Member, is_empty: bool) -> bool {
        let may_begin = is_empty && !self.is_at_work();
        if may_begin {
            self.0[member] = Benchmark::AtWork;
        }
        may_begin
    }

    /// No slots are offered.
    pub fn is_wanted(&self) -> bool {
        self.0.iter().any(|benchmark| *benchmark != Benchmark::None)
    }

    /// No task may run.
    pub fn is_at_work(&self) -> bool {
        self.0.contains(&Benchmark::AtWork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_only_while_nothing_else_runs() {
        let mut quiet = Quiet::default();
        quiet.add();
        quiet.add();
        assert!(quiet.set(0, Benchmark::Waits) && !quiet.set(0, Benchmark::Waits) && quiet.is_wanted());
        assert!(!quiet.begin(0, false) && !quiet.is_at_work());
        quiet.set(1, Benchmark::Waits);
        assert!(quiet.begin(0, true) && !quiet.begin(1, true) && quiet.is_at_work());
        quiet.set(0, Benchmark::None);
        assert!(quiet.is_wanted() && quiet.begin(1, true));
        quiet.set(1, Benchmark::None);
        assert!(!quiet.is_wanted());
    }
}
