use clap::Args;
use serde_json::{Value, json};
use vps_docker::Result;
use vps_docker::model::HostName;

use super::endpoint;
use crate::context::Context;
use crate::host_text;

/// Show all that is known of a host
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker inspect web
  vps-docker inspect web --json | jq -r .address")]
pub(crate) struct Inspect {
    /// The host's name
    name: HostName,
}

impl Inspect {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let mut document = serde_json::to_value(host.info()).expect("it has text keys");
        document["stopped"] = json!(host.stopped());
        document["problem"] = host
            .problem()
            .map_or(Value::Null, |problem| json!(problem.to_string()));
        document["pressures"] = json!(host.pressures());
        document["exposure"] = json!(host.exposure());
        document["expires_at"] = json!(host.expires_at());
        document["idle_policy"] = json!(host.idle_policy());
        let endpoint = host.tls_endpoint()?;
        document["tls_endpoint"] =
            json!(endpoint.map(|open| endpoint::document(&host.info().name, &open)));
        let code = context.output.show(&document, || host_text::details(&host));
        host.close().await;
        code
    }
}
