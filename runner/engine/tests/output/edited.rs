//! Videos of several files: each chunk is of one, and joined they are one video; the sound reads one after the other.

use flotilla_engine::report::{Insert, Report, Source};
use flotilla_engine::spec::{
    EncodeAudio, EncodeChunk, InsertKind, Probe, SampleSpan, SoundInput, SoundPart, Task,
};

use crate::pictures::{GOP_FRAMES, TIMESCALE, chunk, grid_us, source};
use crate::sound;
use crate::support::{Folder, frame_times_us, run, samples};

const SECOND: u64 = 48_000;
/// Of a tone; silence is far below.
const LOUD: u16 = 3000;

fn probe(inputs: Vec<Vec<u8>>, inserts: &[InsertKind]) -> Result<Source, String> {
    let task = Task::Probe(Probe { inserts: inserts.to_vec(), ..Probe::default() });
    match run(&task, inputs) {
        Ok((Report::Probe(source), _)) => Ok(source),
        Ok(_) => panic!("another report"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_probe_tells_what_is_put_in() {
    let folder = Folder::new();
    let film = source(&folder, 24);
    let intro = folder.make("intro.mkv", "-f lavfi -i testsrc2=s=96x96:r=10:d=1 -c:v mpeg4");
    let mark = folder.make("mark.png", "-f lavfi -i color=red:s=50x20,format=rgba -frames:v 1");
    let files = || vec![film.clone(), intro.clone(), mark.clone()];
    let found = probe(files(), &[InsertKind::Clip, InsertKind::Mark]).unwrap();
    assert_eq!((found.video.len(), found.video[0].width), (1, 192));
    let [Insert::Clip(clip), Insert::Mark { width: 50, height: 20 }] = found.inserts.as_slice() else {
        panic!("{:?}", found.inserts)
    };
    assert_eq!((clip.demuxer.as_str(), clip.video[0].pts.len(), clip.audio.len()), ("matroska", 10, 0));
    let swapped = probe(files(), &[InsertKind::Mark, InsertKind::Clip]).unwrap_err();
    assert_eq!(swapped, "file 1 of the edits: the picture is neither JPEG nor PNG nor WebP");
    let too_few = probe(vec![film.clone()], &[InsertKind::Clip]).unwrap_err();
    assert!(too_few.contains("fewer files"), "{too_few}");
}

#[test]
fn a_clip_of_another_size_and_rate_goes_before_the_film_without_a_seam() {
    let folder = Folder::new();
    let film = source(&folder, 48);
    // Ten frames a second, each white; a square.
    let intro = folder.make("intro.mkv", "-f lavfi -i color=white:s=96x96:r=10:d=1 -c:v mpeg4 -q:v 2");
    let settings = [("preset", "ultrafast")];
    let plan = |start, end, sequence| {
        let Task::EncodeChunk(task) = chunk("libx264", &settings, start, end, sequence) else {
            panic!("a chunk")
        };
        task
    };
    let mut first = EncodeChunk { demuxer: "matroska".into(), ..plan(0, 24, 1) };
    // Milliseconds: the newest of ten frames for each of twenty-four.
    first.grids[0].source_pts = (0..24).map(|frame| frame * 10 / 24 * 100).collect();
    let mut second = EncodeChunk { seek_pts: None, ..plan(24, 72, 1 + 24 / GOP_FRAMES) };
    second.grids[0].source_pts = plan(0, 48, 1).grids[0].source_pts.clone();
    let (mut track, mut media) = (None, Vec::new());
    for (task, file) in [(first, intro), (second, film)] {
        let (report, outputs) = run(&Task::EncodeChunk(task), vec![file]).unwrap();
        let Report::EncodeChunk { renditions, missing_frames: 0 } = report else { panic!("another report") };
        let [part] = renditions.try_into().unwrap();
        media.extend(outputs.concat());
        match &mut track {
            None => track = Some(part),
            Some(whole) => {
                assert_eq!(whole.init_segment, part.init_segment);
                whole.fragments.extend(part.fragments);
            }
        }
    }
    for path in folder.publish("video", &track.unwrap(), &media, TIMESCALE) {
        assert_eq!(frame_times_us(&path, "v"), grid_us(72), "{path:?}");
    }
    let raw = folder.make(
        "first.raw",
        &format!(
            "-i {} -frames:v 1 -vf format=yuv420p,extractplanes=y -f rawvideo",
            folder.path("video.mp4").display()
        ),
    );
    let row = &raw[64 * 192..65 * 192];
    assert!(row[8] < 20 && row[183] < 20 && row[96] > 220, "a white square between black bars: {row:?}");
}

fn part(input: usize, demuxer: &str, kept: &[(u64, u64)], samples: Option<u64>, silence: u64) -> SoundPart {
    let kept = kept.iter().map(|&(start, end)| SampleSpan { start, end }).collect();
    let demuxer = demuxer.to_owned();
    let sound = Some(SoundInput { input, stream_index: 0, demuxer, first_pts: None, kept });
    SoundPart { samples, silence, sound }
}

#[test]
fn sound_comes_from_one_file_after_the_other_to_the_sample() {
    let folder = Folder::new();
    let tone = |name: &str, options: &str| {
        folder.make(name, &format!("-f lavfi -i sine=f=1000:{options}=2,volume=12dB"))
    };
    let film = tone("film.mp4", "r=48000:d");
    let intro = tone("intro.mkv", "r=22050:d");
    let silent = SoundPart { samples: Some(SECOND / 2), silence: 0, sound: None };
    let parts = vec![
        // A second of sound, half a second of it missing, in a second and a half.
        part(0, "matroska", &[(0, SECOND)], Some(SECOND * 3 / 2), 0),
        silent,
        // Silence, a second of sound, and more than there is room for.
        part(1, "mov", &[(0, SECOND / 2), (SECOND, 2 * SECOND)], Some(SECOND), SECOND / 4),
    ];
    let task = EncodeAudio { parts, ..sound::task("aac", 0, 0) };
    let (report, outputs) = run(&Task::EncodeAudio(task), vec![intro, film]).unwrap();
    let Report::EncodeAudio(track) = report else { panic!("another report") };
    assert_eq!(track.sample_count, 3 * SECOND);
    let [path, _] = folder.publish("sound", &track, &outputs.concat(), 48_000);
    let heard = samples(&path);
    let is_loud = |start: u64, end: u64| {
        let margin = SECOND / 50;
        let inner = &heard[(start + margin) as usize..(end - margin) as usize];
        let loud = inner.chunks(480).all(|part| part.iter().any(|sample| sample.unsigned_abs() > LOUD));
        let silent = inner.iter().all(|sample| sample.unsigned_abs() < LOUD / 20);
        assert!(loud != silent, "{start} to {end} is neither");
        loud
    };
    assert!(is_loud(0, SECOND) && !is_loud(SECOND, SECOND * 9 / 4) && is_loud(SECOND * 9 / 4, 3 * SECOND));
}
