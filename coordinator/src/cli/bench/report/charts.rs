//! Bars with their names and figures beside them: nothing is said by colour alone, and a screen reader gets the caption and
//! the table below. Drawn with plotters into text; the page holds the drawing itself.

use plotters::data::float::FloatPrettyPrinter;
use plotters::prelude::*;

/// Pixels.
const WIDTH: u32 = 760;
const ROW_HEIGHT: u32 = 34;
const AXIS_HEIGHT: u32 = 64;
/// For names.
const NAMES_WIDTH: u32 = 190;
/// Characters of a name that fit beside a bar.
const NAME_CHARS: usize = 24;

/// Dark enough on white for everybody, and printed as grey.
const BAR: RGBColor = RGBColor(38, 84, 124);

/// A chart of bars.
#[derive(Debug)]
pub struct Chart<'a> {
    /// What it shows, in one sentence.
    pub caption: &'a str,
    /// Unit of the axis.
    pub axis: &'a str,
    /// Between the whole and the fraction of the numbers along it.
    pub decimal: &'a str,
    /// Name, value, and how the value is written; the first is drawn on top.
    pub bars: Vec<(String, f64, String)>,
}

impl Chart<'_> {
    /// As SVG; none where there is nothing to draw.
    pub fn svg(&self) -> Option<String> {
        let longest = self.bars.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
        if longest <= 0.0 {
            return None;
        }
        let mut text = String::new();
        let rows = u32::try_from(self.bars.len()).unwrap_or(u32::MAX);
        let height = ROW_HEIGHT.saturating_mul(rows).saturating_add(AXIS_HEIGHT);
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        // Writing into memory does not fail.
        self.draw(&root, longest).ok()?;
        drop(root);
        let label = super::escaped(self.caption);
        Some(text.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1))
    }

    fn draw<'a>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
        longest: f64,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        root.fill(&WHITE)?;
        let along = |value: &f64| self.number(*value);
        let rows = self.bars.len() as f64;
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(NAMES_WIDTH)
            // Room for the figure behind the longest bar.
            .build_cartesian_2d(0.0..longest * 1.2, 0.0..rows)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(6)
            .x_label_formatter(&along)
            .x_desc(self.axis)
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.15))
            .label_style(("sans-serif", 14))
            .draw()?;
        let style = ("sans-serif", 15).into_font().color(&BLACK);
        for (at, (name, value, written)) in self.bars.iter().enumerate() {
            let middle = rows - at as f64 - 0.5;
            let bar = Rectangle::new([(0.0, middle - 0.32), (*value, middle + 0.32)], BAR.filled());
            chart.draw_series([bar])?;
            let (x, y) = chart.backend_coord(&(*value, middle));
            root.draw(&Text::new(written.clone(), (x + 6, y - 8), style.clone()))?;
            root.draw(&Text::new(shortened(name), (8, y - 8), style.clone()))?;
        }
        root.present()
    }

    /// As the drawing library writes it, with the language's own sign.
    fn number(&self, value: f64) -> String {
        let printer = FloatPrettyPrinter { allow_scientific: false, min_decimal: 1, max_decimal: 5 };
        printer.print(value).replace('.', self.decimal)
    }
}

fn shortened(name: &str) -> String {
    match name.chars().count() > NAME_CHARS {
        true => name.chars().take(NAME_CHARS - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_figures_are_written_and_markup_stays_text() {
        let bars = vec![
            ("<script>".to_owned(), 2.0, "2,00".to_owned()),
            ("a very long name of a very fast machine".to_owned(), 1.0, "1,00".to_owned()),
        ];
        let chart = Chart { caption: "what \"it\" shows", axis: "seconds", decimal: ",", bars };
        let svg = chart.svg().unwrap();
        assert!(svg.starts_with("<svg role=\"img\" aria-label=\"what &quot;it&quot; shows\" "), "{svg}");
        assert!(svg.contains("2,00") && svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains("a very long name of a v…"), "{svg}");
        let bars = vec![("a".into(), 0.0, "0".into())];
        let empty = Chart { caption: "nothing", axis: "", decimal: ".", bars };
        assert_eq!(empty.svg(), None);
    }

    #[test]
    fn the_numbers_along_the_axis_are_those_of_the_language() {
        let chart = |decimal| Chart {
            caption: "",
            axis: "",
            decimal,
            bars: vec![("a".to_owned(), 1.3, String::new())],
        };
        for (decimal, own, other) in [(".", "\n0.5\n", "0,5"), (",", "\n0,5\n", "0.5\n")] {
            let svg = chart(decimal).svg().unwrap();
            assert!(svg.contains(own) && !svg.contains(other), "{svg}");
        }
    }
}
