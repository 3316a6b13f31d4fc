//! Tables of what is expected, as text: a line per row, cells between bars.

use std::fmt::Write;

/// A table; the first row is the head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Its rows, the head among them, all of one length.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads the lines that begin with a bar; others are words for people.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let cells = |line: &str| {
            let line = line.trim_matches('|');
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let rows = text
            .lines()
            .filter(|line| line.starts_with('|') && !line.starts_with("| ---"));
        Self {
            rows: rows.map(cells).collect(),
        }
    }

    /// The text form.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
            }
        }
        text
    }

    /// The rows that are in one table and not in the other, with a sign in front.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let missing = |sign, one: &Self, other: &Self| -> Vec<String> {
            let lost = one.rows.iter().filter(|row| !other.rows.contains(row));
            lost.map(|row| format!("{sign} {}", row.join(" | ")))
                .collect()
        };
        let mut lines = missing('-', self, found);
        lines.extend(missing('+', found, self));
        if lines.is_empty() && self != found {
            lines.push("the rows are in another order, or twice".to_owned());
        }
        lines
    }
}
