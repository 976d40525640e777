//! Delta coding of rising or nearly even integer sequences: the first value as is, each further one as the difference
//! to the one before it. Even sequences become one- and two-byte varints on the wire.

/// Encodes `values`; wraps on overflow, which [`decode`] undoes.
pub fn encode(values: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    let step = |value: i64| {
        let difference = value.wrapping_sub(before);
        before = value;
        difference
    };
    values.into_iter().map(step).collect()
}

/// Decodes what [`encode`] made.
pub fn decode(deltas: &[i64]) -> Vec<i64> {
    let mut value = 0_i64;
    let step = |delta: &i64| {
        value = value.wrapping_add(*delta);
        value
    };
    deltas.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for values in [vec![], vec![7], vec![-3, -3, 9], vec![i64::MIN, i64::MAX, 0]] {
            assert_eq!(decode(&encode(values.iter().copied())), values);
        }
    }

    #[test]
    fn an_even_sequence_has_small_deltas() {
        assert_eq!(encode([1000, 2000, 3000]), [1000, 1000, 1000]);
    }
}
