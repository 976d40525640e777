//! What the journeys stand on: real processes to start and to hurt, real media, and a judge of what comes out.
//!
//! Nothing here links a crate of the product: it is driven as its users drive it, by its programs and its files.

pub mod clips;
pub mod connector;
pub mod corpus;
pub mod fleet;
pub mod ladder;
pub mod likeness;
pub mod peertube;
pub mod wait;
