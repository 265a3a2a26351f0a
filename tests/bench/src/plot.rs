//! The figures as a picture: how much of what was aimed at each of them uses.

use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::{PathElement, Rectangle, Text},
    style::{BLACK, Color, IntoFont, RGBColor, WHITE},
};

use crate::report::Line;

const WIDTH: u32 = 1000;
const ROW: u32 = 26;
/// Bars end here: what is further off is off.
const MOST: f64 = 2.0;
const MET: RGBColor = RGBColor(46, 125, 50);
const MISSED: RGBColor = RGBColor(198, 40, 40);

/// A bar for each line; the goal is the line at 1.
///
/// # Errors
/// When it cannot be drawn.
pub(crate) fn svg(lines: &[Line]) -> anyhow::Result<String> {
    let mut svg = String::new();
    let rows = i32::try_from(lines.len())?;
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, ROW * (lines.len() as u32 + 3))).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("share of the goal (1 is the goal)", ("sans-serif", 16))
            .x_label_area_size(ROW)
            .y_label_area_size(460)
            .margin_right(20)
            .build_cartesian_2d(0.0..MOST, 0..rows)?;
        chart.configure_mesh().disable_y_axis().disable_mesh().draw()?;
        let style = ("sans-serif", 13).into_font();
        for (line, row) in lines.iter().zip((0..rows).rev()) {
            let color = if line.is_met() { MET } else { MISSED };
            let bar = Rectangle::new([(0.0, row), (line.share().min(MOST), row + 1)], color.mix(0.7).filled());
            chart.draw_series([bar])?;
            let (_, top) = chart.backend_coord(&(0.0, row + 1));
            area.draw(&Text::new(line.what.replace('`', ""), (8, top + 7), style.clone()))?;
        }
        chart.draw_series([PathElement::new([(1.0, 0), (1.0, rows)], BLACK.stroke_width(2))])?;
        area.present()?;
    }
    Ok(svg)
}
