//! Subtitles of a result: the stored WebVTT checked strictly (a runner made it), and its playlist. What is no plain
//! WebVTT of times and lines is not published: browsers would be fed with whatever a runner sent.

use super::PublishError;
use super::ladder::TextFile;
use crate::objects::Storage;

/// What engines write at most, with room for times and escapes.
const MAX_BYTES: u64 = 64 << 20;
/// First lines of a file: cues count from the start of picture and sound (RFC 8216 §3.5).
const HEADER: [&str; 2] = ["WEBVTT", "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"];
/// Markup that cues may hold.
const TAGS: [&str; 6] = ["<b>", "</b>", "<i>", "</i>", "<u>", "</u>"];
/// Characters that cues may hold by name.
const ENTITIES: [&str; 3] = ["&amp;", "&lt;", "&gt;"];

/// What is in a file of subtitles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Cues.
    pub cue_count: u64,
    /// End of the last one.
    pub end_ms: u64,
}

/// Reads and checks the stored file.
pub(super) async fn check_stored(file: &TextFile<'_>, storage: &Storage) -> Result<Facts, PublishError> {
    let refuse = |why: String| PublishError::refused(&file.plan.name, why);
    let stored = storage.head(&file.object.at).await?;
    if stored != file.object.size_bytes || stored > MAX_BYTES {
        return Err(refuse(format!(
            "the store holds {stored} bytes, accepted were {}",
            file.object.size_bytes
        )));
    }
    let bytes = storage.get(&file.object.at).await?;
    let text = str::from_utf8(&bytes).map_err(|_| refuse("its text is not UTF-8".into()))?;
    let facts = read(text).map_err(refuse)?;
    match facts.cue_count == file.cue_count {
        true => Ok(facts),
        false => Err(refuse(format!("it has {} cues, stated were {}", facts.cue_count, file.cue_count))),
    }
}

/// The media playlist of a file that is shown beside `duration_us` of picture and sound: one segment.
pub(super) fn playlist(facts: Facts, duration_us: u64) -> String {
    let duration_us = duration_us.max(facts.end_ms.saturating_mul(1000)).max(1);
    let (seconds, us, target) =
        (duration_us / 1_000_000, duration_us % 1_000_000, duration_us.div_ceil(1_000_000));
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{seconds}.{us:06},\nsubtitles.vtt\n#EXT-X-ENDLIST\n"
    )
}

/// Strict: the header, then blocks of a time line and lines of text, by their starts.
pub(super) fn read(text: &str) -> Result<Facts, String> {
    let body = text.strip_suffix('\n').ok_or("its last line is not ended")?;
    let mut blocks = body.split("\n\n");
    let header: Vec<_> = blocks.next().unwrap_or_default().split('\n').collect();
    if header != HEADER {
        return Err("it does not begin as WebVTT does".into());
    }
    let mut facts = Facts::default();
    let mut latest = 0;
    for block in blocks {
        let mut lines = block.split('\n');
        let [start, end] = times(lines.next().unwrap_or_default())?;
        if start < latest || end <= start {
            return Err(format!("the cue at {start} ms is out of order"));
        }
        let mut line_count = 0;
        for line in lines {
            check_line(line).map_err(|what| format!("the cue at {start} ms holds {what}"))?;
            line_count += 1;
        }
        if line_count == 0 {
            return Err(format!("the cue at {start} ms is empty"));
        }
        latest = start;
        facts = Facts { cue_count: facts.cue_count + 1, end_ms: facts.end_ms.max(end) };
    }
    Ok(facts)
}

fn times(line: &str) -> Result<[u64; 2], String> {
    let wrong = || "it has a block without times".to_owned();
    let (start, end) = line.split_once(" --> ").ok_or_else(wrong)?;
    clock(start).zip(clock(end)).map(|(start, end)| [start, end]).ok_or_else(wrong)
}

/// "HH:MM:SS.mmm" as milliseconds.
fn clock(text: &str) -> Option<u64> {
    let (whole, ms) = text.split_once('.')?;
    let parts: Vec<_> = whole.split(':').chain([ms]).collect();
    let [hours, minutes, seconds, ms] = <[&str; 4]>::try_from(parts).ok()?;
    let plain = |part: &str, digits: std::ops::RangeInclusive<usize>, below: u64| {
        let legal = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        legal.then(|| part.parse::<u64>().ok()).flatten().filter(|&number| number < below)
    };
    let hours = plain(hours, 2..=9, u64::MAX)?;
    let (minutes, seconds) = (plain(minutes, 2..=2, 60)?, plain(seconds, 2..=2, 60)?);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + plain(ms, 3..=3, 1000)?)
}

fn check_line(line: &str) -> Result<(), &'static str> {
    if line.trim().is_empty() {
        return Err("a blank line");
    }
    if line.chars().any(char::is_control) {
        return Err("a control character");
    }
    let mut rest = line;
    while let Some(at) = rest.find(['&', '<', '>']) {
        rest = &rest[at..];
        let known = TAGS.iter().chain(&ENTITIES).find(|known| rest.starts_with(**known));
        rest = &rest[known.ok_or("markup that is not allowed")?.len()..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";

    fn check(cues: &str, expected: Result<(u64, u64), &str>) {
        let found = read(&format!("{HEAD}{cues}")).map(|facts| (facts.cue_count, facts.end_ms));
        match (&found, expected) {
            (Err(found), Err(reason)) => assert!(found.contains(reason), "{cues:?}: {found}"),
            _ => assert_eq!(found, expected.map_err(str::to_owned), "{cues:?}"),
        }
    }

    #[test]
    fn cues_are_counted() {
        check("", Ok((0, 0)));
        check("\n00:00:01.000 --> 00:00:02.500\n<i>a</i> &lt;b&gt;\nsecond\n", Ok((1, 2500)));
        check(
            "\n00:00:01.000 --> 00:00:09.000\na\n\n00:00:02.000 --> 100:00:00.000\nb\n",
            Ok((2, 360_000_000)),
        );
    }

    #[test]
    fn what_is_no_plain_web_vtt_is_refused() {
        check("\n00:00:01.000 --> 00:00:02.000\n<script>x\n", Err("markup"));
        check("\n00:00:01.000 --> 00:00:02.000\n<b onclick=x>x\n", Err("markup"));
        check("\n00:00:01.000 --> 00:00:02.000\na & b\n", Err("markup"));
        check("\n00:00:01.000 --> 00:00:02.000\na --> b\n", Err("markup"));
        check("\n00:00:01.000 --> 00:00:02.000\n", Err("last line").or(Err("empty")));
        check("\n00:00:02.000 --> 00:00:01.000\na\n", Err("out of order"));
        check(
            "\n00:00:02.000 --> 00:00:03.000\na\n\n00:00:01.000 --> 00:00:03.000\nb\n",
            Err("out of order"),
        );
        check("\nNOTE hello\n", Err("without times"));
        check("\n00:00:01.000 --> 00:00:02.000 align:start\na\n", Err("without times"));
        check("\n00:00:01.000 --> 00:00:02.000\na\u{0}\n", Err("control"));
        assert!(read("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\na\n").is_err());
        assert!(read("").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(?s).{0,200}") {
            let _ = read(&text);
            let _ = read(&format!("{HEAD}\n00:00:01.000 --> 00:00:02.000\n{text}\n"));
        }
    }

    #[test]
    fn a_playlist_is_one_segment_as_long_as_the_rest() {
        insta::assert_snapshot!(playlist(Facts { cue_count: 1, end_ms: 2500 }, 52_208_333));
    }
}
