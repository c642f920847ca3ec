use clap::Args;
use vps_docker::{Collected, Error, ErrorKind, Result};

use crate::context::Context;
use crate::instances;

/// Find and remove what interrupted work has left, here and at the provider
///
/// Without --provider every provider is searched whose credentials are there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker gc --dry-run
  vps-docker gc -p hetzner --yes")]
pub(crate) struct Gc {
    /// Only show what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Snapshots of instances whose host is gone as well; they may be golden images
    #[arg(long)]
    snapshots: bool,
}

impl Gc {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (mut found, mut engines) = (Vec::new(), Vec::new());
        for name in instances::asked_for(context) {
            let engine = instances::engine(context, name)?;
            match context.interrupt.or(engine.gc()).await {
                Ok(garbage) => {
                    let garbage = if self.snapshots {
                        garbage.snapshots_too()
                    } else {
                        garbage
                    };
                    found.extend(garbage.items().iter().cloned());
                    engines.push((engine, garbage));
                }
                Err(error)
                    if name == "local"
                        && context.global.provider.is_none()
                        && error.kind() == ErrorKind::Unreachable => {}
                Err(error) => return Err(error),
            }
        }
        if self.dry_run || found.is_empty() {
            return context.output.show(&found, || match found.is_empty() {
                true => "nothing is left over\n".to_owned(),
                false => found.iter().map(|item| format!("{item}\n")).collect(),
            });
        }
        for item in &found {
            context.output.done(&item.to_string());
        }
        context.confirm(&format!("Remove these {}?", found.len()))?;
        let mut collected = Vec::new();
        for (engine, garbage) in engines {
            collected.extend(garbage.collect().await);
            engine.settled().await;
        }
        let failed = collected.iter().filter(|one| one.error.is_some()).count();
        context.output.show(&collected, || {
            collected.iter().map(line).collect::<String>()
        })?;
        match failed {
            0 => Ok(0),
            failed => Err(Error::new(
                ErrorKind::Provider,
                format!("{failed} could not be removed; they are found again the next time"),
            )),
        }
    }
}

fn line(collected: &Collected) -> String {
    let item = &collected.item;
    match (&collected.error, &collected.ends_at) {
        (Some(error), _) => format!("not removed: {item}: {error}\n"),
        (None, Some(time)) => format!("removed: {item}; paid for until {time}\n"),
        (None, None) => format!("removed: {item}\n"),
    }
}
