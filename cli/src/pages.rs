//! What the shell and the manual reader are given: completions and the manual
//! page, both made from the arguments themselves.

use crate::{
    args::Cli,
    exit::{Exit, Problem},
    stdout,
};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Prints completions for `shell`.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rest-client", &mut script);
    print(&script)
}

/// Prints the manual page of the program, followed by those of its commands.
pub(crate) fn man() -> Result<Exit, Problem> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let render = |command: clap::Command, page: &mut Vec<u8>| {
        clap_mangen::Man::new(command)
            .render(page)
            .map_err(|error| Problem::new(Exit::Internal, error.to_string()))
    };
    render(command.clone(), &mut page)?;
    for subcommand in command.get_subcommands() {
        render(subcommand.clone(), &mut page)?;
    }
    print(&page)
}

fn print(bytes: &[u8]) -> Result<Exit, Problem> {
    stdout::print(bytes)?;
    Ok(Exit::Success)
}
