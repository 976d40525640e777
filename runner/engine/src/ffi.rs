//! The few things that FFmpeg's safe bindings do not offer. The only file of the workspace with `unsafe`; each function
//! is safe to call, takes and returns safe types, and keeps no pointer after it returns.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::ptr;

use ffmpeg_next::codec::{self, packet};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, Stream, ffi, filter, frame};

/// How to open an input.
pub struct InputOptions<'a> {
    /// The demuxer to use; none: FFmpeg picks one by content, among those that `format` allows.
    pub demuxer: Option<&'a str>,
    /// Options of the demuxer.
    pub format: Vec<(&'a str, String)>,
    /// Options of the decoders that look at the streams; none: the streams are not looked at.
    pub decoder: Option<Vec<(&'a str, String)>>,
}

/// What a stream's header says.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Pixels.
    pub width: i32,
    /// Pixels.
    pub height: i32,
    /// Of video.
    pub pixel_format: Pixel,
    /// Width over height of a pixel as the container states it; numerator 0: it does not.
    pub container_aspect_ratio: Rational,
    /// Width over height of a pixel as the coded pictures state it; numerator 0: they do not.
    pub sample_aspect_ratio: Rational,
    /// Fields are stored, in whatever order.
    pub interlaced: bool,
    /// Code points: primaries, transfer, matrix.
    pub colour: [u8; 3],
    /// Samples use all values.
    pub full_range: bool,
    /// Of audio.
    pub sample_rate_hz: i32,
    /// Of audio.
    pub channel_count: i32,
    /// Bit/s; 0: not known.
    pub bitrate_bps: i64,
}

/// Opens an input over a custom reader.
pub fn open_input(mut io: StreamIo, options: InputOptions) -> Result<Input, Error> {
    let name = options.demuxer.map(|name| CString::new(name).expect("demuxer names hold no zero byte"));
    // SAFETY: the context is either handed to `Input`, which closes it before it drops `io`, or freed by FFmpeg when
    // opening fails; `io` outlives both. The option lists are owned again after the call that may replace them.
    unsafe {
        let format = name.map_or(ptr::null(), |name| ffi::av_find_input_format(name.as_ptr()));
        if options.demuxer.is_some() && format.is_null() {
            return Err(Error::DemuxerNotFound);
        }
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(Error::Other { errno: ffmpeg_next::error::ENOMEM });
        }
        (*context).pb = io.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        let mut list = dictionary(&options.format).disown();
        let opened = ffi::avformat_open_input(&mut context, ptr::null(), format, &mut list);
        drop(Dictionary::own(list));
        if opened < 0 {
            return Err(Error::from(opened));
        }
        let mut input = Input::wrap_with_custom_io(context, io);
        if let Some(decoder) = options.decoder {
            scan_streams(&mut input, &decoder)?;
        }
        Ok(input)
    }
}

/// Whether FFmpeg has a demuxer of that name.
pub fn has_demuxer(name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: the name ends with a zero byte; the table that is searched never changes.
    unsafe { !ffi::av_find_input_format(name.as_ptr()).is_null() }
}

fn scan_streams(input: &mut Input, options: &[(&str, String)]) -> Result<(), Error> {
    // SAFETY: FFmpeg reads one option list per stream known at the call, and `lists` has exactly so many.
    unsafe {
        let count = (*input.as_ptr()).nb_streams as usize;
        let mut lists: Vec<_> = (0..count).map(|_| dictionary(options).disown()).collect();
        let result = ffi::avformat_find_stream_info(input.as_mut_ptr(), lists.as_mut_ptr());
        lists.into_iter().for_each(|list| drop(Dictionary::own(list)));
        if result < 0 { Err(Error::from(result)) } else { Ok(()) }
    }
}

