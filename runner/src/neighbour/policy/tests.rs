//! The rules as tables.

use super::*;

fn settings(text: &str) -> Settings {
    toml::from_str(text).unwrap()
}

fn night() -> Readings {
    let local = NaiveDateTime::parse_from_str("2026-11-02 23:00", "%Y-%m-%d %H:%M").unwrap();
    Readings { local, ..Readings::default() }
}

/// Holds the verdicts on a row of readings, one after the other, against `expected`: `.` work, `R` rest.
fn check(text: &str, rows: impl IntoIterator<Item = Readings>, expected: &str) {
    let policy = Policy::new(&settings(text));
    let mut verdict = Verdict::Work;
    let mut seen = String::new();
    for readings in rows {
        verdict = policy.verdict(&readings, &verdict);
        seen.push(if verdict.rest().is_some() { 'R' } else { '.' });
    }
    assert_eq!(seen, expected, "{text}");
}

fn load(percent: u8) -> Readings {
    Readings { others_percent: Some(percent), ..night() }
}

fn heat(temperature_c: i32) -> Readings {
    Readings { temperature_c: Some(temperature_c), ..night() }
}

#[test]
fn without_rules_and_without_sensors_there_is_work() {
    let worst = Readings { on_battery: Some(true), temperature_c: Some(200), ..load(100) };
    check("", [worst, night()], "..");
    let all = "max_load_percent = 1\non_battery = false\nmax_temperature_c = 1";
    check(all, [night()], ".");
}

#[test]
fn a_limit_must_be_left_clearly_before_work_goes_on() {
    check("max_load_percent = 50", [50, 51, 45, 41, 40, 45, 50, 51].map(load), ".RRR...R");
    check("max_load_percent = 4", [4, 5, 3, 2, 4].map(load), ".RR..");
    check("max_temperature_c = 80", [80, 81, 76, 75, 80].map(heat), ".RR..");
}

#[test]
fn the_battery_counts_where_it_was_said_to() {
    let on = |battery| Readings { on_battery: Some(battery), ..night() };
    check("on_battery = false", [on(false), on(true), on(false)], ".R.");
    check("on_battery = true", [on(true)], ".");
}

#[test]
fn hours_hold_for_local_time() {
    check("hours = ['22:00-07:00']", [night()], ".");
    check("hours = ['09:00-17:00', 'sun 00:00-24:00']", [night()], "R");
}

#[test]
fn a_pause_comes_before_all_rules_and_has_its_own_way_with_running_tasks() {
    let policy = Policy::new(&settings("max_load_percent = 50"));
    let pause = Pause { until_s: Some(0), finish: false };
    let paused = policy.verdict(&Readings { pause: Some(pause), ..load(99) }, &Verdict::Work);
    let rest = paused.rest().unwrap();
    assert_eq!((rest.rule, rest.running), (Rule::Pause, WhenResting::Return));
    assert_eq!(rest.reason, "paused until 1970-01-01 00:00 UTC");
    // What ends the pause does not end the load.
    let busy = policy.verdict(&load(99), &paused);
    let rest = busy.rest().unwrap();
    assert_eq!((rest.rule, rest.running), (Rule::Load, WhenResting::Finish));
    assert_eq!(rest.reason, "other programs use more than 50 % of its processors");
}
