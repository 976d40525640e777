//! Publication as a whole: real media in a real (embedded) store, records made by hand.

use std::process::Command;

use proptest::prelude::*;

use super::bench::Bench;
use super::init::{InitFacts, Media};
use super::moof::FragmentHead;
use super::sample::{Sample, X264};
use super::*;
use crate::domain::Rational;
use crate::domain::outcome::{Outcome, Track};

fn check_codecs(sample: &Sample, codecs: &str, media: Media) {
    let facts = InitFacts::parse(&sample.track.init_segment).expect(codecs);
    assert_eq!((facts.codecs.as_str(), facts.media), (codecs, media));
}

#[test]
fn codecs_are_read_from_real_init_segments() {
    let picture = Media::Video { width: 96, height: 64 };
    let sound = Media::Audio { channel_count: 2 };
    check_codecs(&sample::video(&[&X264[..], &["-level", "3.1"]].concat()), "avc1.42c01f", picture);
    let x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"];
    check_codecs(&sample::video(&x265), "hev1.1.6.L30.90", picture);
    check_codecs(&sample::video(&["-c:v", "libsvtav1", "-preset", "12"]), "av01.0.00M.08", picture);
    check_codecs(&sample::video(&["-c:v", "libvpx-vp9", "-cpu-used", "8"]), "vp09.00.10.08", picture);
    check_codecs(&sample::audio(&["-c:a", "aac"]), "mp4a.40.2", sound);
    check_codecs(&sample::audio(&["-c:a", "libopus"]), "opus", sound);
}

#[test]
fn malformed_init_segments_are_named() {
    let init = sample::video(&X264).track.init_segment;
    let check = |bytes: &[u8], reason: &str| {
        let error = InitFacts::parse(bytes).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    };
    check(&[], "lacks its \"ftyp\"");
    check(&init[..40], "reaches past the end");
    check(&fixtures::boxed(b"ftyp", &[]), "lacks its \"moov\"");
    let at = init.windows(4).position(|four| four == b"avcC").expect("avcC is there");
    let mut broken = init.clone();
    broken[at..at + 4].copy_from_slice(b"free");
    check(&broken, "\"avc1\" lacks its \"avcC\"");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = InitFacts::parse(&bytes);
        let _ = FragmentHead::parse(&bytes);
        for code in [b"avc1", b"hev1", b"av01", b"vp09"] {
            let _ = codecs::video(*code, boxes::Cursor::new(code, &bytes));
        }
        for (code, child) in [(b"mp4a", b"esds"), (b"Opus", b"dOps")] {
            let whole = fixtures::boxed(child, &[&bytes]);
            let _ = codecs::audio(*code, boxes::Cursor::new(code, &whole));
        }
    }
}

#[test]
fn mutated_init_segments_and_heads_never_panic() {
    let samples = [sample::video(&X264), sample::audio(&["-c:a", "aac"])];
    for Sample { bytes, track } in &samples {
        let heads = track.init_segment.len()..track.init_segment.len() + 120;
        for at in (0..track.init_segment.len()).chain(heads.clone()) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut mutated = bytes[..heads.end].to_vec();
                mutated[at] = value;
                let _ = InitFacts::parse(&mutated[..heads.start]);
                let _ = FragmentHead::parse(&mutated[heads.start..]);
            }
        }
    }
}

#[tokio::test]
async fn a_published_job_plays_and_is_written_alike_when_repeated() {
    let bench = Bench::new().await;
    let published = publish(&bench.finished, &bench.storage).await.expect("published");
    let rendition = &published.report.renditions[0];
    assert_eq!((rendition.frames, rendition.duration), (96, Rational { numerator: 4, denominator: 1 }));
    assert_eq!(rendition.encoder.version, "libx264 164");
    assert!(rendition.bucket.is_some_and(|bucket| bucket.bucket_ok));
    assert_eq!((published.report.totals.wall_ms, published.report.totals.cpu_ms), (8000, 35));
    assert_eq!(published.report.tasks[0].queued_ms, 500);

    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("made/out");
    let written = export(&bench.finished.job, &bench.storage, &out, &|_, _| ()).await.expect("exported");
    assert_eq!(written.last(), Some(&out.join("master.m3u8")));
    let count = ["-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"];
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-of", "csv=p=0"]).args(count).arg(out.join("master.m3u8"));
    let output = ffprobe.output().expect("ffprobe is installed");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("96"), "{output:?}");

    let read = || async {
        let destination = &bench.finished.job.destination;
        let playlist = destination.playlist("64p").expect("a name");
        let mut texts = Vec::new();
        for at in [destination.report(), destination.master(), playlist] {
            texts.push(bench.storage.get(&at).await.expect("there"));
        }
        texts
    };
    let first = read().await;
    publish(&bench.finished, &bench.storage).await.expect("published again");
    assert_eq!(read().await, first);
}

