//! What may be wrong on this side or at a provider, and how it is mended.

use std::fs;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::process::Command;
use vps_docker::model::printable;

use crate::context::Context;
use crate::instances;
use crate::output::{width, wrapped};
use crate::shown::Shown;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    what: String,
    state: State,
    text: String,
    /// The next thing to do.
    mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Well,
    Unused,
    Ill,
}

impl Finding {
    fn well(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Well,
            text: text.into(),
            mend: None,
        }
    }

    fn unused(what: impl Into<String>, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Unused,
            mend: Some(mend.into()),
            ..Self::well(what, text)
        }
    }

    fn ill(what: impl Into<String>, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Ill,
            ..Self::unused(what, text, mend)
        }
    }

    pub(crate) fn is_ill(&self) -> bool {
        self.state == State::Ill
    }

    pub(crate) fn text(&self) -> Shown {
        let (mark, colour) = match self.state {
            State::Well => ("✔", AnsiColor::Green),
            State::Unused => ("–", AnsiColor::Yellow),
            State::Ill => ("✗", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        let hanging = |text: &str| wrapped(&printable(text), width(), 17);
        let text = format!(" {:14} {}\n", self.what, hanging(&self.text));
        let text = Shown::styled(style, mark).and(text);
        match &self.mend {
            Some(mend) => text.and(format!("  {:14} {}\n", "", hanging(mend))),
            None => text,
        }
    }
}

/// Looks at all of it, at the same time.
pub(crate) async fn examine(context: &Context) -> Vec<Finding> {
    let names = instances::names(context);
    let providers = join_all(names.iter().map(|name| provider(context, name)));
    let (ssh, providers) = tokio::join!(ssh(), providers);
    let mut findings = vec![ssh, clock(), data_dir(context)];
    findings.extend(providers);
    findings
}

async fn ssh() -> Finding {
    match Command::new("ssh").arg("-V").output().await {
        Ok(output) => Finding::well("ssh", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => Finding::ill(
            "ssh",
            format!("it cannot be started: {error}"),
            "install the OpenSSH client, as with `apt-get install openssh-client`",
        ),
    }
}

/// TLS and expiries need a clock that is about right: at least not before this program was made.
fn clock() -> Finding {
    let made = std::env::current_exe()
        .and_then(fs::metadata)
        .and_then(|metadata| metadata.modified());
    let now = SystemTime::now();
    match made {
        Ok(made) if now + Duration::from_secs(86_400) < made => Finding::ill(
            "clock",
            "it is before the day this program was made",
            "set it, as with `timedatectl set-ntp true`",
        ),
        _ => Finding::well("clock", vps_docker::model::Timestamp::now().to_string()),
    }
}

fn data_dir(context: &Context) -> Finding {
    let path = context.data_dir();
    match vps_docker::DataDir::open(path) {
        Ok(data_dir) => Finding::well(
            "data directory",
            format!("{}, owner {}", path.display(), data_dir.owner()),
        ),
        Err(error) => Finding::ill(
            "data directory",
            error.to_string(),
            "give another one with --data-dir",
        ),
    }
}

/// Whether the provider lets us in, and what we may order.
async fn provider(context: &Context, name: &str) -> Finding {
    if !instances::is_usable(context, name) {
        let needs = instances::registration(context, name).map(|registration| {
            let needed = registration
                .options
                .iter()
                .filter(|option| option.need != vps_docker::registry::Need::Optional);
            needed
                .filter_map(|option| option.variable)
                .collect::<Vec<_>>()
                .join(", ")
        });
        return Finding::unused(
            name,
            "no credentials",
            format!("to use it, set {}", needs.unwrap_or_default()),
        );
    }
    let look = async {
        let engine = instances::engine(context, name)?;
        let client = engine.client();
        // A listing that must fit a tag is the cheapest call that needs the credentials.
        let filter =
            vps_docker::model::InstanceFilter::with_tag(vps_docker::model::HostTags::MARKER);
        let instances = client.list_instances(&filter).await?.len();
        let limits = match client.capabilities().limits {
            true => client.limits().await?.instances,
            false => None,
        };
        Ok::<_, vps_docker::Error>((instances, limits))
    };
    match look.await {
        Ok((ours, None)) => Finding::well(name, format!("lets us in; {ours} instances of ours")),
        Ok((ours, Some(limit))) => Finding::well(
            name,
            format!("lets us in; {ours} instances of ours, of {limit} instances at most"),
        ),
        Err(error) if name == "local" && !instances::has_hosts(context, name) => Finding::unused(
            name,
            error.to_string(),
            "to use it, start Docker, as with `systemctl start docker`",
        ),
        Err(error) => Finding::ill(name, error.to_string(), mend(error.kind())),
    }
}

fn mend(kind: vps_docker::ErrorKind) -> &'static str {
    use vps_docker::ErrorKind as Kind;
    match kind {
        Kind::Auth => "make a new token, and set it",
        Kind::Permission => {
            "give the token the right to read and write, or allow this machine's address"
        }
        Kind::Unreachable | Kind::Timeout => {
            "look at the network, and at the endpoint if you set one"
        }
        _ => "the error says what is wrong",
    }
}
