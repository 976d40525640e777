//! Work as the wire's task: the plan's words, with the slices of its grids that a chunk needs.

use std::sync::Arc;

use flotilla_proto::delta;
use flotilla_proto::fleet as wire;
use wire::task_spec::Kind;

use crate::domain::edit::InsertKind;
use crate::domain::plan::{
    AudioPlan, Chunk, Grid, Mark, Rendition, Seek, Slice, SoundPart, SourcePicture, Still, StoryboardPlan,
    VideoPlan,
};
use crate::domain::source::Fields;
use crate::domain::{Limits, Plan, Rational};
use crate::publish::MuxedSegment;
use crate::scheduler::Work;

/// What a runner is told to do.
pub fn to_wire(work: &Work) -> wire::TaskSpec {
    let kind = match work {
        Work::Probe { limits, sound_apart, inserts } => {
            Some(Kind::Probe(probe(limits, *sound_apart, inserts)))
        }
        Work::EncodeChunk { plan, chunk_index, made_by, fingerprint, max_pixels } => {
            encode_chunk(plan, *chunk_index, (made_by, fingerprint), *max_pixels).map(Kind::EncodeChunk)
        }
        Work::EncodeAudio { plan, audio_index, fragment_limit } => plan
            .audio
            .get(*audio_index as usize)
            .map(|audio| Kind::EncodeAudio(encode_audio(plan, audio, *fragment_limit))),
        Work::ExtractText { plan } => Some(Kind::ExtractText(wire::ExtractTextSpec {
            stream_indexes: plan.text.iter().map(|track| track.stream_index).collect(),
            demuxer: plan.demuxer.clone(),
            zero_us: plan.text.first().map_or(0, |track| track.zero_us),
        })),
        Work::Storyboard { plan, max_pixels } => {
            plan.storyboard.as_ref().map(|drawn| Kind::Storyboard(storyboard(plan, drawn, *max_pixels)))
        }
        Work::Assemble {
            name,
            init_segment,
            chunk_count,
            sample_count,
            fragmented,
            progressive,
            audio_init_segment,
            muxed,
        } => Some(Kind::Assemble(wire::AssembleSpec {
            name: name.clone(),
            init_segment: init_segment.clone(),
            chunk_count: *chunk_count,
            sample_count: *sample_count,
            fragmented: *fragmented,
            progressive: *progressive,
            audio_init_segment: audio_init_segment.clone(),
            muxed: muxed.as_deref().map(muxed_spec),
        })),
    };
    wire::TaskSpec { kind }
}

fn muxed_spec(segments: &[MuxedSegment]) -> wire::MuxedSpec {
    let count = |fragments: usize| u32::try_from(fragments).unwrap_or(u32::MAX);
    let segment = |segment: &MuxedSegment| wire::MuxedSegment {
        video_fragments: count(segment.video_fragments),
        audio_fragments: count(segment.audio_fragments),
    };
    wire::MuxedSpec { segments: segments.iter().map(segment).collect() }
}

fn probe(limits: &Limits, sound_apart: bool, inserts: &[InsertKind]) -> wire::ProbeSpec {
    let kind = |kind: &InsertKind| match kind {
        InsertKind::Clip => wire::InsertKind::Clip.into(),
        InsertKind::Mark => wire::InsertKind::Mark.into(),
    };
    let source = wire::SourceLimits {
        max_streams: limits.max_streams,
        max_duration_seconds: limits.max_duration_seconds,
        max_packets: limits.max_packets,
        max_frames_per_second: limits.max_frames_per_second,
        max_attachment_bytes: limits.max_attachment_bytes,
    };
    wire::ProbeSpec {
        max_pixels: limits.max_pixels,
        limits: Some(source),
        sound_apart,
        inserts: inserts.iter().map(kind).collect(),
    }
}

