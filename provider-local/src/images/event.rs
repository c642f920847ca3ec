use std::fmt;

/// Progress of an image in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageEvent {
    /// Another process builds images just now; we wait for it.
    Waiting,
    /// The root file system is asked of the registry.
    Pulling {
        /// What is pulled.
        image: String,
    },
    /// The registry does not help; the root file system is made by `debootstrap`.
    Bootstrapping {
        /// Why the registry does not help.
        reason: String,
        /// The name that the result gets.
        image: String,
    },
    /// A build begins.
    Building {
        /// What is built.
        image: String,
    },
    /// A line of a build's output.
    Line(String),
    /// An image is there, built now or before.
    Ready {
        /// Its name on the engine.
        image: String,
    },
}

impl fmt::Display for ImageEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting for another process that builds images"),
            Self::Pulling { image } => write!(f, "pulling {image}"),
            Self::Bootstrapping { reason, image } => {
                write!(f, "making {image} with debootstrap ({reason})")
            }
            Self::Building { image } => write!(f, "building {image}"),
            Self::Line(line) => f.write_str(line),
            Self::Ready { image } => write!(f, "{image} is ready"),
        }
    }
}

/// Where the image for containers came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerBase {
    /// It was there already.
    Present,
    /// It was pulled from the registry.
    Pulled,
    /// The registry did not answer: it was made by `debootstrap` and only has the registry's
    /// name. Remove it (`docker rmi debian:bookworm-slim`) to have the real one pulled.
    Imported,
}

impl fmt::Display for ContainerBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "debian:bookworm-slim was there already",
            Self::Pulled => "debian:bookworm-slim was pulled from the registry",
            Self::Imported => {
                "debian:bookworm-slim is NOT the registry's: no registry answered, \
                 so it was made with debootstrap under that name"
            }
        })
    }
}
