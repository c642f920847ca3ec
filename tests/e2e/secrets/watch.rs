//! Who looks on while operations run.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use vps_docker::model::InstanceSpec;
use vps_docker::secrecy::ExposeSecret;

use super::markers::Markers;

/// A program that writes down how it was called, and by what environment, and then is the real one.
const RECORDER: &str = "#!/bin/sh
{ /usr/bin/tr '\\000' '\\n' </proc/$$/cmdline; /usr/bin/tr '\\000' '\\n' </proc/$$/environ; } >>LOG/$$ 2>/dev/null
exec REAL \"$@\"
";

/// Puts recorders in front of programs of this side. A search path that begins with `directory` then
/// leads to them.
pub(super) fn record_here(directory: &Path, programs: &[&str]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(directory.join("log")).expect("made");
    for program in programs {
        let log = directory.join("log").display().to_string();
        let real = format!("/usr/bin/{program}");
        let text = RECORDER.replace("LOG", &log).replace("REAL", &real);
        let path = directory.join(program);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
}

/// Where the recorders of a VPS write.
pub(super) const LOG_THERE: &str = "/opt/recorder/log";

/// An order of a VPS on which root's shell, by which sshd runs every command, and the programs that
/// scripts hand things to are recorders, from before the first login on.
pub(super) fn record_there(spec: &InstanceSpec) -> InstanceSpec {
    let user_data = spec.user_data.expose_secret();
    assert!(user_data.contains("\nbootcmd:\n"), "nothing to add to");
    let shell = RECORDER
        .replace("LOG", LOG_THERE)
        .replace("REAL", "/bin/bash");
    let program = RECORDER
        .replace("LOG", LOG_THERE)
        .replace("REAL", "/usr/bin/$program");
    // Within double quotes of the script below.
    let program = program.replace('\\', "\\\\").replace("$$", "\\$\\$");
    let program = program.replace("\"$@\"", "\\\"\\$@\\\"");
    let script = format!(
        "[ ! -e {LOG_THERE} ] || exit 0
mkdir -p {LOG_THERE}
cat >/opt/recorder/shell <<'END'
{shell}END
for program in docker env grep tar cat sed head wc tee mv cp sha256sum nsenter; do
    printf %s \"{program}\" >/usr/local/bin/$program
    chmod 755 /usr/local/bin/$program
done
chmod 755 /opt/recorder/shell
usermod --shell /opt/recorder/shell root
"
    );
    let script = script.trim_end().replace('\n', "\n    ");
    let script = format!("bootcmd:\n- - sh\n  - -c\n  - |-\n    {script}\n");
    InstanceSpec {
        user_data: user_data.replacen("bootcmd:\n", &script, 1).into(),
        ..spec.clone()
    }
}

/// Looks at the arguments and the environment of every process of this machine, those of VPSs and of
/// their containers among them, again and again.
pub(super) struct Sampler {
    end: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

/// What a [`Sampler`] has seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) rounds: usize,
    /// Where secrets may not be.
    pub(super) leaks: BTreeSet<String>,
    /// The environment of what runs in a container: that is what they are for.
    pub(super) in_containers: BTreeSet<String>,
}

impl Sampler {
    pub(super) fn start(markers: Markers) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let thread = {
            let (end, seen) = (end.clone(), seen.clone());
            std::thread::spawn(move || {
                while !end.load(Relaxed) {
                    look_around(&markers, &mut seen.lock().expect("nobody panics"));
                    // Not a wait for anything: it leaves the processor to what is looked at.
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
        };
        Self {
            end,
            seen,
            thread: Some(thread),
        }
    }

    pub(super) fn stop(mut self) -> Seen {
        self.end.store(true, Relaxed);
        let thread = self.thread.take().expect("it runs");
        thread.join().expect("it ends");
        std::mem::take(&mut self.seen.lock().expect("nobody panics"))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
    }
}

fn look_around(markers: &Markers, seen: &mut Seen) {
    seen.rounds += 1;
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let process = entry.path();
        let read = |file: &str| std::fs::read(process.join(file)).unwrap_or_default();
        let note = |what: &str, found: Vec<&str>, into: &mut BTreeSet<String>| {
            let name = String::from_utf8_lossy(&read("comm")).trim().to_owned();
            into.extend(
                found
                    .iter()
                    .map(|secret| format!("{secret} in the {what} of {name}")),
            );
        };
        note(
            "arguments",
            markers.found_in(&read("cmdline")),
            &mut seen.leaks,
        );
        let found = markers.found_in(&read("environ"));
        if found.is_empty() {
            continue;
        }
        let in_container = process.join("root/etc/vps-docker/login-user").exists();
        let into = match in_container {
            true => &mut seen.in_containers,
            false => &mut seen.leaks,
        };
        note("environment", found, into);
    }
}

/// Everything that is logged, at every level, by every crate.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// From now on, for all threads of this process.
    pub(super) fn of_everything() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    pub(super) fn text(&self) -> Vec<u8> {
        self.0.lock().expect("nobody panics").clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
