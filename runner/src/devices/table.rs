//! What devices do, as a table for people.

use comfy_table::{ContentArrangement, Table, presets};
use flotilla_engine::spec::SizeClass;

use super::Finding;

/// One row for a device that does not open, else one for each codec and depth.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["DEVICE", "CODEC", "BITS", "DECODES", "ENCODES", "SESSIONS", "WHY NOT", "HINT"]);
    for finding in findings {
        let node = finding.place.node.as_deref().and_then(|node| node.rsplit('/').next()).unwrap_or_default();
        let why_not = finding.why_not.as_ref();
        table.add_row([
            format!("{} {node}", finding.device).trim_end().to_owned(),
            finding.codec.clone().unwrap_or_else(|| "-".to_owned()),
            finding.bit_depth.map_or("-".to_owned(), |bits| bits.to_string()),
            decodes(finding),
            encodes(finding),
            if finding.sessions > 0 { finding.sessions.to_string() } else { "-".to_owned() },
            why_not.map_or(String::new(), |why| why.words.clone()),
            why_not.map_or(String::new(), |why| why.hint.clone()),
        ]);
    }
    table
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
