//! Makes this machine ready for the local provider: packages, and an engine that answers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::command::{Cmd, installed};
use crate::engine::{Answer, Engine};
use crate::privilege::Root;
use crate::usage;

/// What the local provider and the tests use, besides an engine.
const PACKAGES: &[&str] = &[
    "ca-certificates",
    "debootstrap",
    "iptables",
    "openssh-client",
    "python3-yaml",
    // For the tests: one more shell, and a program that has to get through the container's sshd.
    "busybox",
    "rsync",
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    machine(&engine_of(arguments)?)?;
    prepare_images()
}

/// What `demo`, `test` and `bench` begin with.
pub(crate) fn all() -> Result<()> {
    run(&[])
}

/// Installs and starts what is missing; changes nothing, and takes no time, if nothing is.
pub(crate) fn machine(engine: &Engine) -> Result<()> {
    let answer = engine.ping();
    let system = System::of_this_machine();
    if system != System::Debian {
        return match answer {
            Answer::Ready => Ok(()),
            Answer::Denied => bail!(
                "a Docker engine runs here, but your user may not use {}: \
                 add yourself to its group (`sudo usermod -aG docker $USER`) and log in again",
                engine.socket.display()
            ),
            Answer::Silent => bail!("no Docker engine answers here. {}", system.advice()),
        };
    }
    let mut missing = missing_packages(PACKAGES, &dpkg_status(PACKAGES)?);
    if answer == Answer::Silent && !installed("dockerd") {
        missing.push("docker.io");
    }
    let we_are_root = we_are_root()?;
    if answer != Answer::Ready && !we_are_root && !installed("setfacl") {
        missing.push("acl");
    }
    if answer == Answer::Ready && missing.is_empty() {
        eprintln!("nothing to set up: all packages are installed and the Docker engine answers");
        return Ok(());
    }
    let root = Root::obtain(we_are_root)?;
    if !missing.is_empty() {
        install(&root, missing)?;
    }
    if engine.ping() == Answer::Silent {
        engine.start(&root)?;
    }
    if engine.ping() == Answer::Denied {
        admit_us(engine, &root)?;
    }
    match engine.ping() {
        Answer::Ready => Ok(()),
        _ => bail!(
            "the Docker engine on {} does not answer us after all; `docker version` says more",
            engine.socket.display()
        ),
    }
}

/// Installs packages of Debian's that are not there.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    if System::of_this_machine() != System::Debian {
        bail!(
            "this takes what Debian calls {}: install it, then run this again",
            packages.join(" and ")
        );
    }
    install(&Root::obtain(we_are_root()?)?, packages.to_vec())
}

/// Makes the images from which the local provider boots its VPSs, so that no test and no demo has
/// to wait for that. The one place that does.
pub(crate) fn prepare_images() -> Result<()> {
    Cmd::cargo()
        .args(["run", "--quiet", "--example", "prepare_local"])
        .run()
        .context("the local provider's images could not be made")
}

/// What kind of system this is, as far as packages go.
#[derive(Debug, PartialEq, Eq)]
enum System {
    Debian,
    Fedora,
    Arch,
    Suse,
    Alpine,
    MacOs,
    Windows,
    Other(String),
}

impl System {
    fn of_this_machine() -> Self {
        match std::env::consts::OS {
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            "linux" => Self::of(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
            other => Self::Other(other.to_owned()),
        }
    }

    /// Reads an `os-release(5)` file.
    fn of(os_release: &str) -> Self {
        let value = |key: &str| {
            os_release
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
        for id in ids.split_whitespace() {
            return match id {
                "debian" | "ubuntu" => Self::Debian,
                "fedora" | "rhel" | "centos" => Self::Fedora,
                "arch" => Self::Arch,
                "alpine" => Self::Alpine,
                id if id.contains("suse") => Self::Suse,
                _ => continue,
            };
        }
        Self::Other(match value("ID") {
            id if id.is_empty() => "this system".to_owned(),
            id => id,
        })
    }

    /// What to do where we do not install things ourselves.
    fn advice(&self) -> String {
        let then = "Then run this again";
        match self {
            Self::Debian => format!("Run `cargo xtask setup`. {then}."),
            Self::Fedora => format!(
                "Install one: `sudo dnf install moby-engine iptables debootstrap \
                 openssh-clients python3-pyyaml`, then `sudo systemctl enable --now docker`. {then}."
            ),
            Self::Arch => format!(
                "Install one: `sudo pacman -S docker iptables debootstrap openssh python-yaml`, \
                 then `sudo systemctl enable --now docker`. {then}."
            ),
            Self::Suse => format!(
                "Install one: `sudo zypper install docker iptables debootstrap openssh \
                 python3-PyYAML`, then `sudo systemctl enable --now docker`. {then}."
            ),
            Self::Alpine => format!(
                "Install one: `doas apk add docker iptables debootstrap openssh-client \
                 py3-yaml`, then `doas rc-service docker start`. {then}."
            ),
            Self::MacOs => format!(
                "Install Docker Desktop (https://docs.docker.com/desktop) or Colima and start it, \
                 with its socket at /var/run/docker.sock. {then}."
            ),
            Self::Windows => "vps-docker does not build on Windows itself: use Debian or Ubuntu \
                 in WSL 2 (`wsl --install`) and run this there."
                .to_owned(),
            Self::Other(name) => format!(
                "How to install one on {name} is not known to us: you need Docker 20.10 or later \
                 answering on /var/run/docker.sock, iptables, debootstrap, the OpenSSH client and \
                 PyYAML. {then}."
            ),
        }
    }
}

fn engine_of(arguments: &[String]) -> Result<Engine> {
    match arguments {
        [] => Ok(Engine::of_this_machine()),
        // Not in the help: for those who work on the starting of the engine itself.
        [flag, directory] if flag == "--engine-dir" => {
            fs::create_dir_all(directory)?;
            Ok(Engine::below(&fs::canonicalize(directory)?))
        }
        _ => Err(usage("`setup` takes no arguments")),
    }
}

fn we_are_root() -> Result<bool> {
    Ok(Cmd::new("id").arg("-u").text()?.trim() == "0")
}

/// What `dpkg` knows of these packages; it "fails" when it does not know one.
fn dpkg_status(packages: &[&str]) -> Result<String> {
    let output = Cmd::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(packages)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn missing_packages<'a>(wanted: &[&'a str], dpkg_status: &str) -> Vec<&'a str> {
    let installed: BTreeSet<&str> = dpkg_status
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    let missing = |name: &&&str| !installed.contains(**name);
    wanted.iter().filter(missing).copied().collect()
}

