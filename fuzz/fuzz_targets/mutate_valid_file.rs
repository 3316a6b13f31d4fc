//! See [`windrow_fuzz::mutate_valid_file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::mutate_valid_file::run(input);
});
