//! Archives as engines write them, made by the real `tar`, and such as no engine writes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::archive::SavedArchive;
use crate::error::{ErrorKind, Result};

const CONFIG: &str = r#"{"rootfs": {"type": "layers", "diff_ids": ["sha256:aa", "sha256:bb", "sha256:aa", "sha256:cc"]}}"#;
/// `printf %s "$CONFIG" | sha256sum`
const CONFIG_DIGEST: &str = "47f27a24da979ab3ac7fc11d78fc4a3621485bf0000216eb650e30f526158d3d";

/// What is to be in an archive.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the tree")).expect("made");
        fs::write(path, content).expect("written");
        self
    }

    fn manifest(self, config: &str, layers: &[&str]) -> Self {
        let manifest = json!([{"Config": config, "RepoTags": ["app:1"], "Layers": layers}]);
        self.file("manifest.json", manifest.to_string())
    }

    fn tar(&self, options: &[&str]) -> Vec<u8> {
        let output = Command::new("tar")
            .args(options)
            .arg("-C")
            .arg(self.0.path())
            .args(["-cf", "-", "."])
            .output()
            .expect("a tar program");
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }
}

/// Docker up to 24: a directory for every layer, named by nothing that is known beforehand; content
/// that comes again is a link.
fn old_layout() -> Tree {
    let mut tree = Tree::new().file("6c7a.json", CONFIG);
    for (directory, layer) in [("d9", b'a'), ("05", b'b'), ("77", b'c')] {
        tree = tree
            .file(&format!("{directory}/VERSION"), "1.0")
            .file(&format!("{directory}/json"), "{}")
            .file(&format!("{directory}/layer.tar"), [layer; 70_000]);
    }
    tree = tree.file("a1/VERSION", "1.0");
    symlink("../d9/layer.tar", tree.path("a1/layer.tar")).expect("linked");
    tree.manifest(
        "6c7a.json",
        &[
            "d9/layer.tar",
            "05/layer.tar",
            "a1/layer.tar",
            "77/layer.tar",
        ],
    )
}

/// Docker from 25 on: everything by its digest.
fn oci_layout() -> Tree {
    let mut tree = Tree::new()
        .file("oci-layout", r#"{"imageLayoutVersion": "1.0.0"}"#)
        .file("index.json", "{}")
        .file("blobs/sha256/6c7a", CONFIG);
    for (digest, layer) in [("aa", b'a'), ("bb", b'b'), ("cc", b'c')] {
        tree = tree.file(&format!("blobs/sha256/{digest}"), [layer; 70_000]);
    }
    tree.manifest(
        "blobs/sha256/6c7a",
        &[
            "blobs/sha256/aa",
            "blobs/sha256/bb",
            "blobs/sha256/aa",
            "blobs/sha256/cc",
        ],
    )
}

async fn open(archive: &[u8]) -> Result<SavedArchive> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = SavedArchive::write_down(archive, directory.path()).await?;
    let left = fs::read_dir(directory.path()).expect("readable").count();
    assert_eq!(left, 0, "the file has a name");
    SavedArchive::open(file).await
}

/// Unpacks what is left of the archive: names and contents of its files.
async fn unpacked(archive: &SavedArchive, without: usize) -> Vec<(String, Vec<u8>)> {
    let mut left = Vec::new();
    let parts = archive.contents().without(|_| without);
    let mut reader = archive.read(parts);
    reader.read_to_end(&mut left).await.expect("readable");
    let tree = Tree::new();
    fs::write(tree.path("archive"), left).expect("written");
    let unpack = Command::new("tar")
        .args(["-xf", "archive"])
        .current_dir(tree.0.path())
        .status();
    assert!(unpack.expect("a tar program").success());
    fs::remove_file(tree.path("archive")).expect("removed");
    let mut files = Vec::new();
    list(tree.0.path(), "", &mut files);
    files.sort();
    files
}

fn list(directory: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).expect("readable") {
        let entry = entry.expect("readable");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata().expect("there");
        if metadata.is_dir() {
            list(&entry.path(), &format!("{name}/"), files);
        } else if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            files.push((name, target.into_os_string().into_encoded_bytes()));
        } else {
            files.push((name, fs::read(entry.path()).expect("readable")));
        }
    }
}