fn encode_chunk(
    plan: &Arc<Plan>,
    chunk_index: u32,
    (made_by, fingerprint): (&str, &str),
    max_pixels: u64,
) -> Option<wire::EncodeChunkSpec> {
    let video = plan.video.as_ref()?;
    let chunk = video.chunks.get(chunk_index as usize)?;
    let grids = video.grids.iter().zip(&chunk.slices).map(|(grid, slice)| grid_slice(grid, *slice)).collect();
    let renditions: Option<Vec<_>> =
        video.renditions.iter().map(|rendition| video_rendition(video, chunk, rendition, made_by)).collect();
    let clip = video.clip_of(chunk);
    let upright = match clip {
        Some(clip) => picture(clip.picture, clip.rotation_degrees, clip.interlaced),
        None => picture(video.picture, video.rotation_degrees, video.interlaced),
    };
    let is_devices =
        |rendition: &Rendition| rendition.alternatives.iter().any(|other| other.offer == made_by);
    let encoder_fingerprint = if video.renditions.iter().any(is_devices) { fingerprint } else { "" };
    // Before them come the video and, of a still-image video, its picture.
    let first_mark = if video.still == Some(Still::Given) { 2 } else { 1 };
    Some(wire::EncodeChunkSpec {
        stream_index: clip.map_or(video.stream_index, |clip| clip.stream_index),
        demuxer: clip.map_or(&plan.demuxer, |clip| &clip.demuxer).clone(),
        chunk_index,
        seek_pts: chunk.seek_pts,
        grids,
        renditions: renditions?,
        picture: Some(upright),
        max_pixels,
        still: video.still.map(|still| still_picture(still).into()),
        init_first: chunk_index == 0,
        jumps: chunk.jumps.iter().map(seek).collect(),
        marks: (first_mark..).zip(video.marks_of(chunk)).map(mark).collect(),
        encoder_fingerprint: encoder_fingerprint.to_owned(),
    })
}

fn mark((input, mark): (u32, &Mark)) -> wire::Mark {
    let Mark { width, height, left, top, .. } = *mark;
    wire::Mark { input, width, height, left, top }
}

fn storyboard(plan: &Plan, drawn: &StoryboardPlan, max_pixels: u64) -> wire::StoryboardSpec {
    wire::StoryboardSpec {
        stream_index: drawn.stream_index,
        demuxer: plan.demuxer.clone(),
        picture: Some(picture(drawn.picture, drawn.rotation_degrees, drawn.interlaced)),
        max_pixels,
        sprite_width: drawn.sprite_width,
        sprite_height: drawn.sprite_height,
        columns: drawn.columns,
        rows: drawn.rows,
        sprites: drawn.sprites.iter().map(seek).collect(),
    }
}

fn picture(picture: SourcePicture, rotation_degrees: u32, interlaced: bool) -> wire::Picture {
    let SourcePicture { mirrored, sample_aspect_ratio, colour, fields } = picture;
    let fields = match fields {
        Fields::AsMarked => wire::FieldOrder::Unspecified,
        Fields::TopFirst => wire::FieldOrder::TopFirst,
        Fields::BottomFirst => wire::FieldOrder::BottomFirst,
    };
    wire::Picture {
        rotation_degrees,
        interlaced,
        mirrored,
        sample_aspect_ratio: sample_aspect_ratio.map(rational),
        colour: Some(wire::Colour {
            primaries: colour.primaries.into(),
            transfer: colour.transfer.into(),
            matrix: colour.matrix.into(),
            full_range: colour.full_range,
        }),
        fields: fields.into(),
    }
}

fn still_picture(still: Still) -> wire::StillPicture {
    match still {
        Still::Cover => wire::StillPicture::Cover,
        Still::Blank => wire::StillPicture::Blank,
        Still::Given => wire::StillPicture::Given,
    }
}

