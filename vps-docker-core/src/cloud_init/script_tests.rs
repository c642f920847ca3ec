//! The scripts, run by this machine's `/bin/sh` in a directory of their own. What they do to a VPS
//! is tested on real ones; here it is how they report, and nothing outside that directory changes.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::bootstrap::{BOOTSTRAP, REPORT, without_comments};
use super::{BootstrapReport, BootstrapState, await_script};

/// Runs a script with the given bytes on stdin.
fn sh(script: &str, directory: &Path, stdin: &[u8], environment: &[(&str, &str)]) -> Output {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", script])
        .env("VPS_DOCKER_CONFIG_DIR", directory)
        .env("VPS_DOCKER_RUN_DIR", directory.join("run"))
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a /bin/sh");
    let mut input = shell.stdin.take().expect("stdin is piped");
    // A script that does not read its input closes it.
    input.write_all(stdin).ok();
    drop(input);
    shell.wait_with_output().expect("the shell ends")
}

/// A directory as cloud-init leaves it.
fn config_dir() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let file = |name, text: &str| fs::write(directory.path().join(name), text).expect(name);
    file("report.sh", &without_comments(REPORT));
    file(
        "bootstrap.env",
        "PACKAGES=''\nAPT_LOCK_TIMEOUT=1\nTIMEOUT=7\n",
    );
    directory
}

/// The bootstrap with other steps than those that change the machine.
fn bootstrap_with(steps: &str) -> String {
    let script = without_comments(BOOTSTRAP);
    let (functions, _) = script
        .split_once("\ncase ${1-} in\n")
        .expect("the script ends with its choice of what to do");
    format!(
        "{functions}\ncheck_sshd() {{ :; }}\ninstall_docker() {{ :; }}\n\
         start_docker() {{ run echo 1.2.3; }}\n{steps}\nmain\n"
    )
}

fn report(directory: &Path) -> BootstrapReport {
    let path = directory.join("run/bootstrap.json");
    let mode = fs::metadata(&path).expect("a report").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(path).expect("a report");
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    BootstrapReport::parse(&text).expect("valid JSON")
}

#[test]
fn success_is_reported_with_steps_and_version() {
    let directory = config_dir();
    let output = sh(&bootstrap_with(""), directory.path(), b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let report = report(directory.path());
    assert_eq!(report.state, BootstrapState::Done);
    assert_eq!(report.docker_version.as_deref(), Some("1.2.3"));
    assert_eq!(report.steps[0].name, "check sshd");
    assert!(report.started_at().is_some());
    report.check().expect("a success");
}

#[test]
fn a_failing_command_is_reported_whatever_it_says() {
    let directory = config_dir();
    let script = bootstrap_with(
        r#"install_docker() {
               step 'install docker'
               run sh -c 'head -c 9000 /dev/zero; printf "\377\033[1m\"\\\\ \303\244\n"; exit 3'
           }"#,
    );
    let output = sh(&script, directory.path(), b"", &[]);
    assert_eq!(output.status.code(), Some(3));
    let report = report(directory.path());
    assert_eq!(report.state, BootstrapState::Failed);
    assert_eq!(report.step, "install docker");
    assert_eq!(report.exit_code, Some(3));
    assert!(
        report
            .command
            .as_deref()
            .is_some_and(|command| command.starts_with("sh -c head"))
    );
    assert!(
        report.output.ends_with("\0\u{fffd}\u{1b}[1m\"\\ ä\n"),
        "{report:?}"
    );
    assert!(report.output.len() <= 4098);
}

#[test]
fn every_other_way_to_fail_is_reported_too() {
    for (steps, code, says) in [
        ("start_docker() { echo \"$nowhere\"; }", 2, "nowhere"),
        ("start_docker() { ls /does/not/exist; }", 2, "exist"),
        ("start_docker() { run /does/not/exist; }", 127, "exist"),
        ("start_docker() { explain 'find x' 'no x' 5; }", 5, "no x"),
        ("start_docker() { exit 0; }", 1, ""),
        ("start_docker() { false; }", 1, ""),
        ("start_docker() { run false; }", 1, ""),
        ("start_docker() { run sh -c 'kill -9 $$'; }", 137, ""),
    ] {
        let directory = config_dir();
        let output = sh(&bootstrap_with(steps), directory.path(), b"", &[]);
        let report = report(directory.path());
        assert_eq!(report.state, BootstrapState::Failed, "{steps}: {output:?}");
        assert_eq!(report.exit_code, output.status.code(), "{steps}");
        assert_eq!(report.exit_code, Some(code), "{steps}: {report:?}");
        assert!(report.output.contains(says), "{steps}: {report:?}");
    }
}

