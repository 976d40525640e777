//! A fleet in virtual time: the real planner, the real store and its claims, driven by a discrete event loop whose clock
//! is a number. Only the work itself is made up: how long a task takes follows from costs recorded in real runs
//! (`costs.json`), the speed of the runner, and a source whose scenes are as uneven as those recorded.
//!
//! The same seed gives the same history, so bounds on it can be tests.
//!
//! What is assumed: slots share nothing (neither memory bandwidth nor caches nor a link); chunks read and write while
//! they encode, so transfers cost no time of their own; assembly moves its bytes over the runner's link unless the
//! object store joins them; coordinator and object store are never the bottleneck.

mod accident;
mod bound;
pub mod costs;
mod fleet;
mod history;
mod job;
pub mod scenario;
mod source;
mod world;

pub use accident::Accident;
pub use fleet::{Machine, mixed_fleet};
pub use history::History;
pub use scenario::{Scenario, Upload};
pub use source::Shape;
pub use world::simulate;
