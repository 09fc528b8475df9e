//! The command line of rest-client.

mod args;
mod call;
mod configuration;
mod credentials;
mod demo;
mod destination;
mod exit;
mod input;
mod interrupt;
mod line_file;
mod load;
mod netrc;
mod output;
mod pages;
mod plugin;
mod run;
mod serve;
mod stderr;
mod stdout;
mod terminal;

fn main() -> std::process::ExitCode {
    run::run()
}
