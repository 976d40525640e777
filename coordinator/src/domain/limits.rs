//! `[limits]`: what a source may be at most. A file that is more is refused while it is read, and the refusal names
//! the key of this section.

use serde::Deserialize;

/// FFmpeg itself gives up at so many streams.
const MOST_STREAMS: u32 = 1000;

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Pixels of a picture, wherever in the file it turns up.
    pub max_pixels: u64,
    /// Streams of all kinds, attachments among them.
    pub max_streams: u32,
    /// Length of a stream as read, seconds; what the file declares may be wrong.
    pub max_duration_seconds: u64,
    /// Packets of all streams.
    pub max_packets: u64,
    /// Frames of a stream for each second that the file declares, and for a minute at least.
    pub max_frames_per_second: u64,
    /// Cover pictures, fonts and other attachments together, bytes.
    pub max_attachment_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 8192 * 4320,
            max_streams: 32,
            max_duration_seconds: 12 * 3600,
            max_packets: 10_000_000,
            max_frames_per_second: 1000,
            max_attachment_bytes: 32 << 20,
        }
    }
}

impl Limits {
    /// Every value that cannot be used.
    pub fn problems(&self) -> Vec<String> {
        let values = [
            ("max_pixels", self.max_pixels),
            ("max_streams", self.max_streams.into()),
            ("max_duration_seconds", self.max_duration_seconds),
            ("max_packets", self.max_packets),
            ("max_frames_per_second", self.max_frames_per_second),
        ];
        let zeros = values.into_iter().filter(|(_, value)| *value == 0);
        let mut problems: Vec<_> = zeros
            .map(|(name, _)| {
                format!("limits.{name} is 0, which refuses every source; leave it out or set more")
            })
            .collect();
        if self.max_streams > MOST_STREAMS {
            let found = self.max_streams;
            problems.push(format!("limits.max_streams is {found}; FFmpeg reads at most {MOST_STREAMS}"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/media.md names every limit with its default.
    #[test]
    fn the_page_on_media_is_true() {
        let text = include_str!("../../../docs/media.md");
        let known = toml::from_str::<Limits>("no_such_key = 1").unwrap_err().to_string();
        let known = known.split_once("expected ").expect("the parser tells what it knows").1.to_owned();
        for key in known.split('`').skip(1).step_by(2) {
            let row = text.lines().find_map(|line| line.strip_prefix(&format!("| `limits.{key}` | ")));
            let row = row.unwrap_or_else(|| panic!("limits.{key} is not in docs/media.md"));
            let value: String = row.chars().take_while(char::is_ascii_digit).collect();
            let told: Limits = toml::from_str(&format!("{key} = {value}")).unwrap();
            assert_eq!(told, Limits::default(), "limits.{key} = {value}");
        }
    }
}