fn install(root: &Root, mut packages: Vec<&str>) -> Result<()> {
    apt_get(root, &["update"])?;
    // From Debian 13 on, the client is a package of its own.
    let client_is_apart = || -> Result<bool> {
        let show = Cmd::new("apt-cache")
            .args(["show", "docker-cli"])
            .output()?;
        Ok(show.status.success())
    };
    if !installed("docker") && client_is_apart()? {
        packages.push("docker-cli");
    }
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(root, &arguments)
}

/// Runs apt-get, once more if it fails: mirrors hiccup, and on a machine that has just booted its
/// own updates hold the lock.
fn apt_get(root: &Root, arguments: &[&str]) -> Result<()> {
    let attempt = || {
        root.cmd("env")
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
            .args(["-o", "DPkg::Lock::Timeout=180"])
            .args(["-o", "Acquire::Retries=3"])
            .args(arguments)
            .run()
    };
    attempt().or_else(|error| {
        let pause = Duration::from_secs(10);
        eprintln!("{error:#}; trying once more in {} s", pause.as_secs());
        sleep(pause);
        attempt().context(
            "apt-get failed twice: its own words stand above. Another package manager may hold \
             its lock, or the mirror may be out of reach; then run this again",
        )
    })
}

/// Lets our user talk to the engine until it is started anew. Nothing that lasts: who may use the
/// engine is root in all but name, and that is for this machine's owner to grant for good.
fn admit_us(engine: &Engine, root: &Root) -> Result<()> {
    let user = Cmd::new("id").arg("-un").text()?;
    let user = user.trim();
    eprintln!(
        "letting {user} use the Docker engine until it restarts \
         (for good: `sudo usermod -aG docker {user}`, then log in again)"
    );
    // The way to the socket may be a symbolic link: /var/run is one.
    let socket = fs::canonicalize(&engine.socket).unwrap_or_else(|_| engine.socket.clone());
    root.cmd("setfacl")
        .arg("--modify")
        .arg(format!("user:{user}:rw"))
        .arg(Path::new(&socket))
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_are_not_missing() {
        let status =
            "ca-certificates installed\niptables config-files\ndebootstrap not-installed\n";
        assert_eq!(
            missing_packages(
                &["ca-certificates", "debootstrap", "iptables", "acl"],
                status
            ),
            ["debootstrap", "iptables", "acl"]
        );
    }

    #[test]
    fn systems_are_told_by_their_id_or_their_parents() {
        for (os_release, expected) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n",
                System::Debian,
            ),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Debian),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                System::Fedora,
            ),
            ("ID=manjaro\nID_LIKE=arch\n", System::Arch),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
                System::Suse,
            ),
            ("ID=alpine\n", System::Alpine),
            ("ID=nixos\n", System::Other("nixos".to_owned())),
            ("", System::Other("this system".to_owned())),
        ] {
            assert_eq!(System::of(os_release), expected, "{os_release}");
        }
    }

    #[test]
    fn every_advice_says_what_to_install_and_what_to_do_then() {
        let other = System::Other("plan9".to_owned());
        for system in [
            System::Fedora,
            System::Arch,
            System::Suse,
            System::Alpine,
            System::MacOs,
            System::Windows,
            other,
        ] {
            let advice = system.advice();
            assert!(advice.to_lowercase().contains("install"), "{advice}");
            assert!(advice.contains("run this"), "{advice}");
        }
    }
}
