//! Leads per day as a picture: SVG in the page, so that nothing has to be loaded and the style sheet colours it.

use plotters::{
    backend::{DrawingBackend, SVGBackend},
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::Rectangle,
    style::{BLACK, Color, RGBColor, ShapeStyle},
};

use crate::stats::DayView;

const SIZE: (u32, u32) = (960, 240);

/// Colours by which the parts of a bar are told apart in what the crate draws, before the style sheet takes over.
const PARTS: [(RGBColor, &str); 3] =
    [(RGBColor(1, 1, 1), "done"), (RGBColor(2, 2, 2), "other"), (RGBColor(3, 3, 3), "attention")];

/// A bar for each day: what is done, what waits or was left out, and what needs a person.
///
/// # Errors
/// When the picture cannot be drawn.
pub(super) fn leads_per_day(days: &[DayView]) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(SVGBackend::with_string(&mut svg, SIZE), days).map_err(|error| anyhow::anyhow!("no chart: {error}"))?;
    for (RGBColor(r, g, b), class) in PARTS {
        svg = svg.replace(&format!("fill=\"#{r:02X}{g:02X}{b:02X}\""), &format!("class=\"{class}\""));
    }
    let opening = format!(r#"<svg width="{}" height="{}""#, SIZE.0, SIZE.1);
    Ok(svg.replacen(&opening, r#"<svg class="chart" aria-hidden="true""#, 1))
}

fn draw<B: DrawingBackend>(backend: B, days: &[DayView]) -> Result<(), Box<dyn std::error::Error + '_>>
where
    B::ErrorType: 'static,
{
    let most = days.iter().map(|day| day.received).max().unwrap_or_default().max(5);
    let count = u32::try_from(days.len())?;
    let area = backend.into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(40)
        .build_cartesian_2d(0..count, 0..most)
        .map_err(|error| error.to_string())?;
    let date = |index: &u32| days.get(*index as usize).map(|day| day.date[5..].to_owned()).unwrap_or_default();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(ShapeStyle { color: BLACK.mix(0.0), filled: false, stroke_width: 0 })
        .x_labels(10)
        .x_label_formatter(&date)
        .y_labels(5)
        .draw()
        .map_err(|error| error.to_string())?;
    for (index, day) in (0..).zip(days) {
        let attention = day.parked + day.review;
        let other = day.received.saturating_sub(day.done + attention);
        let mut bottom = 0;
        for ((colour, _), height) in PARTS.into_iter().zip([day.done, other, attention]) {
            let bar = Rectangle::new([(index, bottom), (index + 1, bottom + height)], colour.filled());
            if height > 0 {
                chart.draw_series([bar]).map_err(|error| error.to_string())?;
            }
            bottom += height;
        }
    }
    area.present().map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, received: u64, done: u64, parked: u64) -> DayView {
        DayView { date: date.to_owned(), received, done, parked, review: 0, skipped: 0 }
    }

    #[test]
    fn each_part_of_a_day_is_drawn_and_has_a_class() {
        let svg = leads_per_day(&[day("2026-11-22", 3, 3, 0), day("2026-11-23", 6, 3, 2)]).unwrap();
        assert_eq!(svg.matches(r#"class="done""#).count(), 2, "{svg}");
        assert_eq!(svg.matches(r#"class="other""#).count(), 1);
        assert_eq!(svg.matches(r#"class="attention""#).count(), 1);
        assert!(svg.starts_with(r#"<svg class="chart""#) && svg.contains("11-23"));
    }

    #[test]
    fn what_the_policy_forbids_is_not_drawn() {
        let svg = leads_per_day(&[day("2026-11-23", 1, 1, 0)]).unwrap();
        assert!(!svg.contains("style=") && !svg.contains("<style") && !svg.contains("<script"), "{svg}");
    }

    #[test]
    fn no_leads_are_a_picture_too() {
        assert!(leads_per_day(&[day("2026-11-23", 0, 0, 0)]).is_ok());
    }
}
