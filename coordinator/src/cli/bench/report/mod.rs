//! `flotilla bench report`: one page that needs nothing but a browser. No script, nothing fetched, charts and tables side by
//! side, words in English or French.

mod charts;
mod page;
mod words;

use super::super::exit::UserError;
use super::leaderboard::entrants;
use super::{ReportArgs, filled_board, write};
use crate::clock::{Clock, SystemClock};
use page::Page;
use words::Words;

/// Runs it.
pub async fn run(args: ReportArgs, json: bool) -> Result<(), UserError> {
    let board = filled_board(&args.remote).await?;
    let results = board.latest();
    args.prices.check(&results)?;
    let page = Page {
        words: Words::of(args.lang),
        results: &results,
        entrants: entrants(&results, &args.prices),
        currency: &args.prices.currency,
        now: SystemClock.now(),
    };
    write(&args.html, &page.html())?;
    if json {
        return super::print_json(&serde_json::json!({ "written": args.html }));
    }
    println!("{} is written", args.html.display());
    Ok(())
}

/// Text that stays text in HTML, in attributes too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
