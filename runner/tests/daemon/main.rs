//! The daemon as a whole, against a fake coordinator that speaks the real protocol, a fake store that speaks
//! HTTP, and engines that are small shell scripts speaking the real pipe protocol: here the daemon is the
//! point, not the media.

mod coordinator;
mod engine;
mod store;
mod world;

mod bench;
mod doctor;
mod endings;
mod neighbour;
mod processes;
mod reading;
mod several;
mod tasks;
