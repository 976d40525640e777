//! A runner's result as the domain's outcome. Everything is checked here that the plan does not need for checking; what
//! it needs is checked by `publish` and by the planner.

use flotilla_proto::delta;
use flotilla_proto::fleet as wire;
use wire::task_result::Kind;

use super::convert::rational;
use crate::domain::outcome::{Fragment, Outcome, Track};
use crate::domain::source::{
    AudioStream, Colour, DolbyVision, Fields, Insert, PictureFacts, Source, TextStream, VideoStream,
};

/// Most streams that a source may have.
const MAX_STREAMS: usize = 256;

/// The outcome, or what is wrong with it.
pub fn from_wire(result: Option<wire::TaskResult>) -> Result<Outcome, String> {
    match result.and_then(|result| result.kind).ok_or("the result is missing")? {
        Kind::Probe(probe) => source(probe).map(Outcome::Probe),
        Kind::EncodeChunk(chunk) => {
            let renditions = chunk.renditions.into_iter().map(track).collect::<Result<_, _>>()?;
            Ok(Outcome::EncodeChunk { renditions, missing_frames: chunk.missing_frames })
        }
        Kind::EncodeAudio(audio) => {
            track(audio.track.ok_or("the track is missing")?).map(Outcome::EncodeAudio)
        }
        Kind::ExtractText(text) => Ok(Outcome::ExtractText { cue_counts: text.cue_counts }),
        Kind::Storyboard(drawn) => Ok(Outcome::Storyboard { sprite_count: drawn.sprite_count }),
        Kind::Assemble(joined) => Ok(Outcome::Assemble { sample_count: joined.sample_count }),
    }
}

fn track(track: wire::TrackResult) -> Result<Track, String> {
    if track.init_segment.is_empty() || track.fragments.is_empty() {
        return Err("a track without init segment or fragments".into());
    }
    let fragment = |fragment: wire::Fragment| Fragment {
        size_bytes: fragment.size_bytes,
        decode_time: fragment.decode_time,
        duration: fragment.duration,
        starts_with_keyframe: fragment.starts_with_keyframe,
    };
    Ok(Track {
        init_segment: track.init_segment,
        sample_count: track.sample_count,
        fragments: track.fragments.into_iter().map(fragment).collect(),
    })
}

fn source(probe: wire::ProbeResult) -> Result<Source, String> {
    if probe.video.len() + probe.audio.len() + probe.text.len() > MAX_STREAMS {
        return Err(format!("a source with more than {MAX_STREAMS} streams"));
    }
    let inserts = probe.inserts.into_iter().map(insert).collect::<Result<_, _>>()?;
    Ok(Source {
        demuxer: probe.demuxer,
        duration_us: probe.duration_us,
        bitrate_bps: probe.bitrate_bps,
        video: probe.video.into_iter().map(video).collect::<Result<_, _>>()?,
        audio: probe.audio.into_iter().map(audio).collect::<Result<_, _>>()?,
        text: probe.text.into_iter().map(text).collect(),
        notes: probe.notes,
        inserts,
    })
}

fn insert(found: wire::InsertResult) -> Result<Insert, String> {
    match found.kind.ok_or("a file of the edits is not described")? {
        wire::insert_result::Kind::Clip(clip) if !clip.inserts.is_empty() => {
            Err("a file of the edits has edits".into())
        }
        wire::insert_result::Kind::Clip(clip) => source(clip).map(Insert::Clip),
        wire::insert_result::Kind::Mark(mark) => Ok(Insert::Mark { width: mark.width, height: mark.height }),
    }
}

fn video(stream: wire::VideoStream) -> Result<VideoStream, String> {
    let pts = delta::decode(&stream.pts_deltas);
    let rising = pts.windows(2).all(|pair| pair[0] < pair[1]);
    let within = stream.keyframes.iter().all(|&at| (at as usize) < pts.len());
    let ascending = stream.keyframes.windows(2).all(|pair| pair[0] < pair[1]);
    if !rising || !within || !ascending {
        return Err(format!("video stream {} has an impossible frame table", stream.index));
    }
    let code = |value: u32| u8::try_from(value).unwrap_or(2);
    let picture = picture_facts(&stream);
    Ok(VideoStream {
        index: stream.index,
        codec: stream.codec,
        width: stream.width,
        height: stream.height,
        sample_aspect_ratio: rational(stream.sample_aspect_ratio),
        rotation_degrees: stream.rotation_degrees,
        pixel_format: stream.pixel_format,
        time_base: rational(stream.time_base).ok_or("a video stream without time base")?,
        frame_rate: rational(stream.frame_rate).ok_or("a video stream without frame rate")?,
        colour: Colour {
            primaries: code(stream.colour_primaries),
            transfer: code(stream.transfer_characteristics),
            matrix: code(stream.matrix_coefficients),
            full_range: stream.full_range,
        },
        interlaced: stream.interlaced,
        picture,
        attached_picture: stream.attached_picture,
        is_default: stream.is_default,
        pts,
        keyframes: stream.keyframes,
        last_duration: stream.last_duration,
        block_bytes: stream.block_bytes,
        bitrate_bps: stream.bitrate_bps,
    })
}

fn picture_facts(stream: &wire::VideoStream) -> PictureFacts {
    let part = |value: u32| u8::try_from(value).unwrap_or(0);
    let (profile, compatibility) = (stream.dolby_vision_profile, stream.dolby_vision_compatibility);
    PictureFacts {
        mirrored: stream.mirrored,
        fixed_aspect: stream.fixed_aspect,
        given: stream.given,
        fields: match stream.fields() {
            wire::FieldOrder::Unspecified => Fields::AsMarked,
            wire::FieldOrder::TopFirst => Fields::TopFirst,
            wire::FieldOrder::BottomFirst => Fields::BottomFirst,
        },
        dolby_vision: (profile > 0)
            .then(|| DolbyVision { profile: part(profile), compatibility: part(compatibility) }),
    }
}

fn text(stream: wire::TextStream) -> TextStream {
    TextStream {
        index: stream.index,
        codec: stream.codec,
        language: stream.language,
        title: stream.title,
        is_default: stream.is_default,
        is_forced: stream.is_forced,
        is_for_deaf: stream.is_for_deaf,
    }
}

fn audio(stream: wire::AudioStream) -> Result<AudioStream, String> {
    Ok(AudioStream {
        index: stream.index,
        codec: stream.codec,
        sample_rate_hz: stream.sample_rate_hz,
        channel_count: stream.channel_count,
        bitrate_bps: stream.bitrate_bps,
        time_base: rational(stream.time_base).ok_or("an audio stream without time base")?,
        first_pts: stream.first_pts,
        duration: stream.duration,
        language: stream.language,
        title: stream.title,
        is_default: stream.is_default,
        is_commentary: stream.is_commentary,
        is_description: stream.is_description,
        copies_exactly: stream.copies_exactly,
    })
}
