//! Translates a task from the wire into what the engine is told. A message that lacks what it must have comes
//! from a peer that is broken or too new.

use flotilla_engine::spec::{
    Assemble, Colour, EncodeAudio, EncodeChunk, ExtractText, Fields, GridSlice, InsertKind, Limits,
    MAX_PIXELS, Mark, MuxedSegment, Picture, Probe, Rational, SampleSpan, Seek, SoundInput, SoundPart, Still,
    Storyboard, Task, VideoRendition,
};
use flotilla_proto::delta;
use flotilla_proto::fleet::{self, task_spec};

/// The engine's form of a task.
pub fn task(task: fleet::TaskSpec) -> Result<Task, String> {
    let kind = task.kind.ok_or("the task is of a kind that this runner does not know")?;
    Ok(match kind {
        task_spec::Kind::Probe(spec) => Task::Probe(probe(spec)?),
        task_spec::Kind::EncodeChunk(spec) => Task::EncodeChunk(chunk(spec)?),
        task_spec::Kind::EncodeAudio(spec) => Task::EncodeAudio(audio(spec)),
        task_spec::Kind::ExtractText(spec) => Task::ExtractText(text(spec)),
        task_spec::Kind::Storyboard(spec) => Task::Storyboard(storyboard(spec)?),
        task_spec::Kind::Assemble(spec) => Task::Assemble(assemble(spec)),
    })
}

/// True for tasks whose progress is counted in MiB read.
pub fn counts_bytes(task: &Task) -> bool {
    match task {
        Task::Probe(_) | Task::ExtractText(_) | Task::Assemble(_) => true,
        Task::EncodeChunk(_)
        | Task::EncodeAudio(_)
        | Task::Storyboard(_)
        | Task::Compare(_)
        | Task::Trial(_)
        | Task::Device(_) => false,
    }
}

fn probe(spec: fleet::ProbeSpec) -> Result<Probe, String> {
    let (told, own) = (spec.limits.unwrap_or_default(), Limits::default());
    let limits = Limits {
        max_streams: or_own(told.max_streams, own.max_streams),
        max_duration_seconds: or_own(told.max_duration_seconds, own.max_duration_seconds),
        max_packets: or_own(told.max_packets, own.max_packets),
        max_frames_per_second: or_own(told.max_frames_per_second, own.max_frames_per_second),
        max_attachment_bytes: or_own(told.max_attachment_bytes, own.max_attachment_bytes),
    };
    let inserts = spec.inserts.into_iter().map(insert_kind).collect::<Result<_, _>>()?;
    let max_pixels = or_own(spec.max_pixels, MAX_PIXELS);
    Ok(Probe { max_pixels, limits, sound_apart: spec.sound_apart, inserts })
}

fn insert_kind(kind: i32) -> Result<InsertKind, String> {
    match fleet::InsertKind::try_from(kind) {
        Ok(fleet::InsertKind::Clip) => Ok(InsertKind::Clip),
        Ok(fleet::InsertKind::Mark) => Ok(InsertKind::Mark),
        _ => Err("a file of the edits is of a kind that this runner does not know".into()),
    }
}

/// 0 stands for the engine's own limit.
fn or_own<T: Default + PartialEq>(told: T, own: T) -> T {
    if told == T::default() { own } else { told }
}

