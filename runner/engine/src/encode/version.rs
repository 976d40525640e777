//! The encoder library's own name for itself, where its output carries one.

/// What x264 writes about itself into the first frame (a user data SEI, ITU-T H.264 §D.1.7), "x264 - core 164 r3095
/// baee400 - H.264/MPEG-4 AVC codec - …", as "x264 core 164 r3095"; x265's "x265 (build 199) - 3.5+1-f0c1022b6 - …" as
/// "x265 3.5+1-f0c1022b6".
pub fn in_stream(packet: &[u8]) -> Option<String> {
    const LONGEST: usize = 80;
    let starts_here =
        |at: &usize| packet[*at..].starts_with(b"x264 - core ") || packet[*at..].starts_with(b"x265 (build ");
    let at = (0..packet.len()).find(starts_here)?;
    let text = &packet[at..packet.len().min(at + LONGEST)];
    let text = String::from_utf8_lossy(text);
    let mut parts = text.split(" - ");
    match parts.next()? {
        "x264" => {
            let words: Vec<_> = parts.next()?.split(' ').collect();
            // Builds that were not made from a repository have no revision.
            let [core, number, revision @ ..] = words.as_slice() else { return None };
            let revision = revision.first().map(|revision| format!(" {revision}")).unwrap_or_default();
            Some(format!("x264 {core} {number}{revision}"))
        }
        _ => Some(format!("x265 {}", parts.next()?.split(':').next()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_named_as_it_names_itself() {
        let table = [
            (
                "\0\0\u{1}x264 - core 164 r3095 baee400 - H.264/MPEG-4 AVC codec - Copy",
                Some("x264 core 164 r3095"),
            ),
            ("x264 - core 164 - H.264/MPEG-4 AVC codec - Copyleft", Some("x264 core 164")),
            ("x265 (build 199) - 3.5+1-f0c1022b6:[Linux][GCC 12.2.0] - H.265", Some("x265 3.5+1-f0c1022b6")),
            ("x264 - ", None),
            ("", None),
        ];
        for (packet, expected) in table {
            assert_eq!(in_stream(packet.as_bytes()).as_deref(), expected, "{packet:?}");
        }
    }
}
