//! What devices do, as a table for people.

use comfy_table::{ContentArrangement, Table, presets};

use super::Finding;

/// One row for a device that does not open, else one for each codec and depth.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["DEVICE", "CODEC", "BITS", "DECODES", "ENCODES", "WHY NOT", "HINT"]);
    let word = |works| if works { "yes" } else { "no" }.to_owned();
    for finding in findings {
        let node = finding.node.as_deref().unwrap_or_default();
        let why_not = finding.why_not.as_ref();
        table.add_row([
            format!("{} {node}", finding.device).trim_end().to_owned(),
            finding.codec.unwrap_or("-").to_owned(),
            finding.bit_depth.map_or("-".to_owned(), |bits| bits.to_string()),
            word(finding.decodes),
            word(finding.encodes),
            why_not.map_or(String::new(), |why| why.words.clone()),
            why_not.map_or("", |why| why.hint).to_owned(),
        ]);
    }
    table
}
