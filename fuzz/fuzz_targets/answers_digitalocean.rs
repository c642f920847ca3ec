#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    provider_digitalocean::properties::answers(data);
});