#[tokio::test]
async fn what_does_not_agree_is_not_published() {
    let bench = Bench::new().await;
    let with = |change: &dyn Fn(&mut Track)| {
        let mut finished = bench.finished.clone();
        let Some(Outcome::EncodeChunk { renditions, .. }) = &mut finished.tasks[1].outcome else {
            panic!("a chunk")
        };
        change(&mut renditions[0]);
        finished
    };
    bench
        .check_refused(&with(&|track| track.sample_count -= 1), "chunk 1 has 47 frames, planned are 48")
        .await;
    bench
        .check_refused(&with(&|track| track.init_segment[20] ^= 1), "chunk 1 has another init segment")
        .await;
    bench.check_refused(&with(&|track| track.fragments[0].duration -= 1), "starts at tick").await;
    bench.check_refused(&with(&|track| track.fragments.truncate(1)), "chunk 1 covers ticks").await;
    bench.check_refused(&with(&|track| track.fragments[1].size_bytes += 1), "its file has").await;
    let moved = with(&|track| {
        track.fragments[0].size_bytes += 1;
        track.fragments[1].size_bytes -= 1;
    });
    bench.check_refused(&moved, "its fragment 3 at byte").await;
    let mut fewer = bench.finished.clone();
    fewer.tasks[3].outcome = Some(Outcome::Assemble { sample_count: 95 });
    bench.check_refused(&fewer, "95 samples were joined, its chunks have 96").await;
    let mut other = bench.finished.clone();
    if let Some(video) = &mut other.plan.video {
        video.renditions[0].width = 98;
    }
    bench.check_refused(&other, "planned is Video { width: 98").await;
}

#[tokio::test]
async fn stored_bytes_that_were_swapped_are_not_published() {
    let bench = Bench::new().await;
    let mut swapped = bench.bytes.clone();
    swapped[10] ^= 1;
    bench.storage.put(&bench.media, Bytes::from(swapped), "video/mp4").await.expect("put");
    bench.check_refused(&bench.finished, "begins with another init segment").await;
    let cut = bench.bytes[..bench.bytes.len() - 1].to_vec();
    bench.storage.put(&bench.media, Bytes::from(cut), "video/mp4").await.expect("put");
    bench.check_refused(&bench.finished, "the store holds").await;
}

#[tokio::test]
async fn a_failed_export_leaves_the_folder_as_it_was() {
    let bench = Bench::new().await;
    publish(&bench.finished, &bench.storage).await.expect("published");
    let folder = tempfile::tempdir().expect("a folder");
    let names = || {
        let entries = std::fs::read_dir(folder.path()).expect("readable");
        entries.map(|entry| entry.expect("an entry").file_name()).collect::<Vec<_>>()
    };
    // A file where the rendition's folder should be.
    std::fs::write(folder.path().join("64p"), "mine").expect("written");
    let error =
        export(&bench.finished.job, &bench.storage, folder.path(), &|_, _| ()).await.expect_err("refused");
    assert!(error.to_string().contains("64p"), "{error}");
    assert_eq!(names(), ["64p"]);
    assert_eq!(std::fs::read(folder.path().join("64p")).expect("there"), b"mine");

    let under_a_file = folder.path().join("64p/out");
    let error =
        export(&bench.finished.job, &bench.storage, &under_a_file, &|_, _| ()).await.expect_err("refused");
    assert!(matches!(error, ExportError::Folder { .. }), "{error}");

    bench.storage.delete(std::slice::from_ref(&bench.media)).await.expect("deleted");
    let fresh = folder.path().join("a/b");
    let error = export(&bench.finished.job, &bench.storage, &fresh, &|_, _| ()).await.expect_err("refused");
    assert!(error.to_string().contains("64p/media.mp4 is missing"), "{error}");
    assert_eq!(names(), ["64p"]);
}
