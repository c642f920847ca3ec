use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use data_encoding::BASE64;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{CloudConfig, WriteFile};
use crate::keys::{KeyPair, PublicKey};
use crate::model::{HostName, fields};

/// A document says to PyYAML, which cloud-init reads with, just what it was meant to. The fields are in
/// turn a word of `bootcmd`, one of `runcmd`, a file by path and content, and the comment of an
/// authorized key.
///
/// # Panics
/// Also where there is no PyYAML.
pub fn cloud_init(data: &[u8]) {
    let mut config = base();
    let fields = fields::fields(&data[..data.len().min(8192)]);
    let mut words = [Vec::new(), Vec::new()];
    let mut files: Vec<Vec<u8>> = vec![data[..data.len().min(512)].to_vec()];
    for (number, field) in fields.into_iter().enumerate() {
        match number % 4 {
            2 => {
                config
                    .write_files
                    .push(WriteFile::new(field.clone(), field.clone()).mode(0o755));
                files.push(field.into_bytes());
            }
            // Refused or intact.
            3 => config
                .ssh_authorized_keys
                .extend(with_comment(&config, &field)),
            list => words[list].push(field),
        }
    }
    config
        .write_files
        .insert(0, WriteFile::new("/x", files[0].clone()));
    let [bootcmd, runcmd] = words;
    (config.bootcmd, config.runcmd) = (vec![bootcmd], vec![runcmd]);

    let read = read_back(&config).expect("no python3 with PyYAML: install python3-yaml");
    assert_eq!(read["hostname"], "web1");
    assert_eq!(read["bootcmd"], json!(config.bootcmd));
    assert_eq!(read["runcmd"], json!(config.runcmd));
    let meant: Vec<_> = config
        .ssh_authorized_keys
        .iter()
        .map(PublicKey::openssh)
        .collect();
    assert_eq!(read["ssh_authorized_keys"], json!(meant));
    let written = read["write_files"].as_array().expect("a list");
    assert_eq!(written.len(), files.len());
    for ((read, meant), file) in written.iter().zip(&files).zip(&config.write_files) {
        assert_eq!(read["path"], file.path());
        assert_eq!(content(read), *meant);
    }
}

/// A document with nothing in it; the key is the same in all of a process.
fn base() -> CloudConfig {
    static KEY: LazyLock<KeyPair> =
        LazyLock::new(|| KeyPair::generate("test").expect("a plain comment"));
    CloudConfig::new(HostName::new("web1").expect("legal"), KEY.clone())
}

fn with_comment(config: &CloudConfig, comment: &str) -> Option<PublicKey> {
    let mut line = config.ssh_keys.public().openssh();
    line.truncate(line.len() - "test".len());
    (line + comment).parse().ok()
}

/// The bytes that cloud-init would write.
pub(super) fn content(file: &Value) -> Vec<u8> {
    let text = file["content"].as_str().expect("text");
    match file.get("encoding") {
        None => text.as_bytes().to_vec(),
        Some(encoding) => {
            assert_eq!(encoding, "b64");
            BASE64.decode(text.as_bytes()).expect("base64")
        }
    }
}

/// What PyYAML makes of a document; `None` when there is no PyYAML.
pub(super) fn read_back(config: &CloudConfig) -> Option<Value> {
    static PYTHON: LazyLock<Option<Mutex<PyYaml>>> =
        LazyLock::new(|| PyYaml::start().map(Mutex::new));
    let text = config.render().expect("a document renders");
    let text = text.expose_secret();
    assert!(text.starts_with("#cloud-config\n"));
    let python = PYTHON.as_ref()?.lock();
    Some(python.unwrap_or_else(PoisonError::into_inner).load(text))
}

const READER: &str = r#"
import json, sys, yaml
for line in sys.stdin:
    try:
        answer = yaml.load(json.loads(line), Loader=yaml.SafeLoader)
    except Exception as error:  # also what a misread date raises
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"#;

/// One Python for all documents of a process.
#[derive(Debug)]
pub struct PyYaml {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PyYaml {
    /// Whether this machine has a Python with PyYAML.
    #[must_use]
    pub fn is_here() -> bool {
        Self::python().is_some()
    }

    fn python() -> Option<&'static str> {
        ["python3", "/usr/bin/python3"].into_iter().find(|python| {
            let mut import = Command::new(python);
            import.args(["-c", "import yaml"]).stderr(Stdio::null());
            import.status().is_ok_and(|status| status.success())
        })
    }

    fn start() -> Option<Self> {
        let mut process = Command::new(Self::python()?)
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
