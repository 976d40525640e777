//! From a profile file's text to a [`Profile`]: all problems of the text at once, or a profile that breaks no rule.

use toml::de::DeTable;

use crate::encoders::{
    AUDIO_ENCODERS, PLANNED_SETTINGS, VIDEO_ENCODERS, VideoEncoder, audio_encoder, video_encoder,
};
use crate::hardware::hardware_for;
use crate::profile::{
    AudioRules, FrameRateRules, HardwareUse, PackageRules, Profile, RateRules, SmallRules, StoryboardRules,
    TextChoice, TextRules, TrackChoice, VideoRules,
};
pub use crate::section::Problem;
use crate::section::{Page, Section};

/// Short sides that a ladder may name, pixels: below 64 some encoders refuse, above 4320 nobody looks.
const HEIGHTS: std::ops::RangeInclusive<u32> = 64..=4320;

/// Reads a profile.
///
/// # Errors
/// Every problem of the text, by line.
pub fn parse(text: &str) -> Result<Profile, Vec<Problem>> {
    let page = Page::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        page.report(offset, format!("this is not TOML: {}", error.message().replace('\n', ", ")));
    }
    // What a broken line leaves behind would only give misleading problems.
    let profile = if errors.is_empty() { read_profile(&Section::top(&page, table.get_ref())) } else { None };
    let problems = page.into_problems();
    match profile {
        Some(profile) if problems.is_empty() => Ok(profile),
        _ => Err(problems),
    }
}

/// None only when a problem was reported.
fn read_profile(top: &Section<'_>) -> Option<Profile> {
    let name = top.text("name");
    if let Some(name) = name
        && !is_plain(name)
    {
        top.report_at("name", format!("name {name:?} must be 1 to 40 small letters, digits and dashes"));
    }
    let description = top.text("description");
    let video_section = top.section("video");
    let audio_section = top.section("audio");
    let plays = top.has("video") || top.has("audio");
    if !plays && !top.has("storyboard") {
        top.report("the profile makes nothing: add a section [video], [audio] or [storyboard]");
    }
    let video = video_section.map(read_video);
    let audio = audio_section.map(read_audio);
    let text_section = top.section("text");
    let storyboard = top.section("storyboard").map(read_storyboard);
    // A storyboard alone is one file, which needs no package.
    let package = match plays || top.has("package") || !top.has("storyboard") {
        true => top.required_section("package").map(read_package),
        false => Some(PackageRules { hls: false, progressive: false, muxed: false, segment_seconds: 4 }),
    };
    top.ignore("package");
    let text = text_section.map(|section| read_text(section, package));
    top.finish();
    Some(Profile {
        name: name?.to_owned(),
        description: description?.to_owned(),
        video: video.flatten(),
        audio: audio.flatten(),
        text: text.flatten(),
        storyboard,
        package: package?,
    })
}

fn read_video(section: Section<'_>) -> Option<VideoRules> {
    let names = VIDEO_ENCODERS.map(|encoder| encoder.name);
    let encoder = section.choice("encoder", &names, None);
    let known = encoder.as_deref().and_then(video_encoder);
    let keep_source_size = section.flag("keep_source_size", Some(true));
    let heights = read_heights(&section, keep_source_size);
    let gop_seconds = section.whole("gop_seconds", 1..=10, Some(2));
    let crf = read_crf(&section, known);
    let formats = known.map_or(&["yuv420p", "yuv420p10le"][..], |encoder| encoder.pixel_formats);
    let pixel_format = section.choice("pixel_format", formats, Some("yuv420p"));
    let frame_rate = section.required_section("frame_rate").map(read_frame_rate);
    let rate = section.required_section("rate").map(read_rate);
    let settings = section.section("settings").map(read_settings).unwrap_or_default();
    let small = section.section("small").map(read_small);
    let still_image = section.flag("still_image", Some(false));
    let hardware = read_hardware(&section, known, pixel_format.as_deref());
    section.finish();
    Some(VideoRules {
        encoder: encoder?,
        heights,
        keep_source_size,
        gop_seconds,
        crf,
        pixel_format: pixel_format?,
        frame_rate: frame_rate?,
        rate: rate?,
        settings,
        small,
        still_image,
        hardware,
        exact: Vec::new(),
    })
}

fn read_hardware(
    section: &Section<'_>,
    encoder: Option<&VideoEncoder>,
    pixel_format: Option<&str>,
) -> HardwareUse {
    let choice = section.choice("hardware", &["never", "allow"], Some("never"));
    if choice.as_deref() != Some("allow") {
        return HardwareUse::Never;
    }
    if let (Some(encoder), Some(format)) = (encoder, pixel_format)
        && hardware_for(encoder.name, format).next().is_none()
    {
        let message = format!("video.hardware: no hardware encoder is used in place of {}", encoder.name);
        section.report_at("hardware", format!("{message} with {format}; write \"never\""));
    }
    HardwareUse::Allow
}

fn read_small(section: Section<'_>) -> SmallRules {
    let rules = SmallRules {
        below: section.whole("below", HEIGHTS, None),
        settings: section.required_section("settings").map(read_settings).unwrap_or_default(),
    };
    section.finish();
    rules
}

