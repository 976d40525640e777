//! The shipped profiles, the user's own, and what people are told about a file full of mistakes.

use std::path::Path;

use flotilla_profiles::{AudioRules, Library, LoadError, Profile, TrackChoice, parse};

/// One mistake of every kind.
const MISTAKES: &str = r#"name = "My Profile"
description = 7

[video]
encoder = "libx246"
heights = [360, 241, 240, 9000, "720"]
gop_secs = 2
gop_seconds = 0
crf = 23
pixel_format = "yuv444p"

[video.frame_rate]
max = 60
small_below = 720

[video.settings]
preset = "veryfast"
maxrate = "5M"
tune = ["film"]

[audio]
encoder = "aac"
max_bitrate_kbps = 9999
copy = "yes"

[package]
hls = false
"#;

fn messages(text: &str) -> String {
    let problems = parse(text).unwrap_err();
    problems.iter().map(|problem| format!("{}: {}\n", problem.line, problem.message)).collect()
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_with_their_lines() {
    insta::assert_snapshot!(messages(MISTAKES));
}

#[test]
fn broken_toml_is_told_with_its_line() {
    insta::assert_snapshot!(messages("name = \"x\"\ndescription = \n[video\n"));
}

#[test]
fn an_empty_ladder_and_a_quality_by_another_name_are_told() {
    let rav1e = include_str!("../library/av1-rav1e.toml");
    let empty = rav1e.replace("heights = [240, 360]", "heights = []\ncrf = 30");
    insta::assert_snapshot!(messages(&empty));
}

#[test]
fn the_shipped_profiles_are_all_there_and_read_back_from_json() {
    let library = Library::load(None).unwrap();
    assert_eq!(
        library.names().collect::<Vec<_>>(),
        ["audio", "av1", "av1-rav1e", "web", "web-audio", "web-mp4", "web-multi"]
    );
    for profile in library.iter() {
        let json = serde_json::to_string(profile).unwrap();
        assert_eq!(&serde_json::from_str::<Profile>(&json).unwrap(), profile);
    }
}

#[test]
fn web_and_web_mp4_differ_in_their_package_only() {
    let library = Library::load(None).unwrap();
    let (web, mp4) = (library.get("web").unwrap(), library.get("web-mp4").unwrap());
    assert_eq!((&web.video, &web.audio), (&mp4.video, &mp4.audio));
    assert!(!web.package.progressive && mp4.package.progressive);
}

#[test]
fn web_and_web_multi_differ_in_their_tracks_only() {
    let library = Library::load(None).unwrap();
    let (web, multi) = (library.get("web").unwrap(), library.get("web-multi").unwrap());
    assert_eq!((&web.video, &web.package), (&multi.video, &multi.package));
    let audio = AudioRules { tracks: TrackChoice::All, ..web.audio.clone().unwrap() };
    assert_eq!(multi.audio, Some(audio));
}

#[test]
fn a_profile_of_the_users_takes_the_place_of_a_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let audio =
        include_str!("../library/audio.toml").replace("max_bitrate_kbps = 384", "max_bitrate_kbps = 256");
    std::fs::write(folder.path().join("audio.toml"), audio).unwrap();
    let library = Library::load(Some(folder.path())).unwrap();
    assert_eq!(library.get("audio").unwrap().audio.as_ref().unwrap().max_bitrate_kbps, 256);
    assert_eq!(library.names().count(), 7);
}

#[test]
fn a_file_with_another_name_than_its_profile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("podcast.toml"), include_str!("../library/audio.toml")).unwrap();
    let LoadError::Invalid(problems) = Library::load(Some(folder.path())).unwrap_err() else { panic!() };
    let told = problems[0].to_string();
    let expected = "podcast.toml:2: name is \"audio\": call the file audio.toml, or change the name";
    assert!(told.ends_with(expected), "{told}");
}

#[test]
fn a_folder_that_is_not_there_is_told_by_name() {
    let error = Library::load(Some(Path::new("/nowhere/profiles"))).unwrap_err();
    assert_eq!(error.to_string(), "the profiles in /nowhere/profiles cannot be read");
}

#[test]
fn an_unknown_name_brings_its_neighbours() {
    let error = Library::load(None).unwrap().get("wbe").unwrap_err();
    let expected = "there is no profile \"wbe\" (did you mean \"web\"?); known are audio, av1, av1-rav1e, web, web-audio, web-mp4, web-multi";
    assert_eq!(error.to_string(), expected);
}
