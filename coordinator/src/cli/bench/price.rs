//! What machines cost, as people say it: `--price big=0.12`.

use std::str::FromStr;

use clap::Args;

use super::super::exit::{Exit, UserError};
use crate::jobs::BenchmarkView;

/// Prices of machines.
#[derive(Clone, Debug, Default, Args)]
pub struct Prices {
    /// What an hour of a runner costs: NAME=0.12, or 0.12 for all others; may be repeated.
    #[arg(long = "price", value_name = "NAME=PRICE")]
    pub prices: Vec<Price>,
    /// In what: EUR, USD, or any other word.
    #[arg(long, default_value = "EUR")]
    pub currency: String,
}

/// A price of an hour of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Whose; none: of all that are not named.
    pub name: Option<String>,
    /// In any currency.
    pub per_hour: f64,
}

impl FromStr for Price {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, price) = match text.rsplit_once('=') {
            Some((name, price)) => (Some(name.to_owned()), price),
            None => (None, text),
        };
        let per_hour = price.parse::<f64>().ok().filter(|price| (0.0..1e9).contains(price));
        per_hour
            .map(|per_hour| Self { name, per_hour })
            .ok_or_else(|| format!("{price:?} is no price of an hour, such as 0.12"))
    }
}

impl Prices {
    /// Of a runner, by its name or id.
    pub fn of(&self, result: &BenchmarkView) -> Option<f64> {
        let named = |price: &&Price| {
            price.name.as_ref().is_some_and(|name| *name == result.runner || *name == result.runner_id)
        };
        let of_all = |price: &&Price| price.name.is_none();
        let price = self.prices.iter().rfind(named).or_else(|| self.prices.iter().rfind(of_all));
        price.map(|price| price.per_hour)
    }

    /// An error where a price is of nobody.
    pub fn check(&self, results: &[&BenchmarkView]) -> Result<(), UserError> {
        let is_known =
            |name: &String| results.iter().any(|result| *name == result.runner || *name == result.runner_id);
        let unknown = self.prices.iter().filter_map(|price| price.name.as_ref()).find(|name| !is_known(name));
        match unknown {
            None => Ok(()),
            Some(name) => Err(UserError::new(
                Exit::Usage,
                format!("--price: no measured runner is called {name:?}"),
                "list them with `flotilla bench leaderboard`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_somebodys_or_everybodys() {
        let read = |text: &str| text.parse::<Price>();
        assert_eq!(read("big=0.12"), Ok(Price { name: Some("big".into()), per_hour: 0.12 }));
        assert_eq!(read("a=b=1"), Ok(Price { name: Some("a=b".into()), per_hour: 1.0 }));
        assert_eq!(read("0"), Ok(Price { name: None, per_hour: 0.0 }));
        for odd in ["big", "big=", "big=-1", "big=NaN", "big=inf"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
