//! Captions, made by a command that only pretends to hear: a line of shell in the place of whisper.

use flotilla_coordinator::config::Transcription;
use flotilla_tests::peertube::{Call, Job, Route, State, Version};
use serde_json::{Value, json};

use crate::place::Place;

const KIND: &str = "video-transcription";

/// Writes a caption, and facts as whisper does, below the names given.
const HEARD: &str = r#"test -s "$1" || exit 4
printf 'WEBVTT\n\n00:00.000 --> 00:01.000\nNot a word was heard.\n' > "$2/captions.vtt"
echo '{"language": "fr", "segments": []}' > "$2/$3""#;

/// No command: captions are not asked for.
pub fn none() -> Transcription {
    Transcription::default()
}

/// A command that leaves captions, and its facts below a name.
pub fn heard(facts: &str) -> Transcription {
    shell(HEARD, &[facts])
}

fn shell(script: &str, words: &[&str]) -> Transcription {
    let start = ["sh", "-c", script, "sh", "{input}", "{output}"];
    let command = start.iter().chain(words).map(|word| (*word).to_owned()).collect();
    Transcription { command, max_minutes: 2, language: None }
}

fn speech() -> Value {
    json!({ "input": { "videoFileUrl": "SOURCE/audio" }, "output": {} })
}

/// The one file of an answer, as text.
fn text_of(job: &Job) -> String {
    let names: Vec<_> = job.files.iter().map(|file| file.part.as_str()).collect();
    assert_eq!(names, ["vttFile"]);
    std::fs::read_to_string(&job.files[0].path).expect("the instance keeps it")
}

