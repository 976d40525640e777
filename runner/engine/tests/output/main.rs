//! What the engine puts out, judged by another program: sources are made by the FFmpeg command line, results
//! are read back by it, both as plain files and through a byte-range playlist.

mod apart;
mod edited;
mod joining;
mod likeness;
mod marks;
mod muxing;
mod pictures;
mod sound;
mod sound_table;
mod stills;
mod storyboards;
mod subtitles;
mod support;
