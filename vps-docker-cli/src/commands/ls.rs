use clap::Args;
use futures_util::future::join_all;
use vps_docker::model::{OwnerId, Timestamp, printable};
use vps_docker::{GarbageItem, ListedHost, Result};

use crate::context::Context;
use crate::host_text;
use crate::instances;
use crate::output::{table, width, wrapped};
use crate::shown::Shown;
use crate::units::age;

/// List the hosts of every provider
///
/// Asks every provider whose credentials are there, and every host itself, all at the same time. A host that does not
/// answer is listed all the same. Hosts whose time to live is over are destroyed on the way, and that is said.
#[derive(Args, Debug)]
#[command(
    visible_alias = "list",
    after_help = "Examples:
  vps-docker ls
  vps-docker ls -p hetzner --json | jq -r '.[] | select(.state == \"running\") | .name'
  vps-docker ls --quiet"
)]
pub(crate) struct Ls {
    /// Names only
    #[arg(short, long)]
    quiet: bool,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let names = instances::asked_for(context);
        let listings = names.iter().map(|name| listed(context, name));
        let listings = context
            .interrupt
            .or(async { Ok(join_all(listings).await) })
            .await?;
        let (mut hosts, mut owners) = (Vec::new(), Vec::new());
        let mut failure = None;
        for (name, listing) in names.iter().zip(listings) {
            match listing {
                Ok((owner, listed)) => {
                    hosts.extend(listed);
                    owners.push(owner);
                }
                Err(error) if instances::is_absent(context, name, error.kind()) => {}
                // The last one is told as every error is.
                Err(error) => {
                    if let Some(earlier) = failure.replace(error) {
                        crate::failure::report(&earlier, false);
                    }
                }
            }
        }
        if self.quiet && !context.global.json {
            let names: String = hosts
                .iter()
                .map(|host| format!("{}\n", host.name))
                .collect();
            crate::output::print(names);
        } else if failure.is_none() || !hosts.is_empty() || !context.global.json {
            context.output.show(&hosts, || text(&hosts, &owners))?;
        }
        match failure {
            Some(error) if context.global.json && !hosts.is_empty() => {
                crate::failure::report(&error, false);
                Ok(vps_docker::exit_code(error.kind()))
            }
            Some(error) => Err(error),
            None => Ok(0),
        }
    }
}

/// Who we are there, and the hosts, without those whose time to live is over: these are destroyed.
async fn listed(context: &Context, name: &str) -> Result<(OwnerId, Vec<ListedHost>)> {
    let engine = instances::engine(context, name)?;
    let mut hosts = engine.hosts().await?.all().await;
    let now = Timestamp::now();
    let ours = engine.data_dir().owner().clone();
    let is_over = |host: &ListedHost| {
        host.owner.as_ref() == Some(&ours) && host.expires_at.is_some_and(|at| at < now)
    };
    if hosts.iter().any(is_over) {
        for collected in engine.gc().await?.expired_hosts_only().collect().await {
            let GarbageItem::ExpiredHost { instance_id, .. } = &collected.item else {
                continue;
            };
            match &collected.error {
                Some(error) => context.output.done(&format!("{}: {error}", collected.item)),
                None => {
                    context
                        .output
                        .done(&format!("destroyed: {}", collected.item));
                    hosts.retain(|host| host.instance_id != *instance_id);
                }
            }
        }
    }
    engine.settled().await;
    Ok((ours, hosts))
}

fn text(hosts: &[ListedHost], ours: &[OwnerId]) -> Shown {
    if hosts.is_empty() {
        return "no hosts; `vps-docker create NAME` makes one\n".into();
    }
    let notes: Vec<String> = hosts.iter().map(|host| note(host, ours)).collect();
    let whole = of_rows(hosts, &notes);
    // A note that makes its row a column of words stands below instead.
    let is_a_line_each = whole.as_str().lines().count() <= hosts.len() + 1;
    if is_a_line_each || width().is_none() {
        return whole;
    }
    let noted = hosts.iter().zip(&notes);
    let noted = noted.filter(|(_, note)| !note.is_empty());
    let below: String = noted
        .map(|(host, note)| {
            let text = printable(&format!("{}: {note}", host.name));
            format!("{}\n", wrapped(&text, width(), 2))
        })
        .collect();
    let none = vec![String::new(); hosts.len()];
    of_rows(hosts, &none).and("\n").and(below)
}

fn of_rows(hosts: &[ListedHost], notes: &[String]) -> Shown {
    let rows = hosts
        .iter()
        .zip(notes)
        .map(|(host, note)| {
            [
                host.name.as_str().into(),
                host_text::state(host.state),
                host.provider.as_str().into(),
                host.address
                    .map_or_else(|| "–".into(), |address| address.to_string().into()),
                host.created_at
                    .map_or_else(|| "–".into(), |at| age(at).into()),
                note.as_str().into(),
            ]
        })
        .collect();
    table(
        ["NAME", "STATE", "PROVIDER", "ADDRESS", ">AGE", "NOTE"],
        rows,
    )
}

fn note(host: &ListedHost, ours: &[OwnerId]) -> String {
    // Its VPS knows none of our keys, and need not.
    if let Some(owner) = host.owner.as_ref().filter(|owner| !ours.contains(owner)) {
        return format!("of another owner, {owner}");
    }
    match (&host.problem, &host.stopped, host.pressures.first()) {
        (Some(problem), ..) => problem.to_string(),
        (None, Some(mark), _) => format!("{} ({})", mark.reason, mark.by),
        (None, None, Some(pressure)) => pressure.to_string(),
        (None, None, None) => {
            let left = |at| format!("expires {}", host_text::left(at));
            host.expires_at.map(left).unwrap_or_default()
        }
    }
}