/// Moves to the last place at or before `pts` (ticks of the stream) where the demuxer believes decoding can start.
pub fn seek_back(input: &mut Input, stream_index: usize, pts: i64) -> Result<(), Error> {
    // SAFETY: the context is open, and FFmpeg checks the stream index.
    let result = unsafe {
        ffi::av_seek_frame(input.as_mut_ptr(), stream_index as i32, pts, ffi::AVSEEK_FLAG_BACKWARD)
    };
    if result < 0 { Err(Error::from(result)) } else { Ok(()) }
}

/// Position in a stream's index of the keyframe at or before a time.
pub fn keyframe_at_or_before(input: &Input, stream_index: usize, pts: i64) -> Option<i32> {
    search_index(input, stream_index, pts, ffi::AVSEEK_FLAG_BACKWARD)
}

/// Position in a stream's index of the last packet with a decode time at or before a time.
pub fn packet_at_or_before(input: &Input, stream_index: usize, time: i64) -> Option<i32> {
    search_index(input, stream_index, time, ffi::AVSEEK_FLAG_BACKWARD | ffi::AVSEEK_FLAG_ANY)
}

/// Where the bytes of a packet of the index lie.
pub fn packet_place(input: &Input, stream_index: usize, number: i32) -> Option<Range<u64>> {
    let stream = input.stream(stream_index)?;
    // SAFETY: the stream belongs to an open context, and FFmpeg checks the number; the entry is read before anything
    // can change the index.
    let (start, size) = unsafe {
        let entry = ffi::avformat_index_get_entry(stream.as_ptr().cast_mut(), number).as_ref()?;
        (entry.pos, entry.size())
    };
    let start = u64::try_from(start).ok()?;
    Some(start..start + u64::try_from(size).ok()?)
}

fn search_index(input: &Input, stream_index: usize, time: i64, flags: i32) -> Option<i32> {
    let stream = input.stream(stream_index)?;
    // SAFETY: the stream belongs to an open context; the search changes nothing.
    let number = unsafe { ffi::av_index_search_timestamp(stream.as_ptr().cast_mut(), time, flags) };
    (number >= 0).then_some(number)
}

/// Makes a codec refuse pictures of more pixels, whenever they turn up.
pub fn set_max_pixels(context: &mut codec::Context, max_pixels: u64) {
    // SAFETY: the context is allocated and not yet opened.
    unsafe { (*context.as_mut_ptr()).max_pixels = i64::try_from(max_pixels).unwrap_or(i64::MAX) }
}

