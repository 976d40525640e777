//! The media engine of a Flotilla runner. It parses media and therefore trusts nothing: it runs in a child process that
//! gets its task, its input bytes and its output over pipes, and opens no file and no socket.
//!
//! [`run`](run::run) serves one task; below it stand the tasks, below them what they share, at the bottom FFmpeg.

pub mod run;

pub mod assemble;
pub mod audio;
pub mod chunk;
pub mod device;
pub mod probe;
pub mod trial;

pub mod encode;
pub mod fragment;
pub mod scale;
pub mod source;

pub mod error;
mod ffi;
#[doc(hidden)]
pub mod fuzzing;
pub mod inventory;
pub mod pipe;
pub mod report;
pub mod semi_planar;
pub mod spec;
mod text;
pub mod wire;
