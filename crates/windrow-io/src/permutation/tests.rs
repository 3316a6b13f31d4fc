//! Orders are permutations, and look like drawn ones. The vectors are tested across crates.
//!
//! Statistical tests fail a true shuffle once in a million, by the distribution of what they measure; seeds are fixed.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Of the normal distribution, one in a million lies above.
const ONE_SIDED: f64 = 4.753;
/// One in a million lies above this or below its negative.
const TWO_SIDED: f64 = 4.892;

const LENS: [u64; 11] = [2, 3, 4, 5, 7, 8, 16, 17, 100, 1000, 1_000_000];

fn number(value: u64) -> f64 {
    value as f64
}

/// How far an unevenly filled row of cells is off, in standard deviations (Wilson and Hilferty), if all are as likely.
fn unevenness(cells: impl IntoIterator<Item = u64>) -> f64 {
    let cells: Vec<f64> = cells.into_iter().map(number).collect();
    let freedom = number(cells.len() as u64 - 1);
    let expected = cells.iter().sum::<f64>() / (freedom + 1.0);
    assert!(expected >= 5.0, "too few draws");
    let squares = cells.iter().map(|count| (count - expected).powi(2));
    let chi_square = squares.sum::<f64>() / expected;
    let variance = 2.0 / (9.0 * freedom);
    ((chi_square / freedom).cbrt() - (1.0 - variance)) / variance.sqrt()
}

/// Half the draws over consecutive seeds, half over consecutive epochs.
fn orders(len: u64, count: u64) -> impl Iterator<Item = Permutation> {
    let seeds = (0..count / 2).map(move |seed| Permutation::new(len, seed, 0));
    let epochs = (0..count / 2).map(move |epoch| Permutation::new(len, 1 << 40, epoch));
    seeds.chain(epochs)
}

/// How strongly two rows that each hold `0..len` go together, in standard deviations.
fn correlation(len: u64, pairs: impl Iterator<Item = (u64, u64)>) -> f64 {
    let middle = number(len - 1) / 2.0;
    let products = pairs.map(|(a, b)| (number(a) - middle) * (number(b) - middle));
    let mean = products.sum::<f64>() / number(len);
    let variance = (number(len).powi(2) - 1.0) / 12.0;
    mean / variance * number(len).sqrt()
}

#[test]
fn each_order_holds_each_number_once_and_is_inverted() {
    let edges = (9..=16).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
    for len in (0..=520).chain(edges).chain(LENS) {
        let order = Permutation::new(len, len ^ 5, 3);
        let mut seen = vec![false; usize::try_from(len).unwrap()];
        for index in 0..len {
            let value = order.get(index).unwrap();
            let seen = &mut seen[usize::try_from(value).unwrap()];
            assert!(!*seen, "{len}: {value} comes twice");
            *seen = true;
            assert_eq!(order.index_of(value), Some(index), "{len}");
        }
        assert_eq!((order.get(len), order.index_of(len)), (None, None));
    }
}

#[test]
fn nothing_lies_behind_the_end() {
    for len in [0, 1, 16, 17, u64::MAX - 1, u64::MAX] {
        let order = Permutation::new(len, 0, 0);
        assert_eq!(order.get(u64::MAX), None);
        assert_eq!(order.index_of(u64::MAX), None);
        assert_eq!(order.get(len), None);
    }
    assert_eq!(Permutation::new(1, 9, 9).get(0), Some(0));
}

proptest! {
    #[test]
    fn places_of_long_orders_are_inverted(
        len in prop_oneof![any::<u64>(), (0..64_u32, 0..3_u64).prop_map(|(bits, more)| (1 << bits) - 1 + more)],
        seed: u64,
        epoch: u64,
        index: u64,
    ) {
        let order = Permutation::new(len, seed, epoch);
        let index = index % len.max(1);
        match order.get(index) {
            Some(value) => {
                prop_assert!(value < len);
                prop_assert_eq!(order.index_of(value), Some(index));
            }
            None => prop_assert_eq!(len, 0),
        }
        if let Some(place) = order.index_of(index) {
            prop_assert_eq!(order.get(place), Some(index));
        }
    }
}

