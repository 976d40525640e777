//! The coordinator of a Flotilla fleet: plans videos into exact tasks, leases them to runners, verifies and publishes
//! what comes back. It never links FFmpeg.
//!
//! An instance embeds it in a few lines; `examples/embed.rs` runs:
//!
//! ```no_run
//! # async fn embed() -> Result<(), Box<dyn std::error::Error>> {
//! use flotilla_coordinator::{Coordinator, config::Config};
//!
//! let coordinator = Coordinator::start(Config::default()).await?;
//! println!("runners join {}", coordinator.url());
//! coordinator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Floors, from the top; no module uses one above it: `cli`, `transcode` → `app` → `fleet`, `web` → `instances` → `jobs`,
//! `scheduler`, `publisher`, `publish` → `parts` → `store`, `planner`, `survey` → `domain`, `objects`.

pub mod cli;
pub mod transcode;

mod app;

mod fleet;
mod instances;
pub mod peertube;
mod web;

pub mod jobs;
mod publisher;
mod scheduler;

pub mod publish;

mod parts;

pub mod planner;
pub mod store;
pub mod survey;

pub mod domain;
pub mod objects;

#[doc(hidden)]
pub mod fuzzing;

pub mod clock;
pub mod config;
mod data_dir;
mod lifecycle;
pub mod telemetry;
mod wake;

pub use app::{Coordinator, StartError};
