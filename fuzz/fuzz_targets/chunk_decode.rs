//! See [`windrow_fuzz::chunk_decode`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::chunk_decode::run(input);
});
