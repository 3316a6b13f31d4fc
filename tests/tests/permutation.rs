//! Shuffled orders against `permutation.md`: its vectors, its worked orders, and a slow reference written from the page.

use windrow::Permutation;
use windrow_tests::repository;

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST_FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND_FACTOR: u64 = 0x94d0_49bb_1331_11eb;

/// The pseudo-code of the page, line by line, without a thought for speed.
mod reference {
    use super::{FIRST_FACTOR, SECOND_FACTOR, STEP};

    fn low(wide: u128) -> u64 {
        u64::try_from(wide % (1 << 64)).unwrap()
    }

    fn times(a: u64, b: u64) -> u64 {
        low(u128::from(a) * u128::from(b))
    }

    fn plus(a: u64, b: u64) -> u64 {
        low(u128::from(a) + u128::from(b))
    }

    pub fn mix(w: u64) -> u64 {
        let w = times(w ^ (w >> 30), FIRST_FACTOR);
        let w = times(w ^ (w >> 27), SECOND_FACTOR);
        w ^ (w >> 31)
    }

    pub fn absorb(state: u64, w: u64) -> u64 {
        mix(plus(state ^ w, STEP))
    }

    pub fn scramble(half: u128, key: u64) -> u64 {
        let w = times(low(half) ^ key, FIRST_FACTOR);
        times(w ^ (w >> 32), SECOND_FACTOR)
    }

    pub fn below(w: u64, bound: u128) -> u128 {
        u128::from(w) * bound / (1 << 64)
    }

    pub struct Order {
        pub len: u128,
        pub state: u64,
    }

    impl Order {
        pub fn new(len: u64, seed: u64, epoch: u64) -> Self {
            let state = absorb(absorb(absorb(1, len), seed), epoch);
            let len = u128::from(len);
            Self { len, state }
        }

        pub fn key(&self, i: u64) -> u64 {
            mix(plus(self.state, times(i + 1, STEP)))
        }

        /// The table at the beginning and after each step, with `last` and `other`.
        pub fn table_steps(&self) -> Vec<(u128, u128, Vec<u128>)> {
            let mut table: Vec<u128> = (0..self.len).collect();
            let mut steps = vec![(self.len, 0, table.clone())];
            for (i, last) in (0..).zip((1..self.len).rev()) {
                let other = below(self.key(i), last + 1);
                table.swap(
                    usize::try_from(last).unwrap(),
                    usize::try_from(other).unwrap(),
                );
                steps.push((last, other, table.clone()));
            }
            steps
        }

        pub fn column_bits(&self) -> u32 {
            (0..).find(|bits| 1_u128 << bits >= self.len).unwrap() / 2
        }

        pub fn columns(&self) -> u128 {
            1 << self.column_bits()
        }

        fn rows(&self) -> u128 {
            self.len.div_ceil(self.columns())
        }

        pub fn double_rounds(&self) -> u64 {
            (2 + 20_u64.div_ceil(self.column_bits().into())).max(4)
        }

        /// Row and column at the beginning and after each double round.
        pub fn pass_steps(&self, cell: u128) -> Vec<(u128, u128)> {
            let (rows, columns) = (self.rows(), self.columns());
            let (mut row, mut column) = (cell / columns, cell % columns);
            let mut steps = vec![(row, column)];
            for d in 0..self.double_rounds() {
                row = (row + below(scramble(column, self.key(2 * d)), rows)) % rows;
                column = (column + below(scramble(row, self.key(2 * d + 1)), columns)) % columns;
                steps.push((row, column));
            }
            steps
        }

        pub fn pass(&self, cell: u128) -> u128 {
            let (row, column) = *self.pass_steps(cell).last().unwrap();
            row * self.columns() + column
        }

        pub fn get(&self, index: u64) -> u64 {
            let index = u128::from(index);
            assert!(index < self.len);
            if self.len <= 16 {
                let (_, _, table) = self.table_steps().pop().unwrap();
                return low(table[usize::try_from(index).unwrap()]);
            }
            let mut cell = self.pass(index);
            while cell >= self.len {
                cell = self.pass(cell);
            }
            low(cell)
        }
    }
}

use reference::{Order, absorb, below, scramble};

fn page() -> String {
    repository::read_text("format-spec/permutation.md")
}

/// The cells of the rows below the header that begins so.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let from = page.find(header).unwrap_or_else(|| panic!("{header}"));
    let rows = page[from..].lines().skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .collect()
}

fn hex(word: u64) -> String {
    format!("{word:#018x}")
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(", ")
}

/// What a row of the vectors says, by some implementation.
fn vector_row(len: u64, seed: u64, epoch: u64, get: impl Fn(u64) -> u64) -> Vec<String> {
    let digest = (0..len.min(1000)).map(&get).fold(0, absorb);
    vec![
        len.to_string(),
        seed.to_string(),
        epoch.to_string(),
        list((0..len.min(4)).map(&get)),
        list(len.checked_sub(1).map(&get)),
        hex(digest),
    ]
}

