//! From what an instance asks for to a profile: PeerTube's settings for the encoder, the sizes and rates asked for.

use std::collections::BTreeSet;

use flotilla_profiles::{ExactRendition, Library, Profile, StoryboardRules};

use super::habits::{Form, Menu, Rung};
use super::want::Single;
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
    let exact = |rung: &Rung| ExactRendition { short_side: rung.short_side, fps: rung.fps };
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

/// The profile of what one order alone wants.
pub fn single(library: &Library, wanted: &Single) -> Result<Profile, JobsError> {
    match wanted {
        Single::Edited { .. } => {
            let forms = BTreeSet::from([Form::Progressive]);
            let mut profile = profile(library, &Menu { rungs: BTreeSet::from([Rung::NONE]), forms })?;
            if let Some(video) = &mut profile.video {
                // The source's own size and rate, and nothing else.
                (video.exact, video.heights, video.keep_source_size) = (Vec::new(), Vec::new(), true);
            }
            Ok(profile)
        }
        Single::Storyboard(rules) => storyboard(library, *rules),
    }
}

fn storyboard(library: &Library, rules: StoryboardRules) -> Result<Profile, JobsError> {
    let mut profile = profile(library, &Menu::default())?;
    (profile.video, profile.audio, profile.storyboard) = (None, None, Some(rules));
    (profile.package.hls, profile.package.progressive) = (false, false);
    Ok(profile)
}
