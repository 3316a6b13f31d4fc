//! See [`windrow_fuzz::pages_decode`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::pages_decode::run(input);
});
