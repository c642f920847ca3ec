//! The program as its users call it: words in, words and an exit code out.

mod manners;
mod support;
mod terminal;
mod terraform;
mod vps_documents;
mod vps_terraform;
