//! The module `percent_coding`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rest_client_fuzz::percent_coding::check(input));
