//! What all measurements share: the machine, the clip, what peers pay for it, a command that is watched while it runs, and
//! the report that the fleet leaves behind.

pub mod clip;
pub mod contestant;
pub mod likeness;
pub mod machine;
pub mod measure;
pub mod process;
pub mod report;
pub mod simulation;
pub mod site;
