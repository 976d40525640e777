//! Cues in order, and the file that they make.

use std::fmt::Write;

/// More cues than any film has; a source with more is made to do harm.
const MAX_CUES: usize = 100_000;
/// Of all cues together.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// How long a cue is shown whose end nobody states.
const USUAL_DURATION_US: i64 = 5_000_000;

/// A piece of text and when it is shown, from the time line's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    pub start_us: i64,
    /// None: until the next one.
    pub end_us: Option<i64>,
    /// Escaped; empty: ends the one before it.
    pub text: String,
}

/// The cues of a track.
#[derive(Debug, Default)]
pub(super) struct Cues {
    list: Vec<Cue>,
    text_bytes: usize,
}

impl Cues {
    /// Adds a cue; an error names the limit that is exceeded.
    pub fn push(&mut self, cue: Cue) -> Result<(), String> {
        self.text_bytes += cue.text.len();
        self.list.push(cue);
        match () {
            () if self.list.len() > MAX_CUES => Err(format!("{MAX_CUES} lines")),
            () if self.text_bytes > MAX_TEXT_BYTES => Err(format!("{} MiB of text", MAX_TEXT_BYTES >> 20)),
            () => Ok(()),
        }
    }

    /// The file and the number of its cues. Those that end before zero are not in it.
    pub fn into_web_vtt(mut self) -> (String, u64) {
        // WebVTT wants them by their starts; events of other formats may come in any order.
        self.list.sort_by_key(|cue| cue.start_us);
        let mut text = String::from("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n");
        let mut cue_count = 0;
        for (at, cue) in self.list.iter().enumerate() {
            let next = self.list[at + 1..].iter().map(|next| next.start_us).find(|&next| next > cue.start_us);
            let usual = cue.start_us.saturating_add(USUAL_DURATION_US);
            let end_us = cue.end_us.unwrap_or_else(|| next.unwrap_or(usual).min(usual));
            let start_ms = cue.start_us.max(0) / 1000;
            if cue.text.is_empty() || end_us <= 0 {
                continue;
            }
            let end_ms = (end_us / 1000).max(start_ms + 1);
            let (start, end) = (clock(start_ms), clock(end_ms));
            write!(text, "\n{start} --> {end}\n{}\n", cue.text).expect("writing to a string cannot fail");
            cue_count += 1;
        }
        (text, cue_count)
    }
}

/// "HH:MM:SS.mmm"; hours have as many digits as they need.
fn clock(ms: i64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start_ms: i64, end_ms: Option<i64>, text: &str) -> Cue {
        Cue { start_us: start_ms * 1000, end_us: end_ms.map(|ms| ms * 1000), text: text.to_owned() }
    }

    fn check(cues: &[Cue], expected: &str) {
        let mut written = Cues::default();
        cues.iter().for_each(|cue| written.push(cue.clone()).unwrap());
        let (text, _) = written.into_web_vtt();
        let cues = text.strip_prefix("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n");
        assert_eq!(cues, Some(expected));
    }

    #[test]
    fn cues_are_in_order_and_from_zero_on() {
        check(
            &[cue(5000, Some(6000), "b"), cue(-500, Some(1500), "a"), cue(-900, Some(-1), "gone")],
            "\n00:00:00.000 --> 00:00:01.500\na\n\n00:00:05.000 --> 00:00:06.000\nb\n",
        );
    }

    #[test]
    fn an_open_end_is_the_next_start_or_a_while() {
        check(
            &[cue(0, None, "a"), cue(2000, None, ""), cue(3_600_000, None, "b")],
            "\n00:00:00.000 --> 00:00:02.000\na\n\n01:00:00.000 --> 01:00:05.000\nb\n",
        );
    }

    #[test]
    fn a_cue_is_never_shorter_than_a_millisecond() {
        check(&[cue(10, Some(10), "a")], "\n00:00:00.010 --> 00:00:00.011\na\n");
    }

    #[test]
    fn endless_text_is_refused() {
        let mut cues = Cues::default();
        assert!(cues.push(cue(0, None, &"x".repeat(MAX_TEXT_BYTES + 1))).is_err());
        let mut cues = Cues::default();
        let refused = (0..=MAX_CUES).find_map(|at| cues.push(cue(at as i64, None, "x")).err());
        assert_eq!(refused.as_deref(), Some("100000 lines"));
    }
}
