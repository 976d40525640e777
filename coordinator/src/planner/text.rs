//! Subtitles: every text track of the source, each under a name of its own.

use std::collections::BTreeSet;

use flotilla_profiles::{TextChoice, TextRules};

use super::timeline::Moment;
use crate::domain::plan::TextPlan;
use crate::domain::source::TextStream;
use crate::domain::{Rational, language};

const MICROSECONDS: u32 = 1_000_000;

/// Plans the text tracks; `zero` is the source's time that becomes 0.
pub(super) fn plan(streams: &[TextStream], rules: Option<&TextRules>, zero: Option<Moment>) -> Vec<TextPlan> {
    if rules.is_none_or(|rules| rules.tracks == TextChoice::None) {
        return Vec::new();
    }
    let start = Moment::new(0, Rational { numerator: 1, denominator: 1 });
    let zero_us = zero.zip(start).map_or(0, |(zero, start)| zero.since(start, MICROSECONDS));
    // Files of one language often have all tracks marked; a viewer can be shown one.
    let default = streams.iter().position(|stream| stream.is_default && !stream.is_forced);
    let mut names = BTreeSet::new();
    let planned = streams.iter().enumerate().map(|(at, stream)| TextPlan {
        name: unique_name(stream, at, &mut names),
        stream_index: stream.index,
        zero_us,
        language: language::tag(&stream.language).map(|_| stream.language.clone()).unwrap_or_default(),
        title: stream.title.clone(),
        is_default: Some(at) == default,
        is_forced: stream.is_forced,
        is_for_deaf: stream.is_for_deaf,
    });
    planned.collect()
}

/// Names become folders: "subtitles-eng", and "subtitles-eng-2" for the second of that language.
fn unique_name(stream: &TextStream, at: usize, names: &mut BTreeSet<String>) -> String {
    let base = match language::tag(&stream.language) {
        None => format!("subtitles-{}", at + 1),
        Some(_) => format!("subtitles-{}", stream.language.to_ascii_lowercase()),
    };
    let mut number = 1;
    let mut name = base.clone();
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{base}-{number}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(index: u32, language: &str, is_default: bool) -> TextStream {
        TextStream {
            index,
            codec: "subrip".to_owned(),
            language: language.to_owned(),
            title: String::new(),
            is_default,
            is_forced: false,
            is_for_deaf: false,
        }
    }

    fn planned(streams: &[TextStream], zero: Option<Moment>) -> Vec<TextPlan> {
        plan(streams, Some(&TextRules { tracks: TextChoice::All }), zero)
    }

    #[test]
    fn every_track_has_a_name_and_one_is_the_default() {
        let streams = [stream(2, "eng", true), stream(3, "eng", true), stream(4, "../x", false)];
        let tracks = planned(&streams, None);
        let named: Vec<_> = tracks.iter().map(|track| (track.name.as_str(), track.is_default)).collect();
        assert_eq!(named, [("subtitles-eng", true), ("subtitles-eng-2", false), ("subtitles-3", false)]);
    }

    #[test]
    fn forced_lines_are_no_default() {
        let forced = TextStream { is_forced: true, ..stream(2, "eng", true) };
        let tracks = planned(&[forced, stream(3, "eng", true)], None);
        assert_eq!(tracks.iter().map(|track| track.is_default).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn cues_count_from_the_zero_of_picture_and_sound() {
        let zero = Moment::new(-1024, Rational { numerator: 1, denominator: 48_000 });
        assert_eq!(planned(&[stream(2, "", false)], zero)[0].zero_us, -21_333);
    }

    #[test]
    fn without_rules_there_is_no_text() {
        assert_eq!(plan(&[stream(2, "eng", true)], None, None), []);
        assert_eq!(plan(&[stream(2, "eng", true)], Some(&TextRules { tracks: TextChoice::None }), None), []);
    }
}
