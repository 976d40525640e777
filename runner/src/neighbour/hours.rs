//! Stretches of the week, as people write them: `22:00-07:00`, `sat,sun 00:00-24:00`, `mon-fri 18:30-08:00`. A stretch
//! that ends before it begins ends on the next day; its days are those on which it begins.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDateTime, Timelike, Weekday};
use serde::Deserialize;

const DAY_MINUTES: u32 = 24 * 60;

/// One stretch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hours {
    /// By days from Monday: it begins on this day.
    days: [bool; 7],
    /// Minute of the day.
    start: u32,
    /// Minute of the day, 24:00 included; not after `start`: of the next day.
    end: u32,
    /// As it was written.
    text: String,
}

/// What was written is no stretch of the week.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a stretch of hours; write 22:00-07:00, or sat,sun 00:00-24:00, or mon-fri 18:00-08:00")]
pub struct NotHours(String);

impl Hours {
    /// Whether a local time lies within.
    pub fn contain(&self, local: NaiveDateTime) -> bool {
        let today = local.weekday().num_days_from_monday() as usize;
        let (begins_today, began_yesterday) = (self.days[today], self.days[(today + 6) % 7]);
        let minute = local.hour() * 60 + local.minute();
        match self.start < self.end {
            true => begins_today && (self.start..self.end).contains(&minute),
            false => (begins_today && minute >= self.start) || (began_yesterday && minute < self.end),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Hours {
    type Error = NotHours;

    fn try_from(text: String) -> Result<Self, NotHours> {
        text.parse()
    }
}

impl FromStr for Hours {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        parse(text.trim()).ok_or_else(|| NotHours(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Hours> {
    let (names, stretch) = text.rsplit_once(' ').unwrap_or(("mon-sun", text));
    let mut days = [false; 7];
    for name in names.split(',') {
        let (first, last) = name.split_once('-').unwrap_or((name, name));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        days[day.num_days_from_monday() as usize] = true;
        while day != last {
            day = day.succ();
            days[day.num_days_from_monday() as usize] = true;
        }
    }
    let (start, end) = stretch.split_once('-')?;
    let (start, end) = (minute(start)?, minute(end)?);
    (start < DAY_MINUTES && start != end).then(|| Hours { days, start, end, text: text.to_owned() })
}

fn weekday(name: &str) -> Option<Weekday> {
    name.trim().parse().ok()
}

/// `07:30`, at most `24:00`.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u32>().ok()).flatten();
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the week of Monday, 2 November 2026.
    fn check(hours: &str, inside: &[&str], outside: &[&str]) {
        let hours: Hours = hours.parse().unwrap();
        let contain = |time: &&str| {
            hours
                .contain(NaiveDateTime::parse_from_str(&format!("2026-11-{time}"), "%Y-%m-%d %H:%M").unwrap())
        };
        assert_eq!(inside.iter().filter(|time| !contain(time)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(outside.iter().filter(|time| contain(time)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn nights_belong_to_the_day_on_which_they_begin() {
        check("09:00-17:30", &["02 09:00", "08 17:29"], &["02 08:59", "02 17:30"]);
        check("22:00-07:00", &["02 22:00", "03 06:59", "02 00:00"], &["02 07:00", "02 21:59"]);
        check("fri 22:00-07:00", &["06 23:00", "07 06:00"], &["06 06:00", "07 22:30", "05 23:00"]);
        check("sun 22:00-07:00", &["08 22:00", "02 01:00"], &["03 01:00"]);
        check("sat,sun 00:00-24:00", &["07 00:00", "08 23:59"], &["06 23:59", "09 00:00"]);
        check("sat-mon,wed 12:00-13:00", &["07 12:00", "02 12:59", "04 12:00"], &["03 12:00", "06 12:30"]);
    }

    #[test]
    fn what_is_no_stretch_is_refused() {
        for text in
            ["", "22-7", "24:00-01:00", "07:00-07:00", "7:00-08:00", "08:60-09:00", "someday 08:00-09:00"]
        {
            assert!(text.parse::<Hours>().is_err(), "{text:?}");
        }
    }
}
