//! Versions of drivers: what an encoder of a device puts out, and whether it works at all, may change with them.

use std::fs;

use flotilla_engine::spec::DeviceName;

use super::nodes::Nodes;

/// Modules whose versions count; not all of them state one.
const MODULES: [&str; 6] = ["nvidia", "nvidia_uvm", "i915", "xe", "amdgpu", "nouveau"];

/// Everything that is known of this machine's drivers and chips, in one text: while it stays the same, results of trials
/// hold.
pub fn all(nodes: &Nodes) -> String {
    let mut lines = vec![format!("kernel {}", kernel())];
    lines.extend(nvidia().map(|version| format!("nvidia {version}")));
    for module in MODULES {
        if let Ok(version) = fs::read_to_string(format!("/sys/module/{module}/version")) {
            lines.push(format!("module {module} {}", version.trim()));
        }
    }
    lines.extend(nodes.render.iter().map(|node| format!("node {node} {}", chip(node))));
    lines.extend(nvidia_chips());
    lines.extend(nodes.test.iter().map(|folder| format!("test {folder}")));
    lines.join("\n")
}

/// Driver and chip of one device: a part of the fingerprints of its encoders.
pub fn of(place: &DeviceName) -> String {
    match (place.kind.as_str(), &place.node) {
        ("cuda", node) => {
            let number = node.as_ref().and_then(|number| number.parse().ok()).unwrap_or(0);
            let chip = nvidia_chips().nth(number).unwrap_or_default();
            format!("nvidia {}, {chip}", nvidia().unwrap_or_default())
        }
        // The driver in user space comes with the libraries; what of it this program has loaded it does not know.
        (_, Some(node)) if node.starts_with("/dev/dri/") => format!("kernel {}, {}", kernel(), chip(node)),
        (kind, _) => format!("{kind}, kernel {}", kernel()),
    }
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

fn nvidia() -> Option<String> {
    let text = fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    nvidia_version(&text)
}

/// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 …": the number.
fn nvidia_version(text: &str) -> Option<String> {
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

/// Models, in the order of the bus.
fn nvidia_chips() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
    let mut places: Vec<_> = entries.map(|entry| entry.path()).collect();
    places.sort();
    let model =
        |text: String| Some(text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned());
    places.into_iter().filter_map(move |place| model(fs::read_to_string(place.join("information")).ok()?))
}

/// Maker and model of the chip behind a render node, as PCI numbers.
fn chip(node: &str) -> String {
    let name = node.rsplit('/').next().unwrap_or_default();
    let read =
        |what: &str| fs::read_to_string(format!("/sys/class/drm/{name}/device/{what}")).unwrap_or_default();
    format!("{}:{}", read("vendor").trim(), read("device").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_told_by_its_number() {
        let text =
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC";
        assert_eq!(nvidia_version(text).as_deref(), Some("550.54.15"));
        assert_eq!(nvidia_version("GCC version"), None);
    }

    #[test]
    fn another_node_or_device_makes_another_text() {
        let render = Nodes { render: vec!["/dev/dri/renderD128".to_owned()], ..Nodes::default() };
        let test = |folder: &str| Nodes { test: vec![folder.to_owned()], ..Nodes::default() };
        let texts = [Nodes::default(), render, test("a"), test("b")].map(|nodes| all(&nodes));
        let distinct: std::collections::BTreeSet<_> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len());
    }
}
