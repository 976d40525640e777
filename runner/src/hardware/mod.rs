//! The hardware that attempts may have: who holds which sessions of a device, and what became of devices that failed. How
//! devices are found and tried is told in [`devices`](crate::devices).

pub mod equipment;
pub mod keeper;
pub mod reason;
pub mod standing;

pub use equipment::{Equipment, Offer, name_of};
pub use keeper::{Devices, Hold};
