//! The Docker engine of this machine: does it answer, and if not, start it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::Cmd;
use crate::privilege::Root;

/// How long a starting engine may take until it answers. A cold disk takes a few seconds.
const DEADLINE: Duration = Duration::from_secs(90);

/// Where an engine has its files.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
    pid_file: PathBuf,
    containerd_pid_file: PathBuf,
    log: PathBuf,
    /// What `setsid` runs. This machine's own engine gets no flags: its
    /// `/etc/docker/daemon.json` has the word.
    command: Vec<String>,
    by_systemd: bool,
}

/// What a knock at the socket brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ready,
    /// There is an engine, but it is not for our user.
    Denied,
    Silent,
}

impl Engine {
    /// The engine that everything on this machine uses.
    pub(crate) fn of_this_machine() -> Self {
        Self {
            socket: "/var/run/docker.sock".into(),
            pid_file: "/var/run/docker.pid".into(),
            containerd_pid_file: "/var/run/docker/containerd/containerd.pid".into(),
            log: "/var/log/vps-docker-dockerd.log".into(),
            command: vec!["dockerd".to_owned()],
            by_systemd: Path::new("/run/systemd/system").is_dir(),
        }
    }

    /// A second engine with all its files below `directory`, to try the starting of one where
    /// another runs already. It has no network, and a network namespace of its own besides: told
    /// to do without a bridge, dockerd deletes the `docker0` that it finds, which is the other's.
    pub(crate) fn below(directory: &Path) -> Self {
        let below = |name: &str| directory.join(name);
        let flag = |flag: &str, path: PathBuf| format!("--{flag}={}", path.display());
        Self {
            socket: below("docker.sock"),
            pid_file: below("docker.pid"),
            containerd_pid_file: below("exec/containerd/containerd.pid"),
            log: below("dockerd.log"),
            command: vec![
                "unshare".to_owned(),
                "--net".to_owned(),
                "dockerd".to_owned(),
                format!("--host=unix://{}", below("docker.sock").display()),
                flag("data-root", below("data")),
                flag("exec-root", below("exec")),
                flag("pidfile", below("docker.pid")),
                "--bridge=none".to_owned(),
                "--iptables=false".to_owned(),
                "--ip-masq=false".to_owned(),
            ],
            by_systemd: false,
        }
    }

    /// A Docker command line client that talks to this engine, whatever its context says.
    pub(crate) fn docker(&self) -> Cmd {
        Cmd::new("docker")
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()))
    }

    /// Knocks at the socket.
    #[cfg(unix)]
    pub(crate) fn ping(&self) -> Answer {
        let knock = || -> std::io::Result<bool> {
            let mut stream = std::os::unix::net::UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.set_write_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
            let mut head = [0; 12];
            stream.read_exact(&mut head)?;
            Ok(&head[8..] == b" 200")
        };
        match knock() {
            Ok(true) => Answer::Ready,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Answer::Denied,
            Ok(false) | Err(_) => Answer::Silent,
        }
    }

    /// Asks the client, as there is no such socket here.
    #[cfg(not(unix))]
    pub(crate) fn ping(&self) -> Answer {
        match Cmd::new("docker").arg("version").output() {
            Ok(output) if output.status.success() => Answer::Ready,
            _ => Answer::Silent,
        }
    }

    /// Starts the engine and waits until it answers, be it only that we are not welcome.
    pub(crate) fn start(&self, root: &Root) -> Result<()> {
        if self.by_systemd {
            return self.start_by_systemd(root);
        }
        // A package's own script may have started it a moment ago: a second one would only fail.
        let pid = match self.running_pid() {
            Some(pid) => pid,
            None => self.start_detached(root)?,
        };
        match self.wait(|| alive(pid)) {
            Ok(()) => Ok(()),
            Err(why) => bail!(
                "dockerd {why}; the end of {}:\n{}\
                 Start it by hand to see more: `dockerd` as root",
                self.log.display(),
                tail(&self.log, 25)
            ),
        }
    }

    fn start_by_systemd(&self, root: &Root) -> Result<()> {
        root.cmd("systemctl").args(["start", "docker"]).run()?;
        if let Err(why) = self.wait(|| true) {
            // For the user to read; its success changes nothing.
            let _ = root
                .cmd("journalctl")
                .args(["--unit=docker", "--lines=25", "--no-pager"])
                .status();
            bail!("docker.service {why}; its journal stands above");
        }
        Ok(())
    }

    /// Starts `dockerd` in a session of its own that holds none of our files open: who waits for
    /// the end of our output must not wait for the engine's end. Returns its process id.
    fn start_detached(&self, root: &Root) -> Result<u32> {
        // Where process ids start from 1 at every boot, another process soon has the one that a
        // stale file names, and dockerd then refuses to start (containerd waits for ever).
        for (file, name) in [
            (&self.pid_file, "dockerd"),
            (&self.containerd_pid_file, "containerd"),
        ] {
            if file.exists() && running_pid(file, name).is_none() {
                root.cmd("rm").arg("-f").arg(file).run()?;
            }
        }
        // A background job of a script ignores SIGINT and SIGQUIT, and whatever it starts does so
        // too: dockerd, and every process in every container. `env` gives the signals back.
        //
        // In a shell without job control a background process leads no group, so `setsid` does
        // not fork and `$!` is dockerd's own id.
        let script = "cd / && log=$1 && shift && \
            { setsid env --default-signal \"$@\" </dev/null >>\"$log\" 2>&1 \
              3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- & } && echo $!";
        let said = root
            .cmd("sh")
            .args(["-c", script, "start-dockerd"])
            .arg(&self.log)
            .args(&self.command)
            .text()?;
        said.trim()
            .parse()
            .with_context(|| format!("the shell that starts dockerd said {said:?}"))
    }

    fn running_pid(&self) -> Option<u32> {
        running_pid(&self.pid_file, "dockerd")
    }

    /// Waits until the engine answers; says how it failed to.
    fn wait(&self, alive: impl Fn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.ping() != Answer::Silent {
                return Ok(());
            }
            if !alive() {
                return Err("ended instead of answering".to_owned());
            }
            if Instant::now() >= deadline {
                return Err(format!(
                    "does not answer on {} after {} s",
                    self.socket.display(),
                    DEADLINE.as_secs()
                ));
            }
            sleep(Duration::from_millis(100));
        }
    }
}