#[tokio::test]
async fn only_the_files_of_the_lowest_layers_are_left_out() {
    for (layout, files) in [
        (
            old_layout(),
            ["d9/layer.tar", "05/layer.tar", "77/layer.tar"],
        ),
        (
            oci_layout(),
            ["blobs/sha256/aa", "blobs/sha256/bb", "blobs/sha256/cc"],
        ),
    ] {
        for format in ["gnu", "ustar", "pax"] {
            let whole = layout.tar(&[&format!("--format={format}")]);
            let archive = open(&whole).await.expect("readable");
            assert!(archive.contents().has(&format!("sha256:{CONFIG_DIGEST}")));
            assert!(!archive.contents().has("sha256:"));
            let digests = ["aa", "bb", "aa", "cc"].map(|digest| format!("sha256:{digest}"));
            assert_eq!(archive.contents().layers(), [digests]);
            let all = unpacked(&archive, 0).await;
            // The lowest layer comes again as the third one: its file stays until that is left out.
            for (without, missing) in [(1, &[][..]), (2, &[1]), (3, &[0, 1]), (4, &[0, 1, 2])] {
                let mut expected = all.clone();
                expected.retain(|(name, _)| {
                    missing.iter().all(|&number: &usize| files[number] != name)
                });
                assert_eq!(expected.len(), all.len() - missing.len());
                assert_eq!(
                    unpacked(&archive, without).await,
                    expected,
                    "{format} {without}"
                );
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_changed_where_nothing_is_left_out() {
    let whole = old_layout().tar(&[]);
    let archive = open(&whole).await.expect("readable");
    let mut read = Vec::new();
    let mut reader = archive.read(archive.contents().without(|_| 0));
    reader.read_to_end(&mut read).await.expect("readable");
    assert!(read == whole);
}

#[tokio::test]
async fn hostile_names_lead_nowhere() {
    // Outside of the archive, there is such a file.
    let outside = "../../../../../../../../etc/passwd";
    for config in [
        outside,
        "/etc/passwd",
        "",
        ".",
        "d9",
        "a1/loop",
        "6c7a.json/x",
    ] {
        let tree = old_layout().manifest(config, &["x", "x", "x", "x"]);
        symlink("loop", tree.path("a1/loop")).expect("linked");
        let error = open(&tree.tar(&[])).await.expect_err(config);
        assert_eq!(error.kind(), ErrorKind::Docker, "{config}");
    }
    // What a layer is said to be is left out only where it is a file of the archive.
    let layers = [outside, "/d9/../05/layer.tar", "a1/loop", "."];
    let tree = old_layout().manifest("./d9/../6c7a.json", &layers);
    symlink("loop", tree.path("a1/loop")).expect("linked");
    let long = "long/".repeat(60) + "name";
    let tree = tree.file(&long, "x");
    let archive = open(&tree.tar(&[])).await.expect("readable");
    let all = unpacked(&archive, 0).await;
    let mut expected = all.clone();
    expected.retain(|(name, _)| name != "05/layer.tar");
    assert_eq!(unpacked(&archive, 4).await, expected);
    assert_eq!(expected.len(), all.len() - 1);
    assert!(expected.iter().any(|(name, _)| *name == long));
}

#[tokio::test]
async fn images_that_share_layers_travel_together() {
    let upper = CONFIG.replace("sha256:cc", "sha256:dd");
    let layers = ["aa", "bb", "aa", "cc"].map(|digest| format!("blobs/sha256/{digest}"));
    let mut upper_layers = layers.clone();
    upper_layers[3] = "blobs/sha256/dd".into();
    let manifest = json!([
        {"Config": "blobs/sha256/6c7a", "Layers": layers},
        {"Config": "blobs/sha256/upper", "Layers": upper_layers},
    ]);
    let tree = oci_layout()
        .file("blobs/sha256/upper", &upper)
        .file("blobs/sha256/dd", "d")
        .file("manifest.json", manifest.to_string());
    let archive = open(&tree.tar(&[])).await.expect("readable");
    let all = unpacked(&archive, 0).await;
    // What only one of them has below, the other one still needs.
    let parts = archive.contents().without(|layers| {
        let is_upper = layers[3] == "sha256:dd";
        if is_upper { 4 } else { 0 }
    });
    let left: u64 = parts.iter().map(|part| part.end - part.start).sum();
    let whole = archive.contents().without(|_| 0);
    assert_eq!(whole[0].end - left, 1024, "dd and its header");
    for (without, left_out) in [(3, 2), (4, 4)] {
        assert_eq!(
            unpacked(&archive, without).await.len(),
            all.len() - left_out
        );
    }
}

#[tokio::test]
async fn what_is_no_archive_of_images_is_refused() {
    let whole = oci_layout().tar(&[]);
    let without_manifest = oci_layout();
    fs::remove_file(without_manifest.path("manifest.json")).expect("removed");
    let layout = "blobs/sha256/6c7a";
    for (what, archive) in [
        ("empty", Vec::new()),
        (
            "torn in a header",
            whole[..whole.len() / 1024 * 512 + 100].to_vec(),
        ),
        ("torn in a layer", whole[..100_000].to_vec()),
        ("noise", b"no archive".repeat(1000)),
        ("no manifest", without_manifest.tar(&[])),
        ("no JSON", oci_layout().file("manifest.json", "[").tar(&[])),
        (
            "a layer too few",
            oci_layout().manifest(layout, &["blobs/sha256/aa"]).tar(&[]),
        ),
        (
            "a huge document",
            oci_layout()
                .file("manifest.json", vec![b' '; 5_000_000])
                .tar(&[]),
        ),
    ] {
        let error = open(&archive).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Docker, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let error = SavedArchive::write_down(&b"x"[..], Path::new("/nonexistent"));
    let error = error.await.expect_err("nowhere to write");
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}
