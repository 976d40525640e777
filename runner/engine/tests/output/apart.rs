//! Sources whose sound lies in a file of its own: they are what the whole file is, to the frame and the sample.

use flotilla_engine::report::{Report, Source};
use flotilla_engine::spec::{EncodeAudio, Probe, Task};

use crate::sound;
use crate::support::{Folder, run};

/// Sound that begins half a second after the pictures.
const WHOLE: &str = "-f lavfi -i testsrc2=s=192x128:r=24:d=2 -itsoffset 0.5 -f lavfi -i sine=r=48000:d=1.5";

fn probe(inputs: Vec<Vec<u8>>, sound_apart: bool) -> Result<Source, String> {
    let task = Task::Probe(Probe { sound_apart, ..Probe::default() });
    match run(&task, inputs) {
        Ok((Report::Probe(source), _)) => Ok(source),
        Ok(_) => panic!("another report"),
        Err(error) => Err(error.to_string()),
    }
}

/// The whole file, its pictures, its sound.
fn files(folder: &Folder, flags: &str) -> [Vec<u8>; 3] {
    let whole = folder.make("whole.mp4", &format!("{WHOLE} -c:v libx264 -c:a aac"));
    let of = |name, map| {
        let path = folder.path("whole.mp4");
        folder.make(name, &format!("-i {} -map 0:{map} -c copy {flags}", path.display()))
    };
    [whole, of("pictures.mp4", "v"), of("sound.mp4", "a")]
}

#[test]
fn two_files_are_what_one_would_be() {
    let folder = Folder::new();
    let [whole, pictures, sound] = files(&folder, "");
    let one = probe(vec![whole.clone()], false).unwrap();
    let two = probe(vec![pictures, sound.clone()], true).unwrap();
    assert_eq!((&two.video[0].pts, two.video[0].time_base), (&one.video[0].pts, one.video[0].time_base));
    let heard = |source: &Source| {
        let [track] = source.audio.as_slice() else { panic!("{:?}", source.audio) };
        (track.first_pts, track.duration, track.time_base, track.sample_rate_hz)
    };
    assert_eq!(heard(&two), heard(&one));
    assert!(heard(&one).0 > 20_000, "it begins later than the pictures: {:?}", heard(&one));
    let encode = |source: &Source, file: &[u8]| {
        let track = &source.audio[0];
        let first_pts = Some(track.first_pts);
        sound::encode(EncodeAudio { first_pts, ..sound::task("aac", track.index, 24_000) }, file)
    };
    let (from_whole, from_sound) = (encode(&one, &whole), encode(&two, &sound));
    assert_eq!(from_sound.0.sample_count, from_whole.0.sample_count);
    assert!(from_sound.1 == from_whole.1, "the same sound, to the byte");
}

#[test]
fn sound_beside_the_pictures_gives_way() {
    let folder = Folder::new();
    let [whole, _, sound] = files(&folder, "-movflags frag_keyframe+empty_moov+default_base_moof");
    let source = probe(vec![whole, sound], true).unwrap();
    assert_eq!((source.video.len(), source.audio.len(), source.audio[0].index), (1, 1, 0));
    assert!(source.notes[0].contains("sound lies in a file of its own"), "{:?}", source.notes);
}

#[test]
fn what_cannot_be_joined_is_refused_in_words() {
    let folder = Folder::new();
    let [_, pictures, _] = files(&folder, "");
    let silent = probe(vec![pictures.clone(), pictures.clone()], true).unwrap_err();
    assert!(silent.contains("no sound that can be used"), "{silent}");
    let other = folder.make("sound.mkv", "-f lavfi -i sine=d=1 -c:a aac");
    let mixed = probe(vec![pictures, other], true).unwrap_err();
    assert!(mixed.contains("files of different kinds (mov and matroska)"), "{mixed}");
}