/// Hands packets out as the container holds them, without looking into them.
pub fn skip_parsing(input: &mut Input) {
    // SAFETY: the context is open.
    unsafe { (*input.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_NOPARSE }
}

/// Tells the demuxer to skip all streams but one, without reading their bytes where it can.
pub fn keep_only(input: &mut Input, stream_index: usize) {
    // SAFETY: `streams` holds `nb_streams` valid pointers while the context is open.
    unsafe {
        let context = input.as_mut_ptr();
        for index in (0..(*context).nb_streams as usize).filter(|index| *index != stream_index) {
            (**(*context).streams.add(index)).discard = ffi::AVDiscard::AVDISCARD_ALL;
        }
    }
}

/// Tells the demuxer to skip all streams but these, without reading their bytes where it can.
pub fn keep_streams(input: &mut Input, kept: &[usize]) {
    // SAFETY: `streams` holds `nb_streams` valid pointers while the context is open.
    unsafe {
        let context = input.as_mut_ptr();
        for index in (0..(*context).nb_streams as usize).filter(|index| !kept.contains(index)) {
            (**(*context).streams.add(index)).discard = ffi::AVDiscard::AVDISCARD_ALL;
        }
    }
}

/// The container's own four-letter name for a stream's codec; empty: none.
pub fn four_letters(stream: &Stream) -> String {
    // SAFETY: a stream of an open context has parameters, plain data as long as the stream lives.
    let tag = unsafe { (*(*stream.as_ptr()).codecpar).codec_tag };
    let letters = tag.to_le_bytes();
    let printable = letters.iter().all(|letter| (b' '..=b'~').contains(letter));
    if printable { String::from_utf8_lossy(&letters).trim().to_owned() } else { String::new() }
}

/// A packet that is decoded only for those after it and not shown itself (edit lists).
pub fn is_discarded(packet: &impl packet::Ref) -> bool {
    // SAFETY: a packet's pointer is valid while the packet lives.
    unsafe { (*packet.as_ptr()).flags & ffi::AV_PKT_FLAG_DISCARD != 0 }
}

/// The length that the container states, microseconds; 0: it states none, and what FFmpeg says is a guess.
pub fn declared_duration_us(input: &Input) -> u64 {
    // SAFETY: the context is open; the enumeration is read as a number.
    let (duration, method) = unsafe {
        let from = input.as_ptr();
        ((*from).duration, number(&raw const (*from).duration_estimation_method))
    };
    let is_stated = method == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_STREAM as u32;
    if is_stated { u64::try_from(duration).unwrap_or(0) } else { 0 }
}

/// Bytes that a stream carries in the header: the file of an attachment, the picture of a cover; 0 for all others.
pub fn attachment_bytes(stream: &Stream) -> u64 {
    // SAFETY: a stream of an open context has parameters and an attached picture, which is empty for most.
    let (kind_is_attachment, header_bytes, picture_bytes) = unsafe {
        let (from, parameters) = (stream.as_ptr(), (*stream.as_ptr()).codecpar);
        let is_attachment = stream.parameters().medium() == ffmpeg_next::media::Type::Attachment;
        (is_attachment, (*parameters).extradata_size, (*from).attached_pic.size)
    };
    let header_bytes = if kind_is_attachment { header_bytes } else { 0 };
    u64::try_from(header_bytes).unwrap_or(0) + u64::try_from(picture_bytes).unwrap_or(0)
}

/// A frame of which something is lost, painted over or not.
pub fn is_damaged(frame: &frame::Video) -> bool {
    // SAFETY: a frame's pointer is valid while the frame lives.
    frame.is_corrupt() || unsafe { (*frame.as_ptr()).decode_error_flags != 0 }
}

/// Another reference to a frame's picture, which is not copied.
pub fn share(frame: &frame::Video) -> Result<frame::Video, Error> {
    let mut shared = frame::Video::empty();
    // SAFETY: both pointers are valid for the call, and the new frame is empty, as FFmpeg wants it.
    let result = unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) };
    if result < 0 { Err(Error::from(result)) } else { Ok(shared) }
}

/// What the stream's header says.
pub fn parameters(stream: &Stream) -> Parameters {
    // SAFETY: a stream of an open context has parameters, plain data as long as the stream lives. Enumerations are read
    // as numbers, because a file decides them.
    unsafe {
        let from = (*stream.as_ptr()).codecpar;
        let is_video = stream.parameters().medium() == ffmpeg_next::media::Type::Video;
        Parameters {
            width: (*from).width,
            height: (*from).height,
            pixel_format: if is_video { pixel_format((*from).format) } else { Pixel::None },
            container_aspect_ratio: Rational::from((*stream.as_ptr()).sample_aspect_ratio),
            sample_aspect_ratio: Rational::from((*from).sample_aspect_ratio),
            interlaced: number(&raw const (*from).field_order)
                > ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE as u32,
            colour: [
                number(&raw const (*from).color_primaries) as u8,
                number(&raw const (*from).color_trc) as u8,
                number(&raw const (*from).color_space) as u8,
            ],
            full_range: number(&raw const (*from).color_range) == ffi::AVColorRange::AVCOL_RANGE_JPEG as u32,
            sample_rate_hz: (*from).sample_rate,
            channel_count: (*from).ch_layout.nb_channels,
            bitrate_bps: (*from).bit_rate,
        }
    }
}

