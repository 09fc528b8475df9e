//! The module `redirect`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rest_client_fuzz::redirect::check(input));
