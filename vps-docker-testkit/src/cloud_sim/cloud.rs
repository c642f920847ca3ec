use std::fmt::Debug;

use axum::Router;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::credentials::{Access, Credentials};
use super::fault::Op;
use super::id::Id;
use super::offer::{Offer, Price};
use super::openapi::Exception;
use super::rate_limit::{RateRule, RateState};
use super::refusal::{Reason, Refusal};
use super::sim::Sim;
use super::state::Contract;
use super::world::{Rules, World};

/// What makes one cloud different from the others. A simulator is one of these before a
/// [`World`](super::world::World); `README.md` beside this file tells how to write one.
pub(crate) trait Cloud: Debug + Send + Sync + 'static {
    /// What stands before every path of the API, such as `/v1`. It becomes part of the URL that clients get.
    fn prefix(&self) -> &'static str;

    /// The file name of the API's document.
    fn document(&self) -> &'static str;

    /// Where the document is wrong, so that what violates it there is no mistake.
    fn exceptions(&self) -> &'static [Exception] {
        &[]
    }

    /// How the API writes ids: as numbers, unless it says otherwise.
    fn id_text(&self, id: Id) -> String {
        id.to_string()
    }

    /// How the API writes ids of snapshots.
    fn snapshot_id_text(&self, id: Id) -> String {
        self.id_text(id)
    }

    /// What is sold.
    fn offer(&self) -> Offer;

    /// How it behaves, in numbers.
    fn rules(&self) -> Rules;

    /// How many requests it bears.
    fn rate_rules(&self) -> Vec<RateRule>;

    /// Whether each address that requests come from has limits of its own; else they are the account's.
    fn limits_by_source(&self) -> bool {
        false
    }

    /// The headers that tell of the limits: one state for each rule that concerns the call, in the order of
    /// [`rate_rules`](Self::rate_rules). With `refused` they are those of a 429.
    fn rate_headers(&self, states: &[RateState], refused: bool) -> Vec<(&'static str, String)>;

    /// Whether the call needs no token.
    fn is_public(&self, call: &Call) -> bool {
        let _ = call;
        false
    }

    /// Who calls. By default whoever has the bearer token.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`].
    fn authenticate(&self, call: &Call, credentials: &Credentials) -> Result<Access, Refusal> {
        credentials.check_bearer(call)
    }

    /// Why a request does not fit the API, where the document does not say so or is not at hand.
    fn flaw_of_request(&self, call: &Call) -> Option<String> {
        let _ = call;
        None
    }

    /// Which calls faults may be put upon. It may depend on the body: some clouds have one path for many
    /// actions.
    fn op(&self, call: &Call) -> Option<Op>;

    /// Puts a refusal into the cloud's words. What it is about stands in its reason; its message is for
    /// people and may be used.
    fn render(&self, refusal: &Refusal) -> Answer;

    /// What the cloud's own kinds of things cost.
    fn other_costs(&self, world: &World) -> Price {
        let _ = world;
        Price::default()
    }

    /// What runs for a term and is paid whatever is done meanwhile.
    fn contracts(&self, world: &World) -> Vec<Contract> {
        let _ = world;
        Vec::new()
    }

    /// All paths, whole ([`prefix`](Self::prefix) included), with their handlers. Every request of them passes the
    /// pipeline first.
    fn routes(&self) -> Router<Sim>;

    /// Paths that are not of the API itself, such as where tokens come from. They are recorded but neither
    /// authenticated nor limited nor validated.
    fn side_routes(&self) -> Router<Sim> {
        Router::new()
    }

    /// What a program that starts the simulator has to know: its first line on stdout.
    fn greeting(&self, origin: &str, credentials: &Credentials) -> Value {
        json!({
            "url": format!("{origin}{}", self.prefix()),
            "token": credentials.token,
            "read_only_token": credentials.read_only_token,
        })
    }
}

impl Reason {
    /// The status that most clouds have for it.
    pub(crate) fn usual_status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::ReadOnly | Self::Quota(_) => 403,
            Self::NotFound | Self::NoSuchOperation => 404,
            Self::MethodNotAllowed => 405,
            Self::BadRequest => 400,
            Self::NameTaken | Self::KeyTaken => 409,
            Self::Invalid | Self::WrongPair | Self::Capacity => 422,
            Self::Locked | Self::Protected => 423,
            Self::RateLimited { .. } => 429,
            Self::Injected(status) | Self::Own(status, _) => *status,
        }
    }
}
