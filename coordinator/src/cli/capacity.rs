//! `flotilla plan-capacity`: how many of which machines so many uploads a day need, by what was measured.

use std::str::FromStr;

use clap::Args;
use flotilla_profiles::{Library, Size};
use serde_json::json;

use super::Remote;
use super::bench::{Prices, filled_board};
use super::exit::{Exit, UserError};
use super::lists::print_json;
use super::table::table;
use crate::domain::capacity::{self, Capacity, Figures, Load, Machine, Need, Upload};

/// `flotilla plan-capacity`
#[derive(Clone, Debug, Args)]
pub struct CapacityArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// Uploads in a day.
    #[arg(long, value_parser = positive)]
    pub uploads_per_day: f64,
    /// Length of an upload, minutes.
    #[arg(long, value_parser = positive)]
    pub minutes: f64,
    /// What is made of each; may be repeated where more than one is.
    #[arg(long = "profile", default_value = "web")]
    pub profiles: Vec<String>,
    /// Folder of your own profiles.
    #[arg(long, env = "FLOTILLA_PROFILES")]
    pub profiles_dir: Option<std::path::PathBuf>,
    /// What uploads are mostly like: WIDTHxHEIGHT@FRAMES.
    #[arg(long, default_value = "1920x1080@30")]
    pub source: Source,
    /// How much more comes in at the busiest time than on average.
    #[arg(long, default_value_t = 3.0, value_parser = at_least_one)]
    pub peak: f64,
    /// Per cent of a machine that are counted on; the rest is for copies, retries and its own life.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub utilisation: u32,
    /// What machines cost.
    #[command(flatten)]
    pub prices: Prices,
}

/// A source as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(Upload);

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (size, fps) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            let number =
                |text: &str, most: u32| text.parse::<u32>().ok().filter(|number| (1..=most).contains(number));
            let size = Size { width: number(width, 16_384)?, height: number(height, 16_384)? };
            Some(Self(Upload { size, fps: number(fps, 1_000)? }))
        };
        read().ok_or_else(|| format!("{text:?} is not like 1920x1080@30"))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= 1e9);
    number.ok_or_else(|| format!("{text:?} is no number above 0"))
}

fn at_least_one(text: &str) -> Result<f64, String> {
    positive(text).and_then(|number| match number >= 1.0 {
        true => Ok(number),
        false => Err(format!("{text:?} is below 1, which is the average itself")),
    })
}

/// Runs it.
pub async fn run(args: CapacityArgs, json: bool) -> Result<(), UserError> {
    let library = Library::load(args.profiles_dir.as_deref())
        .map_err(|error| UserError::new(Exit::Profile, error.to_string(), "correct the profile files"))?;
    let profiles = args.profiles.iter().map(|name| library.get(name)).collect::<Result<Vec<_>, _>>();
    let profiles = profiles.map_err(|error| {
        UserError::new(Exit::Profile, error.to_string(), "list the profiles with `flotilla profiles`")
    })?;
    let pixels = capacity::pixels(args.source.0, &profiles);
    let board = filled_board(&args.remote).await?;
    let results = board.latest();
    args.prices.check(&results)?;
    let machines: Vec<_> = results
        .iter()
        .map(|result| Machine {
            name: &result.runner,
            findings: &result.findings,
            price_per_hour: args.prices.of(result),
        })
        .collect();
    let load = Load {
        uploads_per_day: args.uploads_per_day,
        minutes: args.minutes,
        peak: args.peak,
        utilisation: f64::from(args.utilisation) / 100.0,
    };
    let planned = capacity::plan(load, &pixels, &machines);
    if json {
        return print_json(&as_json(&planned));
    }
    show(&args, &planned);
    if results.iter().any(|result| result.findings.build != "release") {
        eprintln!(
            "\nSome of these figures are of development builds, which are much slower: measure releases."
        );
    }
    Ok(())
}

fn show(args: &CapacityArgs, planned: &Capacity<'_>) {
    let Capacity { average, peak, present, needs } = planned;
    println!("wanted   {average:.2} s of video a second on average, {peak:.2} at the busiest time");
    let verdict = if present >= peak { "enough" } else { "not enough" };
    let percent = args.utilisation;
    println!("there    {present:.2}, with {percent} % of each machine below: {verdict}\n");
    let currency = &args.prices.currency;
    let has_price = !args.prices.prices.is_empty();
    let price = format!("{currency}/month");
    let mut header = vec!["all like", "real time", "machines", "more", "kWh/day"];
    if has_price {
        header.push(&price);
    }
    let mut rows = table(&header);
    for Need { name, figures } in needs {
        let mut row = vec![(*name).to_owned()];
        match figures {
            Err(reason) => row.push(reason.clone()),
            Ok(figures) => row.extend(cells(figures, has_price)),
        }
        rows.add_row(row);
    }
    println!("{rows}");
    let cheapest =
        needs.iter().filter_map(|need| Some((need.name, need.figures.as_ref().ok()?.price_per_month?)));
    if let Some((name, price)) = cheapest.min_by(|a, b| a.1.total_cmp(&b.1)) {
        println!("\ncheapest: all like {name}, {price:.2} {currency} a month");
    }
}

fn cells(figures: &Figures, has_price: bool) -> Vec<String> {
    let maybe =
        |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let mut cells = vec![
        format!("{:.2}x", figures.times_real_time),
        figures.count.to_string(),
        figures.more.to_string(),
        maybe(figures.kwh_per_day, 2),
    ];
    if has_price {
        cells.push(maybe(figures.price_per_month, 2));
    }
    cells
}

fn as_json(planned: &Capacity<'_>) -> serde_json::Value {
    let need = |need: &Need<'_>| match &need.figures {
        Err(reason) => json!({ "like": need.name, "reason": reason }),
        Ok(figures) => json!({
            "like": need.name,
            "times_real_time": figures.times_real_time,
            "machines": figures.count,
            "more": figures.more,
            "kwh_per_day": figures.kwh_per_day,
            "price_per_month": figures.price_per_month,
        }),
    };
    json!({
        "average": planned.average,
        "peak": planned.peak,
        "present": planned.present,
        "needs": planned.needs.iter().map(need).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_numbers_are_read_as_people_write_them() {
        let size = Size { width: 1280, height: 720 };
        assert_eq!("1280x720@24".parse(), Ok(Source(Upload { size, fps: 24 })));
        for odd in ["1280x720", "1280@24", "0x720@24", "1280x720@0", "99999x720@24", "axb@c"] {
            assert!(odd.parse::<Source>().is_err(), "{odd}");
        }
        assert!(positive("0").is_err() && positive("NaN").is_err() && positive("inf").is_err());
        assert_eq!((positive("0.5"), at_least_one("1")), (Ok(0.5), Ok(1.0)));
        assert!(at_least_one("0.9").is_err());
    }
}
