//! What of a build is on this side: looked at, and checked, before anything is ordered.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretSlice;
use sha2::{Digest, Sha256};

use super::dockerfile::Dockerfile;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Ignore, Tree, blocking, cannot, digest_of};
use crate::model::{BuildContext, ImageBuild, base32};

/// BuildKit takes no larger secret.
const LARGEST_SECRET: u64 = 500 * 1024;

/// A build whose files are there.
#[derive(Clone, Debug)]
pub(crate) struct BuildSource {
    pub(super) build: ImageBuild,
    pub(super) dockerfile: Dockerfile,
    /// Absent when the VPS fetches the context.
    pub(super) local: Option<Arc<LocalContext>>,
}

/// A context on this side.
#[derive(Debug)]
pub(super) struct LocalContext {
    /// Without symbolic links.
    directory: PathBuf,
    pub(super) place: DockerfilePlace,
    ignore: Ignore,
    /// The ignore file is the Dockerfile's own, which BuildKit alone knows.
    pub(super) own_ignore_file: Option<PathBuf>,
}

/// Where the Dockerfile is.
#[derive(Debug)]
pub(super) enum DockerfilePlace {
    /// In the context, by its path in there.
    Inside(String),
    /// Elsewhere: it is sent beside the context.
    Outside(PathBuf),
}

impl BuildSource {
    /// Looks at all of it, and reads nothing that it need not: a second look finds what is there
    /// then.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] and [`ErrorKind::NotFound`] for what is not there or not what it
    /// should be, [`ErrorKind::Permission`], each with its path.
    pub(crate) async fn look(build: ImageBuild) -> Result<Self> {
        blocking(move || {
            for secret in &build.secrets {
                read_secret(&secret.source)?;
            }
            let (local, text) = match &build.context {
                BuildContext::Remote(_) => (None, String::new()),
                BuildContext::Directory(directory) => {
                    let (local, text) = LocalContext::look(directory, build.dockerfile.as_deref())?;
                    local.walk()?;
                    (Some(Arc::new(local)), text)
                }
            };
            Ok(Self {
                dockerfile: Dockerfile::read(&text, &build.arguments),
                local,
                build,
            })
        })
        .await
    }

    /// A digest of all that is here of what the image is built of: the context's files, the arguments, the ids of secrets. What a
    /// remote context holds, and base images, are not in it.
    ///
    /// # Errors
    /// Those of [`look`](Self::look).
    pub(crate) async fn digest(&self) -> Result<String> {
        let source = self.clone();
        blocking(move || {
            let mut parts = source.build.arguments.clone();
            parts.extend(source.build.secrets.iter().map(|secret| secret.id.clone()));
            match &source.local {
                None => parts.push(format!("{:?}", source.build)),
                Some(local) => {
                    parts.push(digest_of(&local.walk()?)?);
                    parts.push(digest_of(&local.walk_beside()?)?);
                    parts.extend(local.inside().map(str::to_owned));
                }
            }
            let mut hash = Sha256::new();
            for part in parts {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            Ok(base32().encode(&hash.finalize()))
        })
        .await
    }

    /// Whether the classic builder cannot do it.
    pub(super) fn needs_buildkit(&self) -> bool {
        const ARGUMENTS: [&str; 9] = [
            "--allow=",
            "--annotation=",
            "--attest=",
            "--build-context=",
            "--cache-to=",
            "--no-cache-filter=",
            "--progress=",
            "--provenance=",
            "--sbom=",
        ];
        let own_ignore_file = |local: &Arc<LocalContext>| local.own_ignore_file.is_some();
        self.dockerfile.needs_buildkit
            || !self.build.secrets.is_empty()
            || self.local.as_ref().is_some_and(own_ignore_file)
            || self.build.arguments.iter().any(|argument| {
                let mut options = ARGUMENTS.iter();
                options.any(|option| argument.starts_with(option))
            })
    }
}

impl LocalContext {
    fn look(directory: &Path, dockerfile: Option<&Path>) -> Result<(Self, String)> {
        let given = directory;
        let directory = given
            .canonicalize()
            .map_err(|error| cannot("find the build context", given, error))?;
        if !directory.is_dir() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the build context {} is no directory", given.display()),
            ));
        }
        let dockerfile = dockerfile.map_or_else(|| directory.join("Dockerfile"), Path::to_owned);
        let found = dockerfile
            .canonicalize()
            .map_err(|error| cannot("find the Dockerfile", &dockerfile, error))?;
        let text = std::fs::read_to_string(&found)
            .map_err(|error| cannot("read the Dockerfile", &dockerfile, error))?;
        let place = match found.strip_prefix(&directory).map(Path::to_str) {
            Ok(Some(inside)) => DockerfilePlace::Inside(inside.to_owned()),
            _ => DockerfilePlace::Outside(found.clone()),
        };
        let mut own = found.into_os_string();
        own.push(".dockerignore");
        let own_ignore_file = Some(PathBuf::from(own)).filter(|own| own.exists());
        let general = directory.join(".dockerignore");
        let mut ignore = match own_ignore_file.as_deref().unwrap_or(&general) {
            file if file.exists() => read_ignore(file)?,
            _ => Ignore::default(),
        };
        // Docker reads them there, whatever the rules say.
        ignore.except(".dockerignore")?;
        if let DockerfilePlace::Inside(inside) = &place {
            ignore.except(inside)?;
            ignore.except(&format!("{inside}.dockerignore"))?;
        }
        let context = Self {
            directory,
            place,
            ignore,
            own_ignore_file,
        };
        Ok((context, text))
    }

    /// What travels as the context. Blocks.
    pub(super) fn walk(&self) -> Result<Tree> {
        Tree::walk(&self.directory, &self.ignore)
    }

    /// What travels beside it: a Dockerfile that is elsewhere, with its ignore file. Blocks.
    pub(super) fn walk_beside(&self) -> Result<Tree> {
        let mut tree = Tree::default();
        if let DockerfilePlace::Outside(dockerfile) = &self.place {
            tree.add_file(dockerfile, b"Dockerfile")?;
            if let Some(ignore_file) = &self.own_ignore_file {
                tree.add_file(ignore_file, b"Dockerfile.dockerignore")?;
            }
        }
        Ok(tree)
    }

    /// The Dockerfile's path in the context, if it is there.
    fn inside(&self) -> Option<&str> {
        match &self.place {
            DockerfilePlace::Inside(inside) => Some(inside),
            DockerfilePlace::Outside(_) => None,
        }
    }

    /// A name for the context, the same every time.
    pub(super) fn name(&self) -> String {
        let hash = Sha256::digest(self.directory.as_os_str().as_bytes());
        base32().encode(&hash[..15])
    }
}

fn read_ignore(file: &Path) -> Result<Ignore> {
    let text = std::fs::read_to_string(file).map_err(|error| cannot("read", file, error))?;
    Ignore::parse(&text).map_err(|error| error.with_note(format!("it is in {}", file.display())))
}

/// Reads a secret. Blocks.
pub(super) fn read_secret(source: &Path) -> Result<SecretSlice<u8>> {
    let failed = |error| cannot("read the build secret", source, error);
    let metadata = source.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.len() > LARGEST_SECRET {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the build secret {} is no file of at most {LARGEST_SECRET} bytes",
                source.display()
            ),
        ));
    }
    std::fs::read(source).map(SecretSlice::from).map_err(failed)
}
