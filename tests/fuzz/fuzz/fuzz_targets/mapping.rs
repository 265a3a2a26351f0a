#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (fuzz::Target::named("mapping").run)(input));
