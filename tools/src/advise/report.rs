//! The table of `advise`, in words and in JSON.

use std::path::Path;

use serde::Serialize;

use super::{Advice, Outcome};
use crate::convert::Format;
use crate::error::{CliError, printable};
use crate::output::{Stdout, count, grouped, size};

/// One line of `--json`.
#[derive(Debug, Serialize)]
pub struct AdviceLine<'a> {
    kind: &'static str,
    path: String,
    access: super::Access,
    records: u64,
    record_bytes: u64,
    training_seconds: Option<f64>,
    recommended: Option<&'a str>,
    recommended_groups: Option<&'a str>,
    outcomes: Vec<OutcomeLine<'a>>,
}

#[derive(Debug, Serialize)]
struct OutcomeLine<'a> {
    options: &'a str,
    layout: &'static str,
    size: f64,
    write_bytes_per_second: f64,
    in_order_per_second: f64,
    single_us: f64,
    batch_per_second: f64,
}

pub fn line<'a>(path: &Path, advice: &'a Advice) -> AdviceLine<'a> {
    let options = |outcome: Option<&'a Outcome>| outcome.map(|outcome| outcome.options.as_str());
    let outcomes = advice.outcomes.iter().map(|outcome| OutcomeLine {
        options: &outcome.options,
        layout: outcome.layout.name(),
        size: outcome.size,
        write_bytes_per_second: outcome.write_bytes_per_second,
        in_order_per_second: outcome.in_order_per_second,
        single_us: outcome.single_us,
        batch_per_second: outcome.batch_per_second,
    });
    AdviceLine {
        kind: "advice",
        path: path.display().to_string(),
        access: advice.access,
        records: advice.records,
        record_bytes: advice.record_bytes,
        training_seconds: advice.training_seconds,
        recommended: options(advice.recommended()),
        recommended_groups: options(advice.recommended_groups()),
        outcomes: outcomes.collect(),
    }
}

pub fn print(
    path: &Path,
    format: Format,
    advice: &Advice,
    out: &mut Stdout,
) -> Result<(), CliError> {
    out.line(&printable(&format!(
        "{}: tried with {} of {} on average",
        path.display(),
        count(advice.records, "record"),
        size(advice.record_bytes / advice.records.max(1))
    )))?;
    out.line(&format!(
        "  {:<37}{:>7}{:>11}{:>13}{:>11}{:>13}",
        "options", "size", "write", "in order", "single", "batches"
    ))?;
    out.line(&format!(
        "  {:<37}{:>7}{:>11}{:>13}{:>11}{:>13}",
        "", "%", "MiB/s", "records/s", "us/record", "records/s"
    ))?;
    for outcome in &advice.outcomes {
        let is_recommended = advice.recommended() == Some(outcome);
        out.line(&format!(
            "{} {:<37}{:>7.1}{:>11}{:>13}{:>11.1}{:>13}",
            if is_recommended { "*" } else { " " },
            outcome.options,
            outcome.size * 100.0,
            grouped(outcome.write_bytes_per_second / 1_048_576.0),
            grouped(outcome.in_order_per_second),
            outcome.single_us,
            grouped(outcome.batch_per_second),
        ))?;
    }
    if let Some(seconds) = advice.training_seconds {
        out.line(&format!(
            "A dictionary takes {seconds:.1} s more to train, once for a file."
        ))?;
    }
    let (Some(best), groups) = (advice.recommended(), advice.recommended_groups()) else {
        return Ok(());
    };
    let access = match advice.access {
        super::Access::Both => "random and sequential",
        access => access.name(),
    };
    out.line(&format!("For {access} access: {}", best.options))?;
    out.line(&command(path, format, best))?;
    if let Some(groups) = groups.filter(|groups| *groups != best) {
        out.line(&format!(
            "If array_record has to read it: {}",
            groups.options
        ))?;
        out.line(&command(path, format, groups))?;
    }
    Ok(())
}

/// The command that writes a file so.
fn command(path: &Path, format: Format, outcome: &Outcome) -> String {
    let (verb, layout) = match format {
        Format::ArrayRecord if outcome.layout == windrow::Layout::Groups => {
            ("rechunk", "--layout groups ")
        }
        Format::ArrayRecord => ("rechunk", ""),
        _ => ("convert", ""),
    };
    printable(&format!(
        "  windrow {verb} {layout}--options {} {} OUT.array_record",
        outcome.options,
        path.display()
    ))
}