#[test]
fn each_number_is_as_likely_at_each_place() {
    for len in LENS {
        let cells = len.min(1000);
        for value in [0, len / 2, len - 1] {
            let (mut places, mut values) = (HashMap::new(), HashMap::new());
            for order in orders(len, 40 * cells.max(250)) {
                let place = order.index_of(value).unwrap();
                *places.entry(place * cells / len).or_insert(0) += 1;
                let at_place = order.get(value).unwrap();
                *values.entry(at_place * cells / len).or_insert(0) += 1;
            }
            for counts in [places, values] {
                let cells = (0..cells).map(|cell| counts.get(&cell).copied().unwrap_or(0));
                let off = unevenness(cells);
                assert!(off < ONE_SIDED, "{len}, {value}: {off}");
            }
        }
    }
}

#[test]
fn all_orders_of_few_numbers_are_as_likely() {
    for (len, possible) in [(2, 2), (3, 6), (4, 24), (5, 120), (6, 720), (7, 5040)] {
        let mut counts = HashMap::new();
        for order in orders(len, 20 * possible.max(500)) {
            *counts.entry(order.iter().collect::<Vec<_>>()).or_insert(0) += 1;
        }
        assert_eq!(counts.len() as u64, possible, "{len}");
        let off = unevenness(counts.into_values());
        assert!(off < ONE_SIDED, "{len}: {off}");
    }
}

/// Where a network is smallest, the values of two places must not know of each other.
#[test]
fn all_values_of_two_places_are_as_likely() {
    for len in [16, 17, 20, 31, 32, 33] {
        let columns = Network::new(len.max(17), 0).column_mask() + 1;
        for (first, second) in [(0, 1), (0, columns), (1, columns + 2), (len - 2, len - 1)] {
            let mut counts = HashMap::new();
            for order in orders(len, 200 * len * len) {
                let values = (order.get(first).unwrap(), order.get(second).unwrap());
                *counts.entry(values).or_insert(0) += 1;
            }
            assert_eq!(counts.len() as u64, len * (len - 1), "{len}");
            let off = unevenness(counts.into_values());
            assert!(off < ONE_SIDED, "{len}, {first}, {second}: {off}");
        }
    }
}

#[test]
fn even_and_odd_orders_are_as_likely() {
    for len in [16, 17, 31, 32, 64, 100, 256, 1000, 4096] {
        let is_odd = |order: Permutation| {
            let mut seen = vec![false; usize::try_from(len).unwrap()];
            let mut cycles = 0;
            for start in 0..len {
                let mut index = start;
                while !std::mem::replace(&mut seen[usize::try_from(index).unwrap()], true) {
                    index = order.get(index).unwrap();
                    cycles += u64::from(index == start);
                }
            }
            (len - cycles) % 2 == 1
        };
        let draws = 1000;
        let odd = orders(len, draws).filter(|order| is_odd(*order)).count() as u64;
        let off = (2.0 * number(odd) - number(draws)) / number(draws).sqrt();
        assert!(off.abs() < TWO_SIDED, "{len}: {odd} of {draws}");
    }
}

/// Places that lie close, or in one column or row of the network, against values that do.
#[test]
fn neighbours_are_not_kept_together() {
    for (len, draws) in [(17, 20_000), (100, 10_000), (1000, 2000), (1_000_000, 2)] {
        let columns = Network::new(len, 0).column_mask() + 1;
        for lag in [1, 2, columns - 1, columns, columns + 1] {
            for distance in [1, columns] {
                let mut met = 0;
                for order in orders(len, draws) {
                    let pairs = order.iter().zip(order.iter_from(lag));
                    met += pairs.filter(|(a, b)| a.abs_diff(*b) == distance).count() as u64;
                }
                // Of len * (len - 1) pairs of values, 2 * (len - distance) have that distance.
                let pairs = number((len - lag) * draws);
                let chance = 2.0 * number(len - distance) / (number(len) * number(len - 1));
                let off = (number(met) - pairs * chance) / (pairs * chance).sqrt();
                assert!(off.abs() < TWO_SIDED, "{len}, {lag}, {distance}: {met}");
            }
        }
    }
}

