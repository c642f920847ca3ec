//! The images that instances boot: built on the user's engine, of the assets in this directory.

mod event;
mod rootfs;

use std::collections::HashMap;

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use vps_docker_core::model::near_matches;
use vps_docker_core::{Error, ErrorKind, Result};

pub use event::{ContainerBase, ImageEvent};

use crate::archive::Archive;
use crate::config::LocalConfig;
use crate::engine::Engine;
use crate::error::{during, is_not_found};
use crate::lock::{self, FileLock};
pub(crate) use rootfs::container_base;

/// An image of the catalogue.
#[derive(Debug)]
pub(crate) struct VpsImage {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) has_docker: bool,
    /// The image it is built on; the root file system if none.
    base: Option<&'static VpsImage>,
    /// The build context: names and contents.
    files: &'static [(&'static str, &'static str)],
}

/// Debian with cloud-init and sshd, nothing more.
static BARE: VpsImage = VpsImage {
    id: "debian-12",
    description: "Debian 12, Docker to be installed by cloud-init",
    has_docker: false,
    base: None,
    files: &[
        ("Dockerfile", include_str!("debian-12/Dockerfile")),
        ("cloud.cfg", include_str!("debian-12/cloud.cfg")),
        ("dpkg-slim.cfg", include_str!("debian-12/dpkg-slim.cfg")),
        ("journald.conf", include_str!("debian-12/journald.conf")),
        ("vps-init", include_str!("debian-12/vps-init")),
    ],
};

/// The golden image: Docker starts with the machine.
static GOLDEN: VpsImage = VpsImage {
    id: "debian-12-docker",
    description: "Debian 12 with Docker",
    has_docker: true,
    base: Some(&BARE),
    files: &[
        ("Dockerfile", include_str!("debian-12-docker/Dockerfile")),
        (
            "containerd-early.conf",
            include_str!("debian-12-docker/containerd-early.conf"),
        ),
    ],
};

/// All images, the default first.
pub(crate) static CATALOG: &[&VpsImage] = &[&GOLDEN, &BARE];

/// Makes sure that an image of the catalogue exists and returns its name on the engine.
pub(crate) async fn ensure(
    engine: &Engine,
    config: &LocalConfig,
    id: &str,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<String> {
    let Some(image) = CATALOG.iter().find(|image| image.id == id) else {
        let known: Vec<&str> = CATALOG.iter().map(|image| image.id).collect();
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("unknown image {id:?}{}", near_matches(id, &known)),
        ));
    };
    let name = image.name(config);
    if !exists(engine, &name).await? {
        let _lock = lock(config, on_event).await?;
        let mut base = None;
        for image in image.lineage() {
            base = Some(build_unless_there(engine, config, image, base, on_event).await?);
        }
    }
    on_event(ImageEvent::Ready {
        image: name.clone(),
    });
    Ok(name)
}

/// One build of images at a time on this machine.
async fn lock(
    config: &LocalConfig,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Option<FileLock>> {
    lock::acquire(&config.scratch_dir, "images", || {
        on_event(ImageEvent::Waiting);
    })
    .await
}

/// Whether the engine has an image of that name.
pub(crate) async fn exists(engine: &Engine, name: &str) -> Result<bool> {
    match engine.docker.inspect_image(name).await {
        Ok(_) => Ok(true),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(during("inspect image")(error)),
    }
}

impl VpsImage {
    /// The image's name on the engine. It ends in a hash of all that goes into the image, so a
    /// changed recipe is another image.
    fn name(&self, config: &LocalConfig) -> String {
        let mut hash = Sha256::new();
        for image in self.lineage() {
            for (name, content) in image.files {
                hash.update(format!("{name}\0{}\0{content}", content.len()));
            }
        }
        if let Some((key, value)) = build_argument(config) {
            hash.update(format!("{key}\0{value}\0"));
        }
        let hash: String = hash.finalize()[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("vps-docker/{}:{hash}", self.id)
    }

    /// The image and those it is built on, the lowest first.
    fn lineage(&self) -> Vec<&Self> {
        let mut lineage = self.base.map(Self::lineage).unwrap_or_default();
        lineage.push(self);
        lineage
    }
}

fn build_argument(config: &LocalConfig) -> Option<(&'static str, String)> {
    config.mirror.clone().map(|mirror| ("MIRROR", mirror))
}

async fn build_unless_there(
    engine: &Engine,
    config: &LocalConfig,
    image: &VpsImage,
    base: Option<String>,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<String> {
    let name = image.name(config);
    if exists(engine, &name).await? {
        return Ok(name);
    }
    let base = match base {
        Some(base) => base,
        None => rootfs::ensure(engine, config, on_event).await?,
    };
    on_event(ImageEvent::Building {
        image: name.clone(),
    });
    let mut arguments: HashMap<&str, String> = HashMap::from([("BASE", base)]);
    if image.base.is_none() {
        arguments.extend(build_argument(config));
    }
    let mut context = Archive::new();
    for (name, content) in image.files {
        context = context.file(name, 0o644, content.as_bytes());
    }
    let options = BuildImageOptionsBuilder::new()
        .t(&name)
        .rm(true)
        .forcerm(true)
        .buildargs(&arguments)
        .build();
    let engine = engine.patient();
    let body = bollard::body_full(context.finish().into());
    let mut output = engine.build_image(options, None, Some(body));
    let mut last_lines = Vec::new();
    while let Some(step) = output.next().await {
        match step {
            Ok(info) => {
                let text = info.stream.unwrap_or_default();
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    on_event(ImageEvent::Line(line.to_owned()));
                    last_lines.push(line.to_owned());
                }
                let surplus = last_lines.len().saturating_sub(20);
                last_lines.drain(..surplus);
            }
            Err(error) => {
                return Err(during("build image")(error).with_note(format!(
                    "the build of {name} ended with:\n{}",
                    last_lines.join("\n")
                )));
            }
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_recipe_is_another_image() {
        let plain = LocalConfig::default();
        let mirrored = LocalConfig::default()
            .mirror("http://mirror.example/debian")
            .expect("legal");
        assert_eq!(BARE.name(&plain), BARE.name(&LocalConfig::default()));
        assert_ne!(BARE.name(&plain), BARE.name(&mirrored));
        assert_ne!(GOLDEN.name(&plain), GOLDEN.name(&mirrored));
        let name = GOLDEN.name(&plain);
        let (repository, tag) = name.split_once(':').expect("a tag");
        assert_eq!(repository, "vps-docker/debian-12-docker");
        assert_eq!(tag.len(), 12);
    }

    #[test]
    fn every_file_that_is_copied_is_in_the_context() {
        for image in CATALOG {
            let dockerfile = image.files[0].1;
            for line in dockerfile.lines().filter(|line| line.starts_with("COPY ")) {
                let source = line.split(' ').nth(1).expect("a source");
                assert!(
                    image.files.iter().any(|(name, _)| *name == source),
                    "{} lacks {source}",
                    image.id
                );
            }
        }
    }
}
