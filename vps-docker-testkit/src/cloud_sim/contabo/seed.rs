use serde::{Deserialize, Serialize};

/// How Contabo is, beside what all clouds have: the field `contabo` of a seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ContaboSeed {
    /// What every order waits for, for ever: it is taken, there is a contract, and no machine. Default: nothing.
    pub hold: Option<Hold>,
}

/// What an order may wait for; all of them need a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hold {
    /// The bill is not paid.
    PendingPayment,
    /// The customer has to say who he is.
    VerificationRequired,
    /// Somebody has to set the machine up by hand.
    ManualProvisioning,
}

impl Hold {
    /// As the API shows it.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::VerificationRequired => "verification_required",
            Self::ManualProvisioning => "manual_provisioning",
        }
    }
}
