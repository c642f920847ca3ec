//! The doors of a host as people and programs use them: commands, terminals, logs, plain `ssh` and its
//! family, and the Docker API.
//!
//! One host is enough for all of it.

mod command;
mod docker_socket;
mod logs;
mod ssh_family;
mod terminal;

use std::time::Duration;

use vps_docker::{Host, HostSpec};

use crate::support::{World, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_of_a_host_are_open_to_everything_that_people_use() {
    let world = World::new();
    let spec = HostSpec::builder(unique("shell"));
    let host = world.create(spec).await.expect("created");

    command::arguments_arrive_intact(&host).await;
    command::nothing_is_lost_at_the_end(&host).await;
    command::exit_codes_are_told(&host).await;
    command::what_cannot_begin_is_an_error(&host).await;
    command::secrets_are_in_no_process_argument(&host).await;
    command::what_is_dropped_is_ended(&host).await;
    command::streams_are_apart_and_take_no_memory(&host).await;
    command::a_connection_that_breaks_is_no_exit_code(&host).await;

    terminal::it_is_a_real_one(&host).await;
    terminal::one_that_nobody_reads_holds_up_nothing(&host).await;

    ssh_family::all_of_it_gets_in_with_the_text_alone(&host).await;
    ssh_family::a_command_runs_on_the_callers_terminal(&host).await;

    docker_socket::the_cli_and_libraries_work_through_it(&host).await;
    docker_socket::it_goes_when_it_is_closed_dropped_or_cut_off(&host).await;

    // Last: the container does not survive it.
    logs::they_are_followed_to_the_end(&host).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, waiting).await.expect(what);
}

/// Whether the process is there, in the container.
async fn lives(host: &Host, process: &str) -> bool {
    let output = host.exec(&format!("test -e /proc/{process}")).await;
    output.expect("reached").exit_code() == 0
}
