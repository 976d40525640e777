//! What an instance says and does by its version. Only 7.2.3 was ever recorded; all of this is as described.

use std::collections::BTreeMap;

use serde_json::Value;

/// A version of PeerTube in which something of the protocol changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The first with runners.
    V5_2,
    /// Captions.
    V6_2,
    /// Sound in a file of its own.
    V6_3,
    /// Requests choose types.
    V7_0,
    /// Results may be sent elsewhere; no PeerTube asks for it.
    V7_1,
    /// Runners tell their version.
    V7_3,
    /// Storyboards.
    V8_0,
    /// Removed segments; another route for pictures.
    #[default]
    V8_2,
}

/// Payloads that a version brought or changed, by type.
type Shapes = BTreeMap<String, Vec<Value>>;

const SHAPES: [(Version, &str); 5] = [
    (Version::V5_2, include_str!("../../peertube/described/5.2.json")),
    (Version::V6_2, include_str!("../../peertube/described/6.2.json")),
    (Version::V6_3, include_str!("../../peertube/described/6.3.json")),
    (Version::V8_0, include_str!("../../peertube/described/8.0.json")),
    (Version::V8_2, include_str!("../../peertube/described/8.2.json")),
];

impl Version {
    /// All, the oldest first.
    pub const ALL: [Self; 8] =
        [Self::V5_2, Self::V6_2, Self::V6_3, Self::V7_0, Self::V7_1, Self::V7_3, Self::V8_0, Self::V8_2];

    /// Types of jobs that it knows, and payloads of each with `FILES` in place of URLs.
    ///
    /// # Panics
    /// When a file of shapes does not read.
    pub fn shapes(self) -> Shapes {
        let mut shapes = Shapes::new();
        for (_, text) in SHAPES.iter().filter(|(since, _)| *since <= self) {
            shapes.extend(serde_json::from_str::<Shapes>(text).expect("the shapes are JSON"));
        }
        shapes
    }

    /// Sound may lie in a file of its own, and has a route.
    pub(super) fn separates_sound(self) -> bool {
        self >= Self::V6_3
    }

    /// `jobTypes` says what is listed.
    pub(super) fn filters_types(self) -> bool {
        self >= Self::V7_0
    }

    /// A runner's version must look like one; older instances do not read it.
    pub(super) fn checks_version(self) -> bool {
        self >= Self::V7_3
    }

    /// What a video needs to be shown goes before the rest.
    pub(super) fn has_priorities(self) -> bool {
        self >= Self::V8_0
    }

    /// The last words of the URL of a video's picture.
    pub(super) fn picture_route(self) -> &'static str {
        if self >= Self::V8_2 { "thumbnails/max-quality" } else { "previews/max-quality" }
    }

    /// The older route goes on to be answered.
    pub(super) fn has_picture_at(self, route: &str) -> bool {
        route == "previews/max-quality" || route == self.picture_route()
    }

    /// How long a job of a type may be silent; none: it is not watched.
    pub(super) fn silence_ms(self, kind: &str) -> Option<u64> {
        match kind {
            "live-rtmp-hls-transcoding" => Some(30_000),
            "generate-video-storyboard" => None,
            "video-studio-transcoding" | "video-transcription" if self < Self::V7_3 => None,
            _ => Some(120_000),
        }
    }
}
