//! See [`windrow_fuzz::round_trip`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::round_trip::run(input);
});
