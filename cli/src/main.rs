//! The command line of rest-client.

mod args;
mod call;
mod configuration;
mod demo;
mod exit;
mod input;
mod load;
mod output;
mod pages;
mod run;

fn main() -> std::process::ExitCode {
    run::run()
}
