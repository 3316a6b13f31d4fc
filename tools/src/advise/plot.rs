//! The table of `advise` as a picture.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle, WHITE};

use super::{Advice, Outcome};
use crate::output::grouped;

/// Told apart by all eyes, and in grey.
const RECOMMENDED: RGBColor = RGBColor(0, 114, 178);
const GROUPS: RGBColor = RGBColor(230, 159, 0);
const OTHERS: RGBColor = RGBColor(170, 170, 170);
const INK: RGBColor = RGBColor(40, 40, 40);

const LABELS_WIDTH: i32 = 250;
const COLUMN_WIDTH: i32 = 170;
/// Of the longest bar of a column; the rest is for its number.
const BAR_WIDTH: f64 = 95.0;
const TOP: i32 = 76;
const ROW_HEIGHT: i32 = 20;
const BOTTOM: i32 = 40;

struct Column {
    title: &'static str,
    unit: &'static str,
    value: fn(&Outcome) -> f64,
}

const COLUMNS: [Column; 5] = [
    Column {
        title: "size",
        unit: "% of the records; less is better",
        value: |outcome| outcome.size * 100.0,
    },
    Column {
        title: "write",
        unit: "MiB/s",
        value: |outcome| outcome.write_bytes_per_second / 1_048_576.0,
    },
    Column {
        title: "read in order",
        unit: "records/s",
        value: |outcome| outcome.in_order_per_second,
    },
    Column {
        title: "single random reads",
        unit: "records/s",
        value: |outcome| 1e6 / outcome.single_us,
    },
    Column {
        title: "shuffled batches",
        unit: "records/s",
        value: |outcome| outcome.batch_per_second,
    },
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Draws all outcomes side by side, as an SVG picture: a row of bars for each, the recommended ones in colour.
#[must_use]
pub fn plot(advice: &Advice) -> String {
    let rows = i32::try_from(advice.outcomes.len()).unwrap_or(i32::MAX / ROW_HEIGHT / 2);
    let columns = i32::try_from(COLUMNS.len()).unwrap_or_default();
    let width = LABELS_WIDTH + columns * COLUMN_WIDTH;
    let height = TOP + rows * ROW_HEIGHT + BOTTOM;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (width.unsigned_abs(), height.unsigned_abs()))
        .into_drawing_area();
    // Into a string, nothing can fail.
    let drawn = draw(&area, advice, height);
    debug_assert!(drawn.is_ok(), "{drawn:?}");
    drop(area);
    svg
}

fn draw(area: &Area<'_>, advice: &Advice, height: i32) -> Drawn {
    area.fill(&WHITE)?;
    let mean = advice.record_bytes / advice.records.max(1);
    let title = format!("{} records of {mean} bytes on average", advice.records);
    write(area, title, (12, 20), 20, HPos::Left)?;
    let mut left = LABELS_WIDTH;
    for Column { title, unit, value } in &COLUMNS {
        write(area, (*title).to_owned(), (left, 48), 17, HPos::Left)?;
        write(area, (*unit).to_owned(), (left, 64), 13, HPos::Left)?;
        let most = advice.outcomes.iter().map(value).fold(0.0, f64::max);
        let mut top = TOP;
        for outcome in &advice.outcomes {
            let right = left + bar(value(outcome), most);
            let (upper, lower) = (top + 3, top + ROW_HEIGHT - 3);
            let style = colour(advice, outcome).filled();
            area.draw(&Rectangle::new([(left, upper), (right, lower)], style))?;
            let middle = top + ROW_HEIGHT / 2;
            write(
                area,
                grouped(value(outcome)),
                (right + 5, middle),
                14,
                HPos::Left,
            )?;
            top += ROW_HEIGHT;
        }
        left += COLUMN_WIDTH;
    }
    let mut middle = TOP + ROW_HEIGHT / 2;
    for outcome in &advice.outcomes {
        write(
            area,
            outcome.options.clone(),
            (LABELS_WIDTH - 10, middle),
            15,
            HPos::Right,
        )?;
        middle += ROW_HEIGHT;
    }
    legend(area, advice, height - 18)?;
    area.present()
}

fn legend(area: &Area<'_>, advice: &Advice, middle: i32) -> Drawn {
    let recommended = format!("recommended for access: {}", advice.access.name());
    let groups = "recommended if array_record has to read it".to_owned();
    for (left, colour, text) in [
        (LABELS_WIDTH, RECOMMENDED, recommended),
        (LABELS_WIDTH + 300, GROUPS, groups),
    ] {
        let corners = [(left, middle - 6), (left + 12, middle + 6)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        write(area, text, (left + 18, middle), 15, HPos::Left)?;
    }
    Ok(())
}

fn write(area: &Area<'_>, text: String, place: (i32, i32), size: i32, from: HPos) -> Drawn {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&INK)
        .pos(Pos::new(from, VPos::Center));
    area.draw(&Text::new(text, place, style))
}

fn colour(advice: &Advice, outcome: &Outcome) -> RGBColor {
    if advice.recommended() == Some(outcome) {
        RECOMMENDED
    } else if advice.recommended_groups() == Some(outcome) {
        GROUPS
    } else {
        OTHERS
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "between 1 and the width of a bar"
)]
fn bar(value: f64, most: f64) -> i32 {
    (value / most.max(1e-9) * BAR_WIDTH).clamp(1.0, BAR_WIDTH) as i32
}