fn chunk(spec: fleet::EncodeChunkSpec) -> Result<EncodeChunk, String> {
    let picture = spec.picture.unwrap_or_default();
    let still = spec.still.map(|_| still(spec.still())).transpose()?;
    let chunk = EncodeChunk {
        stream_index: spec.stream_index as usize,
        demuxer: spec.demuxer,
        seek_pts: spec.seek_pts,
        grids: spec.grids.into_iter().map(grid).collect::<Result<_, _>>()?,
        renditions: spec.renditions.into_iter().map(rendition).collect::<Result<_, _>>()?,
        rotation_degrees: picture.rotation_degrees,
        interlaced: picture.interlaced,
        picture: source_picture(picture)?,
        max_pixels: or_own(spec.max_pixels, MAX_PIXELS),
        still,
        init_first: spec.init_first,
        jumps: spec.jumps.into_iter().map(seek).collect(),
        // Only this machine knows its devices: see `Attempt`.
        encode_on: None,
        decode_on: Default::default(),
        marks: spec.marks.into_iter().map(mark).collect(),
    };
    match chunk.renditions.iter().find(|rendition| rendition.grid_index >= chunk.grids.len()) {
        Some(rendition) => Err(format!("rendition {} has no frame grid", rendition.name)),
        None => Ok(chunk),
    }
}

fn mark(mark: fleet::Mark) -> Mark {
    let fleet::Mark { input, width, height, left, top } = mark;
    Mark { input: input as usize, width, height, left, top }
}

fn seek(seek: fleet::Seek) -> Seek {
    Seek { seek_pts: seek.seek_pts, pts: seek.pts }
}

fn source_picture(picture: fleet::Picture) -> Result<Picture, String> {
    let fields = match picture.fields() {
        fleet::FieldOrder::Unspecified => Fields::AsMarked,
        fleet::FieldOrder::TopFirst => Fields::TopFirst,
        fleet::FieldOrder::BottomFirst => Fields::BottomFirst,
    };
    let ratio = picture.sample_aspect_ratio.filter(|ratio| ratio.numerator > 0 && ratio.denominator > 0);
    let sample_aspect_ratio =
        ratio.map(|ratio| Rational { numerator: ratio.numerator, denominator: ratio.denominator });
    let colour = match picture.colour {
        Some(colour) => Colour {
            primaries: code_point(colour.primaries, "of the source")?,
            transfer: code_point(colour.transfer, "of the source")?,
            matrix: code_point(colour.matrix, "of the source")?,
            full_range: colour.full_range,
        },
        None => Colour::default(),
    };
    Ok(Picture { mirrored: picture.mirrored, sample_aspect_ratio, colour, fields })
}

fn still(picture: fleet::StillPicture) -> Result<Still, String> {
    match picture {
        fleet::StillPicture::Cover => Ok(Still::Cover),
        fleet::StillPicture::Blank => Ok(Still::Blank),
        fleet::StillPicture::Given => Ok(Still::Given),
        fleet::StillPicture::Unspecified => Err("the still picture is of an unknown kind".into()),
    }
}

fn grid(slice: fleet::GridSlice) -> Result<GridSlice, String> {
    let times = delta::decode(&slice.time_deltas);
    let source_pts = delta::decode(&slice.source_pts_deltas);
    if times.len() != source_pts.len() + 1 {
        return Err(format!("a frame grid has {} times for {} frames", times.len(), source_pts.len()));
    }
    Ok(GridSlice { first_frame: slice.first_frame, timescale: slice.timescale, times, source_pts })
}

fn rendition(spec: fleet::VideoRendition) -> Result<VideoRendition, String> {
    let frame_rate = spec.frame_rate.filter(|rate| rate.denominator != 0);
    let frame_rate = frame_rate.ok_or_else(|| format!("rendition {} has no frame rate", spec.name))?;
    Ok(VideoRendition {
        grid_index: spec.grid_index as usize,
        width: spec.width,
        height: spec.height,
        encoder: spec.encoder,
        gop_frames: spec.gop_frames,
        frame_rate: Rational { numerator: frame_rate.numerator, denominator: frame_rate.denominator },
        settings: spec.settings.into_iter().collect(),
        colour: Colour {
            primaries: code_point(spec.colour_primaries, &spec.name)?,
            transfer: code_point(spec.transfer_characteristics, &spec.name)?,
            matrix: code_point(spec.matrix_coefficients, &spec.name)?,
            full_range: spec.full_range,
        },
        pixel_format: spec.pixel_format,
        first_sequence_number: spec.first_sequence_number,
        variable_rate: spec.variable_rate,
        name: spec.name,
    })
}

