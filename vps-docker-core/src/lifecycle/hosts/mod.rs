//! Discovery: what hosts there are, and what each of them says.

mod ask;
mod listed_host;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::error::{ErrorKind, Result};
use crate::model::Instance;
use ask::{Candidate, ask};

pub use listed_host::ListedHost;

/// How many hosts are asked at the same time: each costs an `ssh` process here, and a key exchange.
const AT_ONCE: usize = 32;

/// How long a host may keep a turn. One that has not answered by then does not cost us time but makes us wait, which
/// it can do beside the others: so many that are dead do not add up.
const TURN: Duration = Duration::from_millis(500);

/// Hosts as they answer, in that order; those that do not answer come at their deadline. Dropping
/// it stops the asking.
///
/// A [`Stream`]; without one, [`next_host`](Self::next_host) and [`all`](Self::all) do the same.
#[derive(Debug)]
pub struct HostListing {
    answers: mpsc::Receiver<ListedHost>,
    /// The questions under way; they end with the listing.
    _asking: JoinSet<()>,
}

impl HostListing {
    /// The next one that answers; `None` after the last. Cancel-safe.
    pub async fn next_host(&mut self) -> Option<ListedHost> {
        self.answers.recv().await
    }

    /// All, by name.
    pub async fn all(self) -> Vec<ListedHost> {
        let mut hosts: Vec<ListedHost> = self.collect().await;
        hosts.sort_by(|a, b| (&a.name, &a.instance_id).cmp(&(&b.name, &b.instance_id)));
        hosts
    }
}

impl Stream for HostListing {
    type Item = ListedHost;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ListedHost>> {
        self.answers.poll_recv(context)
    }
}

/// Asks the provider once, then all hosts at the same time.
#[tracing::instrument(name = "hosts", skip_all)]
pub(super) async fn hosts(engine: &Arc<Engine>) -> Result<HostListing> {
    let listed = engine.client.marked_instances().await?;
    let candidates = candidates(engine, listed).await?;
    let (tell, answers) = mpsc::channel(candidates.len().max(1));
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut asking = JoinSet::new();
    for candidate in candidates {
        let (engine, tell, turns) = (Arc::clone(engine), tell.clone(), Arc::clone(&turns));
        asking.spawn(async move {
            let turn = turns.acquire().await.expect("it is never closed");
            let mut answer = pin!(ask(&engine, candidate));
            let host = match timeout(TURN, &mut answer).await {
                Ok(host) => host,
                Err(_elapsed) => {
                    drop(turn);
                    answer.await
                }
            };
            // Nobody listens any more when this fails.
            let _ = tell.send(host).await;
        });
    }
    Ok(HostListing {
        answers,
        _asking: asking,
    })
}

/// Every instance that is listed, and those that this side knows and a late listing lacks, each with
/// what is known of it here.
async fn candidates(engine: &Engine, listed: Vec<Instance>) -> Result<Vec<Candidate>> {
    let mut known = engine.known_hosts()?;
    let mut candidates = Vec::with_capacity(listed.len());
    for instance in listed {
        let here = known
            .iter()
            .position(|(_, known)| known.instance_id == instance.id);
        candidates.push(Candidate {
            known: here.map(|here| known.swap_remove(here)),
            instance,
        });
    }
    for (name, known) in known {
        match engine.client.instance(&known.instance_id).await {
            Ok(instance) => candidates.push(Candidate {
                known: Some((name, known)),
                instance,
            }),
            // Destroyed by somebody else: no host any more.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.with_host(&name)),
        }
    }
    Ok(candidates)
}
