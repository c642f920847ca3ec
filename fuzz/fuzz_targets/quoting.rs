#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vps_docker_core::properties::quoting(data);
});
