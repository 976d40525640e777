//! One rendition of a chunk: frames in, fragments out. Decode times are the grid's, taken in order; what a packet
//! shows decides its composition offset (ISO/IEC 14496-12 §8.8.8).

use ffmpeg_next::frame;

use crate::encode::{self, Packet, VideoEncoder, VideoSettings, hardware};
use crate::error::{Error, Result};
use crate::fragment::{Codec, Fragmenter, Sample, VideoConfig};
use crate::pipe::Outputs;
use crate::report::{Fragment, Track};
use crate::spec::{DeviceName, GridSlice, Rational, VideoRendition};

/// A rendition being written; one fragment a GOP.
pub struct Rendition<'a> {
    name: &'a str,
    /// What goes wrong is a device's doing.
    on_device: bool,
    grid: &'a GridSlice,
    gop_frames: u64,
    output: usize,
    /// The output begins with the init segment.
    init_first: bool,
    encoder: Box<dyn VideoEncoder>,
    fragmenter: Fragmenter,
    fragments: Vec<Fragment>,
    sent: u64,
    written: u64,
}

impl<'a> Rendition<'a> {
    /// Opens the encoder, on `device` if it is one of a device.
    pub fn open(
        spec: &'a VideoRendition,
        grid: &'a GridSlice,
        output: usize,
        init_first: bool,
        device: Option<&DeviceName>,
    ) -> Result<Self> {
        let encoder = encode::open(&VideoSettings::of(spec, grid.timescale, device)?)?;
        let config = VideoConfig {
            codec: encoder.codec(),
            extradata: encoder.header()?,
            width: spec.width,
            height: spec.height,
            colour: spec.colour,
            timescale: grid.timescale,
            reorder_ticks: reorder_ticks(encoder.codec(), spec.frame_rate, grid.timescale),
        };
        let first_time = u64::try_from(grid.times[0]).expect("checked to be positive");
        let fragmenter = Fragmenter::new(config, spec.first_sequence_number, first_time)?;
        Ok(Self {
            name: &spec.name,
            on_device: hardware::is_hardware(&spec.encoder),
            grid,
            gop_frames: spec.gop_frames.max(1).into(),
            output,
            init_first,
            encoder,
            fragmenter,
            fragments: Vec::new(),
            sent: 0,
            written: 0,
        })
    }

    /// Frames encoded; those that the encoder still holds count half, because they are decoded, scaled and looked at.
    pub fn progress(&self) -> u64 {
        self.written + (self.sent - self.written) / 2
    }

    /// Shows a frame `count` times.
    pub fn send(&mut self, frame: &mut frame::Video, count: u32, outputs: &mut dyn Outputs) -> Result<()> {
        for _ in 0..count {
            let key = self.sent.is_multiple_of(self.gop_frames);
            let time = self.grid.times[self.sent as usize] - self.grid.times[0];
            self.encoder.send(frame, key, time)?;
            self.sent += 1;
            self.drain(outputs)?;
        }
        Ok(())
    }

    /// Writes what the encoder still holds and checks that all planned frames were written.
    pub fn finish(mut self, outputs: &mut dyn Outputs) -> Result<Track> {
        self.encoder.finish()?;
        self.drain(outputs)?;
        self.end_fragment(outputs)?;
        let planned = self.grid.source_pts.len();
        if self.written != planned as u64 {
            let message = format!("{}: {} of {planned} frames were written", self.name, self.written);
            return Err(self.unlike_the_plan(message));
        }
        let init_segment = self.fragmenter.init_segment().to_vec();
        Ok(Track { init_segment, sample_count: self.written, fragments: self.fragments })
    }

    fn drain(&mut self, outputs: &mut dyn Outputs) -> Result<()> {
        while let Some(packet) = self.encoder.receive()? {
            self.check(&packet)?;
            if packet.key {
                self.end_fragment(outputs)?;
            }
            self.write(packet)?;
        }
        Ok(())
    }

    /// GOPs are closed, and keyframes are where the plan wants them and nowhere else.
    fn check(&self, packet: &Packet) -> Result<()> {
        let gop = self.written / self.gop_frames;
        let wanted_key = self.written.is_multiple_of(self.gop_frames);
        let planned = self.grid.source_pts.len() as u64;
        if packet.frame >= planned || packet.frame / self.gop_frames != gop || packet.key != wanted_key {
            let message =
                format!("{}: the encoder did not keep to the GOP at frame {}", self.name, packet.frame);
            return Err(self.unlike_the_plan(message));
        }
        Ok(())
    }

    fn unlike_the_plan(&self, message: String) -> Error {
        if self.on_device { Error::Device(message) } else { Error::Verify(message) }
    }

    fn write(&mut self, packet: Packet) -> Result<()> {
        let at = self.written as usize;
        let times = &self.grid.times;
        let too_long = |_| Error::Internal(format!("{}: a frame's time does not fit", self.name));
        self.fragmenter.push(Sample {
            data: packet.data,
            duration: u32::try_from(times[at + 1] - times[at]).map_err(too_long)?,
            composition_offset: i32::try_from(times[packet.frame as usize] - times[at]).map_err(too_long)?,
            key: packet.key,
        })?;
        self.written += 1;
        Ok(())
    }

    fn end_fragment(&mut self, outputs: &mut dyn Outputs) -> Result<()> {
        if let Some((bytes, fragment)) = self.fragmenter.end_fragment() {
            if self.init_first && self.fragments.is_empty() {
                outputs.append(self.output, self.fragmenter.init_segment())?;
            }
            outputs.append(self.output, &bytes)?;
            self.fragments.push(fragment);
        }
        Ok(())
    }
}

/// As many frames as x264 and x265 reorder at most: with a pyramid of B-frames two. AV1 and VP9 show a frame with each
/// packet, in order.
fn reorder_ticks(codec: Codec, frame_rate: Rational, timescale: u32) -> u32 {
    const REORDER_FRAMES: i64 = 2;
    match codec {
        Codec::H264 | Codec::Hevc => {
            let ticks = REORDER_FRAMES * i64::from(timescale) * frame_rate.denominator;
            (ticks / frame_rate.numerator.max(1)).max(1) as u32
        }
        Codec::Av1 | Codec::Vp9 => 0,
    }
}
