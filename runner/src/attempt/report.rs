//! Translates what the engine reports into what the coordinator is told.

use flotilla_engine::report::{
    AudioStream, Fragment, Insert, Report, Source, TextStream, Track, VideoStream,
};
use flotilla_engine::spec::{Fields, Rational};
use flotilla_proto::delta;
use flotilla_proto::fleet::{self, task_result::Kind};

/// The wire form of a report; none for trials and comparisons, which are no tasks of the coordinator's.
pub fn result(report: Report) -> Option<fleet::TaskResult> {
    let kind = match report {
        Report::Probe(source) => Kind::Probe(probe(source)),
        Report::EncodeChunk { renditions, missing_frames } => Kind::EncodeChunk(fleet::EncodeChunkResult {
            renditions: renditions.into_iter().map(track).collect(),
            missing_frames,
        }),
        Report::EncodeAudio(audio) => {
            Kind::EncodeAudio(fleet::EncodeAudioResult { track: Some(track(audio)) })
        }
        Report::ExtractText { cue_counts } => Kind::ExtractText(fleet::ExtractTextResult { cue_counts }),
        Report::Storyboard { sprite_count } => Kind::Storyboard(fleet::StoryboardResult { sprite_count }),
        Report::Assemble { sample_count } => Kind::Assemble(fleet::AssembleResult { sample_count }),
        Report::Compare { .. } | Report::Trial { .. } | Report::Device { .. } => return None,
    };
    Some(fleet::TaskResult { kind: Some(kind) })
}

fn probe(source: Source) -> fleet::ProbeResult {
    fleet::ProbeResult {
        demuxer: source.demuxer,
        duration_us: source.duration_us,
        bitrate_bps: source.bitrate_bps,
        video: source.video.into_iter().map(video).collect(),
        audio: source.audio.into_iter().map(audio).collect(),
        text: source.text.into_iter().map(text).collect(),
        notes: source.notes,
        inserts: source.inserts.into_iter().map(insert).collect(),
    }
}

fn insert(found: Insert) -> fleet::InsertResult {
    let kind = match found {
        Insert::Clip(clip) => fleet::insert_result::Kind::Clip(probe(clip)),
        Insert::Mark { width, height } => {
            fleet::insert_result::Kind::Mark(fleet::MarkResult { width, height })
        }
    };
    fleet::InsertResult { kind: Some(kind) }
}

fn video(stream: VideoStream) -> fleet::VideoStream {
    fleet::VideoStream {
        index: index(stream.index),
        codec: stream.codec,
        width: stream.width,
        height: stream.height,
        sample_aspect_ratio: stream.sample_aspect_ratio.map(rational),
        rotation_degrees: stream.rotation_degrees,
        pixel_format: stream.pixel_format,
        time_base: Some(rational(stream.time_base)),
        frame_rate: Some(rational(stream.frame_rate)),
        colour_primaries: stream.colour.primaries.into(),
        transfer_characteristics: stream.colour.transfer.into(),
        matrix_coefficients: stream.colour.matrix.into(),
        full_range: stream.colour.full_range,
        interlaced: stream.interlaced,
        attached_picture: stream.attached_picture,
        given: stream.picture.given,
        is_default: stream.is_default,
        pts_deltas: delta::encode(stream.pts),
        keyframes: stream.keyframes,
        last_duration: stream.last_duration,
        block_bytes: stream.block_bytes,
        bitrate_bps: stream.bitrate_bps,
        mirrored: stream.picture.mirrored,
        fixed_aspect: stream.picture.fixed_aspect,
        fields: fields(stream.picture.fields).into(),
        dolby_vision_profile: stream.picture.dolby_vision.map_or(0, |dolby| dolby.profile.into()),
        dolby_vision_compatibility: stream.picture.dolby_vision.map_or(0, |dolby| dolby.compatibility.into()),
    }
}

fn fields(frames: Fields) -> fleet::FieldOrder {
    match frames {
        Fields::AsMarked => fleet::FieldOrder::Unspecified,
        Fields::TopFirst => fleet::FieldOrder::TopFirst,
        Fields::BottomFirst => fleet::FieldOrder::BottomFirst,
    }
}

fn audio(stream: AudioStream) -> fleet::AudioStream {
    fleet::AudioStream {
        index: index(stream.index),
        codec: stream.codec,
        sample_rate_hz: stream.sample_rate_hz,
        channel_count: stream.channel_count,
        bitrate_bps: stream.bitrate_bps,
        time_base: Some(rational(stream.time_base)),
        first_pts: stream.first_pts,
        duration: stream.duration,
        language: stream.language,
        title: stream.title,
        is_default: stream.is_default,
        is_commentary: stream.is_commentary,
        is_description: stream.is_description,
        copies_exactly: stream.copies_exactly,
    }
}

fn text(stream: TextStream) -> fleet::TextStream {
    fleet::TextStream {
        index: index(stream.index),
        codec: stream.codec,
        language: stream.language,
        title: stream.title,
        is_default: stream.is_default,
        is_forced: stream.is_forced,
        is_for_deaf: stream.is_for_deaf,
    }
}

fn track(track: Track) -> fleet::TrackResult {
    fleet::TrackResult {
        init_segment: track.init_segment,
        sample_count: track.sample_count,
        fragments: track.fragments.into_iter().map(fragment).collect(),
    }
}

fn fragment(fragment: Fragment) -> fleet::Fragment {
    let Fragment { size_bytes, decode_time, duration, starts_with_keyframe } = fragment;
    fleet::Fragment { size_bytes, decode_time, duration, starts_with_keyframe }
}

fn rational(value: Rational) -> fleet::Rational {
    fleet::Rational { numerator: value.numerator, denominator: value.denominator }
}

fn index(value: usize) -> u32 {
    u32::try_from(value).expect("a container holds fewer than 2^32 streams")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_keeps_its_fragments() {
        let fragment =
            Fragment { size_bytes: 9, decode_time: 1 << 40, duration: 3, starts_with_keyframe: true };
        let track = Track { init_segment: vec![1, 2], sample_count: 5, fragments: vec![fragment] };
        let Some(Kind::EncodeAudio(told)) = result(Report::EncodeAudio(track)).unwrap().kind else {
            panic!()
        };
        let told = told.track.unwrap();
        assert_eq!((told.init_segment.as_slice(), told.sample_count), (&[1, 2][..], 5));
        let expected =
            fleet::Fragment { size_bytes: 9, decode_time: 1 << 40, duration: 3, starts_with_keyframe: true };
        assert_eq!(told.fragments, [expected]);
    }

    #[test]
    fn a_trial_is_no_answer_to_the_coordinator() {
        assert_eq!(result(Report::Trial { fingerprint: "f".into(), version: "v".into() }), None);
    }
}
