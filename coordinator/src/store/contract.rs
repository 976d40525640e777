//! What every backend must do. Each check is one small function over a fresh, empty store; a backend runs
//! them all with [`contract_tests!`], one test each, by naming a function that opens such a store.

pub mod benchmarks;
pub mod bonds;
pub mod fixtures;
pub mod garbage;
pub mod jobs;
pub mod leases;
pub mod notes;
pub mod operations;
pub mod races;
pub mod results;
pub mod runners;
pub mod scheduling;

/// Makes a test of every check. `$open` answers something that derefs to a store and cleans up when dropped.
macro_rules! contract_tests {
    ($open:path) => {
        contract_tests! { $open,
            runners {
                a_token_lets_in_as_many_as_it_says, a_runner_is_known_by_its_secret,
                a_forgotten_runner_loses_its_work,
                what_is_offered_is_offered_by_one_that_takes_work,
            }
            jobs {
                a_repeated_submission_finds_the_first, a_destination_has_one_writer, jobs_are_listed_newest_first,
                a_cancelled_job_is_over_for_good,
                a_source_at_fault_fails_its_job_at_once, a_retry_goes_on_from_what_is_done,
                a_published_job_cannot_be_called_off,
            }
            leases {
                the_queue_goes_by_priority_then_age, a_runner_gets_only_what_it_can_encode,
                chunks_of_a_job_stay_with_one_fingerprint, a_pin_is_freed_when_nothing_holds_it,
                a_failed_task_goes_elsewhere_if_it_can, a_draining_runner_gets_nothing,
                a_beat_renews_and_stops, the_outlook_tells_what_a_claim_would_find,
                a_restarted_runner_loses_what_it_forgot, a_lease_runs_out,
                leases_get_a_full_life_after_a_restart,
                two_crashes_on_two_runners_fail_the_job, strikes_count_against_the_runner,
            }
            results {
                a_job_goes_its_way_to_publication, an_acceptance_repeats_and_a_stale_one_is_refused,
                a_cancelled_job_accepts_nothing, a_probe_needs_a_plan_and_a_bad_plan_changes_nothing,
                what_was_accepted_is_sealed_after_a_restart, a_lost_upload_is_made_again,
            }
            garbage {
                losers_uploads_are_garbage, scratch_outlives_a_failure_but_not_a_cancel,
                a_published_job_keeps_its_media,
                half_a_result_is_withdrawn_and_made_again, another_jobs_object_under_the_same_key_stays,
            }
            scheduling {
                tenants_share_by_weight, short_jobs_overtake_long_ones, sound_then_long_chunks_go_first,
                a_runner_goes_on_beside_what_it_had, speeds_are_measured_and_start_from_a_benchmark,
                a_slow_runner_leaves_the_last_task_but_not_for_ever,
                a_straggler_gets_a_copy_and_the_first_result_wins, a_copys_failure_is_not_its_tasks,
                a_cancel_ends_both_attempts, stragglers_can_be_left_alone,
                what_the_coordinator_leaves_a_runner_finds,
                a_runner_whose_slots_are_taken_joins_beside_them,
            }
            bonds {
                a_devices_tasks_take_its_sessions_and_no_slot, a_job_takes_software_where_the_device_is_full,
                a_job_whose_encoder_is_gone_is_made_anew, a_task_on_which_devices_fail_is_softwares,
                no_rendition_mixes_encoders,
            }
            benchmarks { the_last_results_of_a_runner_are_kept_and_go_with_it, a_result_is_a_measurement_of_speed }
            notes { a_note_is_kept_replaced_and_dropped }
            races { every_task_is_accepted_once }
            operations { random_operations_keep_the_invariants }
        }
    };
    ($open:path, $($module:ident { $($check:ident),* $(,)? })*) => {$(
        mod $module {
            $(#[tokio::test]
            async fn $check() {
                let store = $open();
                crate::store::contract::$module::$check(&*store).await;
            })*
        }
    )*};
}
pub(crate) use contract_tests;
