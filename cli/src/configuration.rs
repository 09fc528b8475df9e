//! `config show` and `config check`.

use crate::{
    args::ConfigCommand,
    exit::{Exit, Problem},
    stderr, stdout,
};
use rest_client_host::{Host, config::Layers};

/// Runs the command. A configuration is sound if a host can be made of it; one
/// that is made for another machine can be shown here nevertheless.
pub(crate) fn run(command: ConfigCommand) -> Result<Exit, Problem> {
    match command {
        ConfigCommand::Show(sources) => {
            let layers = sources.layers()?;
            let shown = layers.show(&layers.effective()?)?;
            if let Err(error) = Host::of(&layers) {
                stderr::complain(&format!(
                    "the program can't start with this configuration here: {error}"
                ));
            }
            stdout::print(shown.as_bytes())?;
        }
        ConfigCommand::Check { file, modparams } => {
            let mut layers = Layers::default();
            if let Some(path) = &file {
                layers.read_toml(path)?;
            }
            if let Some(path) = &modparams {
                layers.read_modparams(path)?;
            }
            Host::of(&layers)?;
        }
    }
    Ok(Exit::Success)
}
