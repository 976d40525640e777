//! Whose turn it is: start-time fair queuing between tenants (Goyal, Vin, Chen 1996), earliest due date between the
//! jobs of one.
//!
//! Each tenant has a finish tag, the work that it has been served, divided by its weight. The next task goes to the
//! tenant with the least start tag, which is its finish tag, but not less than the fleet's virtual time, the start tag
//! served last. So tenants that want work at the same time get it by their weights, and one that comes after a pause
//! neither has saved anything up nor is behind.
//!
//! A job is due when it would be ready if one ordinary slot had worked on it alone since its submission. Short jobs
//! overtake long ones, but only those that were submitted at most so much earlier as they are shorter: nobody starves.

use super::super::time::Timestamp;

/// Parts of a millisecond in which tags count, so that heavy tenants' tags still move for short tasks.
const TAG_UNIT: u64 = 1000;

/// Where a tenant may start, given what it has been served and where the fleet is.
pub fn start_tag(finish_tag: u64, virtual_time: u64) -> u64 {
    finish_tag.max(virtual_time)
}

/// The finish tag of a tenant after a task of `cost_ms` (of an ordinary slot) that started at `start_tag`.
pub fn finish_tag(start_tag: u64, cost_ms: u64, weight: u32) -> u64 {
    start_tag.saturating_add((cost_ms.saturating_mul(TAG_UNIT) / u64::from(weight.max(1))).max(1))
}

/// When a job is due, given what is left of it for an ordinary slot.
pub fn due_at(created_at: Timestamp, left_ms: u64) -> Timestamp {
    created_at.plus_ms(i64::try_from(left_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Serves `rounds` tasks to tenants that always want more; answers what each got.
    fn served(tenants: &[(u32, u64)], rounds: usize) -> Vec<u64> {
        let (mut tags, mut got, mut virtual_time) = (vec![0; tenants.len()], vec![0; tenants.len()], 0);
        for _ in 0..rounds {
            let starts = tags.iter().map(|&tag| start_tag(tag, virtual_time));
            let (next, start) = starts.enumerate().min_by_key(|&(_, start)| start).unwrap();
            let (weight, cost_ms) = tenants[next];
            virtual_time = start;
            tags[next] = finish_tag(start, cost_ms, weight);
            got[next] += cost_ms;
        }
        got
    }

    #[test]
    fn tenants_get_shares_by_weight_whatever_the_size_of_their_tasks() {
        let got = served(&[(1, 10_000), (3, 500), (1, 50_000)], 3000);
        let total: u64 = got.iter().sum();
        let shares = got.iter().map(|got| (got * 100).div_ceil(total)).collect::<Vec<_>>();
        assert_eq!(shares, [20, 60, 21]);
    }

    #[test]
    fn who_comes_back_has_saved_nothing_up() {
        // One has been served an hour, the other nothing: from now on they take turns.
        let virtual_time = 3_600_000 * TAG_UNIT;
        let start = start_tag(0, virtual_time);
        assert_eq!(start, virtual_time);
        assert!(finish_tag(start, 1000, 1) > start_tag(virtual_time, virtual_time));
    }

    #[test]
    fn a_short_job_overtakes_a_long_one_but_not_for_ever() {
        let long = due_at(Timestamp(0), 3_600_000);
        assert!(due_at(Timestamp(60_000), 30_000) < long);
        assert!(due_at(Timestamp(3_600_000), 30_000) > long);
        assert_eq!(due_at(Timestamp(1), u64::MAX), Timestamp(i64::MAX));
    }

    proptest! {
        /// The bound of start-time fair queuing: two that always want work are apart by one task of each at most.
        #[test]
        fn nobody_falls_behind_by_more_than_a_task(
            tenants in proptest::collection::vec((1_u32..20, 1_u64..100_000), 2..6),
            rounds in 1_usize..400,
        ) {
            let got = served(&tenants, rounds);
            let normal: Vec<f64> =
                got.iter().zip(&tenants).map(|(&got, &(weight, _))| got as f64 / f64::from(weight)).collect();
            for (at, &one) in normal.iter().enumerate() {
                for (beside, &other) in normal.iter().enumerate() {
                    let task = |tenant: usize| tenants[tenant].1 as f64 / f64::from(tenants[tenant].0);
                    prop_assert!(one - other <= task(at) + task(beside) + 1.0);
                }
            }
        }
    }
}
