//! See [`windrow_fuzz::transposed_decode`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::transposed_decode::run(input);
});
