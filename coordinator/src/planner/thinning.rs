//! Leaving out cuts that cost much: frames between a keyframe and a cut are decoded, and read, by both chunks beside it. As
//! long as that is more than a given share of the source, the worst cuts go, but for those without which a chunk would be so
//! large that slots stand idle at the end.

use std::cmp::Reverse;

/// The cuts that stay. `lead_in` is what a cut costs, `budget` what all may cost together; `weight` is the work between two
/// cuts, of which a chunk may have `most`.
pub(super) fn thinned(
    cuts: &[u64],
    end: u64,
    (lead_in, budget): (impl Fn(u64) -> u64, u64),
    (weight, most): (impl Fn(u64, u64) -> u64, u64),
) -> Vec<u64> {
    let costs: Vec<u64> = cuts.iter().map(|&cut| lead_in(cut)).collect();
    let mut total: u64 = costs.iter().sum();
    let mut stays = vec![true; cuts.len()];
    let mut worst: Vec<usize> = (0..cuts.len()).collect();
    worst.sort_by_key(|&at| (Reverse(costs[at]), at));
    for at in worst {
        if total <= budget || costs[at] == 0 {
            break;
        }
        let before = (0..at).rev().find(|&at| stays[at]).map_or(0, |at| cuts[at]);
        let after = (at + 1..cuts.len()).find(|&at| stays[at]).map_or(end, |at| cuts[at]);
        if weight(before, after) <= most {
            stays[at] = false;
            total -= costs[at];
        }
    }
    cuts.iter().zip(stays).filter(|(_, stays)| *stays).map(|(&cut, _)| cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts of a video of 1000 frames with a keyframe every 250.
    fn check(cuts: &[u64], budget: u64, most: u64, expected: &[u64]) {
        let kept = thinned(cuts, 1000, (|cut| cut % 250, budget), (|start, end| end - start, most));
        assert_eq!(kept, expected, "{cuts:?}, at most {budget} and {most}");
    }

    #[test]
    fn the_worst_cuts_go_until_the_rest_costs_little() {
        check(&[240, 510, 740], 250, 1000, &[510, 740]);
        check(&[240, 510, 740], 10, 1000, &[510]);
        check(&[250, 500, 750], 0, 1000, &[250, 500, 750]);
    }

    #[test]
    fn a_cut_stays_where_a_chunk_would_be_too_large_without_it() {
        check(&[240, 510, 740], 0, 500, &[240, 510]);
        check(&[240, 510, 740], 0, 400, &[240, 510, 740]);
        check(&[], 0, 0, &[]);
    }
}
