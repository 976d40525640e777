//! What may happen to a runner on the way.

/// Something that happens to a runner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accident {
    /// From then on every slot runs at a share of its speed; nobody is told.
    Slowed {
        /// Position in the fleet.
        runner: usize,
        /// When, milliseconds.
        at_ms: i64,
        /// Share of its speed that is left.
        share: f64,
    },
    /// It vanishes without a word, and comes back later with empty hands, if at all.
    Killed {
        /// Position in the fleet.
        runner: usize,
        /// When, milliseconds.
        at_ms: i64,
        /// For how long; none: for good.
        away_ms: Option<i64>,
    },
}
