//! Hexadecimal reals, such as `0x1.8p4`, which byte counts may be written in.

/// Parses what follows `0x`: digits with an optional point, then an optional `p` and a decimal
/// binary exponent.
///
/// The result is the nearest double, ties to even; far below 1, under 2^-900, it may be 0.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }

    let mut mantissa = Mantissa::default();
    for digit in whole.chars() {
        mantissa.push(digit.to_digit(16)?, 0);
    }
    for digit in fraction.chars() {
        mantissa.push(digit.to_digit(16)?, -4);
    }
    Some(mantissa.scaled(exponent))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0_i64;
    for digit in digits.chars() {
        exponent = exponent
            .saturating_mul(10)
            .saturating_add(i64::from(digit.to_digit(10)?));
    }
    Some(if negative {
        exponent.saturating_neg()
    } else {
        exponent
    })
}

/// The leading digits as an integer, to be multiplied by a power of two.
#[derive(Default)]
struct Mantissa {
    bits: u64,
    exponent: i64,
}

impl Mantissa {
    /// Appends a digit that moves the binary exponent by `shift`.
    fn push(&mut self, digit: u32, shift: i64) {
        if self.bits.leading_zeros() >= 4 {
            self.bits = self.bits.wrapping_shl(4) | u64::from(digit);
            self.exponent = self.exponent.saturating_add(shift);
        } else {
            // 61 bits or more are known. Of the rest it only matters whether it is zero: one
            // sticky bit below the 53 bits of a double is enough to round the right way.
            self.bits |= u64::from(digit != 0);
            self.exponent = self.exponent.saturating_add(shift).saturating_add(4);
        }
    }

    fn scaled(&self, exponent: i64) -> f64 {
        // Zero times an overflowed power would not be a number.
        if self.bits == 0 {
            return 0.0;
        }
        let exponent = self.exponent.saturating_add(exponent).clamp(-2000, 2000);
        let power = i32::try_from(exponent).unwrap_or_default();
        self.bits as f64 * 2_f64.powi(power)
    }
}