/// Code points of a frame: primaries, transfer, matrix. Read as numbers, because a file decides them.
pub fn frame_colour(frame: &frame::Video) -> [u8; 3] {
    // SAFETY: a frame's pointer is valid while the frame lives.
    unsafe {
        let from = frame.as_ptr();
        [
            number(&raw const (*from).color_primaries) as u8,
            number(&raw const (*from).color_trc) as u8,
            number(&raw const (*from).colorspace) as u8,
        ]
    }
}

/// What a pixel format's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Red, green and blue, or a palette of them.
    pub rgb: bool,
    /// One of them is opacity, or the palette may hold it.
    pub alpha: bool,
}

/// Describes a pixel format; none for one that is not known.
pub fn samples(format: Pixel) -> Option<Samples> {
    let descriptor = format.descriptor()?;
    // SAFETY: descriptors are static.
    let flags = unsafe { (*descriptor.as_ptr()).flags };
    let has = |flag: i32| flags & flag as u64 != 0;
    Some(Samples {
        rgb: has(ffi::AV_PIX_FMT_FLAG_RGB) || has(ffi::AV_PIX_FMT_FLAG_PAL),
        alpha: has(ffi::AV_PIX_FMT_FLAG_ALPHA),
    })
}

/// Whether FFmpeg decodes a subtitle codec, and to text.
pub fn is_text_subtitle(id: codec::Id) -> bool {
    // SAFETY: descriptors are constants of the library.
    let properties =
        unsafe { ffi::avcodec_descriptor_get(id.into()).as_ref() }.map_or(0, |found| found.props);
    let (text, pictures) = (ffi::AV_CODEC_PROP_TEXT_SUB, ffi::AV_CODEC_PROP_BITMAP_SUB);
    properties & text != 0 && properties & pictures == 0 && codec::decoder::find(id).is_some()
}

/// A decoder of text subtitles.
pub struct SubtitleDecoder(codec::decoder::Subtitle);

impl SubtitleDecoder {
    /// Opens the decoder of a stream whose times are in this unit.
    pub fn open(context: codec::Context, time_base: Rational) -> Result<Self, Error> {
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(time_base);
        decoder.subtitle().map(Self)
    }

