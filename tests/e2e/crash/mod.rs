//! SIGKILL after every step that can be seen from outside; then recovery, as users do it: nothing
//! is leaked, lost or there twice. And every step of a create that fails instead.
//!
//! The steps are not listed anywhere. A first run tells them: calls that change something at the
//! provider, what the local provider changes on its engine, commands on the VPS as they start and
//! end, files here. So whatever step is added is killed at. Commands that only read are told and
//! passed over: killed there is killed at the step before.

mod check;
mod child;
mod operations;
mod stepping_client;

use std::collections::BTreeSet;
use std::time::Instant;

use operations::{Before, Left, OPERATIONS, Operation, Subject};
use vps_docker::HostState;
use vps_docker::model::SnapshotName;

use self::child::{Fate, Run};
use crate::support::{LocalImage, World, is_thorough, name, unique};

/// Commands that change nothing.
const READS: [&str; 6] = [
    "await-bootstrap",
    "compare-env",
    "docker image",
    "docker-wait",
    "list-env",
    "read-documents",
];

/// Made once for a data directory, so that it is there when a second run is to be killed at it.
const ONCE: &str = "/keys/tls_authority.pem";

/// The last step of [`Before::HalfAHost`].
const HALF_A_HOST: &str = "write /hosts/local/A/host.json";

/// The longest of all, so two tests share its steps.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_killed_at_any_even_step_is_recovered() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "even");
    scene
        .kill_at(operation("create"), |turn| {
            turn % 2 == 0 && is_its_day(turn / 2)
        })
        .await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_killed_at_any_odd_step_is_recovered() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "odd");
    scene
        .kill_at(operation("create"), |turn| {
            turn % 2 == 1 && is_its_day(turn / 2)
        })
        .await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_on_half_a_host_and_is_killed_at_any_step_is_recovered() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "half");
    for operation in OPERATIONS {
        if operation.before == Before::HalfAHost {
            scene.kill_at(operation, is_its_day).await;
        }
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_on_a_host_and_is_killed_at_any_step_is_recovered() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "whole");
    for operation in OPERATIONS {
        if matches!(operation.before, Before::A(_)) {
            scene.kill_at(operation, is_its_day).await;
        }
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_on_snapshots_and_is_killed_at_any_step_is_recovered() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "snapshots");
    for operation in OPERATIONS {
        if operation.before == Before::Snapshots {
            scene.kill_at(operation, is_its_day).await;
        }
    }
    scene.end().await;
}

/// Every call of the provider's fails, before it was carried out and after, and the SSH connection
/// breaks at every command: the create takes down what it made by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_fails_at_any_step_leaves_nothing() {
    let image = LocalImage::small();
    let mut scene = Scene::new(&image, "fails");
    scene.fail_at_every_step(operation("create")).await;
    scene.end().await;
}

/// Of the steps one quarter has its turn today, the next one tomorrow; all of them with
/// `VPS_DOCKER_TESTS=thorough`.
fn is_its_day(turn: usize) -> bool {
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let day = seconds.expect("it is past 1970").as_secs() as usize / 86_400;
    is_thorough() || (turn + day).is_multiple_of(4)
}

fn operation(name: &str) -> &'static Operation {
    let mut operations = OPERATIONS.iter();
    operations
        .find(|operation| operation.name == name)
        .expect("known")
}

/// One data directory, one host at a time.
struct Scene {
    world: World,
    subject: Subject,
    generation: u64,
    /// Steps by which a host is looked up. They are the same for all that works on one, and come first.
    looked_up: BTreeSet<String>,
}

impl Scene {
    fn new(image: &LocalImage, prefix: &str) -> Self {
        Self {
            world: World::new(),
            subject: Subject {
                names: [name(&unique(prefix)), name(&unique(prefix))],
                image: image.name.clone(),
            },
            generation: 0,
            looked_up: BTreeSet::new(),
        }
    }

