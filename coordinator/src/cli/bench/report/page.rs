//! The page itself. Everything that runners named goes through [`escaped`].

use std::fmt::Write;

use super::charts::Chart;
use super::escaped;
use super::words::Words;
use crate::domain::Timestamp;
use crate::domain::benchmark::ranking::{self, By, Entrant, Placed, Table};
use crate::jobs::BenchmarkView;

/// Plain, wide enough to read, the same on paper; contrast does not depend on colour.
const STYLE: &str = "body{font:16px/1.5 sans-serif;color:#111;background:#fff;max-width:60rem;margin:1.5rem auto;\
padding:0 1rem}table{border-collapse:collapse;margin:1rem 0;width:100%}caption{text-align:left;font-weight:bold;\
padding:.3rem 0}th,td{border:1px solid #777;padding:.3rem .5rem;text-align:right;vertical-align:top}\
th[scope=row],th.t,td.t{text-align:left}thead th{border-bottom:3px solid #111}figure{margin:1rem 0;overflow-x:auto}\
figcaption{font-weight:bold}svg{max-width:100%;height:auto}.skip{position:absolute;left:-99rem}.skip:focus{left:1rem}\
@media print{body{max-width:none}figure,table{break-inside:avoid}}";

/// What a report is made of.
pub struct Page<'a> {
    /// In one language.
    pub words: &'a Words,
    /// The newest of each runner.
    pub results: &'a [&'a BenchmarkView],
    /// The same, with prices.
    pub entrants: Vec<Entrant<'a>>,
    /// Of the prices.
    pub currency: &'a str,
    /// When it is made.
    pub now: Timestamp,
}

