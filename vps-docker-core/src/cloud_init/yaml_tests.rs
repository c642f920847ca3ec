//! PyYAML, the parser in cloud-init, must read back exactly what was meant.
//!
//! Needs a Python with PyYAML (Debian: `python3-yaml`). Without one the tests fail and say so;
//! `VPS_DOCKER_SKIP_PYYAML=1` is the way to go without.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use data_encoding::BASE64;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::bootstrap::tests::{PUBLIC, builder, key};
use super::{CloudConfig, WriteFile};
use crate::keys::PublicKey;
use crate::model::HostName;

const READER: &str = r#"
import json, sys, yaml
for line in sys.stdin:
    try:
        answer = yaml.load(json.loads(line), Loader=yaml.SafeLoader)
    except Exception as error:  # also what a misread date raises
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"#;

/// One Python for all documents of this process.
struct PyYaml {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PyYaml {
    fn start() -> Option<Self> {
        let has_yaml = |python: &&str| {
            let mut import = Command::new(python);
            import.args(["-c", "import yaml"]).stderr(Stdio::null());
            import.status().is_ok_and(|status| status.success())
        };
        let Some(python) = ["python3", "/usr/bin/python3"].iter().find(|p| has_yaml(p)) else {
            let skip = std::env::var_os("VPS_DOCKER_SKIP_PYYAML").is_some_and(|v| v == "1");
            assert!(
                skip,
                "no python3 with PyYAML: install python3-yaml, or set VPS_DOCKER_SKIP_PYYAML=1"
            );
            return None;
        };
        let mut process = Command::new(python)
            .args(["-c", READER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 has just been started");
        Some(Self {
            input: process.stdin.take().expect("stdin is piped"),
            output: BufReader::new(process.stdout.take().expect("stdout is piped")),
            process,
        })
    }

    fn load(&mut self, text: &str) -> Value {
        writeln!(self.input, "{}", json!(text)).expect("python3 reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("python3 answers");
        serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{error}: {answer:?} ({:?})", self.process.try_wait()))
    }
}

/// What PyYAML makes of a document; `None` when there is no PyYAML and that is accepted.
fn read_back(config: &CloudConfig) -> Option<Value> {
    static PYTHON: LazyLock<Option<Mutex<PyYaml>>> =
        LazyLock::new(|| PyYaml::start().map(Mutex::new));
    let text = config.render().expect("a document renders");
    let text = text.expose_secret();
    assert!(text.starts_with("#cloud-config\n"));
    let mut python = PYTHON
        .as_ref()?
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Some(python.load(text))
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
    fn hostile_strings_read_back(
        words in prop::collection::vec(prop::collection::vec(hostile(), 0..4), 0..4),
        paths in prop::collection::vec(hostile(), 0..3),
        comment in hostile(),
    ) {
        let mut config = empty();
        config.bootcmd.clone_from(&words);
        config.runcmd.clone_from(&words);
        for path in &paths {
            config.write_files.push(WriteFile::new(path.clone(), path.clone()).mode(0o755));
        }
        config.write_files.push(WriteFile::new("/x", comment.clone().into_bytes()));
        // Either refused or intact.
        let keys: Vec<_> = format!("{PUBLIC} {comment}").parse::<PublicKey>().into_iter().collect();
        config.ssh_authorized_keys.clone_from(&keys);

        let Some(read) = read_back(&config) else { return Ok(()) };

        prop_assert_eq!(&read["bootcmd"], &json!(words));
        prop_assert_eq!(&read["runcmd"], &json!(words));
        let meant: Vec<_> = keys.iter().map(PublicKey::openssh).collect();
        prop_assert_eq!(&read["ssh_authorized_keys"], &json!(meant));
        let files = read["write_files"].as_array().expect("a list");
        prop_assert_eq!(files.len(), paths.len() + 1);
        for (file, path) in files.iter().zip(&paths) {
            prop_assert_eq!(&file["path"], path);
            prop_assert_eq!(&file["permissions"], "0755");
            prop_assert_eq!(content(file), path.as_bytes());
        }
        prop_assert_eq!(content(&files[paths.len()]), comment.as_bytes());
    }

    #[test]
    fn files_of_any_bytes_read_back(bytes in any::<Vec<u8>>()) {
        let mut config = empty();
        config.write_files.push(WriteFile::new("/x", bytes.clone()));
        let Some(read) = read_back(&config) else { return Ok(()) };
        prop_assert_eq!(content(&read["write_files"][0]), bytes);
    }
}

/// The bytes that cloud-init would write.
fn content(file: &Value) -> Vec<u8> {
    let text = file["content"].as_str().expect("text");
    match file.get("encoding") {
        None => text.as_bytes().to_vec(),
        Some(encoding) => {
            assert_eq!(encoding, "b64");
            BASE64.decode(text.as_bytes()).expect("base64")
        }
    }
}
