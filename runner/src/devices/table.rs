//! What devices do, as a table for people.

use comfy_table::{ContentArrangement, Table, presets};
use flotilla_engine::spec::SizeClass;

use super::Finding;

/// One row for a device that does not open, or that can do nothing for one and the same reason; else one for each codec and
/// depth.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["DEVICE", "CODEC", "BITS", "DECODES", "ENCODES", "SESSIONS", "WHY NOT", "HINT"]);
    for device in findings.chunk_by(|one, next| one.place == next.place && one.device == next.device) {
        match device {
            [first, _, ..] if device.iter().all(|finding| fails_like(first, finding)) => {
                table.add_row(row(first, ("all", "all"), ", nor any other"));
            }
            _ => device.iter().for_each(|finding| {
                let codec = finding.codec.as_deref().unwrap_or("-");
                let bits = finding.bit_depth.map_or("-".to_owned(), |bits| bits.to_string());
                table.add_row(row(finding, (codec, &bits), ""));
            }),
        }
    }
    table
}

fn fails_like(one: &Finding, other: &Finding) -> bool {
    let reason = |finding: &Finding| finding.why_not.as_ref().map(|why| why.reason);
    let does_nothing = |finding: &Finding| !finding.decodes && !finding.encodes;
    does_nothing(one) && does_nothing(other) && reason(one) == reason(other)
}

fn row(finding: &Finding, (codec, bits): (&str, &str), others: &str) -> [String; 8] {
    let node = finding.place.node.as_deref().and_then(|node| node.rsplit('/').next()).unwrap_or_default();
    let why_not = finding.why_not.as_ref();
    [
        format!("{} {node}", finding.device).trim_end().to_owned(),
        codec.to_owned(),
        bits.to_owned(),
        decodes(finding),
        encodes(finding),
        if finding.sessions > 0 { finding.sessions.to_string() } else { "-".to_owned() },
        why_not.map_or(String::new(), |why| format!("{}{others}", why.words)),
        why_not.map_or(String::new(), |why| why.hint.clone()),
    ]
}

fn decodes(finding: &Finding) -> String {
    match (finding.decodes, finding.decoded_per_second) {
        (false, _) => "no".to_owned(),
        (true, 0) => "yes".to_owned(),
        (true, fps) => format!("{fps} fps (software {})", finding.software_decoded_per_second),
    }
}

fn encodes(finding: &Finding) -> String {
    let size = match finding.largest {
        None => return "no".to_owned(),
        Some(SizeClass::Sd) => "SD",
        Some(SizeClass::Hd) => "HD",
        Some(SizeClass::Uhd) => "UHD",
    };
    match finding.encoded_per_second {
        0 => format!("up to {size}"),
        fps => format!("up to {size}, {fps} fps"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::WhyNot;
    use super::super::tests::finding;
    use super::*;
    use crate::hardware::reason::Reason;

    #[test]
    fn a_device_that_does_nothing_takes_one_line() {
        let missing = |codec: &str| Finding {
            codec: Some(codec.to_owned()),
            encodes: false,
            largest: None,
            why_not: Some(WhyNot {
                reason: Reason::NoEncoder,
                words: format!("this FFmpeg has no {codec}_amf"),
                hint: "nothing to do".into(),
            }),
            ..finding("", &format!("{codec}_amf"))
        };
        let findings = [missing("h264"), missing("hevc"), missing("av1")];
        let text = table(&findings).to_string();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.contains("all") && text.contains("this FFmpeg has no h264_amf, nor any other"),
            "{text}"
        );
        let works = [finding("cuda", "h264_nvenc"), Finding { bit_depth: Some(10), ..missing("h264") }];
        assert_eq!(table(&works).lines().count(), 3);
    }
}
