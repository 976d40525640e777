//! A fleet that measures itself, and what people make of its figures.

use flotilla_tests::fleet::{Coordinator, Stage, Store};
use flotilla_tests::wait::wait_for;

use super::PATIENCE;

fn said(coordinator: &Coordinator, words: &[&str]) -> String {
    let output = coordinator.run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it says text")
}

#[test]
fn a_runner_measures_itself_when_asked_and_its_figures_are_ranked_reported_and_planned_with() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let runner = stage.runner(&coordinator, "studio", 1);
    wait_for("a runner that is live", PATIENCE, || {
        (coordinator.json(&["runners"])[0]["live"] == true).then_some(())
    });

    let results = coordinator.json(&["bench", "run", "--quick"]);
    let findings = &results[0]["findings"];
    assert_eq!((&results[0]["runner"], &findings["host"]["slots"]), (&"studio".into(), &1.into()));
    let speed = findings["measurements"][0]["times_real_time"].as_f64().expect("it was measured");
    assert!(speed > 0.0);
    let likeness = findings["measurements"][0]["ssim"].as_f64().expect("it was looked at");
    assert!(likeness > 0.9 && likeness < 1.0, "{findings}");

    let ranked = coordinator.json(&["bench", "leaderboard", "--encoder", "libx264", "--price", "studio=0.5"]);
    assert_eq!(
        (&ranked[0]["placed"][0]["rank"], &ranked[0]["placed"][0]["runner"]),
        (&1.into(), &"studio".into())
    );
    assert_eq!(ranked[0]["placed"][0]["measured"]["ssim"], likeness);
    let price = ranked[0]["placed"][0]["price_per_video_hour"].as_f64().expect("a price was given");
    assert!((price * speed - 0.5).abs() < 1e-9);
    let same = coordinator.json(&["bench", "compare", "studio", results[0]["id"].as_str().expect("an id")]);
    assert_eq!((&same["rows"][0]["speed_ratio"], &same["rows"][0]["clear"]), (&1.0.into(), &false.into()));
    assert!(
        said(&coordinator, &["bench", "export"]).lines().count()
            > findings["measurements"].as_array().map_or(0, Vec::len)
    );

    let page = stage.path().join("bench.html");
    said(&coordinator, &["bench", "report", "--lang", "fr", "--html", page.to_str().expect("a plain path")]);
    let page = std::fs::read_to_string(page).expect("it was written");
    assert!(page.contains("<html lang=\"fr\">") && page.contains("studio") && page.contains("<svg "));
    let shown = format!("<td>{likeness:.4}</td>").replace('.', ",");
    assert!(page.contains(&shown), "{shown} in {page}");

    let planned = coordinator.json(&["plan-capacity", "--uploads-per-day", "100", "--minutes", "10"]);
    let need = &planned["needs"][0];
    assert_eq!(need["like"], "studio");
    let machines = need["machines"].as_u64().expect("it can be told");
    let each = need["times_real_time"].as_f64().expect("it can be told") * 0.7;
    let peak = planned["peak"].as_f64().expect("it can be told");
    assert!(each * machines as f64 >= peak && each * (machines - 1) as f64 <= peak, "{planned:#}");

    wait_for("a runner that works again", PATIENCE, || {
        (runner.tell(&["status"]) == "waiting for tasks").then_some(())
    });
    runner.drain(PATIENCE);
}
