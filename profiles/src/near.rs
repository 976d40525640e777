//! "Did you mean …?": names that are close to a mistyped one.

/// The candidates close to `word`, closest first, at most three.
pub(crate) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let mut close: Vec<_> = candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit || (word.len() > 2 && candidate.starts_with(&word))
        })
        .collect();
    close.sort_unstable();
    close.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Letters to insert, delete, replace, or swap with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for (at, letter) in from.iter().enumerate() {
        let mut row = vec![at + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = rows[at][column] + usize::from(letter != other);
            let mut best = replaced.min(rows[at][column + 1] + 1).min(row[column] + 1);
            let swapped = at > 0 && column > 0 && from[at - 1] == *other && to[column - 1] == *letter;
            if swapped {
                best = best.min(rows[at - 1][column - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let names = ["av1", "av1-rav1e", "audio", "web", "web-mp4"];
        assert_eq!(near("wbe", names), ["web"]);
        assert_eq!(near("audoi", names), ["audio"]);
        assert_eq!(near("Web", names), ["web", "web-mp4"]);
        assert!(near("h264-everywhere", names).is_empty());
    }
}
