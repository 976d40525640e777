//! Object storage, the only way by which media moves: any S3 endpoint, or the embedded server over a folder.
//!
//! Invariants: every object key is made in [`keys`]; runners see presigned URLs and never a credential; only
//! [`Storage::complete_upload`] seals an object, and a sealed object is durable when it returns.

pub mod keys;

mod client;
mod config;
pub mod embedded;
mod error;
mod files;
mod grants;
mod names;

pub use client::{ObjectEntry, Storage, UploadEntry};
pub use config::StorageConfig;
pub use embedded::EmbeddedServer;
pub use error::{StorageClass, StorageError};
pub use keys::{Destination, Location, WorkBucket};
pub use names::InvalidName;
