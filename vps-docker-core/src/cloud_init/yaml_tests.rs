//! PyYAML, the parser in cloud-init, must read back exactly what was meant.
//!
//! Needs a Python with PyYAML (Debian: `python3-yaml`). Without one the tests fail and say so;
//! `VPS_DOCKER_SKIP_PYYAML=1` is the way to go without.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bootstrap::tests::{PUBLIC, builder, key};
use super::properties::{self, PyYaml, content};
use super::{CloudConfig, WriteFile};
use crate::model::HostName;
use crate::model::fields::input;

/// What PyYAML makes of a document; `None` when there is no PyYAML and that is accepted.
fn read_back(config: &CloudConfig) -> Option<Value> {
    is_wanted().then(|| properties::read_back(config).expect("it is here"))
}

/// Fails where there is no PyYAML and nobody has said that this is well.
fn is_wanted() -> bool {
    static HERE: LazyLock<bool> = LazyLock::new(PyYaml::is_here);
    let skip = std::env::var_os("VPS_DOCKER_SKIP_PYYAML").is_some_and(|v| v == "1");
    assert!(
        *HERE || skip,
        "no python3 with PyYAML: install python3-yaml, or set VPS_DOCKER_SKIP_PYYAML=1"
    );
    *HERE
}

fn empty() -> CloudConfig {
    CloudConfig::new(HostName::new("web1").expect("a host name"), key())
}

#[test]
fn the_whole_document_reads_back() {
    // Every one of these is something else to a YAML 1.1 reader when it stands unquoted.
    for name in [
        "web1",
        "yes",
        "on",
        "0x1f",
        "1e3",
        "2024-01-01",
        "null",
        "017",
    ] {
        let key = format!("{PUBLIC} yes: it's \"#1\" größe");
        let mut config = builder()
            .authorized_key(key.parse().expect("a public key"))
            .build()
            .expect("good");
        config.hostname = HostName::new(name).expect("a host name");
        let Some(read) = read_back(&config) else {
            return;
        };
        let private = read["ssh_keys"]["ed25519_private"].as_str().expect("text");
        assert_eq!(
            crate::keys::KeyPair::from_openssh(private)
                .expect("a key")
                .public(),
            config.ssh_keys.public()
        );
        assert!(private.ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(
            read["ssh_keys"]["ed25519_public"],
            config.ssh_keys.public().openssh()
        );
        assert_eq!(read["hostname"], name);
        assert_eq!(read["ssh_authorized_keys"], json!([PUBLIC, key]));
        assert_eq!(read["users"], json!([{"name": "root"}]));
        assert_eq!(read["locale"], "false");
        assert_eq!(read["chpasswd"], json!({"expire": false}));
        for (setting, meant) in [
            ("preserve_hostname", false),
            ("ssh_deletekeys", true),
            ("ssh_pwauth", false),
            ("disable_root", false),
            ("package_update", false),
            ("package_upgrade", false),
        ] {
            assert_eq!(read[setting], meant, "{setting}");
        }
        assert_eq!(read["ssh_genkeytypes"], json!(["ed25519"]));
        assert_eq!(read["bootcmd"], json!(config.bootcmd));
        assert_eq!(read["runcmd"], json!(config.runcmd));
        let files = read["write_files"].as_array().expect("a list");
        let script = files
            .iter()
            .find(|file| file["path"] == "/etc/vps-docker/bootstrap.sh")
            .expect("the script");
        assert_eq!(script["permissions"], "0700");
        let content = script["content"].as_str().expect("plain text");
        assert!(content.starts_with("#!/bin/sh\n"));
    }
}

/// Strings that have hurt YAML writers, and random ones made of what hurts.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "~",
        "null",
        "Null",
        "=",
        "<<",
        "-",
        "--- ",
        "...",
        "? a",
        "- a",
        "12:30",
        "1:60",
        "190:20:30.15",
        "2024-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "0x1f",
        "0o17",
        "017",
        "0b1",
        "1_000",
        "1e3",
        ".5",
        ".inf",
        "-.INF",
        ".nan",
        "+1",
        "a: b",
        "a:",
        ": a",
        "a #b",
        "#a",
        "[a",
        "{a",
        "a]",
        "&a",
        "*a",
        "!a",
        "!!int 1",
        "|",
        ">",
        "%YAML 1.1",
        "@a",
        "`a",
        "'",
        "''",
        "\"",
        "\\",
        "\\u2028",
        "\\ud800",
        "\\x",
        "{{ a }}",
        "${a}",
        "\t",
        " a",
        "a ",
        "a\n",
        "\na",
        "\n\n",
        " \n a\n  b\n",
        "a\r\nb",
        "\r",
        "a\tb",
        "\u{feff}",
        "\u{feff}a",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{2029}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10ffff}",
        "\0",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{9f}",
    ]);
    let known = known.prop_map(str::to_owned).boxed();
    let pieces = prop::collection::vec(
        prop_oneof![known.clone(), any::<char>().prop_map(String::from)],
        0..12,
    )
    .prop_map(|pieces| pieces.concat());
    let long = (pieces.clone(), 1..40_usize).prop_map(|(text, times)| text.repeat(times));
    prop_oneof![known, pieces, any::<String>(), long]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_strings_read_back(fields in prop::collection::vec(hostile(), 0..16)) {
        if is_wanted() {
            properties::cloud_init(&input(fields));
        }
    }

    #[test]
    fn files_of_any_bytes_read_back(bytes in any::<Vec<u8>>()) {
        let mut config = empty();
        config.write_files.push(WriteFile::new("/x", bytes.clone()));
        let Some(read) = read_back(&config) else { return Ok(()) };
        prop_assert_eq!(content(&read["write_files"][0]), bytes);
    }
}
