//! Transfers to a directory of this machine, by its own shell and tools.

use std::fs::{create_dir, create_dir_all, read, read_link, remove_file, set_permissions, write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::{Ignore, Surplus, Transfer, Tree, sync};
use crate::error::{ErrorKind, Result};
use crate::ssh::local_shell::LocalShell;

struct Pair {
    here: TempDir,
    there: TempDir,
    shell: LocalShell,
}

impl Pair {
    fn new() -> Self {
        let directory = || tempfile::tempdir().expect("a directory");
        Self {
            here: directory(),
            there: directory(),
            shell: LocalShell::default(),
        }
    }

    async fn sync(&self, surplus: Surplus) -> Result<Transfer> {
        let here = self.here.path().to_owned();
        let walk = move || Tree::walk(&here, &Ignore::default());
        let there = self.there.path().join("a 'tree'").display().to_string();
        sync(&self.shell, walk, &there, surplus).await
    }

    fn here(&self, inside: &str) -> std::path::PathBuf {
        self.here.path().join(inside)
    }

    fn there(&self, inside: &str) -> std::path::PathBuf {
        self.there.path().join("a 'tree'").join(inside)
    }

    /// Whether both are the same, by a program that is not ours.
    fn assert_same(&self) {
        let diff = std::process::Command::new("diff")
            .args(["-r", "--no-dereference"])
            .args([self.here.path(), &self.there("")])
            .output()
            .expect("there is a diff");
        assert!(diff.status.success(), "{diff:?}");
    }
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("there").mode() & 0o7777
}

#[tokio::test]
async fn only_what_differs_travels_and_what_is_gone_goes() {
    let pair = Pair::new();
    create_dir_all(pair.here("src/deep")).expect("made");
    create_dir(pair.here("empty")).expect("made");
    for number in 0..500 {
        write(pair.here(&format!("src/{number}")), number.to_string()).expect("written");
    }
    let odd = "-rf a\nb\\'\"$(x)\t*";
    write(pair.here(odd), "odd").expect("written");
    write(pair.here(&"long".repeat(60)), "long").expect("written");
    write(pair.here("tool"), "#!/bin/sh\n").expect("written");
    set_permissions(pair.here("tool"), PermissionsExt::from_mode(0o4711)).expect("changed");
    set_permissions(pair.here("empty"), PermissionsExt::from_mode(0o1777)).expect("changed");
    symlink("/etc/passwd", pair.here("link")).expect("made");
    symlink("nowhere//at all", pair.here("src/broken")).expect("made");
    symlink("far//".repeat(60), pair.here("src/far")).expect("made");

    let first = pair.sync(Surplus::Deleted).await.expect("sent");
    assert_eq!(first.entries, 509);
    pair.assert_same();
    assert_eq!(mode(&pair.there("tool")), 0o4711);
    assert_eq!(mode(&pair.there("empty")), 0o1777);
    let modified = |path: &Path| path.metadata().expect("there").mtime();
    assert_eq!(modified(&pair.there("tool")), modified(&pair.here("tool")));

    let second = pair.sync(Surplus::Deleted).await.expect("the same");
    assert_eq!((second.entries, second.received), (0, 13));

    // The same length, a kind that changed, another mode, something gone, something that is not ours.
    write(pair.here("src/7"), "8").expect("written");
    remove_file(pair.here("link")).expect("removed");
    create_dir(pair.here("link")).expect("made");
    write(pair.here("link/inside"), "x").expect("written");
    set_permissions(pair.here("tool"), PermissionsExt::from_mode(0o700)).expect("changed");
    remove_file(pair.here(odd)).expect("removed");
    write(pair.there("stray"), "x").expect("written");
    let third = pair.sync(Surplus::Deleted).await.expect("sent");
    assert_eq!(third.entries, 3);
    pair.assert_same();
    assert_eq!(mode(&pair.there("tool")), 0o700);
    assert!(!std::fs::exists("/etc/inside").expect("looked"));
}

#[tokio::test]
async fn what_is_there_alone_is_left_where_it_is_not_ours() {
    let pair = Pair::new();
    write(pair.here("new"), "x").expect("written");
    create_dir_all(pair.there("other")).expect("made");
    write(pair.there("other/theirs"), "kept").expect("written");
    symlink("other/theirs", pair.there("new")).expect("made");
    let transfer = pair.sync(Surplus::Kept).await.expect("sent");
    assert_eq!(transfer.entries, 1);
    assert_eq!(read(pair.there("new")).expect("there"), b"x");
    assert_eq!(read(pair.there("other/theirs")).expect("there"), b"kept");
    let again = pair.sync(Surplus::Kept).await.expect("the same");
    assert_eq!(again.entries, 0);
}

/// What a broken transfer leaves: some files whole, one half, none other.
#[tokio::test]
async fn what_arrived_whole_is_not_sent_again() {
    let pair = Pair::new();
    for name in ["a", "b", "c", "d"] {
        write(pair.here(name), name.repeat(100_000)).expect("written");
    }
    pair.sync(Surplus::Deleted).await.expect("sent");
    write(pair.there("c"), "c".repeat(50_000)).expect("cut");
    remove_file(pair.there("d")).expect("removed");
    let resumed = pair.sync(Surplus::Deleted).await.expect("sent");
    assert_eq!(resumed.entries, 2);
    pair.assert_same();
}

/// What is there is the beginning of a large file: the rest of it is sent, if it is.
#[tokio::test]
async fn a_large_file_goes_on_where_it_broke_off() {
    let pair = Pair::new();
    let mut content = vec![0; 4_000_000];
    let mut random = std::fs::File::open("/dev/urandom").expect("there");
    std::io::Read::read_exact(&mut random, &mut content).expect("endless");
    write(pair.here("large"), &content).expect("written");
    set_permissions(pair.here("large"), PermissionsExt::from_mode(0o640)).expect("changed");
    create_dir(pair.there("")).expect("made");
    write(pair.there("large"), &content[..3_000_000]).expect("written");
    let transfer = pair.sync(Surplus::Kept).await.expect("sent");
    assert_eq!(transfer.entries, 1);
    assert!(
        (1_000_000..1_100_000).contains(&transfer.sent),
        "{transfer:?}"
    );
    pair.assert_same();
    let (here, there) = (pair.here("large"), pair.there("large"));
    let modified = |path: &Path| path.metadata().expect("there").mtime();
    assert_eq!((mode(&there), modified(&there)), (0o640, modified(&here)));

    content[0] ^= 1;
    write(pair.there("large"), &content[..3_000_000]).expect("written");
    let transfer = pair.sync(Surplus::Kept).await.expect("sent");
    assert!(transfer.sent > 4_000_000, "{transfer:?}");
    pair.assert_same();
}

/// BusyBox has no `find -printf`, some images have no gzip, and a few no tar.
#[tokio::test]
async fn fewer_tools_send_everything_and_no_tar_says_so() {
    let mut pair = Pair::new();
    write(pair.here("x"), "x").expect("written");
    symlink("x", pair.here("link")).expect("made");
    let tools = tempfile::tempdir().expect("a directory");
    let path = tools.path().display().to_string();
    pair.shell.variables.push(("PATH".into(), path));
    let provide = |name: &str| {
        let real = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(name));
        let real = real.iter().find(|real| real.exists()).expect(name);
        symlink(real, tools.path().join(name)).expect("made");
    };
    provide("sh");
    provide("mkdir");
    let error = pair.sync(Surplus::Kept).await.expect_err("no tar");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("no tar"), "{error}");
    for tool in ["tar", "gzip"] {
        provide(tool);
        let transfer = pair.sync(Surplus::Kept).await.expect(tool);
        assert_eq!(transfer.entries, 2, "{tool}");
        assert_eq!(
            read_link(pair.there("link")).expect("a link"),
            Path::new("x")
        );
    }
    assert_eq!(read(pair.there("x")).expect("there"), b"x");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_at_once() {
    let pair = Pair::new();
    write(pair.here("x"), "x").expect("written");
    write(pair.there.path().join("a 'tree'"), "a file in the way").expect("written");
    let error = pair.sync(Surplus::Kept).await.expect_err("no directory");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(error.to_string().contains("a 'tree'"), "{error}");
}
