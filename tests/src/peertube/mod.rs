//! A strict model of PeerTube's runner API, 8.2's or an older one's, in the process of the test: what an instance does with
//! jobs, and a record of all that was done to it. Its clock is the test's; its faults are asked for, one by one.
//!
//! It was written from descriptions of the protocol's behaviour, and judges more strictly than PeerTube does: what a real
//! instance would swallow and then serve broken is in [`Model::violations`].

mod elsewhere;
mod fault;
mod files;
mod job;
mod routes;
mod server;
mod socket;
mod success;
mod upload;
mod version;
mod world;

pub use elsewhere::Elsewhere;
pub use fault::{Fault, Route};
pub use job::{Job, State, Stored};
pub use server::Model;
pub use upload::Upload;
pub use version::Version;
pub use world::Call;