    /// The SubStation events of a packet; pictures are none.
    pub fn decode(&mut self, packet: &Packet) -> Result<Vec<String>, Error> {
        // SAFETY: FFmpeg fills the zeroed structure or leaves it so; its lists and strings are read before
        // `avsubtitle_free`, which is right for both. Strings end in a zero byte.
        unsafe {
            let mut subtitle: ffi::AVSubtitle = std::mem::zeroed();
            let mut got = 0;
            let packet = packet::Ref::as_ptr(packet).cast_mut();
            let result = ffi::avcodec_decode_subtitle2(self.0.as_mut_ptr(), &mut subtitle, &mut got, packet);
            if result < 0 {
                return Err(Error::from(result));
            }
            let count = if got != 0 && !subtitle.rects.is_null() { subtitle.num_rects as usize } else { 0 };
            let event = |at: usize| {
                let text = (**subtitle.rects.add(at)).ass;
                (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
            };
            let events = (0..count).filter_map(event).collect();
            ffi::avsubtitle_free(&mut subtitle);
            Ok(events)
        }
    }
}

/// Opens a prepared codec context and returns the names of the options that it does not know.
pub fn open_codec(
    context: &mut codec::Context,
    codec: ffmpeg_next::Codec,
    options: &[(&str, String)],
) -> Result<Vec<String>, Error> {
    // SAFETY: both pointers are valid for the call; the list is owned again after FFmpeg replaced it by what is left.
    unsafe {
        let mut list = dictionary(options).disown();
        let result = ffi::avcodec_open2(context.as_mut_ptr(), codec.as_ptr(), &mut list);
        let left = Dictionary::own(list);
        if result < 0 {
            return Err(Error::from(result));
        }
        Ok(left.iter().map(|(name, _)| name.to_owned()).collect())
    }
}

/// The stream header of an opened codec.
pub fn extradata(context: &codec::Context) -> Vec<u8> {
    // SAFETY: an opened context's header holds `extradata_size` bytes, or none.
    unsafe {
        let from = &*context.as_ptr();
        match usize::try_from(from.extradata_size) {
            Ok(size) if size > 0 && !from.extradata.is_null() => {
                std::slice::from_raw_parts(from.extradata, size).to_vec()
            }
            _ => Vec::new(),
        }
    }
}

/// Bounds the threads of a filter graph; to be called before it is configured.
pub fn set_graph_threads(graph: &mut filter::Graph, count: i32) {
    // SAFETY: the graph is allocated and not yet configured.
    unsafe { (*graph.as_mut_ptr()).nb_threads = count }
}

/// Whether FFmpeg is built with a kind of device: it knows the names of all, and calls those that it lacks a lack of memory.
pub fn has_device_kind(kind: &str) -> bool {
    let Ok(kind) = CString::new(kind) else { return false };
    let none = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE;
    // SAFETY: the name ends with a zero byte; the tables that are read never change.
    unsafe {
        let wanted = ffi::av_hwdevice_find_type_by_name(kind.as_ptr());
        let next = |last: &ffi::AVHWDeviceType| Some(ffi::av_hwdevice_iterate_types(*last));
        let mut built = std::iter::successors(next(&none), next).take_while(|kind| *kind != none);
        built.any(|kind| kind == wanted)
    }
}

/// Whether an encoder has a setting of that name, its own or one of all encoders.
#[cfg(test)]
pub fn has_option(codec: ffmpeg_next::Codec, name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: the classes are constants of the library; a search among fake objects reads nothing else of the pointer
    // to a class pointer that it is given, which outlives the call.
    let known = |class: *const ffi::AVClass| unsafe {
        let flags = ffi::AV_OPT_SEARCH_FAKE_OBJ;
        let object = ptr::from_ref(&class).cast_mut().cast();
        !class.is_null() && !ffi::av_opt_find(object, name.as_ptr(), ptr::null(), 0, flags).is_null()
    };
    // SAFETY: a codec that was found is a constant of the library.
    let (own, all) = unsafe { ((*codec.as_ptr()).priv_class, ffi::avcodec_get_class()) };
    known(own) || known(all)
}

/// A hardware device that FFmpeg has opened.
pub struct Device(*mut ffi::AVBufferRef);

// SAFETY: references are counted atomically, this one has one owner, and FFmpeg binds devices to no thread.
unsafe impl Send for Device {}

impl Device {
    /// Opens a device of a kind ("cuda", "vaapi", …): the named one, or FFmpeg's choice.
    pub fn open(kind: &str, node: Option<&str>) -> Result<Self, Error> {
        let text = |text: &str| CString::new(text).map_err(|_| Error::InvalidData);
        let (kind, node) = (text(kind)?, node.map(text).transpose()?);
        let mut device = ptr::null_mut();
        // SAFETY: both names end with a zero byte and outlive the calls; FFmpeg sets the reference or leaves it empty.
        let result = unsafe {
            let kind = ffi::av_hwdevice_find_type_by_name(kind.as_ptr());
            let node = node.as_ref().map_or(ptr::null(), |node| node.as_ptr());
            ffi::av_hwdevice_ctx_create(&mut device, kind, node, ptr::null_mut(), 0)
        };
        if result < 0 { Err(Error::from(result)) } else { Ok(Self(device)) }
    }

    /// Gives a codec that is not yet open the device to work on.
    pub fn lend(&self, context: &mut codec::Context) {
        // SAFETY: the context is allocated; it frees the new reference itself.
        unsafe { (*context.as_mut_ptr()).hw_device_ctx = ffi::av_buffer_ref(self.0) }
    }

