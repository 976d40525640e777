//! Where devices may be: what is tried, and proves nothing yet.

use std::fs;

/// Names of this machine's devices, by which FFmpeg opens them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Paths of the render nodes, in order.
    pub render: Vec<String>,
    /// Numbers of the NVIDIA cards, in the order of the bus; none where there is one at most.
    pub cards: Vec<String>,
    /// Folders that are devices of tests.
    pub test: Vec<String>,
}

impl Nodes {
    /// Those that the system names.
    pub fn of_machine() -> Self {
        let count = entries("/proc/driver/nvidia/gpus").len();
        let cards = (0..count).filter(|_| count > 1).map(|number| number.to_string()).collect();
        let is_render = |path: &String| path.contains("/renderD");
        let render = entries("/dev/dri").into_iter().filter(is_render).collect();
        Self { render, cards, test: test_devices() }
    }

    /// The nodes to try of a kind of device, by FFmpeg's name; none: whichever FFmpeg takes.
    pub fn of(&self, kind: &str) -> Vec<Option<String>> {
        let named = match kind {
            "vaapi" => &self.render,
            "cuda" => &self.cards,
            "test" => return self.test.iter().cloned().map(Some).collect(),
            _ => return vec![None],
        };
        if named.is_empty() { vec![None] } else { named.iter().cloned().map(Some).collect() }
    }
}

/// The folders that are devices of tests: in debug builds only, where the environment names some.
fn test_devices() -> Vec<String> {
    #[cfg(debug_assertions)]
    return std::env::var("FLOTILLA_TEST_DEVICE")
        .map(|folders| folders.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    #[cfg(not(debug_assertions))]
    Vec::new()
}

/// Paths in a folder, in order; none if it is not there.
fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path().display().to_string()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_of_a_kind_are_tried_each() {
        let nodes = Nodes { render: vec!["a".into(), "b".into()], cards: vec![], test: vec![] };
        assert_eq!(nodes.of("vaapi"), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(nodes.of("cuda"), [None], "one card needs no number");
        assert_eq!(nodes.of("vulkan"), [None]);
        assert_eq!(nodes.of("test"), [], "nobody asked for it");
    }
}