fn read_heights(section: &Section<'_>, keep_source_size: bool) -> Vec<u32> {
    let listed = section.whole_list("heights", HEIGHTS);
    for &(height, offset) in listed.iter().filter(|(height, _)| !height.is_multiple_of(2)) {
        let near = format!("write {} or {}", height - 1, height + 1);
        section
            .report_offset(offset, format!("video.heights: {height} is odd, which encoders refuse; {near}"));
    }
    for pair in listed.windows(2).filter(|pair| pair[0].0 >= pair[1].0) {
        let (before, (height, offset)) = (pair[0].0, pair[1]);
        let message =
            format!("video.heights: {height} must not come after {before}; list each once, smallest first");
        section.report_offset(offset, message);
    }
    if section.is_empty_list("heights") && !keep_source_size {
        section.report_at(
            "heights",
            "the ladder is empty: list heights, or set keep_source_size = true for the source's own size only",
        );
    }
    listed.into_iter().map(|(height, _)| height).collect()
}

fn read_crf(section: &Section<'_>, encoder: Option<&VideoEncoder>) -> Option<u32> {
    match encoder.map(|encoder| (encoder.name, encoder.crf.clone())) {
        Some((name, None)) => {
            if section.has("crf") {
                section.report_at("crf", format!("{name} has no crf: set quantizer in [video.settings]"));
            }
            section.ignore("crf");
            None
        }
        Some((_, Some(range))) => Some(section.whole("crf", range, None)),
        // The encoder's name was wrong already; its range is anybody's guess.
        None => Some(section.whole("crf", 0..=63, Some(0))),
    }
}

fn read_frame_rate(section: Section<'_>) -> FrameRateRules {
    let rules = FrameRateRules {
        max: section.whole("max", 1..=240, None),
        small_below: section.whole("small_below", 0..=8640, None),
        small_max: section.whole("small_max", 1..=240, None),
    };
    section.finish();
    rules
}

fn read_rate(section: Section<'_>) -> RateRules {
    let rules = RateRules {
        percent: section.whole("percent", 1..=1000, Some(100)),
        input_percent: section.whole("input_percent", 10..=1000, Some(130)),
        least_percent: section.whole("least_percent", 0..=100, Some(0)),
        buffer_percent: section.whole("buffer_percent", 10..=1000, Some(200)),
    };
    section.finish();
    rules
}

fn read_settings(section: Section<'_>) -> std::collections::BTreeMap<String, String> {
    let settings = section.settings();
    for name in PLANNED_SETTINGS.into_iter().filter(|name| settings.contains_key(*name)) {
        let way_out = match name {
            "crf" | "pix_fmt" => "it belongs to [video], as crf or pixel_format",
            "maxrate" | "bufsize" | "b" => "[video.rate] decides it",
            "r" | "time_base" => "[video.frame_rate] decides it",
            _ => "the plan decides where keyframes are: see gop_seconds",
        };
        section.report_at(name, format!("{}.{name} must not be set: {way_out}", section.title()));
    }
    settings
}

fn read_audio(section: Section<'_>) -> Option<AudioRules> {
    let names = AUDIO_ENCODERS.map(|encoder| encoder.name);
    let encoder = section.choice("encoder", &names, None);
    let channels = section.whole("channels", 1..=2, Some(2));
    let most_kbps = encoder.as_deref().and_then(audio_encoder).map_or(512, |encoder| {
        let rate = encoder.sample_rates_hz.last().copied().unwrap_or_default();
        encoder.max_bits_per_sample * rate * channels.max(1) / 1000
    });
    let max_bitrate_kbps = section.whole("max_bitrate_kbps", 16..=most_kbps, None);
    let rules = AudioRules {
        encoder: encoder.unwrap_or_default(),
        channels,
        max_bitrate_kbps,
        unknown_bitrate_kbps: section.whole(
            "unknown_bitrate_kbps",
            16..=max_bitrate_kbps,
            Some(max_bitrate_kbps),
        ),
        recode_bitrate_kbps: section.whole("recode_bitrate_kbps", 16..=max_bitrate_kbps, Some(16)),
        copy: section.flag("copy", Some(false)),
        tracks: match section.choice("tracks", &["default", "all"], Some("default")).as_deref() {
            Some("all") => TrackChoice::All,
            _ => TrackChoice::Default,
        },
    };
    section.finish();
    Some(rules)
}

fn read_text(section: Section<'_>, package: Option<PackageRules>) -> Option<TextRules> {
    let choice = section.choice("tracks", &["all", "none"], None);
    let tracks = if choice.as_deref()? == "all" { TextChoice::All } else { TextChoice::None };
    if tracks == TextChoice::All && package.is_some_and(|package| !package.hls) {
        section
            .report_at("tracks", "text.tracks: subtitles are published in HLS only; set package.hls = true");
    }
    section.finish();
    Some(TextRules { tracks })
}

fn read_storyboard(section: Section<'_>) -> StoryboardRules {
    let side = 1..=StoryboardRules::MAX_SIDE;
    let rules = StoryboardRules {
        sprite_width: section.whole("sprite_width", side.clone(), None),
        sprite_height: section.whole("sprite_height", side.clone(), None),
        columns: section.whole("columns", side.clone(), None),
        rows: section.whole("rows", side, None),
        seconds_per_sprite: section.whole("seconds_per_sprite", 1..=3600, None),
    };
    if let Some(problem) = rules.problem() {
        section.report(format!("storyboard: {problem}"));
    }
    section.finish();
    rules
}

fn read_package(section: Section<'_>) -> PackageRules {
    let rules = PackageRules {
        hls: section.flag("hls", Some(true)),
        progressive: section.flag("progressive", Some(false)),
        muxed: section.flag("muxed", Some(false)),
        segment_seconds: section.whole("segment_seconds", 1..=20, Some(4)),
    };
    if !rules.hls && !rules.progressive && !rules.muxed {
        section.report("nothing is published: set hls = true, progressive = true or muxed = true");
    }
    section.finish();
    rules
}

/// Names become arguments, file names and labels.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-')
}
