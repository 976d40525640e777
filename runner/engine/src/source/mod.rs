//! An opened source: a demuxer over the bytes of one input. It knows only real containers: FFmpeg picks a demuxer by
//! content, and a playlist that calls itself a video must not make it look for other files.

mod choice;
mod clock;
pub mod frames;
pub mod given;
mod layout;
pub mod only;
pub mod reader;
pub mod seek;
mod span;

use std::collections::BTreeMap;
use std::io::Seek;

use ffmpeg_next::codec::{self, Compliance};
use ffmpeg_next::error::{EAGAIN, EINVAL};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::{Packet, Stream, decoder, frame, threading};

use crate::error::{Error, Result};
use crate::ffi::{self, Device, InputOptions, Parameters};
use crate::pipe::SharedInputs;
use crate::semi_planar;
use crate::spec::DeviceName;
use clock::Clock;
use layout::Layout;
use reader::{Expectation, InputReader, Trouble};

/// Containers that are read, by FFmpeg's first name for each.
pub(crate) const DEMUXERS: &str =
    "mov,matroska,mpegts,avi,flv,ogg,mpeg,asf,mxf,dv,nut,gif,ivf,h264,hevc,mp3,wav,flac,aac,w64,aiff";
/// Containers whose headers say all about their streams.
const SELF_DESCRIBING: [&str; 2] = ["mov", "matroska"];
/// Where FFmpeg itself gives up. Far above what is accepted, so that it is told as what it is.
const MAX_STREAMS: u32 = 1000;
const AVIO_BUFFER_BYTES: usize = 64 << 10;
/// Containers whose clock may be set back in the middle.
const RESETTABLE_CLOCKS: [&str; 2] = ["mpegts", "mpeg"];
/// Their decoders paint over damage with what other threads may not have decoded yet, and the result must be the same
/// each time.
const CONCEALING_CODECS: [codec::Id; 2] = [codec::Id::H264, codec::Id::MPEG4];
/// More threads only help where cores are idle, and they cost memory; engines run side by side instead.
const DECODER_THREADS: usize = 2;

/// A demuxer over one input.
pub struct Source {
    input: Input,
    trouble: Trouble,
    expectation: Expectation,
    /// One index, read already, names all packets.
    indexed: bool,
    position_bytes: u64,
    /// Where the video is decoded; none: by software.
    device: Option<Device>,
}

impl Source {
    /// Finds out which container input 0 is, and looks at its streams; pictures of more than `max_pixels` are refused.
    pub fn probe(inputs: &SharedInputs, max_pixels: u64) -> Result<Self> {
        let mut reader = InputReader::new(inputs.clone(), 0);
        let layout = Layout::check(&mut reader)?;
        let options = vec![("max_pixels", max_pixels.to_string())];
        Self::open_reader(reader, layout.as_ref(), None, Some(options)).map_err(too_greedy)
    }

    /// Opens input 0 with the demuxer that the probe settled on.
    pub fn open(inputs: &SharedInputs, demuxer: &str) -> Result<Self> {
        let known = DEMUXERS.split(',').any(|name| name == demuxer);
        if !known {
            return Err(Error::Internal(format!("the plan pins the unknown demuxer {demuxer}")));
        }
        let mut reader = InputReader::new(inputs.clone(), 0);
        let layout = if demuxer == "mov" { Layout::check(&mut reader)? } else { None };
        let scan = (!SELF_DESCRIBING.contains(&demuxer)).then(Vec::new);
        Self::open_reader(reader, layout.as_ref(), Some(demuxer), scan)
    }

    /// Opens input 0 so that [`Source::next_packet`] tells times and sizes of all packets; their bytes mean nothing, and
    /// where the container has its index in one place they are not even read.
    pub fn open_index(inputs: &SharedInputs, demuxer: &str) -> Result<Self> {
        let mut reader = InputReader::new(inputs.clone(), 0);
        let layout = if demuxer == "mov" { Some(Layout::of(&mut reader)?) } else { None };
        if layout.as_ref().is_none_or(|layout| layout.fragmented) {
            return Self::open_reader(reader, layout.as_ref(), Some(demuxer), Some(Vec::new()));
        }
        let blank = reader.blank();
        let mut source = Self::open_reader(reader, layout.as_ref(), Some(demuxer), None)?;
        ffi::skip_parsing(&mut source.input);
        blank.set();
        Ok(source)
    }