    /// Kills at those steps of the operation whose number is chosen, and recovers.
    async fn kill_at(&mut self, operation: &Operation, chosen: fn(usize) -> bool) {
        let mut steps = self.steps(operation).await;
        steps.retain(|step| is_change(step) && !step.ends_with(ONCE));
        let mut staged = false;
        // Files are written elsewhere first: whichever it is, killed there is killed there.
        steps.retain(|step| !step.starts_with("stage ") || !std::mem::replace(&mut staged, true));
        if matches!(operation.before, Before::A(_) | Before::Snapshots) {
            let looks_up = |step: &String| !step.starts_with("start ");
            let lookup: Vec<String> = steps
                .iter()
                .take_while(|step| looks_up(step))
                .cloned()
                .collect();
            steps.retain(|step| !self.looked_up.contains(step));
            self.looked_up.extend(lookup);
        }
        let turns = (0..).zip(steps).filter(|(turn, _)| chosen(*turn));
        for (turn, step) in turns {
            self.bring(operation.before).await;
            let began = Instant::now();
            let run = self.run(operation, Some((&step, Fate::Killed))).await;
            assert!(run.result.is_none(), "{step:?} was not reached: {run:?}");
            let killed = began.elapsed();
            println!("{:<13} killed at  {step}", operation.name);
            check::nothing_is_lost_sight_of(&self.world).await;
            self.world.reopen();
            // Each way has its turn with steps of every kind.
            let way = operation.recoveries[turn / 8 % operation.recoveries.len()];
            let recovery = way(&self.world.provider, &self.subject);
            let left = recovery.await.expect("recovered");
            self.check(left).await;
            let all = began.elapsed();
            println!(
                "{:13} {killed:.1?}, recovered and checked {:.1?}: {left:?}",
                "",
                all - killed
            );
        }
    }

    async fn fail_at_every_step(&mut self, operation: &Operation) {
        let mut steps = self.steps(operation).await;
        steps.retain(|step| can_fail(step));
        for (turn, step) in steps.into_iter().enumerate() {
            if !is_its_day(turn) {
                continue;
            }
            self.bring(operation.before).await;
            let run = self.run(operation, Some((&step, Fate::Failed))).await;
            assert!(
                run.steps.contains(&step),
                "{step:?} was not reached: {run:?}"
            );
            let result = run.result.expect("nobody killed it");
            println!("{:<13} failed at  {step}: {result:?}", operation.name);
            match result {
                Ok(()) => self.check(operation.after).await,
                Err(_) => self.check(None).await,
            }
        }
    }

    /// Runs the operation to its end: these are its steps.
    async fn steps(&mut self, operation: &Operation) -> Vec<String> {
        self.bring(operation.before).await;
        let mut run = self.run(operation, None).await;
        assert_eq!(run.result, Some(Ok(())), "{:?}", run.steps);
        self.check(operation.after).await;
        if let Some(until) = operation.until {
            let others = run.steps.iter().position(|step| step == until);
            run.steps.truncate(others.expect("such a step"));
        }
        run.steps
    }

    async fn run(&self, operation: &Operation, end: Option<(&str, Fate)>) -> Run {
        let data_dir = self.world.provider.data_dir().path();
        child::run(data_dir, operation.name, &self.subject, end).await
    }

    /// Makes what stands before an operation of what stands there now.
    async fn bring(&mut self, before: Before) {
        let provider = &self.world.provider;
        let name = &self.subject.names[0];
        match before {
            Before::Nothing | Before::HalfAHost => {
                provider.destroy(name).await.expect("destroyed");
                self.generation = 0;
            }
            _ if self.world.instances().await.is_empty() => {
                let run = self.run(operation("create"), None).await;
                assert_eq!(run.result, Some(Ok(())));
            }
            _ => {}
        }
        match before {
            Before::Nothing => {}
            Before::HalfAHost => {
                let end = Some((HALF_A_HOST, Fate::Killed));
                let run = self.run(operation("create"), end).await;
                assert!(run.result.is_none(), "not reached: {run:?}");
            }
            Before::A(HostState::Stopped) => {
                provider.stop(name).await.expect("stopped").close().await;
            }
            Before::A(_) | Before::Snapshots => {
                provider.start(name).await.expect("started").close().await;
            }
        }
        if before == Before::Snapshots {
            let taken = provider.snapshots(name).await.expect("listed").len();
            for _ in taken..2 {
                let kept = SnapshotName::new("kept").expect("fit");
                provider.snapshot(name, &kept).await.expect("taken");
            }
        }
    }

    /// Checks what is there, and by which name it goes from now on.
    async fn check(&mut self, left: Left) {
        let Some(state) = left else {
            check::nothing_is_left(&self.world).await;
            return;
        };
        let entry = |name| self.world.provider.data_dir().host_entry("local", name);
        if entry(&self.subject.names[1]).directory().exists() {
            self.subject.names.swap(0, 1);
        }
        let generation = check::is_whole(&self.world, &self.subject.names[0], state).await;
        assert!(generation >= self.generation, "an older record came back");
        self.generation = generation;
    }

    async fn end(mut self) {
        self.bring(Before::Nothing).await;
        self.check(None).await;
    }
}

/// Whether something was changed: the call was not only about to be sent, and the command does not
/// only read.
fn is_change(step: &str) -> bool {
    !step.starts_with("ask ") && !READS.iter().any(|read| step.contains(read))
}

fn can_fail(step: &str) -> bool {
    ["ask ", "provider ", "start "]
        .iter()
        .any(|deed| step.starts_with(deed))
}
