//! The module `plugin_border`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rest_client_fuzz::plugin_border::check(input));