    fn open_reader(
        mut reader: InputReader,
        layout: Option<&Layout>,
        demuxer: Option<&str>,
        decoder: Option<Vec<(&str, String)>>,
    ) -> Result<Self> {
        if reader.size_bytes() == 0 {
            return Err(Error::Source("the file is empty".into()));
        }
        reader.rewind()?;
        let (trouble, expectation) = (reader.trouble(), reader.expectation());
        let opening = layout.and_then(Layout::opening);
        let indexed = opening.is_some();
        expectation.set(opening.unwrap_or_default())?;
        let format = vec![
            ("format_whitelist", DEMUXERS.to_owned()),
            ("protocol_whitelist", "none".to_owned()),
            ("max_streams", MAX_STREAMS.to_string()),
        ];
        let io = StreamIo::from_read_seek_with_capacity(reader, AVIO_BUFFER_BYTES)
            .map_err(|error| Error::machinery("cannot set up the reader", error))?;
        let input = ffi::open_input(io, InputOptions { demuxer, format, decoder })
            .map_err(|error| trouble.get().unwrap_or_else(|| not_opened(error)))?;
        Ok(Self { input, trouble, expectation, indexed, position_bytes: 0, device: None })
    }

    /// FFmpeg's first name for the demuxer.
    pub fn demuxer(&self) -> String {
        let names = self.input.format().name().to_owned();
        names.split(',').next().unwrap_or_default().to_owned()
    }

    /// The demuxer itself.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// A stream by its index.
    pub fn stream(&self, index: usize) -> Result<Stream<'_>> {
        self.input.stream(index).ok_or_else(|| Error::Source(format!("the file has no stream {index}")))
    }

    /// Lets a device decode a stream, if there is one for its codec. Pictures of other formats are left to software.
    pub fn decode_on(&mut self, stream_index: usize, devices: &BTreeMap<String, DeviceName>) -> Result<()> {
        let stream = self.stream(stream_index)?;
        let is_usual = semi_planar::layout(ffi::parameters(&stream).pixel_format).is_some();
        let device = devices.get(stream.parameters().id().name()).filter(|_| is_usual);
        let open = |name: &DeviceName| Device::open(&name.kind, name.node.as_deref());
        self.device = device
            .map(open)
            .transpose()
            .map_err(|error| Error::Decoder(format!("the device does not open: {error}")))?;
        Ok(())
    }

    /// A device decodes.
    pub fn is_on_device(&self) -> bool {
        self.device.is_some()
    }

    /// A decoded picture as software gives it.
    pub fn in_memory(&self, picture: frame::Video) -> Result<frame::Video> {
        if self.device.is_none() {
            return Ok(picture);
        }
        let failed = |error| Error::Decoder(format!("a picture does not come from the device: {error}"));
        let Some(copy) = ffi::download(&picture).map_err(failed)? else { return Ok(picture) };
        let mut plain = semi_planar::unpack(&copy);
        ffi::copy_properties(&picture, &mut plain).map_err(failed)?;
        Ok(plain)
    }

    /// Skips all streams but one, which is expected to be read to its end.
    pub fn keep_only(&mut self, stream_index: usize) -> Result<()> {
        ffi::keep_only(&mut self.input, stream_index);
        self.expect_stream(stream_index)
    }

    /// The next packet of any stream that is not skipped; none at the end. Damaged packets are left out, as players do.
    pub fn next_packet(&mut self) -> Result<Option<Packet>> {
        let mut packet = Packet::empty();
        loop {
            match packet.read(&mut self.input) {
                Ok(()) => break,
                Err(ffmpeg_next::Error::Eof) => return self.trouble.get().map_or(Ok(None), Err),
                Err(ffmpeg_next::Error::InvalidData | ffmpeg_next::Error::Other { errno: EAGAIN }) => {}
                Err(error) => return Err(self.blame("cannot read the file", error)),
            }
        }
        self.position_bytes = self.position_bytes.max(u64::try_from(packet.position()).unwrap_or(0));
        Ok(Some(packet))
    }

    /// How far into the file the packets have come.
    pub fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// One index, read already, names all packets with their times.
    pub fn has_whole_index(&self) -> bool {
        self.indexed
    }

    /// Ticks of a stream's clock in a second, at least 1.
    pub fn second_ticks(&self, stream_index: usize) -> Result<i64> {
        let time_base = self.stream(stream_index)?.time_base();
        Ok((i64::from(time_base.denominator()) / i64::from(time_base.numerator().max(1))).max(1))
    }

    /// What gives the frames of a video stream their times.
    fn clock(&self, stream_index: usize) -> Result<Clock> {
        let second_ticks = self.second_ticks(stream_index)?;
        let rate = self.stream(stream_index)?.avg_frame_rate();
        let (frames, seconds) = (i64::from(rate.numerator()), i64::from(rate.denominator()));
        let step_ticks = if frames > 0 { second_ticks.saturating_mul(seconds) / frames } else { 1 };
        Ok(Clock::new(second_ticks, step_ticks, RESETTABLE_CLOCKS.contains(&self.demuxer().as_str())))
    }

    /// A decoder for a video stream, which refuses pictures of more than `max_pixels`.
    pub fn video_decoder(&self, stream_index: usize, max_pixels: u64) -> Result<decoder::Video> {
        let stream = self.stream(stream_index)?;
        check_size(&ffi::parameters(&stream), max_pixels)?;
        let unusable = |error| self.blame("no decoder for the video", error);
        let mut context = codec::Context::from_parameters(stream.parameters()).map_err(unusable)?;
        ffi::set_max_pixels(&mut context, max_pixels);
        let conceals = CONCEALING_CODECS.contains(&stream.parameters().id());
        if stream.parameters().id() == codec::Id::H264 {
            // Where a stream does not say how far it reorders, the decoder would learn it from frames in wrong order.
            context.compliance(Compliance::Strict);
        }
        if let Some(device) = &self.device {
            device.lend(&mut context);
        }
        context.set_threading(threading::Config {
            kind: threading::Type::Frame,
            count: if conceals || self.is_on_device() { 1 } else { DECODER_THREADS },
            ..Default::default()
        });
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(stream.time_base());
        match choice::decoder_of_opacity(&stream) {
            Some(library) => decoder.open_as(library).and_then(|opened| opened.video()).map_err(unusable),
            // FFmpeg's own decoder knows devices, the library that it prefers does not.
            None if self.is_on_device() && stream.parameters().id() == codec::Id::AV1 => {
                decoder.open_as("av1").and_then(|opened| opened.video()).map_err(unusable)
            }
            None => decoder.video().map_err(unusable),
        }
    }

    /// The failure behind what FFmpeg says: a read that did not come explains everything after it.
    pub fn blame(&self, what: &str, error: ffmpeg_next::Error) -> Error {
        self.trouble.get().unwrap_or_else(|| Error::reading(what, error))
    }
}

