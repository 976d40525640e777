//! The chart of makespan over lower bound against the number of runners.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::report::Curve;

/// Pixels.
const SIZE: (u32, u32) = (820, 440);

/// Of the first and the second curve.
const COLOURS: [RGBColor; 2] = [RGBColor(31, 119, 180), RGBColor(214, 90, 24)];

/// Writes the chart.
///
/// # Errors
/// The file cannot be written.
pub fn draw(path: &Path, curves: &[Curve]) -> Result<()> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    paint(&root, curves).map_err(|error| anyhow!("{} cannot be drawn: {error}", path.display()))
}

fn paint<'a>(
    root: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    curves: &[Curve],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    root.fill(&WHITE)?;
    let ratios = curves.iter().flat_map(|curve| &curve.points).map(|(_, ratio)| *ratio);
    let top = ratios.fold(1.2, f64::max) * 1.02;
    let last = curves.iter().flat_map(|curve| &curve.points).map(|(runners, _)| *runners).max().unwrap_or(1);
    let mut chart = ChartBuilder::on(root)
        .caption("Makespan over the least possible, simulated", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(56)
        .y_label_area_size(56)
        .build_cartesian_2d((1_f64..last as f64).log_scale().base(2.0), 1_f64..top)?;
    chart
        .configure_mesh()
        .x_desc("runners of mixed speed")
        .y_desc("makespan / lower bound")
        .x_labels(9)
        .x_label_formatter(&|runners| format!("{runners:.0}"))
        .y_label_formatter(&|ratio| format!("{ratio:.2}"))
        .label_style(("sans-serif", 14))
        .light_line_style(WHITE)
        .draw()?;
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let points = || curve.points.iter().map(|(runners, ratio)| (*runners as f64, *ratio));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 14))
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    root.present()
}
