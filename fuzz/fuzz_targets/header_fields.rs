//! The module `header_fields`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rest_client_fuzz::header_fields::check(input));
