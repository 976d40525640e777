//! The video half of the engine over real media, in this process: clips are made with the FFmpeg command line, and what
//! it decodes is the reference.

mod chunk;
mod clips;
mod containers;
mod cuts;
mod damage;
mod failures;
mod memory;
mod pipe;
mod plan;
mod probe;