/// The statistic in which too few rounds show first: two places of one column whose values are as many rows apart.
#[test]
fn rows_of_a_column_are_not_turned_alike() {
    for (len, draws) in [(64, 40_000), (1024, 10_000), (65_536, 100), (1 << 20, 100)] {
        let network = Network::new(len, 0);
        let (rows, columns) = (network.rows, network.column_mask() + 1);
        assert_eq!(rows * columns, len);
        let mut met = 0;
        let mut turns = vec![0; usize::try_from(rows).unwrap()];
        for order in orders(len, draws) {
            for column in 0..columns {
                turns.fill(0);
                for row in 0..rows {
                    let value = order.get(row * columns + column).unwrap();
                    let turn = (value / columns + rows - row) % rows;
                    turns[usize::try_from(turn).unwrap()] += 1;
                }
                met += turns
                    .iter()
                    .map(|count| count * (count - 1) / 2)
                    .sum::<i64>();
            }
        }
        // Of the len - 1 values of the second place, `columns` lie in the row that is as far.
        let pairs = number(columns * (rows * (rows - 1) / 2) * draws);
        let expected = pairs * number(columns) / number(len - 1);
        let off = (number(met.unsigned_abs()) - expected) / expected.sqrt();
        assert!(off.abs() < TWO_SIDED, "{len}: {met}, {expected}");
    }
}

#[test]
fn values_do_not_follow_from_values_before() {
    for len in [1000, 65_536, 1_000_000] {
        let order = Permutation::new(len, 11, 0);
        let columns = Network::new(len, 0).column_mask() + 1;
        for lag in [1, 2, 3, columns, columns + 1, len / 2] {
            let later = order.iter_from(lag).chain(order.iter()); // round about
            let off = correlation(len, order.iter().zip(later));
            assert!(off.abs() < TWO_SIDED, "{len}, {lag}: {off}");
        }
        let off = correlation(len, (0..).zip(order.iter()));
        assert!(off.abs() < TWO_SIDED, "{len}: {off}");
    }
}

/// Orders with neighbouring seeds, epochs and lengths, against each other.
#[test]
fn orders_do_not_follow_from_other_orders() {
    let len = 100_000;
    let base = Permutation::new(len, 42, 7);
    let mut others: Vec<Permutation> = (0..64).map(|bit| base.with_epoch(7 ^ (1 << bit))).collect();
    others.extend((0..64).map(|bit| Permutation::new(len, 42 ^ (1 << bit), 7)));
    others.extend((8..40).map(|epoch| base.with_epoch(epoch)));
    others.extend([len - 1, len + 1].map(|len| Permutation::new(len, 42, 7)));
    others.push(Permutation::new(len, 7, 42));
    let mut same_values = 0;
    for other in &others {
        let off = correlation(len, base.iter().zip(other.iter()));
        assert!(off.abs() < TWO_SIDED, "{other:?}: {off}");
        let mut cells = vec![0; 32 * 32];
        for (a, b) in base.iter().zip(other.iter()) {
            cells[usize::try_from(a * 32 / len * 32 + (b * 32 / len).min(31)).unwrap()] += 1;
            same_values += u64::from(a == b);
        }
        let off = unevenness(cells);
        assert!(off < ONE_SIDED, "{other:?}: {off}");
    }
    // Two orders agree at one place on average, with a variance of one.
    let pairs = number(others.len() as u64);
    let off = (number(same_values) - pairs) / pairs.sqrt();
    assert!(off.abs() < TWO_SIDED, "{same_values}");
}

