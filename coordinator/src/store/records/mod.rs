//! What goes into the store and comes out of it.

mod benchmarks;
mod jobs;
mod leases;
mod notes;
mod results;
mod runners;
mod scheduling;
mod standing;
mod tasks;

pub use benchmarks::*;
pub use jobs::*;
pub use leases::*;
pub use notes::*;
pub use results::*;
pub use runners::*;
pub use scheduling::*;
pub use standing::*;
pub use tasks::*;
