//! What pictures look like: the engine over clips made with the FFmpeg command line, whose colours, fields and shapes are
//! known, published without loss and read back.

#[allow(dead_code)]
#[path = "../video/clips.rs"]
mod clips;
#[allow(dead_code)]
#[path = "../video/memory.rs"]
mod memory;
#[allow(dead_code)]
#[path = "../video/plan.rs"]
mod plan;

mod changes;
mod fields;
mod formats;
mod hdr;
mod patches;
mod reference;
mod turned;
