//! `flotilla bench leaderboard`: who is best at what.

use serde_json::json;

use super::super::exit::{Exit, UserError};
use super::super::lists::print_json;
use super::super::table::table;
use super::{Criterion, LeaderboardArgs, Prices, filled_board};
use crate::domain::benchmark::ranking::{self, Entrant, Placed, Table};
use crate::jobs::BenchmarkView;

/// Runs it.
pub async fn run(args: LeaderboardArgs, json: bool) -> Result<(), UserError> {
    let board = filled_board(&args.remote).await?;
    let results = board.latest();
    args.prices.check(&results)?;
    if args.by == Criterion::Price && args.prices.prices.is_empty() {
        let hint = "say what machines cost: --price 0.12, or --price NAME=0.12";
        return Err(UserError::new(Exit::Usage, "no prices are given", hint));
    }
    let entrants = entrants(&results, &args.prices);
    let tables = ranking::tables(&entrants, args.by.into(), args.encoder.as_deref());
    if tables.is_empty() {
        let encoder = args.encoder.unwrap_or_default();
        let message = format!("no runner has measured {encoder:?}");
        return Err(UserError::new(Exit::Usage, message, "leave --encoder out to see what was measured"));
    }
    if json {
        return print_json(&tables.iter().map(as_json).collect::<Vec<_>>());
    }
    for (at, ranked) in tables.iter().enumerate() {
        if at > 0 {
            println!();
        }
        println!("{}", ranked.case);
        show(ranked, &args.prices);
    }
    Ok(())
}

/// Those who take part, with their prices.
pub fn entrants<'a>(results: &[&'a BenchmarkView], prices: &Prices) -> Vec<Entrant<'a>> {
    let entrant = |result: &&'a BenchmarkView| Entrant {
        name: &result.runner,
        findings: &result.findings,
        price_per_hour: prices.of(result),
    };
    results.iter().map(entrant).collect()
}

fn show(ranked: &Table<'_>, prices: &Prices) {
    let mut header = vec!["#", "runner", "real time", "frames/s", "cpu s/min", "SSIM", "J/min"];
    let has_price = !prices.prices.is_empty();
    let price = format!("{}/h of video", prices.currency);
    if has_price {
        header.push(&price);
    }
    let mut rows = table(&header);
    for one in &ranked.placed {
        let measured = one.measured;
        let mut row = vec![
            one.rank.map_or("-".to_owned(), |rank| rank.to_string()),
            name(one),
            format!("{:.2}x", measured.times_real_time),
            format!("{:.1}", measured.frames_per_second),
            format!("{:.1}", measured.cpu_seconds_per_minute),
            measured.ssim.map_or("-".to_owned(), |ssim| format!("{ssim:.4}")),
            measured.joules_per_minute.map_or("-".to_owned(), |joules| format!("{joules:.0}")),
        ];
        if has_price {
            row.push(one.price_per_video_hour.map_or("-".to_owned(), |price| format!("{price:.4}")));
        }
        rows.add_row(row);
    }
    println!("{rows}");
}

fn name(one: &Placed<'_>) -> String {
    if one.is_development { format!("{} (development build)", one.name) } else { one.name.to_owned() }
}

fn as_json(ranked: &Table<'_>) -> serde_json::Value {
    let placed = |one: &Placed<'_>| {
        json!({
            "rank": one.rank,
            "runner": one.name,
            "development": one.is_development,
            "price_per_video_hour": one.price_per_video_hour,
            "measured": one.measured,
        })
    };
    json!({ "case": ranked.case, "placed": ranked.placed.iter().map(placed).collect::<Vec<_>>() })
}
