//! A fleet of real processes on this machine: a coordinator, its object store and runners, in a folder that is gone
//! afterwards.

mod bucket;
mod coordinator;
mod device;
mod process;
mod programs;
mod runner;
mod stage;
mod web;

pub use bucket::Bucket;
pub use coordinator::{Coordinator, Job, Store};
pub use device::Device;
pub use process::{Process, session_members};
pub use programs::{coordinator_program, runner_program};
pub use runner::{ENGINE_MEMORY_MIB, Runner};
pub use stage::Stage;
pub use web::FileServer;
