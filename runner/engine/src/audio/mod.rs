//! An audio track, encoded once and whole: decoded, placed by its times, converted, encoded. Samples are
//! counted, never computed from durations, so that sound stays with the pictures to the end.

pub(crate) mod copy;
pub(crate) mod decode;
mod encoder;
mod kept;
mod part;
mod pcm;
mod resample;
mod timeline;
mod track;

use ffmpeg_next::{Rational, frame};

use crate::error::{Error, Result};
use crate::fragment::AudioConfig;
use crate::pipe::{Outputs, SharedInputs};
use crate::report::Track;
use crate::source::Source;
use crate::source::only::only;
use crate::spec::{EncodeAudio, SoundInput, SoundPart};
use decode::Sound;
use encoder::{Coded, Encoder, Settings};
use part::Share;
use pcm::Shape;
use resample::Resampler;
use timeline::Timeline;
use track::TrackWriter;

/// The trial's tone.
const TONE_RATE_HZ: u32 = 48_000;
const TONE_SAMPLES: usize = 24_000;
const TONE_BITRATE_BPS: u32 = 96_000;

/// Containers without times: FFmpeg counts frames or bytes, at a rate that may be wrong.
const UNTIMED_DEMUXERS: [&str; 3] = ["aac", "avi", "mp3"];

/// Encodes or copies the track of input 0, or encodes that of several; output 0 gets its fragments.
pub fn encode(task: &EncodeAudio, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Track> {
    if task.copy {
        return copy::pass_through(task, Source::open(inputs, &task.demuxer)?, outputs);
    }
    let whole = [part::whole(task)];
    let parts = if task.parts.is_empty() { &whole[..] } else { &task.parts[..] };
    let mut job = Job::open(task)?;
    for part in parts {
        job.begin(part, outputs)?;
        if let Some(sound) = &part.sound {
            read(&mut job, sound, inputs, outputs)?;
        }
        job.end_part(part, outputs)?;
        if let Some(writer) = job.writer.take_if(|writer| writer.is_full()) {
            return Ok(writer.stop());
        }
    }
    job.finish(outputs)
}

/// Encodes what is kept of one input.
fn read(
    job: &mut Job<'_>,
    from: &SoundInput,
    inputs: &SharedInputs,
    outputs: &mut dyn Outputs,
) -> Result<()> {
    let source = Source::open(&only(inputs, from.input)?, &from.demuxer)?;
    let mut sound = Sound::open(source, from.stream_index)?;
    let time_base = sound.time_base()?;
    // What the plan starts with may be damaged; what comes before it is taken for the start, as the container wants it.
    let mut first_pts = None;
    let is_timed = !UNTIMED_DEMUXERS.contains(&from.demuxer.as_str());
    while let Some(frame) = sound.next_frame()? {
        let planned = |pts: i64| from.first_pts.map_or(pts, |first| first.min(pts));
        let pts = frame
            .timestamp()
            .filter(|_| is_timed)
            .map(|pts| pts - *first_pts.get_or_insert_with(|| planned(pts)));
        job.place(&frame, pts, time_base, outputs)?;
        if job.share.is_over() || job.writer.as_ref().is_some_and(TrackWriter::is_full) {
            break;
        }
    }
    Ok(())
}

/// Whether the name is that of an audio encoder.
pub fn is_encoder(name: &str) -> bool {
    matches!(name, "aac" | "libopus")
}

/// Stream header and packets of a fixed tone, for the encoder's fingerprint.
pub fn tone_packets(name: &str) -> Result<Vec<Vec<u8>>> {
    let settings = Settings {
        encoder: name,
        bitrate_bps: TONE_BITRATE_BPS,
        sample_rate_hz: TONE_RATE_HZ,
        channel_count: 2,
    };
    let mut encoder = Encoder::open(&settings)?;
    let mut packets = vec![encoder.header()];
    let tone = encoder.shape().saw_tooth(TONE_SAMPLES);
    let mut coded = encoder.push(&tone, TONE_SAMPLES)?;
    coded.extend(encoder.finish()?);
    packets.extend(coded.into_iter().map(|coded| coded.data));
    Ok(packets)
}

/// Ticks as samples, rounded to the nearest.
fn rescale(ticks: i64, time_base: Rational, sample_rate_hz: u32) -> i64 {
    let denominator = i128::from(time_base.denominator()).max(1);
    let numerator = i128::from(ticks) * i128::from(time_base.numerator()) * i128::from(sample_rate_hz);
    (numerator + denominator / 2).div_euclid(denominator) as i64
}

/// A track on its way from decoded samples to fragments.
struct Job<'a> {
    task: &'a EncodeAudio,
    encoder: Encoder,
    /// Of the part that is being encoded.
    share: Share,
    /// None before the first samples, whose shape decides.
    input: Option<Input>,
    writer: Option<TrackWriter>,
}

/// What depends on the shape of the source's samples.
struct Input {
    resampler: Resampler,
    timeline: Timeline,
    /// Samples of this shape's rate that lie before the time line's start.
    origin: i64,
}

impl<'a> Job<'a> {
    fn open(task: &'a EncodeAudio) -> Result<Self> {
        let encoder = Encoder::open(&Settings {
            encoder: &task.encoder,
            bitrate_bps: task.bitrate_bps,
            sample_rate_hz: task.sample_rate_hz,
            channel_count: task.channel_count,
        })?;
        Ok(Self { task, encoder, share: Share::default(), input: None, writer: None })
    }