    /// Gives an encoder that is not yet open pictures on the device, which software sees in `format`.
    pub fn lend_pictures(
        &self,
        context: &mut codec::Context,
        on_device: Pixel,
        format: Pixel,
        size: (u32, u32),
    ) -> Result<(), Error> {
        // SAFETY: the pool is filled in between its allocation and its start, as FFmpeg wants it; the context frees the
        // reference that it is given, whether the start succeeds or not.
        let result = unsafe {
            let pool = ffi::av_hwframe_ctx_alloc(self.0);
            if pool.is_null() {
                return Err(Error::Other { errno: ffmpeg_next::error::ENOMEM });
            }
            let settings = (*pool).data.cast::<ffi::AVHWFramesContext>();
            (*settings).format = on_device.into();
            (*settings).sw_format = format.into();
            ((*settings).width, (*settings).height) = (size.0 as i32, size.1 as i32);
            (*settings).initial_pool_size = 16;
            (*context.as_mut_ptr()).hw_frames_ctx = pool;
            ffi::av_hwframe_ctx_init(pool)
        };
        if result < 0 { Err(Error::from(result)) } else { Ok(()) }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and is not used again.
        unsafe { ffi::av_buffer_unref(&mut self.0) }
    }
}

/// A copy of a picture among the pictures on the device of an encoder.
pub fn upload(context: &codec::Context, picture: &frame::Video) -> Result<frame::Video, Error> {
    let mut uploaded = frame::Video::empty();
    // SAFETY: all pointers are valid for the calls; FFmpeg refuses a context without a pool.
    let result = unsafe {
        let pool = (*context.as_ptr()).hw_frames_ctx;
        match ffi::av_hwframe_get_buffer(pool, uploaded.as_mut_ptr(), 0) {
            0 => ffi::av_hwframe_transfer_data(uploaded.as_mut_ptr(), picture.as_ptr(), 0),
            refused => refused,
        }
    };
    if result < 0 { Err(Error::from(result)) } else { Ok(uploaded) }
}

/// A copy in memory of a picture on a device; none: the picture is on no device.
pub fn download(picture: &frame::Video) -> Result<Option<frame::Video>, Error> {
    let mut copy = frame::Video::empty();
    // SAFETY: both pointers are valid for the call, and the new frame is empty, as FFmpeg wants it.
    let result = unsafe {
        if (*picture.as_ptr()).hw_frames_ctx.is_null() {
            return Ok(None);
        }
        ffi::av_hwframe_transfer_data(copy.as_mut_ptr(), picture.as_ptr(), 0)
    };
    if result < 0 { Err(Error::from(result)) } else { Ok(Some(copy)) }
}

/// Gives a picture the times, marks and colours of another.
pub fn copy_properties(from: &frame::Video, to: &mut frame::Video) -> Result<(), Error> {
    // SAFETY: both pointers are valid for the call, which leaves the samples alone.
    let result = unsafe { ffi::av_frame_copy_props(to.as_mut_ptr(), from.as_ptr()) };
    if result < 0 { Err(Error::from(result)) } else { Ok(()) }
}

/// The pixel format of a number, if it is one.
fn pixel_format(number: i32) -> Pixel {
    if !(0..ffi::AVPixelFormat::AV_PIX_FMT_NB as i32).contains(&number) {
        return Pixel::None;
    }
    // SAFETY: the enumeration has no gap below its end, and header and library are of one version.
    Pixel::from(unsafe { std::mem::transmute::<i32, ffi::AVPixelFormat>(number) })
}

/// # Safety
/// `field` points to a C enumeration, which is as large as an `int`.
unsafe fn number<T>(field: *const T) -> u32 {
    // SAFETY: as promised by the caller.
    unsafe { field.cast::<u32>().read() }
}

fn dictionary<'a>(options: &[(&str, String)]) -> Dictionary<'a> {
    options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
