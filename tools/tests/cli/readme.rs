//! The commands that the README shows.

use crate::scratch::Scratch;

const README: &str = include_str!("../../../README.md");

#[test]
fn the_commands_of_the_readme_run() {
    let scratch = Scratch::new();
    let rows: String = (0..5000).map(|n| format!("{n},row {n}\n")).collect();
    std::fs::write(scratch.path("rows.csv"), format!("number,text\n{rows}")).unwrap();
    let mut commands = 0;
    for line in README
        .lines()
        .filter_map(|line| line.strip_prefix("windrow "))
    {
        let words = line.split(" #").next().unwrap_or_default();
        let ran = scratch.ok(&words.split_whitespace().collect::<Vec<_>>());
        if words.starts_with("cat") {
            let expected: String = (1000..1010).map(|n| format!("{n},row {n}\n")).collect();
            assert_eq!(ran.text(), expected);
        }
        commands += 1;
    }
    assert_eq!(commands, 4);
}
