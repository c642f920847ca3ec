//! The bridge network that the instances stand in.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use tokio::time::{Instant, sleep};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::config::LocalConfig;
use crate::error::{during, is_not_found, says};
use crate::wire::{self, Kind};

/// How long a network of another process may be in the making.
const RACE: Duration = Duration::from_secs(5);

/// Makes sure that the network exists; idempotent, also beside another process. It stays when
/// the last instance goes.
pub(crate) async fn ensure(docker: &Docker, config: &LocalConfig) -> Result<()> {
    if exists(docker, config).await? {
        return Ok(());
    }
    let request = NetworkCreateRequest {
        name: config.network.clone(),
        driver: Some("bridge".into()),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(config.subnet.to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        options: Some(HashMap::from([(
            "com.docker.network.bridge.enable_icc".to_owned(),
            "true".to_owned(),
        )])),
        labels: Some(wire::labels(Kind::Network, &config.network, None)),
        ..NetworkCreateRequest::default()
    };
    let Err(error) = docker.create_network(request).await else {
        return Ok(());
    };
    // Two networks may have one name but not one range, so the loser of a race ends here. The
    // range is taken before the name is: the winner may need another moment.
    let deadline = Instant::now() + RACE;
    while says(&error, "Pool overlaps") && Instant::now() < deadline {
        if exists(docker, config).await? {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(Error::new(
        ErrorKind::Provider,
        format!(
            "the network {:?} on {} could not be made; if the range is in use choose another \
             one with the options `subnet` and `network`",
            config.network, config.subnet
        ),
    )
    .with_operation("create network")
    .with_source(error))
}

async fn exists(docker: &Docker, config: &LocalConfig) -> Result<bool> {
    match docker.inspect_network(&config.network, None).await {
        Ok(_) => Ok(true),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(during("inspect network")(error)),
    }
}