/// ISO/IEC 23091-2 gives each code point one byte.
fn code_point(value: u32, name: &str) -> Result<u8, String> {
    u8::try_from(value).map_err(|_| format!("rendition {name} has no colour description {value}"))
}

fn audio(spec: fleet::EncodeAudioSpec) -> EncodeAudio {
    EncodeAudio {
        stream_index: spec.stream_index as usize,
        demuxer: spec.demuxer,
        encoder: spec.encoder,
        bitrate_bps: spec.bitrate_bps,
        sample_rate_hz: spec.sample_rate_hz,
        channel_count: spec.channel_count,
        start_ticks: spec.start_ticks,
        fragment_ticks: spec.fragment_ticks,
        language: spec.language,
        copy: spec.copy,
        first_pts: spec.first_pts,
        init_first: spec.init_first,
        fragment_limit: spec.fragment_limit,
        kept: spec.kept.into_iter().map(span).collect(),
        parts: spec.parts.into_iter().map(part).collect(),
    }
}

fn part(part: fleet::SoundPart) -> SoundPart {
    let sound = part.input.map(|input| SoundInput {
        input: input as usize,
        stream_index: part.stream_index as usize,
        demuxer: part.demuxer,
        first_pts: part.first_pts,
        kept: part.kept.into_iter().map(span).collect(),
    });
    SoundPart { samples: part.samples, silence: part.silence, sound }
}

fn span(span: fleet::SampleSpan) -> SampleSpan {
    SampleSpan { start: span.start, end: span.end }
}

fn text(spec: fleet::ExtractTextSpec) -> ExtractText {
    let stream_indexes = spec.stream_indexes.into_iter().map(|index| index as usize).collect();
    ExtractText { stream_indexes, demuxer: spec.demuxer, zero_us: spec.zero_us }
}

fn storyboard(spec: fleet::StoryboardSpec) -> Result<Storyboard, String> {
    let picture = spec.picture.unwrap_or_default();
    Ok(Storyboard {
        stream_index: spec.stream_index as usize,
        demuxer: spec.demuxer,
        rotation_degrees: picture.rotation_degrees,
        interlaced: picture.interlaced,
        picture: source_picture(picture)?,
        max_pixels: or_own(spec.max_pixels, MAX_PIXELS),
        sprite_width: spec.sprite_width,
        sprite_height: spec.sprite_height,
        columns: spec.columns,
        rows: spec.rows,
        sprites: spec.sprites.into_iter().map(seek).collect(),
    })
}

fn assemble(spec: fleet::AssembleSpec) -> Assemble {
    Assemble {
        init_segment: spec.init_segment,
        chunk_count: spec.chunk_count as usize,
        sample_count: spec.sample_count,
        fragmented: spec.fragmented,
        progressive: spec.progressive,
        audio_init_segment: spec.audio_init_segment,
        muxed: spec.muxed.map(muxed),
    }
}

