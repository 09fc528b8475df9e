//! `config show` and `config check`.

use crate::{
    args::ConfigCommand,
    exit::{Exit, Problem},
    output::Destination,
};
use rest_client_host::{
    Host,
    config::{self, layers::Layers},
};

/// Runs the command. A configuration is sound if a host can be made of it.
pub(crate) fn run(command: ConfigCommand) -> Result<Exit, Problem> {
    match command {
        ConfigCommand::Show(sources) => {
            let layers = sources.layers()?;
            let host = Host::new(layers.config())?;
            Destination::Stdout.write(layers.show(host.config()).as_bytes())?;
        }
        ConfigCommand::Check { file, modparams } => {
            let mut layers = Layers::default();
            if let Some(path) = &file {
                config::toml::read(path, &mut layers)?;
            }
            if let Some(path) = &modparams {
                config::modparam::read(path, &mut layers)?;
            }
            Host::new(layers.config())?;
        }
    }
    Ok(Exit::Success)
}