/// The id in the file, if a process of that id and name is alive.
fn running_pid(file: &Path, name: &str) -> Option<u32> {
    let pid = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    let command = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (command.trim() == name && alive(pid)).then_some(pid)
}

/// Whether that process runs. One that ended and that nobody has asked after does not.
fn alive(pid: u32) -> bool {
    let state = |stat: &str| {
        stat.rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next())
    };
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !matches!(state(&stat), Some('Z' | 'X') | None))
}

/// The last lines of a log, indented.
fn tail(file: &Path, lines: usize) -> String {
    let text = match fs::read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(cannot be read: {error})"),
    };
    let lines: Vec<&str> = text.lines().rev().take(lines).collect();
    lines
        .iter()
        .rev()
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("temporary directory");
        directory
    }

    #[test]
    fn no_socket_is_silence() {
        let engine = Engine::below(Path::new("/nonexistent"));
        assert_eq!(engine.ping(), Answer::Silent);
    }

    #[test]
    fn only_a_200_is_an_answer() {
        let directory = directory("ping");
        let engine = Engine::below(&directory);
        for (said, expected) in [
            ("HTTP/1.0 200 OK\r\n\r\nOK", Answer::Ready),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Answer::Silent),
            ("HTTP/1", Answer::Silent),
        ] {
            let _ = fs::remove_file(&engine.socket);
            let listener =
                std::os::unix::net::UnixListener::bind(&engine.socket).expect("a socket");
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut request = [0; 18];
                stream.read_exact(&mut request).expect("a request");
                stream.write_all(said.as_bytes()).expect("an answer");
            });
            assert_eq!(engine.ping(), expected, "{said}");
            server.join().expect("the server");
        }
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_pid_file_of_another_process_is_stale() {
        let directory = directory("pid");
        let file = directory.join("docker.pid");
        let us = std::process::id();
        fs::write(&file, us.to_string()).expect("written");
        let name = fs::read_to_string("/proc/self/comm").expect("our name");
        assert_eq!(running_pid(&file, name.trim()), Some(us));
        assert_eq!(running_pid(&file, "dockerd"), None);
        fs::write(&file, "no number").expect("written");
        assert_eq!(running_pid(&file, "dockerd"), None);
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_process_that_ended_unasked_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive(child.id()) {
            assert!(Instant::now() < deadline, "`true` does not end");
            sleep(Duration::from_millis(5));
        }
        child.wait().expect("asked after");
        assert!(alive(std::process::id()));
    }
}