/// The slice's frames, and in `time_deltas` one time more: the end of its last frame.
fn grid_slice(grid: &Grid, slice: Slice) -> wire::GridSlice {
    wire::GridSlice {
        first_frame: slice.start_frame,
        timescale: grid.timescale,
        time_deltas: delta::encode(grid.times.slice(slice.start_frame, slice.end_frame + 1)),
        source_pts_deltas: delta::encode(grid.source_pts.slice(slice.start_frame, slice.end_frame)),
    }
}

fn video_rendition(
    video: &VideoPlan,
    chunk: &Chunk,
    rendition: &Rendition,
    made_by: &str,
) -> Option<wire::VideoRendition> {
    let (encoder, settings) = rendition.made_by(made_by);
    let grid = video.grids.get(rendition.grid_index as usize)?;
    let slice = chunk.slices.get(rendition.grid_index as usize)?;
    // Every GOP is one fragment, and they are counted from each chunk's start.
    let slices = video.chunks.iter().filter_map(|chunk| chunk.slices.get(rendition.grid_index as usize));
    let before = slices.take_while(|before| before.start_frame < slice.start_frame);
    let fragments_before: u64 =
        before.map(|before| before.frame_count().div_ceil(u64::from(grid.gop_frames.max(1)))).sum();
    Some(wire::VideoRendition {
        name: rendition.name.clone(),
        grid_index: rendition.grid_index,
        width: rendition.width,
        height: rendition.height,
        encoder: encoder.to_owned(),
        gop_frames: grid.gop_frames,
        frame_rate: Some(rational(grid.frame_rate)),
        settings: settings.clone().into_iter().collect(),
        colour_primaries: u32::from(video.colour.primaries),
        transfer_characteristics: u32::from(video.colour.transfer),
        matrix_coefficients: u32::from(video.colour.matrix),
        full_range: video.colour.full_range,
        pixel_format: rendition.pixel_format.clone(),
        first_sequence_number: u32::try_from(fragments_before).ok()?.checked_add(1)?,
        variable_rate: grid.has_variable_rate(),
    })
}

fn encode_audio(plan: &Plan, audio: &AudioPlan, fragment_limit: Option<u32>) -> wire::EncodeAudioSpec {
    wire::EncodeAudioSpec {
        stream_index: audio.stream_index,
        demuxer: plan.demuxer.clone(),
        encoder: audio.encoder.clone(),
        bitrate_bps: audio.bitrate_bps,
        sample_rate_hz: audio.sample_rate_hz,
        channel_count: audio.channel_count,
        start_ticks: audio.start_ticks,
        fragment_ticks: audio.fragment_ticks,
        name: audio.name.clone(),
        language: audio.language.clone(),
        copy: audio.copy,
        first_pts: audio.first_pts,
        init_first: true,
        fragment_limit,
        kept: spans(&audio.kept),
        parts: sound_parts(&audio.parts),
    }
}

/// The inputs are the files of those that sound, in order.
fn sound_parts(parts: &[SoundPart]) -> Vec<wire::SoundPart> {
    let mut inputs = 0..;
    let part = |part: &SoundPart| {
        let filled = wire::SoundPart { samples: part.samples, silence: part.silence, ..Default::default() };
        match &part.sound {
            None => filled,
            Some(sound) => wire::SoundPart {
                input: inputs.next(),
                stream_index: sound.stream_index,
                demuxer: sound.demuxer.clone(),
                first_pts: Some(sound.first_pts),
                kept: spans(&sound.kept),
                ..filled
            },
        }
    };
    parts.iter().map(part).collect()
}

fn spans(kept: &[(u64, u64)]) -> Vec<wire::SampleSpan> {
    kept.iter().map(|&(start, end)| wire::SampleSpan { start, end }).collect()
}

fn seek(seek: &Seek) -> wire::Seek {
    wire::Seek { seek_pts: seek.seek_pts, pts: seek.pts }
}

fn rational(fraction: Rational) -> wire::Rational {
    wire::Rational { numerator: fraction.numerator, denominator: fraction.denominator }
}
