//! `flotilla bench run`: asks, and waits until every runner has answered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::client::Client;
use super::super::exit::{Exit, UserError};
use super::super::lists::print_json;
use super::{RunArgs, board};
use crate::jobs::{BenchBoard, BenchOrderView, BenchWish, BenchmarkView};

/// Between two looks at how far runners are.
const LOOK: Duration = Duration::from_millis(500);

/// How a runner's order is.
#[derive(Debug, PartialEq)]
enum Standing<'a> {
    Open(&'a str),
    Failed(&'a str),
    Done(&'a BenchmarkView),
    /// Neither asked nor answered: the coordinator was restarted, or the runner has left.
    Lost,
}

/// Runs it.
pub async fn run(args: RunArgs, json: bool) -> Result<(), UserError> {
    let wish = BenchWish { runners: args.runners, quick: args.quick };
    let orders: Vec<BenchOrderView> = Client::new(&args.remote)?.post("/bench", &wish).await?;
    if args.no_wait {
        if json {
            return print_json(&orders);
        }
        orders.iter().for_each(|order| println!("{} was asked", order.runner));
        return Ok(());
    }
    let mut told = BTreeMap::new();
    let board = loop {
        let board = board(&args.remote).await?;
        for order in &orders {
            tell(order, &standing(&board, order), &mut told);
        }
        if !orders.iter().any(|order| matches!(standing(&board, order), Standing::Open(_))) {
            break board;
        }
        tokio::time::sleep(LOOK).await;
    };
    if json {
        let done = orders.iter().filter_map(|order| match standing(&board, order) {
            Standing::Done(result) => Some(result),
            _ => None,
        });
        print_json(&done.collect::<Vec<_>>())?;
    }
    let failed = orders.iter().filter(|order| !matches!(standing(&board, order), Standing::Done(_))).count();
    match failed {
        0 => Ok(()),
        _ => Err(UserError::new(
            Exit::Internal,
            format!("{failed} of {} runners could not be measured", orders.len()),
            "run `flotilla-runner doctor` there",
        )),
    }
}

fn standing<'a>(board: &'a BenchBoard, order: &BenchOrderView) -> Standing<'a> {
    if let Some(result) = board.results.iter().find(|result| result.id == order.id) {
        return Standing::Done(result);
    }
    match board.open.iter().find(|open| open.id == order.id) {
        Some(BenchOrderView { reason: Some(reason), .. }) => Standing::Failed(reason),
        Some(open) => Standing::Open(&open.state),
        None => Standing::Lost,
    }
}

/// On standard error, each change once.
fn tell(order: &BenchOrderView, standing: &Standing<'_>, told: &mut BTreeMap<String, String>) {
    let text = match standing {
        Standing::Open(state) => (*state).to_owned(),
        Standing::Failed(reason) => format!("failed: {reason}"),
        Standing::Done(result) => result.findings.summary.clone(),
        Standing::Lost => "lost: the coordinator was restarted, or the runner has left".to_owned(),
    };
    if told.get(&order.id) != Some(&text) {
        eprintln!("{}: {text}", order.runner);
        told.insert(order.id.clone(), text);
    }
}