#[test]
fn each_vector_is_met() {
    let page = page();
    let rows = table(&page, "| len | seed | epoch | first |");
    assert!(rows.len() >= 30, "{}", rows.len());
    for row in rows {
        let [len, seed, epoch] = [0, 1, 2].map(|column: usize| row[column].parse().unwrap());
        let order = Permutation::new(len, seed, epoch);
        let code = vector_row(len, seed, epoch, |index| order.get(index).unwrap());
        assert_eq!(code, row, "code");
        let reference = Order::new(len, seed, epoch);
        let slow = vector_row(len, seed, epoch, |index| reference.get(index));
        assert_eq!(slow, row, "reference");
    }
}

/// The vectors are in no other place, so that one that is changed or lost would not be seen: this sees it.
#[test]
fn no_vector_has_changed() {
    let words = table(&page(), "| len | seed | epoch | first |")
        .concat()
        .concat();
    assert_eq!(
        windrow::format::hash(words.as_bytes()),
        0x094f_7c7d_1293_f206
    );
}

#[test]
fn the_code_agrees_with_the_reference() {
    let edges =
        (1..64).flat_map(|bits| [-1, 0, 1].map(|more| (1_u64 << bits).wrapping_add_signed(more)));
    let lens = (0..=200).chain(edges).chain([u64::MAX - 1, u64::MAX]);
    for (number, len) in (0..).zip(lens) {
        let (seed, epoch) = (absorb(1, number), absorb(2, number) >> (number % 64));
        let code = Permutation::new(len, seed, epoch);
        let reference = Order::new(len, seed, epoch);
        let spread = (0..20).map(|place| len / 20 * place);
        let ends = (0..20).flat_map(|place| [place, len.saturating_sub(place + 1)]);
        for index in spread.chain(ends).filter(|index| *index < len) {
            let value = reference.get(index);
            assert_eq!(code.get(index), Some(value), "{code:?}, {index}");
            assert_eq!(code.index_of(value), Some(index), "{code:?}, {index}");
        }
        assert_eq!((code.get(len), code.index_of(len)), (None, None));
    }
}

#[test]
fn the_worked_table_is_right() {
    let page = page();
    let order = Order::new(5, 7, 3);
    assert!(page.contains(&format!("`state` is {}.", hex(order.state))));
    let steps = order.table_steps().into_iter().skip(1);
    let rows: Vec<Vec<String>> = (0..)
        .zip(steps)
        .map(|(i, (last, other, table))| {
            vec![
                last.to_string(),
                hex(order.key(i)),
                other.to_string(),
                list(table),
            ]
        })
        .collect();
    assert_eq!(table(&page, "| last | key | other | table |"), rows);
}

#[test]
fn the_worked_network_is_right() {
    let page = page();
    let order = Order::new(1000, 42, 0);
    let states = [
        format!("{} after `len`", hex(absorb(1, 1000))),
        format!("{} after `seed`", hex(absorb(absorb(1, 1000), 42))),
        format!("{} after `epoch`", hex(order.state)),
    ];
    let first = scramble(0, order.key(0));
    let second = scramble(below(first, 32), order.key(1));
    let steps = [
        format!("`scramble(0, {})` is {}", hex(order.key(0)), hex(first)),
        format!("`scramble(2, {})` is {}", hex(order.key(1)), hex(second)),
    ];
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in states.iter().chain(&steps) {
        assert!(flat.contains(words), "{words}");
    }
    assert_eq!(
        (order.pass(0), order.pass(124), order.pass(1016)),
        (844, 1016, 945)
    );
    let passes = [0, 124, 1016].map(|cell| order.pass_steps(cell));
    let mut rows = Vec::new();
    for step in 0..passes[0].len() {
        let d = step.checked_sub(1).map(|d| u64::try_from(d).unwrap());
        let mut row = vec![
            list(d),
            list(d.map(|d| hex(order.key(2 * d)))),
            list(d.map(|d| hex(order.key(2 * d + 1)))),
        ];
        row.extend(
            passes
                .iter()
                .map(|steps| list([steps[step].0, steps[step].1])),
        );
        rows.push(row);
    }
    assert_eq!(table(&page, "| d | key(2d) | key(2d + 1) |"), rows);
}

#[test]
fn the_table_of_rounds_is_right() {
    let mut next = 17_u64;
    for row in table(&page(), "| `len` | `column_bits` | `double_rounds` |") {
        let (first, end) = row[0].split_once(" .. ").unwrap();
        assert_eq!(first.parse(), Ok(next));
        let last = if end == "2^64" {
            u64::MAX
        } else {
            end.parse::<u64>().unwrap() - 1
        };
        let lens = [next, next.midpoint(last), last].map(|len| Order::new(len, 0, 0));
        for order in &lens {
            assert_eq!(order.double_rounds().to_string(), row[2], "{}", order.len);
        }
        let bits = row[1]
            .split([',', ' '])
            .filter_map(|word| word.parse().ok());
        let bits: Vec<u32> = bits.collect();
        assert_eq!(bits.first(), Some(&lens[0].column_bits()));
        assert_eq!(bits.last(), Some(&lens[2].column_bits()));
        next = last.wrapping_add(1);
    }
    assert_eq!(next, 0);
}

#[test]
fn the_constants_are_those_of_the_page() {
    let page = page();
    for (name, value) in [
        ("STEP", STEP),
        ("FIRST_FACTOR", FIRST_FACTOR),
        ("SECOND_FACTOR", SECOND_FACTOR),
    ] {
        let line = format!("{name:<13} = {}", hex(value));
        assert!(page.lines().any(|found| found == line), "{line}");
    }
}
