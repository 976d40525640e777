//! The protocol between a Flotilla coordinator and its runners: generated types of `flotilla.fleet.v1`, and the few
//! conversions that both sides need. This crate and `flotilla-profiles` are the only ones that both sides see.

/// Version 1 of the fleet protocol. The schema file documents every message and field.
#[allow(missing_docs, clippy::all)]
pub mod fleet {
    tonic::include_proto!("flotilla.fleet.v1");
}

pub mod delta;
