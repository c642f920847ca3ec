//! The suite is right: a correct client passes it, and each client that breaks a rule is caught by the
//! behaviours that stand for the rule.

mod adopted_machines;
mod fault;
mod memory_client;
mod memory_client_passes;
mod wrong_client;
mod wrong_clients_are_caught;