#[test]
fn no_two_seeds_and_epochs_share_an_order() {
    for len in [1 << 40, 1 << 62] {
        let small = 0..64;
        let numbers = || small.clone().chain([STEP, STEP.wrapping_neg(), u64::MAX]);
        let mut seen = HashMap::new();
        for (seed, epoch) in numbers().flat_map(|seed| numbers().map(move |epoch| (seed, epoch))) {
            let order = Permutation::new(len, seed, epoch);
            let start: Vec<u64> = order.iter().take(3).collect();
            let other = seen.insert(start, order);
            assert_eq!(other, None, "{order:?}");
        }
    }
}

#[test]
fn values_of_the_longest_orders_are_spread() {
    for len in [1 << 40, (1 << 63) + 1, u64::MAX / 4 * 3, u64::MAX] {
        let order = Permutation::new(len, 1, 2);
        let columns = Network::new(len, 0).column_mask() + 1;
        for step in [1, columns, columns + 1, len / 1_000_000] {
            let mut cells = vec![0; 256];
            let mut differences = vec![0; 256];
            let mut before = order.get(len - 1).unwrap();
            for value in (0..200_000).map(|number| order.get(number * step).unwrap()) {
                let cell = |value: u64| usize::try_from(u128::from(value) * 256 / u128::from(len));
                cells[cell(value).unwrap()] += 1;
                let difference = (u128::from(value) + u128::from(len - before)) % u128::from(len);
                differences[cell(u64::try_from(difference).unwrap()).unwrap()] += 1;
                before = value;
            }
            for cells in [cells, differences] {
                let off = unevenness(cells);
                assert!(off < ONE_SIDED, "{len}, {step}: {off}");
            }
        }
    }
}

#[test]
fn iterators_agree_with_places() {
    for len in [0, 1, 5, 16, 17, 100] {
        let order = Permutation::new(len, 3, 1);
        let values: Vec<u64> = (0..len).filter_map(|index| order.get(index)).collect();
        assert_eq!(values.len() as u64, len);
        assert_eq!(order.iter().collect::<Vec<_>>(), values);
        assert_eq!((&order).into_iter().rev().collect::<Vec<_>>(), {
            let mut backward = values.clone();
            backward.reverse();
            backward
        });
        for start in 0..values.len() {
            let iter = order.iter_from(start as u64);
            assert_eq!(
                (iter.len(), iter.index()),
                (values.len() - start, start as u64)
            );
            assert_eq!(iter.clone().collect::<Vec<_>>(), values[start..]);
            for skip in 0..values.len() + 2 {
                let (mut ahead, mut plain) = (iter.clone(), values[start..].iter().copied());
                assert_eq!(ahead.nth(skip), plain.nth(skip));
                assert_eq!(ahead.nth_back(skip / 2), plain.nth_back(skip / 2));
                assert_eq!(ahead.len(), plain.len());
                assert!(ahead.eq(plain));
            }
        }
    }
}

#[test]
fn iterators_end_where_orders_end() {
    let order = Permutation::new(u64::MAX, 3, 1);
    let mut iter = order.iter_from(u64::MAX - 2);
    assert_eq!(iter.next(), order.get(u64::MAX - 2));
    assert_eq!(iter.nth(usize::MAX), None);
    assert_eq!((iter.next(), iter.next_back(), iter.len()), (None, None, 0));
    let mut iter = Permutation::new(20, 0, 0).iter_from(u64::MAX);
    assert_eq!((iter.next(), iter.index(), iter.len()), (None, 20, 0));
    let mut iter = order.iter();
    assert_eq!(iter.nth_back(usize::MAX), None);
    assert_eq!(iter.len(), 0);
}

#[test]
fn an_order_says_what_it_is() {
    let order = Permutation::new(1000, 42, 7);
    assert_eq!((order.len(), order.seed(), order.epoch()), (1000, 42, 7));
    assert!(!order.is_empty() && Permutation::new(0, 1, 2).is_empty());
    assert_eq!(order.with_epoch(8), Permutation::new(1000, 42, 8));
    assert_ne!(order.with_epoch(8), order);
    let text = "Permutation { len: 1000, seed: 42, epoch: 7, .. }";
    assert_eq!(format!("{order:?}"), text);
}