    /// Goes on with another part.
    fn begin(&mut self, part: &SoundPart, outputs: &mut dyn Outputs) -> Result<()> {
        self.share = Share::of(part)?;
        self.silence(part.silence, outputs)
    }

    /// Fills up what a part of a certain length lacks.
    fn end_part(&mut self, part: &SoundPart, outputs: &mut dyn Outputs) -> Result<()> {
        self.flush_input(outputs)?;
        let missing = if part.samples.is_some() { self.share.left() } else { 0 };
        self.silence(missing, outputs)
    }

    /// Encodes silence, as far as there is room for it.
    fn silence(&mut self, samples: u64, outputs: &mut dyn Outputs) -> Result<()> {
        let mut left = self.share.fill(samples);
        while left > 0 {
            // A second at a time bounds the memory that a long pause takes.
            let count = left.min(u64::from(self.task.sample_rate_hz.max(1))) as usize;
            let coded = self.encoder.push(&self.encoder.shape().silence(count), count)?;
            self.write(coded, None, outputs)?;
            left -= count as u64;
            outputs.progress(self.encoder.sample_count() / 1000)?;
        }
        Ok(())
    }

    /// Encodes a decoded frame at its place; `pts` counts from the first frame.
    fn place(
        &mut self,
        frame: &frame::Audio,
        pts: Option<i64>,
        time_base: Rational,
        outputs: &mut dyn Outputs,
    ) -> Result<()> {
        let shape = Shape::of(frame);
        self.adopt(shape, outputs)?;
        let input = self.input.as_mut().expect("just set");
        let start = pts.map(|pts| rescale(pts, time_base, shape.sample_rate_hz) - input.origin);
        let placement = input.timeline.place(start, frame.samples())?;
        let mut silence = placement.silence;
        while silence > 0 {
            // A second at a time bounds the memory that a long pause takes.
            let count = silence.min(shape.sample_rate_hz as usize);
            self.convert(&shape.silence(count), outputs)?;
            silence -= count;
        }
        if placement.drop < frame.samples() {
            self.convert(&shape.copy_from(frame, placement.drop), outputs)?;
        }
        outputs.progress(self.encoder.sample_count() / 1000)
    }

    /// Starts over with another converter when the source changes its rate or channels in the middle.
    fn adopt(&mut self, shape: Shape, outputs: &mut dyn Outputs) -> Result<()> {
        if self.input.as_ref().is_some_and(|input| input.resampler.from() == shape) {
            return Ok(());
        }
        self.flush_input(outputs)?;
        let rate = shape.sample_rate_hz.max(1);
        let tolerance =
            self.encoder.frame_samples() as u64 * u64::from(rate) / u64::from(self.task.sample_rate_hz);
        let so_far = Rational::new(1, self.task.sample_rate_hz as i32);
        self.input = Some(Input {
            resampler: Resampler::new(shape, self.encoder.shape())?,
            timeline: Timeline::new(tolerance as u32, rate),
            origin: rescale(self.share.position() as i64, so_far, rate),
        });
        Ok(())
    }

    fn convert(&mut self, samples: &frame::Audio, outputs: &mut dyn Outputs) -> Result<()> {
        let input = self.input.as_mut().expect("samples come after their shape");
        let converted = input.resampler.push(samples)?;
        self.encode(&converted, converted.samples(), outputs)
    }

    /// Encodes what is kept of the first `count` samples of a frame.
    fn encode(&mut self, samples: &frame::Audio, count: usize, outputs: &mut dyn Outputs) -> Result<()> {
        for range in self.share.pass(count) {
            let length = range.len();
            let coded = match range.start {
                0 => self.encoder.push(samples, length)?,
                start => self.encoder.push(&self.encoder.shape().copy_from(samples, start), length)?,
            };
            self.write(coded, None, outputs)?;
        }
        Ok(())
    }

    fn flush_input(&mut self, outputs: &mut dyn Outputs) -> Result<()> {
        let Some(input) = self.input.take() else { return Ok(()) };
        let (rest, count) = input.resampler.finish()?;
        self.encode(&rest, count, outputs)
    }

    fn finish(mut self, outputs: &mut dyn Outputs) -> Result<Track> {
        self.flush_input(outputs)?;
        let sample_count = self.encoder.sample_count();
        let coded = self.encoder.finish()?;
        self.write(coded, Some(sample_count), outputs)?;
        match self.writer {
            Some(writer) if writer.is_full() => Ok(writer.stop()),
            Some(writer) if sample_count > 0 => writer.finish(sample_count, outputs),
            _ => Err(Error::Source("the audio track has no sample that can be decoded".into())),
        }
    }

    fn write(
        &mut self,
        coded: Vec<Coded>,
        sample_count: Option<u64>,
        outputs: &mut dyn Outputs,
    ) -> Result<()> {
        for packet in coded {
            let writer = match &mut self.writer {
                Some(writer) => writer,
                None => self.writer.insert(self.open_writer(packet.pts)?),
            };
            writer.push(packet.data, sample_count, outputs)?;
        }
        Ok(())
    }

    /// The first packet's time tells the priming: the first sample that sounds is at 0.
    fn open_writer(&self, first_pts: i64) -> Result<TrackWriter> {
        let task = self.task;
        let config = AudioConfig {
            codec: self.encoder.codec(),
            extradata: self.encoder.header(),
            sample_rate_hz: task.sample_rate_hz,
            channel_count: task.channel_count,
            priming_samples: u32::try_from(-first_pts).unwrap_or(0),
            language: task.language.clone(),
        };
        TrackWriter::new(config, self.encoder.frame_samples(), task)
    }
}
