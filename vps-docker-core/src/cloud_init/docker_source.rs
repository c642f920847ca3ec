use crate::error::{Error, ErrorKind, Result};

/// Where Docker comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DockerSource {
    /// The distribution's own packages, signed by the distribution. What is there already is left
    /// as it is. The client, certificates and the AppArmor tools are added where the distribution
    /// only recommends them.
    Distribution {
        /// Names of packages, as `apt-get install` takes them: `name`, `name=version` or
        /// `name/release`. A version that is pinned, such as `docker.io=20.10.24+dfsg1-1+b3`, is
        /// installed or the bootstrap fails: mirrors keep old ones for as long as they please.
        packages: Vec<String>,
    },
    /// The image has it; a bootstrap that does not find it fails.
    Preinstalled,
}

impl Default for DockerSource {
    /// The package `docker.io` of Debian and Ubuntu.
    fn default() -> Self {
        Self::Distribution {
            packages: vec!["docker.io".into()],
        }
    }
}

impl DockerSource {
    /// Refuses what is no package.
    pub(crate) fn check(&self) -> Result<()> {
        self.packages().map(drop)
    }

    /// The packages to install, none when the image must have Docker.
    pub(super) fn packages(&self) -> Result<&[String]> {
        match self {
            Self::Preinstalled => Ok(&[]),
            Self::Distribution { packages } if packages.is_empty() => Err(Error::new(
                ErrorKind::Invalid,
                "the list of Docker packages is empty; \
                 name one, such as docker.io, or choose DockerSource::Preinstalled",
            )),
            Self::Distribution { packages } => {
                match packages.iter().find(|package| !is_package(package)) {
                    None => Ok(packages),
                    Some(bad) => Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "{bad:?} is not the name of a package; \
                             write it as name, name=version or name/release"
                        ),
                    )),
                }
            }
        }
    }
}

/// Nothing that a shell or apt would take for anything but a package: no option, no path, no
/// pattern, no trailing `-` (apt removes such a package).
fn is_package(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| c.is_ascii_alphanumeric() || "+-.:=/~_".contains(c);
    text.len() <= 200
        && text.starts_with(ends)
        && (text.ends_with(ends) || text.ends_with("++"))
        && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_packages_pass() {
        for good in [
            "docker.io",
            "docker-ce=5:27.0~3-1",
            "docker.io=20.10.24+dfsg1-1+b3",
            "docker.io/bookworm",
            "g++",
        ] {
            assert!(is_package(good), "{good:?}");
        }
        for bad in [
            "",
            "-y",
            "docker.io-",
            "a b",
            "a;b",
            "$(x)",
            "./a.deb",
            "/a.deb",
            "a\nb",
            "a*",
            "a'",
        ] {
            let source = DockerSource::Distribution {
                packages: vec![bad.into()],
            };
            let error = source.packages().expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn the_empty_list_is_refused() {
        let source = DockerSource::Distribution { packages: vec![] };
        source.packages().expect_err("nothing to install");
        assert!(
            DockerSource::Preinstalled
                .packages()
                .expect("none")
                .is_empty()
        );
    }
}
