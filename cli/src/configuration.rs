//! `config show` and `config check`.

use crate::{
    args::ConfigCommand,
    exit::{Exit, Problem},
    output::Destination,
};
use rest_client_host::{Host, config::Layers};

/// Runs the command. A configuration is sound if a host can be made of it.
pub(crate) fn run(command: ConfigCommand) -> Result<Exit, Problem> {
    match command {
        ConfigCommand::Show(sources) => {
            let layers = sources.layers()?;
            let host = Host::new(layers.config().clone())?;
            let shown = layers.show(host.config())?;
            Destination::Stdout.write(shown.as_bytes())?;
        }
        ConfigCommand::Check { file, modparams } => {
            let mut layers = Layers::default();
            if let Some(path) = &file {
                layers.read_toml(path)?;
            }
            if let Some(path) = &modparams {
                layers.read_modparams(path)?;
            }
            Host::new(layers.config().clone())?;
        }
    }
    Ok(Exit::Success)
}
