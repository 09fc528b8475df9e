//! The ratios as a picture: a group of bars for each case, where native is 1.

use crate::report::Report;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

/// The pixels from one row to the next.
const ROW: i32 = 22;
/// Where the bars begin, in pixels.
const LEFT: i32 = 330;
/// The pixels of a bar for a contender as fast as native.
const UNIT: f64 = 420.0;
const COLOURS: [RGBColor; 6] = [
    RGBColor(120, 120, 120),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(240, 228, 66),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
];

/// Draws `report` into `file`.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<()> {
    let rows: usize = report
        .cases
        .iter()
        .map(|case| case.contenders.len() + 2)
        .sum();
    let height = u32::try_from(rows)? * ROW.unsigned_abs() + 30;
    let area = SVGBackend::new(file, (960, height)).into_drawing_area();
    let unable =
        |error: &dyn std::fmt::Display| anyhow!("{} can't be drawn: {error}", file.display());
    area.fill(&WHITE).map_err(|error| unable(&error))?;
    let style = ("sans-serif", 14).into_font();
    let text = |text: String, x: i32, y: i32| Text::new(text, (x, y), style.clone());
    let mut y = 12;
    for measured in &report.cases {
        let title = format!("{} (calls in a time, native = 1)", measured.case.name());
        area.draw(&text(title, 8, y))
            .map_err(|error| unable(&error))?;
        y += ROW;
        for (row, colour) in measured.contenders.iter().zip(COLOURS) {
            let ratio = row.to_native.median;
            let end = LEFT + (ratio * UNIT).min(560.0) as i32;
            area.draw(&text(row.name.into(), 24, y))
                .map_err(|error| unable(&error))?;
            area.draw(&Rectangle::new([(LEFT, y), (end, y + 14)], colour.filled()))
                .map_err(|error| unable(&error))?;
            area.draw(&text(format!("{ratio:.2}"), end + 6, y))
                .map_err(|error| unable(&error))?;
            y += ROW;
        }
        y += ROW;
    }
    area.present().map_err(|error| unable(&error))
}
