//! Which of some outcomes suits an access pattern.

use windrow::Layout;

use super::{Access, Outcome};

/// Number of the outcome that suits best, among those of some layouts: that of the least size, where being read four
/// times as fast is worth twice the size.
///
/// Size counts most, for it is paid for in storage, in transfers and in the cache of pages; and no limit that a speed has
/// to reach makes the answer depend on a bit of noise.
pub fn best(outcomes: &[Outcome], access: Access, layouts: &[Layout]) -> Option<usize> {
    let all = outcomes.iter().enumerate();
    let allowed = all.filter(|(_, outcome)| layouts.contains(&outcome.layout));
    let cost = |outcome: &Outcome| outcome.size / speed(outcome, access).sqrt();
    let best = allowed.min_by(|(_, one), (_, other)| cost(one).total_cmp(&cost(other)));
    best.map(|(number, _)| number)
}

/// Records a second: the geometric mean of the kinds of reads that count.
fn speed(outcome: &Outcome, access: Access) -> f64 {
    let in_order = outcome.in_order_per_second;
    let at_random = (1e6 / outcome.single_us * outcome.batch_per_second).sqrt();
    match access {
        Access::Random => at_random,
        Access::Sequential => in_order,
        Access::Both => (at_random * in_order).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(layout: Layout, size: f64, in_order: f64, single_us: f64) -> Outcome {
        Outcome {
            options: String::new(),
            layout,
            size,
            write_bytes_per_second: 1e6,
            in_order_per_second: in_order,
            single_us,
            batch_per_second: 1e6 / single_us,
        }
    }

    #[test]
    fn small_and_fast() {
        let (groups, pages) = (Layout::Groups, Layout::Pages);
        let outcomes = [
            outcome(groups, 1.03, 9e6, 1.5),
            outcome(groups, 0.48, 0.4e6, 4.0),
            outcome(groups, 0.25, 0.9e6, 900.0),
            outcome(groups, 0.24, 0.3e6, 800.0),
            outcome(pages, 0.30, 0.7e6, 4.0),
            outcome(pages, 0.29, 0.7e6, 7.0),
        ];
        let both = [groups, pages];
        let best = |access, layouts: &[Layout]| best(&outcomes, access, layouts).unwrap();
        assert_eq!(best(Access::Random, &both), 4);
        assert_eq!(best(Access::Sequential, &both), 2);
        assert_eq!(best(Access::Both, &both), 4);
        assert_eq!(best(Access::Random, &[groups]), 1);
        assert_eq!(super::best(&[], Access::Both, &both), None);
    }

    #[test]
    fn what_does_not_get_smaller_is_to_be_fast() {
        let outcomes = [
            outcome(Layout::Groups, 0.98, 0.5e6, 5.0),
            outcome(Layout::Groups, 1.00, 1e6, 2.0),
        ];
        assert_eq!(best(&outcomes, Access::Both, &[Layout::Groups]), Some(1));
    }
}
