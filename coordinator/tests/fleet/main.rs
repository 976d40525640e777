//! A real coordinator in this process, over the real protocol; its runners are played by hand, so that every lost,
//! late, wrong or repeated word can be said on purpose. Nothing here decodes a video and nothing sleeps: tests wait for
//! conditions.

mod bench;
mod commands;
mod ending;
mod given;
mod joining;
mod outage;
mod rest;
mod restart;
mod results;
mod runner;
mod stage;
mod stragglers;
mod work;
