//! The command line of rest-client.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
