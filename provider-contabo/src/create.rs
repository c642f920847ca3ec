//! An instance: a released machine where there is one, else an order. A file of its own because an order
//! is a contract here.

use secrecy::{ExposeSecret, SecretString};
use vps_docker_core::model::{BootImage, HostName, Instance, InstanceSpec, InstanceState, Tags};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::catalog;
use crate::cloud::Cloud;
use crate::convert;
use crate::display_name::Ours;
use crate::reuse::{self, Reused};
use crate::wire::{OrderRequest, Reinstall};

/// Most bytes of `user_data`. Contabo states none; this is what the strictest of its like takes.
pub(crate) const USER_DATA_LIMIT: usize = 32 << 10;
/// The regions that an order may name, says the document.
pub(crate) const REGIONS: [&str; 9] = [
    "EU",
    "US-central",
    "US-east",
    "US-west",
    "SIN",
    "UK",
    "AUS",
    "JPN",
    "IND",
];
/// Who logs in: not `admin`, the API's default.
pub(crate) const LOGIN: &str = "root";

/// Makes an instance. What is certain to be refused is found out before anything is sent.
pub(crate) async fn create(cloud: &Cloud, spec: &InstanceSpec) -> Result<Instance> {
    let wanted = Wanted::parse(spec)?;
    check_region(cloud, &wanted.region).await?;
    let wiping = match reuse::reuse(cloud, &wanted).await? {
        Reused::Taken(instance) => return Ok(*instance),
        Reused::None { wiping } => wiping,
    };
    if !cloud.config.allow_order {
        return Err(no_consent(cloud.config.period, &wanted, wiping));
    }
    order(cloud, &wanted).await
}

/// Refuses a region that there is not, with near matches. One that is younger than the document is
/// looked up.
async fn check_region(cloud: &Cloud, region: &str) -> Result<()> {
    if REGIONS.contains(&region) {
        return Ok(());
    }
    let data_centers = cloud.api.data_centers().await?;
    let offered = catalog::catalog(&data_centers, &[]);
    offered.region(Some(region)).map(drop)
}

/// What is asked for, checked.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) tags: Tags,
    pub(crate) region: String,
    pub(crate) product: String,
    image: String,
    user_data: SecretString,
    keys: Vec<u64>,
}

impl Wanted {
    fn parse(spec: &InstanceSpec) -> Result<Self> {
        HostName::new(spec.name.as_str())?;
        let image = match &spec.image {
            BootImage::Catalog(id) => id.clone(),
            BootImage::Snapshot(_) => {
                return Err(Error::unsupported(crate::NAME, "create_from_snapshot").with_note(
                    "a snapshot at Contabo belongs to its instance; take one of the host instead",
                ));
            }
        };
        let length = spec.user_data.expose_secret().len();
        if length > USER_DATA_LIMIT {
            return Err(invalid(format!(
                "the user_data has {length} bytes; at most {USER_DATA_LIMIT} are sent to Contabo"
            )));
        }
        let keys = spec.ssh_keys.iter().map(|id| {
            id.as_str().parse().map_err(|_| {
                invalid(format!(
                    "{id} is no id of an SSH key at Contabo, which is a number"
                ))
            })
        });
        let wanted = Self {
            name: spec.name.clone(),
            tags: spec.tags.clone(),
            region: spec.region.clone(),
            product: spec.plan.clone(),
            image,
            user_data: spec.user_data.clone(),
            keys: keys.collect::<Result<_>>()?,
        };
        // The longest that it can become.
        wanted.display_name(u32::from(u16::MAX), 24).encode()?;
        Ok(wanted)
    }

    /// What the machine is called while it is this instance.
    pub(crate) fn display_name(&self, occupancy: u32, period: u32) -> Ours {
        Ours {
            name: self.name.clone(),
            tags: self.tags.clone(),
            occupancy,
            period,
        }
    }

    /// What is installed on it.
    pub(crate) fn system(&self) -> Reinstall<'_> {
        Reinstall {
            image_id: &self.image,
            ssh_keys: &self.keys,
            user_data: self.user_data.expose_secret(),
            default_user: LOGIN,
        }
    }
}

/// Orders a machine. Sent once, whatever becomes of it.
async fn order(cloud: &Cloud, wanted: &Wanted) -> Result<Instance> {
    let period = cloud.config.period;
    let display_name = wanted.display_name(0, period).encode()?;
    let order = OrderRequest {
        product_id: &wanted.product,
        region: &wanted.region,
        period,
        display_name: &display_name,
        system: wanted.system(),
    };
    let mut machine = cloud.api.order(&order).await?;
    tracing::info!(
        number = machine.instance_id,
        period,
        "a machine was ordered"
    );
    // The answer does not repeat it.
    machine.display_name = display_name;
    let mut instance = convert::instance(&machine);
    instance.region.clone_from(&wanted.region);
    instance.plan.clone_from(&wanted.product);
    if let InstanceState::Unknown(_) = instance.state {
        instance.state = InstanceState::Provisioning;
    }
    Ok(instance)
}

fn no_consent(period: u32, wanted: &Wanted, wiping: usize) -> Error {
    let Wanted {
        product, region, ..
    } = wanted;
    let contract = match period {
        1 => "a contract of 1 month".to_owned(),
        months => format!("a contract of {months} months"),
    };
    let error = Error::new(
        ErrorKind::Payment,
        format!(
            "no released machine of product {product} in {region} is free, and ordering one is \
             {contract}, billed at the price that https://contabo.com shows (the API tells none); \
             agree with --allow-order or the option allow_order=true"
        ),
    );
    match wiping {
        0 => error,
        wiping => error.with_note(format!(
            "{wiping} released machines are still being wiped; try again later to have one of them"
        )),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
