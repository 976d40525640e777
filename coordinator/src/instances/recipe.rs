//! From what an instance asks for to a profile: PeerTube's settings for the encoder, the sizes and rates asked for.

use flotilla_profiles::{ExactRendition, Library, Profile};

use super::habits::{Form, Menu};
use crate::jobs::JobsError;

/// The shipped profile whose settings are PeerTube's.
const BASE: &str = "web";

/// Name of the profile in lists and reports.
const NAME: &str = "peertube";

/// The profile that makes a menu.
pub fn profile(library: &Library, menu: &Menu) -> Result<Profile, JobsError> {
    let mut profile = library.get(BASE).map_err(|error| JobsError::Profile(error.to_string()))?.clone();
    profile.name = NAME.to_owned();
    profile.text = None;
    let exact = |rung: &super::habits::Rung| ExactRendition { short_side: rung.short_side, fps: rung.fps };
    match menu.rungs.is_empty() {
        true => profile.video = None,
        false => {
            if let Some(video) = &mut profile.video {
                video.exact = menu.rungs.iter().map(exact).collect();
            }
        }
    }
    profile.package.progressive = menu.forms.contains(&Form::Progressive);
    profile.package.muxed = menu.forms.contains(&Form::Muxed) && !menu.rungs.is_empty();
    profile.package.hls = menu.forms.contains(&Form::Separate) || menu.rungs.is_empty();
    Ok(profile)
}
