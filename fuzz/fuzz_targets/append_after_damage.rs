//! See [`windrow_fuzz::append_after_damage`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    windrow_fuzz::append_after_damage::run(input);
});