#[tokio::test(start_paused = true)]
async fn captions_go_to_the_instance_with_their_language() {
    let named = Transcription { language: Some("de".to_owned()), ..heard("facts.txt") };
    for (command, language) in [(heard("captions.json"), "fr"), (named, "de")] {
        let place = Place::of(Version::V8_2, command).await;
        let uuid = place.job(KIND, &speech()).await;
        place.wait_state(&uuid, State::Completed).await;
        let job = place.model().await.find(&uuid).expect("it is there");
        assert!(text_of(&job).contains("Not a word was heard."));
        assert_eq!(job.texts["payload[inputLanguage]"], language);
        assert_eq!(job.answers, 1);
        place.wait_no_orders().await;
        place.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn captions_are_made_one_after_the_other_and_hold_no_video_up() {
    let place = Place::of(Version::V8_2, heard("captions.json")).await;
    for _ in 0..3 {
        place.job(KIND, &speech()).await;
    }
    let web = json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": 360, "fps": 24 } });
    place.job("vod-web-video-transcoding", &web).await;
    place.wait_all().await;
    assert!(place.statuses(Route::Abort, None).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn captions_and_renditions_of_a_video_share_one_download() {
    let web = json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": 360, "fps": 24 } });
    for kinds in [[KIND, "vod-web-video-transcoding"], ["vod-web-video-transcoding", KIND]] {
        let place = Place::of(Version::V8_2, heard("captions.json")).await;
        let source = place.source();
        let mut served = Vec::new();
        for kind in kinds {
            let payload = if kind == KIND { speech() } else { web.clone() };
            let uuid = place.model().await.job(kind, &payload, &source);
            served.push(place.wait_state(&uuid, State::Completed).await.served_bytes);
        }
        let size_bytes = std::fs::metadata(&source).expect("it is there").len();
        // The second one only looks at how it begins.
        assert!(served[0] >= size_bytes && served[1] < size_bytes, "{kinds:?}: {served:?} of {size_bytes}");
        place.check().await;
    }
}

/// The job is given back, in words, at no cost to it; and not taken again at once.
async fn check_given_back(command: Transcription, expected: &str) {
    let place = Place::of(Version::V8_2, command).await;
    let uuid = place.job(KIND, &speech()).await;
    let job = place
        .wait("the job to be given back", async |place| {
            let is_told = !place.statuses(Route::Abort, Some(&uuid)).await.is_empty();
            place.model().await.find(&uuid).filter(|job| is_told && job.state == State::Pending)
        })
        .await;
    let reason = job.reasons.join("\n");
    assert!(reason.contains(expected), "{expected}: {reason}");
    assert_eq!((job.failures, job.answers), (0, 0), "{expected}");
    let (calls, uuid) = (place.model().await.calls(), uuid.as_str());
    let times = |route: Route| {
        let is_it = move |call: &&Call| call.route == route && call.job.as_deref() == Some(uuid);
        calls.iter().filter(is_it).map(|call| call.at_ms).collect::<Vec<_>>()
    };
    let (accepted, given_back) = (times(Route::Accept), times(Route::Abort));
    let is_put_off = accepted.get(1).is_none_or(|again| *again >= given_back[0] + 50_000);
    assert!(is_put_off, "{expected}: {accepted:?} {given_back:?}");
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_is_no_fault_of_the_video() {
    let missing = Transcription { command: vec!["/nowhere/whisper".to_owned()], ..none() };
    check_given_back(missing, "/nowhere/whisper does not start").await;
    check_given_back(shell("echo no model >&2; exit 3", &[]), "no model").await;
    check_given_back(shell("kill -9 $$", &[]), "signal").await;
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_not_sent_on() {
    check_given_back(shell("true", &[]), "left no .vtt file").await;
    check_given_back(shell("echo hello > \"$2/captions.vtt\"", &[]), "made no WebVTT").await;
    check_given_back(shell("printf '\\377\\376' > \"$2/captions.vtt\"", &[]), "UTF-8").await;
    check_given_back(heard("facts.txt"), "the language is not known").await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_end_is_ended() {
    check_given_back(shell("exec sleep 600", &[]), "took more than 2 minutes").await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cancelled_ends_its_command_and_what_that_has_started_without_a_word() {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let path = file.path().to_str().expect("its name is plain");
    let place = Place::of(Version::V8_2, shell("sleep 600 & echo $! > \"$3\"; wait", &[path])).await;
    let uuid = place.job(KIND, &speech()).await;
    let child = place
        .wait("the command's own child", async |_| {
            let text = std::fs::read_to_string(path).ok()?;
            text.ends_with('\n').then(|| text.trim().to_owned())
        })
        .await;
    place.model().await.cancel(&uuid);
    place.wait_no_orders().await;
    place
        .wait("the end of that child", async |_| {
            // One that ended and that nobody has waited for has no words any more.
            let words = std::fs::read_to_string(format!("/proc/{child}/cmdline"));
            words.map_or(true, |words| !words.contains("sleep")).then_some(())
        })
        .await;
    for route in [Route::Abort, Route::Error, Route::Success] {
        assert!(place.statuses(route, None).await.is_empty(), "{route:?}");
    }
    place.check().await;
}

/// Old instances list every job whatever is asked for; newer ones what is asked for.
#[tokio::test(start_paused = true)]
async fn without_a_command_captions_are_left_to_others() {
    for version in [Version::V6_2, Version::V8_2] {
        let place = Place::of(version, none()).await;
        let uuid = place.job(KIND, &speech()).await;
        let web =
            json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": 360, "fps": 24 } });
        let web = place.job("vod-web-video-transcoding", &web).await;
        place.wait_state(&web, State::Completed).await;
        let job = place.model().await.find(&uuid).expect("it is there");
        assert_eq!(job.state, State::Pending, "{version:?}");
        assert!(place.statuses(Route::Accept, Some(&uuid)).await.is_empty(), "{version:?}");
        let asked = place.model().await.asked_types();
        assert!(!asked.is_empty() && !asked.iter().any(|kind| kind == KIND), "{version:?}: {asked:?}");
        place.check().await;
    }
}
