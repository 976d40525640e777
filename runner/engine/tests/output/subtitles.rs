//! Subtitles: every text format becomes WebVTT that a strict reader takes, with its lines at their times.

use flotilla_engine::report::{Report, Source};
use flotilla_engine::spec::{ExtractText, MAX_PIXELS, Probe, Task};

use crate::support::{Folder, run};

const LINES: &str = "1\n00:00:00,500 --> 00:00:01,500\n<i>Hello</i> & goodbye\n\n\
                     2\n00:00:02,000 --> 00:00:02,750\nfirst < line\nsecond --> line\n\n";

const WEB_VTT: &str = "WEBVTT\n\n00:00.500 --> 00:01.500 align:start\n<i>Hello</i> &amp; goodbye\n\n\
                       00:02.000 --> 00:02.750\nfirst &lt; line\nsecond --&gt; line\n";

fn probe(clip: &[u8]) -> Source {
    let task = Task::Probe(Probe { max_pixels: MAX_PIXELS, ..Probe::default() });
    let Report::Probe(source) = run(&task, vec![clip.to_vec()]).unwrap().0 else { panic!("another report") };
    source
}

fn extract(clip: &[u8], zero_us: i64) -> Vec<String> {
    let source = probe(clip);
    let stream_indexes = source.text.iter().map(|stream| stream.index).collect();
    let task = ExtractText { stream_indexes, demuxer: source.demuxer, zero_us };
    let (report, outputs) = run(&Task::ExtractText(task), vec![clip.to_vec()]).unwrap();
    let Report::ExtractText { cue_counts } = report else { panic!("another report") };
    let texts: Vec<String> = outputs.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    let read: Vec<u64> = texts.iter().map(|text| cues(text).len() as u64).collect();
    assert_eq!(cue_counts, read);
    texts
}

/// Start and end in milliseconds, and the text; nothing but what WebVTT allows.
fn cues(text: &str) -> Vec<(i64, i64, String)> {
    let body = text.strip_prefix("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n").expect("a header");
    let blocks = body.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    let cues: Vec<_> = blocks.map(cue).collect();
    assert!(cues.is_sorted_by_key(|(start, ..)| *start), "{text}");
    cues
}

fn cue(block: &str) -> (i64, i64, String) {
    let (times, text) = block.split_once('\n').expect("a time line and text");
    let (start, end) = times.split_once(" --> ").expect("a time line");
    assert!(!text.contains("-->"), "{text}");
    let marked = ["<i>", "</i>", "<b>", "</b>", "&lt;", "&gt;", "&amp;"];
    let plain = marked.iter().fold(text.to_owned(), |text, mark| text.replace(mark, ""));
    assert!(!plain.contains(['<', '>', '&']), "{text}");
    (clock(start), clock(end), text.to_owned())
}

fn clock(text: &str) -> i64 {
    let parts: Vec<i64> = text.split([':', '.']).map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds, ms] = parts[..] else { panic!("{text}") };
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
}

/// A clip of three seconds with the lines in that format.
fn clip(folder: &Folder, name: &str, codec: &str, more: &str) -> Vec<u8> {
    // FFmpeg's own WebVTT encoder does not escape, so that format is written here.
    let lines = match codec {
        "copy" => folder.write("lines.vtt", WEB_VTT.as_bytes()),
        _ => folder.write("lines.srt", LINES.as_bytes()),
    };
    let picture = "-f lavfi -i testsrc2=s=64x64:r=10:d=3";
    let input = format!("{picture} -i {} -c:v libx264 -preset ultrafast", lines.display());
    folder.make(name, &format!("{input} -c:s {codec} {more}"))
}

#[test]
fn every_text_format_keeps_its_lines_and_times() {
    let folder = Folder::new();
    let expected = [
        (500, 1500, "<i>Hello</i> &amp; goodbye".to_owned()),
        (2000, 2750, "first &lt; line\nsecond --&gt; line".to_owned()),
    ];
    for (name, codec) in [
        ("subrip.mkv", "subrip"),
        ("ass.mkv", "ass"),
        ("web.mkv", "copy"),
        ("text.mp4", "mov_text"),
        ("text.mov", "mov_text"),
    ] {
        let texts = extract(&clip(&folder, name, codec, ""), 0);
        assert_eq!(texts.len(), 1, "{name}");
        assert_eq!(cues(&texts[0]), expected, "{name}");
    }
}

#[test]
fn times_count_from_the_plans_zero() {
    let folder = Folder::new();
    let clip = clip(&folder, "zero.mkv", "subrip", "");
    let starts =
        |zero_us| cues(&extract(&clip, zero_us)[0]).iter().map(|cue| (cue.0, cue.1)).collect::<Vec<_>>();
    assert_eq!(starts(-250_000), [(750, 1750), (2250, 3000)]);
    assert_eq!(starts(1_000_000), [(0, 500), (1000, 1750)]);
    assert_eq!(starts(1_500_000), [(500, 1250)]);
}

#[test]
fn several_tracks_come_from_one_pass_and_are_described() {
    let folder = Folder::new();
    let second = folder.write("second.srt", b"1\n00:00:01,000 --> 00:00:02,000\nzwei\n\n");
    let lines = folder.write("lines.srt", LINES.as_bytes());
    let inputs =
        format!("-f lavfi -i testsrc2=s=64x64:r=10:d=3 -i {} -i {}", lines.display(), second.display());
    let maps = "-map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -c:s subrip";
    let tags = "-metadata:s:s:0 language=eng -metadata:s:s:1 language=ger -metadata:s:s:1 title=Zwei";
    let roles = "-disposition:s:0 0 -disposition:s:1 forced+hearing_impaired";
    let clip = folder.make("two.mkv", &format!("{inputs} {maps} {tags} {roles}"));
    let [first, second] = &probe(&clip).text[..] else { panic!("two text streams") };
    assert_eq!((first.language.as_str(), first.is_default, first.is_forced), ("eng", false, false));
    assert_eq!((second.language.as_str(), second.title.as_str()), ("ger", "Zwei"));
    assert!(second.is_forced && second.is_for_deaf);
    let texts = extract(&clip, 0);
    assert_eq!(cues(&texts[1]), [(1000, 2000, "zwei".to_owned())]);
    assert_eq!(cues(&texts[0]).len(), 2);
}

#[test]
fn pictures_of_text_and_attachments_are_named_and_left_out() {
    let folder = Folder::new();
    let picture = "-f lavfi -i testsrc2=s=720x576:r=10:d=1";
    let font = folder.write("font.ttf", b"no font");
    let attach = format!("-attach {} -metadata:s:t mimetype=font/ttf", font.display());
    let source = probe(&folder.make("attached.mkv", &format!("{picture} -c:v libx264 {attach}")));
    assert_eq!(source.notes, ["attachment 1 (font.ttf) is left out"]);
    assert!(source.text.is_empty());
}
