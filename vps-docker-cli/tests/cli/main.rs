//! The program as its users call it: words in, words and an exit code out.

mod manners;
mod money;
mod support;
mod terminal;
mod terraform;
mod vps_adopt;
mod vps_applications;
mod vps_documents;
mod vps_readme;
mod vps_terraform;