impl Page<'_> {
    /// All of it.
    pub fn html(&self) -> String {
        let words = self.words;
        let (lang, title) = (words.lang, escaped(words.title));
        let made_at = escaped(&words.say(words.made_at, &utc(self.now)));
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#figures\">{}</a>\n<h1>{title}</h1>\n<p>{made_at}</p>\n",
            escaped(words.skip)
        );
        self.runners(&mut html);
        html.push_str("<main id=\"figures\">\n");
        self.speed(&mut html);
        self.energy(&mut html);
        self.price(&mut html);
        html.push_str("</main>\n");
        self.reading(&mut html);
        html.push_str("</body>\n</html>\n");
        html
    }

    fn runners(&self, html: &mut String) {
        let words = self.words;
        let mut table = Rows::new(words.runners_caption);
        table.header(&[
            words.runner,
            words.machine,
            words.processors,
            words.memory,
            words.slots,
            words.measured_at,
            words.kind,
        ]);
        for result in self.results {
            let (findings, host) = (&result.findings, &result.findings.host);
            let kind = if findings.quick { words.quick } else { words.whole };
            let build = (findings.build != "release").then_some(words.development);
            let kind = [kind].into_iter().chain(build).collect::<Vec<_>>().join("; ");
            table.row(
                &result.runner,
                &[
                    Cell::Text(&host.description),
                    Cell::Figure(&host.cpu_count.to_string()),
                    Cell::Figure(&words.figure(host.memory_bytes as f64 / f64::from(1 << 30), 1)),
                    Cell::Figure(&host.slots.to_string()),
                    Cell::Text(&utc(result.measured_at)),
                    Cell::Text(&kind),
                ],
            );
        }
        heading(html, words.runners_heading);
        html.push_str(&table.end());
    }

    fn speed(&self, html: &mut String) {
        let words = self.words;
        heading(html, words.speed_heading);
        for ranked in ranking::tables(&self.entrants, By::Speed, None) {
            let value = |one: &Placed<'_>| Some(one.measured.times_real_time);
            self.chart(html, &ranked, (words.speed_chart, words.speed_axis), 2, value);
            self.figures(html, &ranked);
        }
    }

    fn energy(&self, html: &mut String) {
        let words = self.words;
        heading(html, words.energy_heading);
        let mut drawn = false;
        for ranked in ranking::tables(&self.entrants, By::Energy, None) {
            let value = |one: &Placed<'_>| one.measured.joules_per_minute;
            drawn |= self.chart(html, &ranked, (words.energy_chart, words.energy_axis), 0, value);
        }
        if !drawn {
            let _ = writeln!(html, "<p>{}</p>", escaped(words.energy_missing));
        }
    }

    /// Only where prices were given.
    fn price(&self, html: &mut String) {
        if self.entrants.iter().all(|entrant| entrant.price_per_hour.is_none()) {
            return;
        }
        let words = self.words;
        heading(html, words.price_heading);
        let axis = words.say(words.price_axis, self.currency);
        for ranked in ranking::tables(&self.entrants, By::Price, None) {
            let value = |one: &Placed<'_>| one.price_per_video_hour;
            self.chart(html, &ranked, (words.price_chart, &axis), 4, value);
        }
    }

    /// True: there was something to draw.
    fn chart(
        &self,
        html: &mut String,
        ranked: &Table<'_>,
        (caption, axis): (&str, &str),
        digits: usize,
        value: impl Fn(&Placed<'_>) -> Option<f64>,
    ) -> bool {
        let words = self.words;
        let caption = words.say(caption, &ranked.case);
        let bar = |one: &Placed<'_>| {
            let value = value(one)?;
            Some((one.name.to_owned(), value, words.figure(value, digits)))
        };
        let bars = ranked.placed.iter().filter_map(bar).collect();
        let chart = Chart { caption: &caption, axis, decimal: words.decimal, bars };
        let Some(svg) = chart.svg() else { return false };
        let _ = writeln!(html, "<figure>\n<figcaption>{}</figcaption>\n{svg}</figure>", escaped(&caption));
        true
    }

    fn figures(&self, html: &mut String, ranked: &Table<'_>) {
        let words = self.words;
        let mut table = Rows::new(&words.say(words.case_caption, &ranked.case));
        let price = words.say(words.price, self.currency);
        let mut header = vec![
            words.runner,
            words.rank,
            words.real_time,
            words.frames,
            words.spread,
            words.cpu,
            words.ssim,
            words.joules,
        ];
        let has_price = ranked.placed.iter().any(|one| one.price_per_video_hour.is_some());
        if has_price {
            header.push(&price);
        }
        let has_vmaf = ranked.placed.iter().any(|one| one.measured.vmaf.is_some());
        if has_vmaf {
            header.push("VMAF");
        }
        table.header(&header);
        for one in &ranked.placed {
            let measured = one.measured;
            let spread = measured.spread_percent.map(|percent| words.figure(percent, 1));
            let mut values = vec![
                one.rank.map_or_else(|| words.not_known.to_owned(), |rank| rank.to_string()),
                words.figure(measured.times_real_time, 2),
                words.figure(measured.frames_per_second, 1),
                spread.unwrap_or_else(|| words.one_run.to_owned()),
                words.figure(measured.cpu_seconds_per_minute, 1),
                words.maybe(measured.ssim, 4),
                words.maybe(measured.joules_per_minute, 0),
            ];
            if has_price {
                values.push(words.maybe(one.price_per_video_hour, 4));
            }
            if has_vmaf {
                values.push(words.maybe(measured.vmaf, 2));
            }
            let cells: Vec<_> = values.iter().map(|value| Cell::Figure(value)).collect();
            table.row(one.name, &cells);
        }
        html.push_str(&table.end());
    }

    fn reading(&self, html: &mut String) {
        heading(html, self.words.reading_heading);
        html.push_str("<ul>\n");
        for line in self.words.reading {
            let _ = writeln!(html, "<li>{}</li>", escaped(line));
        }
        html.push_str("</ul>\n");
    }
}

fn heading(html: &mut String, text: &str) {
    let _ = writeln!(html, "<h2>{}</h2>", escaped(text));
}

