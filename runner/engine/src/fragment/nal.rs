//! NAL units of H.264 and H.265 (ISO/IEC 14496-10 Annex B, 14496-15 §4.3.3).

/// The units of an Annex B byte string, without start codes and trailing zeros.
pub(super) fn units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        let data = rest?;
        let end = find_start_code(data).unwrap_or(data.len());
        rest = after_start_code(&data[end..]);
        let zeros = data[..end].iter().rev().take_while(|byte| **byte == 0).count();
        Some(&data[..end - zeros])
    })
    .filter(|unit| !unit.is_empty())
}

/// Appends the units of a packet, each after its length in four bytes. Left out are delimiters, and parameter
/// sets that the init segment holds already: repeated ones would make equal chunks differ by what the encoder
/// happens to repeat.
pub(super) fn pack(
    packet: &[u8],
    parameter_sets: &[Vec<u8>],
    is_delimiter: fn(&[u8]) -> bool,
    payload: &mut Vec<u8>,
) {
    for unit in units(packet) {
        if is_delimiter(unit) || parameter_sets.iter().any(|known| known == unit) {
            continue;
        }
        payload.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        payload.extend_from_slice(unit);
    }
}

/// The payload of a unit: each `03` that keeps two zeros from looking like a start code goes.
pub(super) fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let mut payload = Vec::with_capacity(unit.len());
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

fn find_start_code(data: &[u8]) -> Option<usize> {
    data.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    find_start_code(data).map(|at| &data[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_between_start_codes_of_three_and_four_bytes() {
        let stream = [0, 0, 0, 1, 9, 16, 0, 0, 1, 7, 1, 0, 0, 0, 1, 5, 2, 3];
        assert_eq!(units(&stream).collect::<Vec<_>>(), [&[9, 16][..], &[7, 1], &[5, 2, 3]]);
    }

    #[test]
    fn packing_drops_delimiters_and_known_parameter_sets_only() {
        let stream = [0, 0, 1, 9, 16, 0, 0, 1, 7, 1, 0, 0, 1, 7, 2, 0, 0, 1, 5, 4];
        let mut payload = Vec::new();
        pack(&stream, &[vec![7, 1]], |unit| unit[0] == 9, &mut payload);
        assert_eq!(payload, [0, 0, 0, 2, 7, 2, 0, 0, 0, 2, 5, 4]);
    }

    #[test]
    fn unescaping_restores_zeros() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
    }
}