#[test]
fn the_watchdog_ends_what_was_cut_off_and_nothing_else() {
    let watchdog = |directory: &Path, result| {
        let script = format!("set -- watchdog\n{}", without_comments(BOOTSTRAP));
        let output = sh(&script, directory, b"", &[("SERVICE_RESULT", result)]);
        assert!(output.status.success(), "{output:?}");
        report(directory)
    };
    // The shell is killed in the middle of a step.
    let directory = config_dir();
    let cut_off = bootstrap_with(
        "start_docker() { step 'start docker'; run sh -c 'echo so far; kill -9 $PPID'; }",
    );
    sh(&cut_off, directory.path(), b"", &[]);
    assert_eq!(report(directory.path()).state, BootstrapState::Running);

    let report = watchdog(directory.path(), "timeout");
    assert_eq!(report.state, BootstrapState::Failed);
    assert_eq!(
        (report.step.as_str(), report.exit_code),
        ("start docker", Some(124))
    );
    assert_eq!(report.steps[0].name, "check sshd");
    assert!(
        report
            .command
            .is_some_and(|command| command.starts_with("sh -c echo so far"))
    );
    assert_eq!(
        report.output,
        "so far\n\nstopped: the bootstrap was not done within 7 seconds\n"
    );
    // A failure that was reported stands, and so does success.
    let unchanged = watchdog(directory.path(), "exit-code");
    assert!(unchanged.output.contains("within 7 seconds"));
    sh(&bootstrap_with(""), directory.path(), b"", &[]);
    assert_eq!(
        watchdog(directory.path(), "signal").state,
        BootstrapState::Done
    );
    // Nothing at all was reported.
    let directory = config_dir();
    assert_eq!(
        watchdog(directory.path(), "oom-kill").state,
        BootstrapState::Failed
    );
}

#[test]
fn waiting_prints_every_new_report_and_ends_with_the_last() {
    let directory = config_dir();
    let run = directory.path().join("run");
    fs::create_dir(&run).expect("a directory");
    let write = |text: &str| {
        fs::write(run.join("new"), text).expect("written");
        fs::rename(run.join("new"), run.join("bootstrap.json")).expect("renamed");
    };
    let script = await_script(Duration::from_secs(30));
    let script = script.replace("run_dir=/run/vps-docker", "run_dir=$VPS_DOCKER_RUN_DIR");
    let output = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sh(&script, directory.path(), b"", &[]));
        for state in ["running", "done"] {
            std::thread::sleep(Duration::from_millis(200));
            write(&format!("{{\"schema_version\":1,\"state\":\"{state}\"}}\n"));
        }
        waiting.join().expect("no panic")
    });
    let states: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| BootstrapReport::parse(line).expect("a report").state)
        .collect();
    assert_eq!(
        states,
        [BootstrapState::Running, BootstrapState::Done],
        "{output:?}"
    );
}

#[test]
fn waiting_has_an_end() {
    let directory = config_dir();
    let script = await_script(Duration::ZERO);
    let script = script.replace("run_dir=/run/vps-docker", "run_dir=$VPS_DOCKER_RUN_DIR");
    let output = sh(&script, directory.path(), b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let report = BootstrapReport::parse(&text).expect("a report");
    assert_eq!(
        (report.state, report.exit_code),
        (BootstrapState::Failed, Some(124))
    );
    assert!(
        report
            .output
            .starts_with("no end of the bootstrap within 0 seconds\n")
    );
    report.check().expect_err("a failure");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_become_a_json_string(
        pieces in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            // Cut off, overlong, surrogate, beyond the last code point.
            prop::sample::select(vec![
                b"\xf0\x9f\x98".to_vec(), b"\xe2\x82".to_vec(), b"\xc0\xaf".to_vec(),
                b"\xe0\x80\xaf".to_vec(), b"\xed\xa0\x80".to_vec(), b"\xf4\x90\x80\x80".to_vec(),
                b"\xf5".to_vec(), b"\"\\\n\t\r\0\x7f\x1b".to_vec(), "😀ä\u{2028}".into(),
            ]),
        ], 0..6),
    ) {
        let bytes = pieces.concat();
        let directory = Path::new("/");
        let output = sh(&format!("{REPORT}\njson_escape"), directory, &bytes, &[]);
        prop_assert!(output.stdout.is_ascii());
        let text = String::from_utf8(output.stdout).expect("ASCII");
        let read: String = serde_json::from_str(&format!("\"{text}\"")).expect("a JSON string");
        prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
    }
}