/// "2026-11-28 09:10 UTC".
fn utc(at: Timestamp) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(u64::try_from(at.0).unwrap_or(0));
    let text = humantime::format_rfc3339_seconds(time).to_string();
    format!(
        "{} UTC",
        text.replace('T', " ").trim_end_matches('Z').rsplit_once(':').map_or("", |(text, _)| text)
    )
}

enum Cell<'a> {
    Text(&'a str),
    Figure(&'a str),
}

/// A table whose first column names its rows.
struct Rows(String);

impl Rows {
    fn new(caption: &str) -> Self {
        Self(format!("<table>\n<caption>{}</caption>\n", escaped(caption)))
    }

    fn header(&mut self, names: &[&str]) {
        self.0.push_str("<thead><tr>");
        for name in names {
            let _ = write!(self.0, "<th scope=\"col\" class=\"t\">{}</th>", escaped(name));
        }
        self.0.push_str("</tr></thead>\n<tbody>\n");
    }

    fn row(&mut self, name: &str, cells: &[Cell<'_>]) {
        let _ = write!(self.0, "<tr><th scope=\"row\">{}</th>", escaped(name));
        for cell in cells {
            let _ = match cell {
                Cell::Text(text) => write!(self.0, "<td class=\"t\">{}</td>", escaped(text)),
                Cell::Figure(text) => write!(self.0, "<td>{}</td>", escaped(text)),
            };
        }
        self.0.push_str("</tr>\n");
    }

    fn end(self) -> String {
        self.0 + "</tbody>\n</table>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::Language;
    use crate::domain::benchmark::fixtures::findings;

    fn result(runner: &str, times_real_time: f64, joules: Option<f64>) -> BenchmarkView {
        BenchmarkView {
            id: format!("result-of-{runner}"),
            runner: runner.to_owned(),
            runner_id: runner.to_owned(),
            measured_at: Timestamp(1_795_856_400_000),
            findings: findings(times_real_time, joules),
        }
    }

    fn html(language: Language, results: &[BenchmarkView], price_per_hour: Option<f64>) -> String {
        let results: Vec<_> = results.iter().collect();
        let entrants = results
            .iter()
            .map(|result| Entrant { name: &result.runner, findings: &result.findings, price_per_hour })
            .collect();
        let (words, currency) = (Words::of(language), "EUR");
        Page { words, results: &results, entrants, currency, now: Timestamp(1_795_856_460_000) }.html()
    }

    #[test]
    fn a_page_needs_nothing_but_itself_and_every_chart_has_its_table() {
        let results = [result("<b>", 2.0, Some(90.0)), result("small & old", 1.0, None)];
        for (language, lang, figure) in [(Language::En, "en", "2.00"), (Language::Fr, "fr", "2,00")] {
            let page = html(language, &results, Some(0.5));
            assert!(page.contains(&format!("<html lang=\"{lang}\">")));
            assert!(page.contains(figure), "{lang}");
            for outside in ["<script", "<link", "<img", "src=", "url(", "@import", "<b>"] {
                assert!(!page.contains(outside), "{lang}: {outside}");
            }
            let hrefs = page.matches("href=").count();
            assert_eq!(hrefs, page.matches("href=\"#").count(), "{lang}: nothing is fetched");
            assert!(page.contains("&lt;b&gt;") && page.contains("small &amp; old"));
            // Speed, energy and price; the machines and the figures of the one case.
            assert_eq!((page.matches("<svg ").count(), page.matches("<table>").count()), (3, 2), "{lang}");
            assert_eq!(page.matches("<svg role=\"img\" aria-label=").count(), 3, "{lang}");
            assert!(!page.contains("{}"), "{lang}: a phrase lacks its value");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let page = html(Language::En, &[result("a", 1.0, None)], None);
        assert!(page.contains("No runner could measure energy."));
        assert!(page.contains("<td>not known</td>") && page.contains("<td>one run</td>"));
        assert!(!page.contains("EUR"));
    }

    #[test]
    fn times_are_told_in_one_zone() {
        assert_eq!(utc(Timestamp(1_795_856_460_000)), "2026-11-28 09:01 UTC");
    }
}