/// Walks over the top-level boxes, for fuzzing.
pub(crate) fn look_at_layout(reader: &mut InputReader) {
    let size_bytes = reader.size_bytes();
    if let Ok(Some(layout)) = Layout::check(reader) {
        assert!(layout.index.is_none_or(|index| index.start <= index.end && index.end <= size_bytes));
    }
}

/// Refuses what the stream's header says of its pictures, if they are too large.
pub fn check_size(parameters: &Parameters, max_pixels: u64) -> Result<()> {
    let (width, height) = (parameters.width.max(0) as u64, parameters.height.max(0) as u64);
    if width * height > max_pixels {
        return Err(too_large(parameters.width as u32, parameters.height as u32, max_pixels));
    }
    Ok(())
}

fn too_large(width: u32, height: u32, max_pixels: u64) -> Error {
    let pixels = u64::from(width) * u64::from(height);
    Error::Source(format!(
        "pictures of {width}x{height} have {pixels} pixels; at most {max_pixels} are accepted (limits.max_pixels)"
    ))
}

/// Memory runs out only at the engine's own limit, which no honest file comes near while it is opened.
fn too_greedy(error: Error) -> Error {
    match error {
        Error::Runner(_) => Error::Source(format!(
            "the file has more than {MAX_STREAMS} streams, or opening it takes more memory than an engine may use \
             (work.engine_memory_mib of the runner)"
        )),
        other => other,
    }
}

fn not_opened(error: ffmpeg_next::Error) -> Error {
    match error {
        // `EINVAL` is what FFmpeg says of a demuxer outside the list, such as a playlist's.
        ffmpeg_next::Error::Other { errno: EINVAL }
        | ffmpeg_next::Error::InvalidData
        | ffmpeg_next::Error::Eof => {
            Error::Source("the file is not a video or audio file that is accepted, or it is damaged".into())
        }
        other => Error::reading("the file cannot be opened", other),
    }
}
