//! Text subtitles as WebVTT (W3C WebVTT, RFC 8216 §3.5): all tracks from one pass over the source. FFmpeg makes
//! SubStation events of every text format; what players of the web can show of those is kept: lines, bold, italic and
//! underlined text. Nothing of the source reaches the output unescaped.

mod ass;
mod cue;

use ffmpeg_next::{Packet, Rational, codec};

use crate::error::{Error, Result};
use crate::ffi::{self, SubtitleDecoder};
use crate::pipe::{Outputs, SharedInputs};
use crate::source::Source;
use crate::spec::ExtractText;
use cue::{Cue, Cues};

const MIB: u64 = 1 << 20;
const MICROSECONDS: i64 = 1_000_000;

/// Writes track `n` of input 0 into output `n`; answers the number of cues of each.
pub fn extract(task: &ExtractText, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Vec<u64>> {
    let mut source = Source::open(inputs, &task.demuxer)?;
    source.keep_streams(&task.stream_indexes);
    let tracks = task.stream_indexes.iter().map(|&index| Track::open(&source, index, task.zero_us));
    let mut tracks = tracks.collect::<Result<Vec<_>>>()?;
    while let Some(packet) = source.next_packet()? {
        if let Some(track) = tracks.iter_mut().find(|track| track.index == packet.stream()) {
            track.take(&packet)?;
        }
        outputs.progress(source.position_bytes() / MIB)?;
    }
    let mut counts = Vec::with_capacity(tracks.len());
    for (output, track) in tracks.into_iter().enumerate() {
        let (text, cue_count) = track.cues.into_web_vtt();
        outputs.append(output, text.as_bytes())?;
        counts.push(cue_count);
    }
    Ok(counts)
}

/// A track being read.
struct Track {
    index: usize,
    decoder: SubtitleDecoder,
    time_base: Rational,
    zero_us: i64,
    cues: Cues,
}

impl Track {
    fn open(source: &Source, index: usize, zero_us: i64) -> Result<Self> {
        let stream = source.stream(index)?;
        let unusable = |error| source.blame("no decoder for the subtitles", error);
        let context = codec::Context::from_parameters(stream.parameters()).map_err(unusable)?;
        let decoder = SubtitleDecoder::open(context, stream.time_base()).map_err(unusable)?;
        Ok(Self { index, decoder, time_base: stream.time_base(), zero_us, cues: Cues::default() })
    }

    /// A line that cannot be decoded is lost, as in every player.
    fn take(&mut self, packet: &Packet) -> Result<()> {
        let (Some(pts), Ok(events)) = (packet.pts(), self.decoder.decode(packet)) else { return Ok(()) };
        let start_us = self.microseconds(pts) - self.zero_us;
        let duration_us = (packet.duration() > 0).then(|| self.microseconds(packet.duration()));
        let lines: Vec<_> =
            events.iter().map(|event| ass::cue_text(event)).filter(|text| !text.is_empty()).collect();
        // An event without text ends the one before it: QuickTime fills pauses with those.
        let cue = Cue {
            start_us,
            end_us: duration_us.map(|length| start_us.saturating_add(length)),
            text: lines.join("\n"),
        };
        self.cues
            .push(cue)
            .map_err(|limit| Error::Source(format!("subtitle stream {} has more than {limit}", self.index)))
    }

    fn microseconds(&self, ticks: i64) -> i64 {
        let ticks = i128::from(ticks) * i128::from(self.time_base.numerator()) * i128::from(MICROSECONDS);
        let rounded = ticks.div_euclid(i128::from(self.time_base.denominator().max(1)));
        // A quarter of the range keeps every sum of two within it.
        rounded.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
    }
}

/// Whether a codec is text that can become cues: FFmpeg decodes it, and neither as pictures nor letter by letter.
pub fn is_text(id: codec::Id) -> bool {
    ffi::is_text_subtitle(id) && !matches!(id, codec::Id::EIA_608 | codec::Id::DVB_TELETEXT)
}
