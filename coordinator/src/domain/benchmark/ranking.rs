//! Who is best at a case, by what: speed, joules or money. Only equal cases are held against each other.

use std::collections::BTreeMap;

use super::{Findings, Measurement};

/// What counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Seconds of video per second; more is better.
    #[default]
    Speed,
    /// Joules for a minute of video; less is better.
    Energy,
    /// Money for an hour of video; less is better.
    Price,
}

/// A runner's latest result.
#[derive(Clone, Copy, Debug)]
pub struct Entrant<'a> {
    /// For people.
    pub name: &'a str,
    /// What was found.
    pub findings: &'a Findings,
    /// What an hour of the machine costs, in any currency.
    pub price_per_hour: Option<f64>,
}

/// A runner's place at a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed<'a> {
    /// From 1; none: what counts was not measured there.
    pub rank: Option<usize>,
    /// For people.
    pub name: &'a str,
    /// What was measured.
    pub measured: &'a Measurement,
    /// Of an hour of video.
    pub price_per_video_hour: Option<f64>,
    /// From a program that was built for development: slower than it is.
    pub is_development: bool,
}

/// The runners at one case, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<'a> {
    /// "libx264 veryfast 540p ladder".
    pub case: String,
    /// Those of which what counts is known, then the others by name.
    pub placed: Vec<Placed<'a>>,
}

/// All cases that anybody measured, by name; of one encoder, where one is named.
pub fn tables<'a>(entrants: &[Entrant<'a>], by: By, encoder: Option<&str>) -> Vec<Table<'a>> {
    let mut cases: BTreeMap<String, Vec<Placed<'a>>> = BTreeMap::new();
    for entrant in entrants {
        let wanted = |one: &&Measurement| encoder.is_none_or(|encoder| one.encoder == encoder);
        for measured in entrant.findings.measurements.iter().filter(wanted) {
            cases.entry(measured.case()).or_default().push(unranked(entrant, measured));
        }
    }
    cases.into_iter().map(|(case, placed)| Table { case, placed: ranked(placed, by) }).collect()
}

fn unranked<'a>(entrant: &Entrant<'a>, measured: &'a Measurement) -> Placed<'a> {
    Placed {
        rank: None,
        name: entrant.name,
        measured,
        price_per_video_hour: entrant.price_per_hour.map(|price| price / measured.times_real_time),
        is_development: entrant.findings.build != "release",
    }
}

fn ranked(mut placed: Vec<Placed<'_>>, by: By) -> Vec<Placed<'_>> {
    // Less is better.
    let key = |one: &Placed<'_>| match by {
        By::Speed => Some(-one.measured.times_real_time),
        By::Energy => one.measured.joules_per_minute,
        By::Price => one.price_per_video_hour,
    };
    let order = |one: &Placed<'_>| (key(one).is_none(), key(one).unwrap_or(0.0));
    placed.sort_by(|a, b| {
        let ((no_a, a_key), (no_b, b_key)) = (order(a), order(b));
        no_a.cmp(&no_b).then(a_key.total_cmp(&b_key)).then(a.name.cmp(b.name))
    });
    for (at, one) in placed.iter_mut().enumerate() {
        one.rank = key(one).map(|_| at + 1);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::findings;
    use super::*;

    fn check(by: By, expected: &[(&str, Option<usize>)]) {
        let [quick, thrifty, cheap] =
            [findings(4.0, None), findings(2.0, Some(60.0)), findings(1.0, Some(90.0))];
        let of = |name, findings, price_per_hour| Entrant { name, findings, price_per_hour };
        let entrants =
            [of("cheap", &cheap, Some(0.1)), of("quick", &quick, Some(1.0)), of("thrifty", &thrifty, None)];
        let tables = tables(&entrants, by, Some("libx264"));
        assert_eq!(tables.len(), 1);
        let found: Vec<_> = tables[0].placed.iter().map(|one| (one.name, one.rank)).collect();
        assert_eq!(found, expected, "{by:?}");
    }

    #[test]
    fn the_best_is_first_and_what_is_not_known_is_last_and_has_no_place() {
        check(By::Speed, &[("quick", Some(1)), ("thrifty", Some(2)), ("cheap", Some(3))]);
        check(By::Energy, &[("thrifty", Some(1)), ("cheap", Some(2)), ("quick", None)]);
        check(By::Price, &[("cheap", Some(1)), ("quick", Some(2)), ("thrifty", None)]);
    }

    #[test]
    fn an_hour_of_video_costs_what_the_machine_costs_meanwhile() {
        let fast = findings(4.0, None);
        let entrant = Entrant { name: "a", findings: &fast, price_per_hour: Some(1.0) };
        assert_eq!(tables(&[entrant], By::Price, None)[0].placed[0].price_per_video_hour, Some(0.25));
        assert!(tables(&[entrant], By::Price, Some("rav1e")).is_empty());
    }
}
