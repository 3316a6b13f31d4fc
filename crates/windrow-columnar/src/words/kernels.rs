//! Packing words of few bits: FastLanes blocks of 1,024 values, with the width known only at run time.
#![allow(
    unsafe_code,
    reason = "the library's kernels for such widths trust the lengths of what they are given; its safe ones are compiled \
              again for each of 120 widths, which takes minutes"
)]

use bytemuck::Pod;
use fastlanes::{BitPacking, FL_ORDER, FoR};

/// Values in a block.
pub const BLOCK_VALUES: usize = 1024;

/// Bytes of a block of this width.
pub(crate) const fn block_bytes(width: u8) -> usize {
    width as usize * (BLOCK_VALUES / 8)
}

/// An unsigned word that values are stored in.
pub(crate) trait Lane:
    Pod + Ord + Eq + Default + std::fmt::Debug + Send + Sync + 'static
{
    const BITS: u32;
    const BYTES: usize = size_of::<Self>();
    /// The bit that tells negative numbers.
    const SIGN: Self;

    fn from_u64(value: u64) -> Self;
    fn to_u64(self) -> u64;
    fn wrapping_add(self, other: Self) -> Self;
    fn wrapping_sub(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Without its lowest `bits`.
    fn above(self, bits: u8) -> Self;
    /// Bits that it takes.
    fn width(self) -> u8;

    /// Appends a block, each value less `reference`, in words of `width` bits.
    fn pack(values: &[Self; BLOCK_VALUES], reference: Self, width: u8, out: &mut Vec<u8>);
    /// Fills `out` from the packed words of a block: `1024 * width / BITS` of them.
    fn unpack(packed: &[Self], reference: Self, width: u8, out: &mut [Self; BLOCK_VALUES]);
}

/// One value of a block.
#[inline]
pub(crate) fn unpack_one<T: Lane>(packed: &[T], reference: T, width: u8, index: usize) -> T {
    if width == 0 {
        return reference;
    }
    let lanes = BLOCK_VALUES / T::BITS as usize;
    let lane = index % lanes;
    let row = FL_ORDER[(index % 128 - lane) / 16] * 8 + index / 128;
    let bit = row * usize::from(width);
    let word = bit / T::BITS as usize * lanes + lane;
    let shift = bit % T::BITS as usize;
    let mut value = packed[word].to_u64() >> shift;
    let taken = T::BITS as usize - shift;
    if taken < usize::from(width) {
        value |= packed[word + lanes].to_u64() << taken;
    }
    T::from_u64(value & (u64::MAX >> (64 - width))).wrapping_add(reference)
}

macro_rules! lane {
    ($T:ty) => {
        impl Lane for $T {
            const BITS: u32 = <$T>::BITS;
            const SIGN: Self = 1 << (<$T>::BITS - 1);

            #[allow(
                clippy::cast_possible_truncation,
                reason = "the lower bytes are what is wanted"
            )]
            #[inline(always)]
            fn from_u64(value: u64) -> Self {
                value as $T
            }

            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                <$T>::wrapping_add(self, other)
            }

            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self {
                <$T>::wrapping_sub(self, other)
            }

            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }

            #[inline(always)]
            fn above(self, bits: u8) -> Self {
                self >> bits
            }

            #[allow(clippy::cast_possible_truncation, reason = "at most 64")]
            #[inline(always)]
            fn width(self) -> u8 {
                (<$T>::BITS - self.leading_zeros()) as u8
            }

            fn pack(values: &[Self; BLOCK_VALUES], reference: Self, width: u8, out: &mut Vec<u8>) {
                let above: [Self; BLOCK_VALUES] =
                    std::array::from_fn(|index| values[index].wrapping_sub(reference));
                let mut packed = [0; BLOCK_VALUES];
                let packed = &mut packed[..block_bytes(width) / Self::BYTES];
                assert!(u32::from(width) <= Self::BITS);
                // SAFETY: both have the lengths that the kernel wants: 1,024 values, and as many words as `width` bits
                // of each take; the width is at most that of a word.
                unsafe { <Self as BitPacking>::unchecked_pack(usize::from(width), &above, packed) };
                out.extend_from_slice(bytemuck::cast_slice(packed));
            }

            fn unpack(packed: &[Self], reference: Self, width: u8, out: &mut [Self; BLOCK_VALUES]) {
                let packed = &packed[..block_bytes(width) / Self::BYTES];
                assert!(u32::from(width) <= Self::BITS);
                // SAFETY: as for packing.
                unsafe {
                    <Self as FoR>::unchecked_unfor_pack(usize::from(width), packed, reference, out)
                };
            }
        }
    };
}

lane!(u8);
lane!(u16);
lane!(u32);
lane!(u64);

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Lane>() {
        for width in 0..=T::BITS {
            let width = u8::try_from(width).unwrap();
            let mut state = u64::from(width) + 1;
            let mask = if width == 0 {
                0
            } else {
                u64::MAX >> (64 - width)
            };
            let reference = T::from_u64(0x1234_5678_9abc_def1);
            let values: [T; BLOCK_VALUES] = std::array::from_fn(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                T::from_u64((state >> 7) & mask).wrapping_add(reference)
            });
            let mut bytes = Vec::new();
            T::pack(&values, reference, width, &mut bytes);
            assert_eq!(bytes.len(), block_bytes(width));
            let packed: Vec<T> = bytemuck::pod_collect_to_vec(&bytes);
            let mut out = [T::default(); BLOCK_VALUES];
            T::unpack(&packed, reference, width, &mut out);
            assert_eq!(out, values);
            for index in [0, 1, 127, 128, 1000, 1023] {
                assert_eq!(unpack_one(&packed, reference, width, index), values[index]);
            }
            // The order that the specification tells.
            let lanes = BLOCK_VALUES / T::BITS as usize;
            for index in [0, 1, 15, 16, 127, 128, 777, 1023] {
                let lane = index % lanes;
                let row = [0, 4, 2, 6, 1, 5, 3, 7][(index % 128 - lane) / 16] * 8 + index / 128;
                let bit = row * usize::from(width);
                let value = (0..usize::from(width)).fold(0, |value, next| {
                    let bit = bit + next;
                    let word = packed[bit / T::BITS as usize * lanes + lane].to_u64();
                    value | ((word >> (bit % T::BITS as usize)) & 1) << next
                });
                assert_eq!(T::from_u64(value).wrapping_add(reference), values[index]);
            }
        }
    }

    #[test]
    fn blocks_round_trip_in_the_specified_order() {
        round_trip::<u8>();
        round_trip::<u16>();
        round_trip::<u32>();
        round_trip::<u64>();
    }
}
