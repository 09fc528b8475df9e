//! The guest and what surrounds it: a component in a store of wasmtime, what it
//! can reach, and how much of it.
//!
//! A [`factory`] makes sandboxes, by themselves or in one of the [`slots`] that
//! are set aside for many. Entering the [`guest`] gives a call that was started
//! and the transfer it has launched ([`outbox`]), which the sandbox does not run:
//! who owns it does.

mod bindings;
mod call_result;
#[cfg(feature = "canned")]
mod canned;
mod compiled;
mod engine;
mod factory;
mod guest;
mod hooks;
mod linker;
#[cfg(test)]
mod misbehaving;
mod outbox;
mod outgoing;
mod state;

pub(crate) use call_result::{CallResult, shown};
#[cfg(feature = "canned")]
pub use canned::canned_calls;
pub(crate) use factory::Factory;
#[cfg(test)]
pub(crate) use factory::{ON_DEMAND, SLOTS};
pub(crate) use guest::{GuestCall, Sandbox};
#[cfg(test)]
pub(crate) use misbehaving::misdeed;
pub(crate) use outbox::{Launched, Outcome};
