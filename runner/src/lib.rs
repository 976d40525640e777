//! A Flotilla runner: pulls tasks from a coordinator and the bytes they need from object storage, transcodes
//! them in engine child processes and pushes the renditions back.
//!
//! The daemon holds the network and the credentials and parses no media; the engine child parses media and
//! holds neither network nor files. They meet in a pipe.
//!
//! Floors, top down; nothing imports upwards: `cli` → [`app`] → [`link`] → [`slots`] → [`attempt`] →
//! [`transfer`] → the ground ([`coordinator`], [`identity`], [`neighbour`], [`retry`]). There is one [`link`] for each
//! coordinator of a runner ([`membership`]), and all share the slots. Wire types are seen in
//! [`coordinator`], [`link`] and `attempt` only.

#![forbid(unsafe_code)]

pub mod cli;

pub mod app;
pub mod bench;
pub mod doctor;
pub mod membership;

pub mod devices;
pub mod link;
pub mod slots;

pub mod attempt;
pub mod hardware;
pub mod transfer;

pub mod config;
pub mod coordinator;
pub mod error;
pub mod identity;
pub mod lifecycle;
pub mod logging;
pub mod neighbour;
pub mod retry;

pub use config::Config;
pub use error::Error;
pub use lifecycle::Tokens;