fn muxed(spec: fleet::MuxedSpec) -> Vec<MuxedSegment> {
    let segment = |segment: fleet::MuxedSegment| MuxedSegment {
        video_fragments: segment.video_fragments as usize,
        audio_fragments: segment.audio_fragments as usize,
    };
    spec.segments.into_iter().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_rendition() -> fleet::VideoRendition {
        fleet::VideoRendition {
            name: "720p".into(),
            width: 1280,
            height: 720,
            encoder: "libx264".into(),
            gop_frames: 48,
            frame_rate: Some(fleet::Rational { numerator: 24, denominator: 1 }),
            settings: [("crf".to_owned(), "23".to_owned())].into(),
            colour_primaries: 1,
            transfer_characteristics: 1,
            matrix_coefficients: 1,
            pixel_format: "yuv420p".into(),
            first_sequence_number: 7,
            variable_rate: false,
            ..Default::default()
        }
    }

    fn wire_chunk() -> fleet::EncodeChunkSpec {
        let grid = fleet::GridSlice {
            first_frame: 48,
            timescale: 24_000,
            time_deltas: vec![48_000, 1000, 1000],
            source_pts_deltas: vec![-5, 0],
        };
        let renditions = vec![wire_rendition()];
        let picture = Some(fleet::Picture {
            rotation_degrees: 90,
            interlaced: true,
            mirrored: true,
            sample_aspect_ratio: Some(fleet::Rational { numerator: 16, denominator: 15 }),
            colour: Some(fleet::Colour { primaries: 9, transfer: 16, matrix: 9, full_range: true }),
            fields: fleet::FieldOrder::BottomFirst.into(),
        });
        fleet::EncodeChunkSpec {
            seek_pts: Some(-9),
            grids: vec![grid],
            renditions,
            picture,
            ..Default::default()
        }
    }

    #[test]
    fn a_chunk_is_translated_whole() {
        let chunk = chunk(wire_chunk()).unwrap();
        assert_eq!(chunk.grids[0].times, [48_000, 49_000, 50_000]);
        assert_eq!((chunk.grids[0].source_pts.as_slice(), chunk.seek_pts), (&[-5, -5][..], Some(-9)));
        assert_eq!((chunk.rotation_degrees, chunk.interlaced), (90, true));
        let Picture { mirrored, sample_aspect_ratio, colour, fields } = chunk.picture;
        assert_eq!((mirrored, fields), (true, Fields::BottomFirst));
        assert_eq!(sample_aspect_ratio, Some(Rational { numerator: 16, denominator: 15 }));
        assert_eq!(colour, Colour { primaries: 9, transfer: 16, matrix: 9, full_range: true });
        assert_eq!(chunk.max_pixels, MAX_PIXELS);
        let rendition = &chunk.renditions[0];
        assert_eq!((rendition.width, rendition.height, rendition.gop_frames), (1280, 720, 48));
        assert_eq!(rendition.settings["crf"], "23");
        assert_eq!(rendition.colour, Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false });
        assert_eq!((rendition.name.as_str(), rendition.first_sequence_number), ("720p", 7));
    }

    #[test]
    fn limits_that_are_not_told_are_the_engines_own() {
        let untold = probe(fleet::ProbeSpec::default()).unwrap();
        assert_eq!(untold, Probe::default());
        let limits = fleet::SourceLimits { max_streams: 3, ..Default::default() };
        let inserts = vec![fleet::InsertKind::Mark.into(), fleet::InsertKind::Clip.into()];
        let told = fleet::ProbeSpec {
            max_pixels: 7,
            limits: Some(limits),
            sound_apart: true,
            inserts: inserts.clone(),
        };
        let told = probe(told).unwrap();
        assert_eq!(told.inserts, [InsertKind::Mark, InsertKind::Clip]);
        assert!(probe(fleet::ProbeSpec { inserts: vec![0], ..Default::default() }).is_err());
        assert!(told.sound_apart);
        assert_eq!((told.max_pixels, told.limits.max_streams), (7, 3));
        assert_eq!(told.limits.max_packets, Limits::default().max_packets);
    }

    #[test]
    fn a_broken_chunk_is_refused() {
        let breaks: [fn(&mut fleet::EncodeChunkSpec); 5] = [
            |chunk| chunk.grids.clear(),
            |chunk| chunk.grids[0].time_deltas.truncate(2),
            |chunk| chunk.renditions[0].frame_rate = None,
            |chunk| chunk.renditions[0].frame_rate = Some(fleet::Rational { numerator: 1, denominator: 0 }),
            |chunk| chunk.renditions[0].colour_primaries = 256,
        ];
        for (index, break_it) in breaks.iter().enumerate() {
            let mut broken = wire_chunk();
            break_it(&mut broken);
            assert!(chunk(broken).is_err(), "break {index}");
        }
        assert!(task(fleet::TaskSpec { kind: None }).is_err());
    }
}
