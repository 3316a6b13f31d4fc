//! See [`windrow_fuzz::open_any_bytes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::open_any_bytes::run(input);
});
