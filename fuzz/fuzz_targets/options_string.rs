//! See [`windrow_fuzz::options_string`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::options_string::run(input);
});
