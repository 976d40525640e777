//! `flotilla bench compare A B`.

use serde_json::json;

use super::super::exit::{Exit, UserError};
use super::super::lists::print_json;
use super::super::table::{print, table};
use super::{CompareArgs, filled_board};
use crate::domain::benchmark::comparison::{self, Row};
use crate::jobs::{BenchBoard, BenchmarkView};

/// Runs it.
pub async fn run(args: CompareArgs, json: bool) -> Result<(), UserError> {
    let board = filled_board(&args.remote).await?;
    let (first, second) = (find(&board, &args.first)?, find(&board, &args.second)?);
    let compared = comparison::of(&first.findings, &second.findings);
    if json {
        let row = |row: &Row<'_>| {
            json!({
                "case": row.case,
                "first": row.first,
                "second": row.second,
                "speed_ratio": row.speed_ratio,
                "energy_ratio": row.energy_ratio,
                "clear": row.is_clear,
            })
        };
        let rows: Vec<_> = compared.rows.iter().map(row).collect();
        return print_json(
            &json!({ "first": first.id, "second": second.id, "rows": rows, "notes": compared.notes }),
        );
    }
    println!("first   {} ({}), {}", first.runner, first.id, first.findings.host.description);
    println!("second  {} ({}), {}\n", second.runner, second.id, second.findings.host.description);
    let mut rows =
        table(&["case", "first", "second", "second/first", "SSIM", "SSIM", "J/min", "J/min", "says"]);
    for row in &compared.rows {
        let maybe = |figure: Option<f64>, digits: usize| {
            figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        rows.add_row([
            row.case.clone(),
            format!("{:.2}x", row.first.times_real_time),
            format!("{:.2}x", row.second.times_real_time),
            format!("{:.2}", row.speed_ratio),
            maybe(row.first.ssim, 4),
            maybe(row.second.ssim, 4),
            maybe(row.first.joules_per_minute, 0),
            maybe(row.second.joules_per_minute, 0),
            says(row).to_owned(),
        ]);
    }
    print(&rows, "they have measured nothing alike");
    if !compared.notes.is_empty() {
        println!("\nnot alike: {}", compared.notes.join("; "));
    }
    Ok(())
}

fn says(row: &Row<'_>) -> &'static str {
    match (row.is_clear, row.speed_ratio > 1.0) {
        (false, _) => "no clear difference",
        (true, true) => "the second is faster",
        (true, false) => "the first is faster",
    }
}

/// A result by its id, or the newest of a runner.
fn find<'a>(board: &'a BenchBoard, name: &str) -> Result<&'a BenchmarkView, UserError> {
    let is_it = |result: &&BenchmarkView| {
        [&result.id, &result.runner, &result.runner_id].into_iter().any(|known| known == name)
    };
    board.results.iter().find(is_it).ok_or_else(|| {
        let message = format!("no result of {name:?}, and none of that id");
        UserError::new(Exit::Usage, message, "list what there is with `flotilla bench leaderboard`")
    })
}
