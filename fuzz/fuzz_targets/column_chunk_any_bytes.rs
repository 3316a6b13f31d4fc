//! See [`windrow_fuzz::column_chunk_any_bytes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::column_chunk_any_bytes::run(input);
});
