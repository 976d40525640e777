//! Encoding profiles: named ladders, their rules and their bitrates. Pure data and pure functions; the only I/O is reading
//! the user's own profile files. Profiles say what is wanted; the coordinator's planner makes a plan of it.

mod bitrate;
mod encoders;
mod fps;
mod hardware;
mod ladder;
mod load;
mod near;
mod profile;
mod section;
mod validate;

pub use bitrate::{Picture, Rate, cap_bps, rate_bps};
pub use encoders::{
    AUDIO_ENCODERS, AudioEncoder, VIDEO_ENCODERS, VideoEncoder, audio_encoder, video_encoder,
};
pub use fps::limited_fps;
pub use hardware::{HARDWARE_ENCODERS, HardwareEncoder, Quality, hardware_class, hardware_for};
pub use ladder::{Size, exact_size, rungs};
pub use load::{FileProblem, Library, LoadError, UnknownProfile};
pub use profile::{
    AudioRules, ExactRendition, FrameRateRules, HardwareUse, PackageRules, Profile, RateRules, SmallRules,
    StoryboardRules, TextChoice, TextRules, TrackChoice, VideoRules,
};
pub use validate::{Problem, parse};
