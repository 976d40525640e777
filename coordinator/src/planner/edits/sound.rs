//! The sound of an edited video: the same moments as its pictures, to the sample.

use super::Kept;
use super::clips::Clip;
use crate::domain::Rational;
use crate::domain::edit::{Part, Span};
use crate::domain::plan::{AudioPlan, SoundInput, SoundPart};
use crate::domain::source::{AudioStream, Source};
use crate::planner::audio;
use crate::planner::timeline::Moment;

const MICROSECOND: Rational = Rational { numerator: 1, denominator: 1_000_000 };

/// A stream of a file.
#[derive(Clone, Copy)]
struct Heard<'a> {
    source: &'a Source,
    stream: &'a AudioStream,
    /// The file's own time 0.
    zero: Moment,
}

/// What is kept of a stream, samples from the first one that sounds.
struct Cut {
    kept: Vec<(u64, u64)>,
    /// Samples of silence before that.
    silence: u64,
    /// Samples that there are of it.
    length: u64,
}

impl Kept<'_> {
    /// A stream that sounds, where the source has none.
    pub(in super::super) fn sound_of_clips(&self) -> Option<&AudioStream> {
        self.clips.iter().find_map(|clip| clip.sound)
    }

    /// Makes the edited video's track of one that is planned from `stream` of the source, or where that has none from a
    /// clip's; false: nothing is left.
    pub(in super::super) fn cut_sound(
        &self,
        track: &mut AudioPlan,
        source: &Source,
        (stream, zero): (Option<&AudioStream>, Option<Moment>),
    ) -> bool {
        if let [Part { file: None, spans }] = self.parts.as_slice() {
            let cut = cut(track, spans);
            (track.kept, track.start_ticks, track.duration_ticks) = (cut.kept, cut.silence, cut.length);
            return !track.kept.is_empty();
        }
        let main = stream.zip(zero).map(|(stream, zero)| Heard { source, stream, zero });
        let mut passed_us = 0;
        let mut parts = Vec::new();
        for part in &self.parts {
            let heard = match part.file {
                None => main,
                Some(file) => self.clips.iter().find(|clip| clip.file == file).and_then(Clip::heard),
            };
            let is_open = part.spans.last().is_some_and(|span| span.end_us == Span::END);
            // What is open of a silent source is as long as its pictures.
            let spans = self.bounded(part, is_open && heard.is_none());
            let length_us = spans.iter().fold(0_u64, |sum, span| sum.saturating_add(span.length_us()));
            let rate = track.sample_rate_hz;
            let filled = samples(passed_us + length_us.min(u64::MAX / 2), rate) - samples(passed_us, rate);
            passed_us += length_us.min(u64::MAX / 2);
            let open = is_open && heard.is_some();
            parts.push(planned(track, part.file, heard, &spans, (!open).then_some(filled)));
        }
        let length = |(part, length): &(SoundPart, u64)| part.samples.unwrap_or(*length);
        (track.start_ticks, track.first_pts) = (0, None);
        track.duration_ticks = parts.iter().map(length).fold(0, u64::saturating_add);
        track.parts = parts.into_iter().map(|(part, _)| part).collect();
        true
    }

    fn bounded(&self, part: &Part, closes: bool) -> Vec<Span> {
        let end_us = if closes { self.source_us } else { Span::END };
        let bounded = part.spans.iter().map(|span| Span { end_us: span.end_us.min(end_us), ..*span });
        bounded.filter(|span| span.start_us < span.end_us).collect()
    }
}

impl Clip<'_> {
    fn heard(&self) -> Option<Heard<'_>> {
        self.sound.map(|stream| Heard { source: self.source, stream, zero: self.zero })
    }
}

/// A part, and how many samples there are of it.
fn planned(
    track: &AudioPlan,
    file: Option<u32>,
    heard: Option<Heard<'_>>,
    spans: &[Span],
    filled: Option<u64>,
) -> (SoundPart, u64) {
    let nothing = SoundPart { samples: Some(filled.unwrap_or(0)), silence: 0, sound: None };
    let Some(Heard { source, stream, zero }) = heard else { return (nothing, 0) };
    let ticks = |moment: Moment| moment.since(zero, track.sample_rate_hz).max(0).unsigned_abs();
    let end = Moment::new(stream.first_pts.saturating_add(stream.duration.max(0)), stream.time_base);
    let start_ticks = audio::first_sample(stream).map_or(0, ticks);
    let own = AudioPlan {
        start_ticks,
        duration_ticks: end.map_or(0, ticks).saturating_sub(start_ticks),
        ..track.clone()
    };
    let Cut { kept, silence, length } = cut(&own, spans);
    if kept.is_empty() {
        return (nothing, 0);
    }
    let sound = SoundInput {
        file,
        demuxer: source.demuxer.clone(),
        stream_index: stream.index,
        first_pts: stream.first_pts,
        kept,
    };
    (SoundPart { samples: filled, silence, sound: Some(sound) }, silence + length)
}

/// What of a track lies within the spans.
fn cut(track: &AudioPlan, spans: &[Span]) -> Cut {
    let rate = track.sample_rate_hz;
    let (first, mut silence, mut kept) = (track.start_ticks, 0, Vec::new());
    for span in spans {
        let (start, end) = (samples(span.start_us, rate), samples(span.end_us, rate));
        if end <= first {
            silence += end - start;
            continue;
        }
        silence += first.saturating_sub(start);
        let (from, to) = (start.saturating_sub(first), end.saturating_sub(first));
        if from < track.duration_ticks {
            kept.push((from, to));
        }
    }
    let length = kept.iter().map(|&(from, to): &(u64, u64)| to.min(track.duration_ticks) - from).sum();
    Cut { kept, silence, length }
}

fn samples(us: u64, rate: u32) -> u64 {
    match i64::try_from(us) {
        Ok(us) => {
            let sample = Rational { numerator: 1, denominator: i64::from(rate).max(1) };
            MICROSECOND.rescale(us, sample).unsigned_abs()
        }
        Err(_) => u64::MAX,
    }
}
