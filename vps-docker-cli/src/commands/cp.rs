use clap::Args;
use serde_json::json;
use vps_docker::files::Transfer;
use vps_docker::model::HostName;
use vps_docker::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::units::bytes;

/// Copy a file or a directory to a host's container, or from it
///
/// The second path is what it will be called. Of a directory that is there already only what has changed travels.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker cp ./site web:/vps-docker/site
  vps-docker cp web:/var/log/app.log .")]
pub(crate) struct Cp {
    /// What to copy: a path here, or NAME:PATH
    from: String,
    /// Where to: NAME:PATH, or a path here
    to: String,
}

impl Cp {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (from, to) = (side(&self.from)?, side(&self.to)?);
        let transfer = match (&from, &to) {
            (Side::Here(local), Side::There(name, remote)) => {
                let host = context.interrupt.or(context.host(name)).await?;
                let transfer = context.interrupt.or(host.upload(local, remote)).await?;
                host.close().await;
                transfer
            }
            (Side::There(name, remote), Side::Here(local)) => {
                let host = context.interrupt.or(context.host(name)).await?;
                let local = within(local, remote);
                let transfer = context.interrupt.or(host.download(remote, &local)).await?;
                host.close().await;
                transfer
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "one of the two paths is to be on a host, as in web:/srv, and the other one here",
                ));
            }
        };
        let document = json!({
            "entries": transfer.entries, "sent": transfer.sent, "received": transfer.received,
        });
        context.output.show(&document, || {
            let Transfer {
                entries,
                sent,
                received,
                ..
            } = transfer;
            format!(
                "copied {entries}; {} sent, {} received\n",
                bytes(sent),
                bytes(received)
            )
        })
    }
}

#[derive(Debug)]
enum Side {
    Here(String),
    There(HostName, String),
}

/// `NAME:PATH` is on a host; what has a slash before its colon is a path here, as with scp.
fn side(text: &str) -> Result<Side> {
    match text.split_once(':') {
        Some((name, path)) if !name.contains('/') => {
            Ok(Side::There(name.parse()?, path.to_owned()))
        }
        _ => Ok(Side::Here(text.to_owned())),
    }
}

/// A directory that is there is where it goes, under its own name.
fn within(local: &str, remote: &str) -> std::path::PathBuf {
    let path = std::path::PathBuf::from(local);
    match remote.trim_end_matches('/').rsplit('/').next() {
        Some(name) if path.is_dir() && !name.is_empty() => path.join(name),
        _ => path,
    }
}
