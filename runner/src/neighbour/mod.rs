//! The good neighbour: when a machine that is lent works, and when it gets out of the way of the one who lends it.
//!
//! ```text
//!   sensors ─► readings ─┐
//!   pause file ──────────┴► policy (pure) ─► verdict ─► the link: takes tasks, or reports no free slot and why
//! ```
//!
//! A rule that was not asked for holds nobody back, nor does one whose sensor this machine lacks.

pub mod awake;
pub mod battery;
pub mod hours;
pub mod load;
pub mod pause;
pub mod policy;
pub mod sensors;
pub mod settings;
pub mod status;
pub mod watch;

pub use pause::Pause;
pub use policy::{Policy, Readings, Rest, Verdict};
pub use sensors::{MachineSensors, Sensors};
pub use settings::Settings;
pub use watch::Watch;
