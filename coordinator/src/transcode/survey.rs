//! A survey for people: tables of the streams, and of what would be made of them.

use crate::cli::exit::UserError;
use crate::cli::lists::print_json;
use crate::cli::table::{rate, table};
use crate::domain::Rational;
use crate::survey::{AudioFacts, Gops, Hdr, Pace, Planned, Survey, VideoFacts};

/// Prints a survey, as tables or as JSON.
pub fn print(input: &str, survey: &Survey, json: bool) -> Result<(), UserError> {
    if json {
        return print_json(survey);
    }
    println!("source     {input}");
    let about = [
        Some(survey.container.clone()),
        (survey.duration_us > 0).then(|| seconds(survey.duration_us)),
        (survey.bitrate_bps > 0).then(|| rate(survey.bitrate_bps)),
    ];
    println!("container  {}", about.into_iter().flatten().collect::<Vec<_>>().join(", "));
    if !survey.video.is_empty() {
        println!("\n{}", videos(&survey.video));
    }
    if !survey.audio.is_empty() {
        println!("\n{}", audios(&survey.audio));
    }
    notes(&survey.notes);
    if let Some(plan) = &survey.plan {
        println!();
        planned(plan);
    }
    Ok(())
}

fn videos(streams: &[VideoFacts]) -> comfy_table::Table {
    let mut rows =
        table(&["video", "codec", "size", "turned", "pixels", "rate", "frames", "length", "gops", "range"]);
    for stream in streams {
        let kind = if stream.attached_picture { "cover" } else { "" };
        let interlaced = if stream.interlaced { " interlaced" } else { "" };
        rows.add_row([
            format!("{} {kind}", stream.index),
            stream.codec.clone(),
            format!("{}x{}{interlaced}", stream.width, stream.height),
            format!("{}°", stream.rotation_degrees),
            stream.pixel_format.clone(),
            pace(stream),
            stream.frames.to_string(),
            seconds(stream.duration_us),
            stream.gops.map_or("none".into(), gops),
            range(stream.hdr).to_owned(),
        ]);
    }
    rows
}

fn pace(stream: &VideoFacts) -> String {
    let nominal = number(stream.frame_rate.nominal);
    match stream.frame_rate.kind {
        Pace::Constant => format!("{nominal} constant"),
        Pace::Variable => format!("{nominal} variable"),
        Pace::Single => "single picture".into(),
    }
}

/// "26: 12 to 48, mean 47.5 frames".
fn gops(gops: Gops) -> String {
    let Gops { count, longest_frames, shortest_frames, mean_frames } = gops;
    format!("{count}: {shortest_frames} to {longest_frames}, mean {} frames", number(mean_frames))
}

fn range(hdr: Hdr) -> &'static str {
    match hdr {
        Hdr::Sdr => "SDR",
        Hdr::Pq => "HDR (PQ)",
        Hdr::Hlg => "HDR (HLG)",
    }
}

fn audios(streams: &[AudioFacts]) -> comfy_table::Table {
    let mut rows = table(&["audio", "codec", "layout", "rate", "length", "language", "title"]);
    for stream in streams {
        let played = if stream.is_default { "default" } else { "" };
        rows.add_row([
            format!("{} {played}", stream.index),
            stream.codec.clone(),
            stream.layout.clone(),
            format!("{} Hz", stream.sample_rate_hz),
            seconds(stream.duration_us),
            stream.language.clone(),
            stream.title.clone(),
        ]);
    }
    rows
}

fn planned(plan: &Planned) {
    println!("plan       profile {}", plan.profile);
    if let Some(chunks) = plan.chunks {
        println!(
            "chunks     {} of {} to {} frames, {} decoded from a keyframe of their own",
            chunks.count, chunks.shortest_frames, chunks.longest_frames, chunks.seekable
        );
    }
    let pixels = plan.cost.encoded_pixels / 1_000_000;
    println!(
        "cost       {pixels} million pixels, about {} s of processor time",
        plan.cost.cpu_ms.div_ceil(1000)
    );
    let mut rows = table(&["rendition", "size", "rate", "frames", "at most", "encoder"]);
    for rendition in &plan.renditions {
        rows.add_row([
            rendition.name.clone(),
            format!("{}x{}", rendition.width, rendition.height),
            number(rendition.frame_rate),
            rendition.frames.to_string(),
            rate(rendition.max_bitrate_bps),
            rendition.encoder.clone(),
        ]);
    }
    for track in &plan.audio {
        let shape = format!("{} Hz, {} ch", track.sample_rate_hz, track.channel_count);
        let bit_rate = rate(track.bitrate_bps.into());
        rows.add_row([
            track.name.clone(),
            shape,
            String::new(),
            String::new(),
            bit_rate,
            track.encoder.clone(),
        ]);
    }
    println!("\n{rows}");
    notes(&plan.notes);
}

fn notes(notes: &[String]) {
    for note in notes {
        println!("note       {note}");
    }
}

/// "52.208 s".
fn seconds(microseconds: u64) -> String {
    format!("{}.{:03} s", microseconds / 1_000_000, microseconds / 1000 % 1000)
}

/// "24", "29.97".
fn number(value: Rational) -> String {
    let text = format!("{:.2}", value.numerator as f64 / value.denominator as f64);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(seconds(52_208_333), "52.208 s");
        assert_eq!(number(Rational { numerator: 30_000, denominator: 1001 }), "29.97");
        assert_eq!(number(Rational { numerator: 24, denominator: 1 }), "24");
        assert_eq!(number(Rational { numerator: 100, denominator: 1 }), "100");
    }
}
