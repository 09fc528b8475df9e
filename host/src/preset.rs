//! Parameters that go along with the component into a host that is not this one.

use crate::{
    config::{AtCap, ConfigError},
    preset_layout::Numbers,
    wasi::Wasi,
};
use std::time::Duration;

/// The parameters that the component enforces itself, in any host: for hosts that have
/// `wasi:http` and do not know this project. `None` stands for the default.
///
/// A plugin can lower them with `configure`, but can't raise them.
///
/// ```
/// use rest_client_host::{Preset, Wasi};
/// use std::time::Duration;
///
/// let mut preset = Preset::default();
/// preset.transfer_timeout = Some(Duration::from_secs(2));
/// let component = preset.component(Wasi::P2)?;
/// assert_eq!(component.len(), Wasi::P2.component().len());
/// assert_ne!(component, Wasi::P2.component());
///
/// preset.transfer_timeout = Some(Duration::ZERO);
/// let error = preset.component(Wasi::P3).unwrap_err();
/// assert!(error.to_string().starts_with("transfer-timeout is 0"));
/// # Ok::<(), rest_client_host::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preset {
    /// From the start of a call until there is a usable connection, where the host keeps
    /// such a time. Whole milliseconds, at least one.
    pub connection_timeout: Option<Duration>,
    /// From the start of a call to the last byte of the reply. Whole milliseconds, at least
    /// one.
    pub transfer_timeout: Option<Duration>,
    /// Simultaneous asynchronous transfers of one instance.
    pub max_async_transfers: Option<u32>,
    /// What one more does. [`AtCap::Wait`] can be kept by the component for WASI 0.3 alone.
    pub at_cap: Option<AtCap>,
    /// Bytes of a reply's body; 0 is no limit.
    pub max_transfer_size: Option<u64>,
}

impl Preset {
    /// The component for `wasi` that keeps them.
    ///
    /// # Errors
    ///
    /// A value that no component could keep.
    pub fn component(&self, wasi: Wasi) -> Result<Vec<u8>, ConfigError> {
        let at_cap = self.at_cap.unwrap_or_default();
        if at_cap == AtCap::Wait && wasi == Wasi::P2 {
            return Err(ConfigError::new(
                "at-cap = \"wait\" can't be kept by the component for WASI 0.2; block and reject can",
            ));
        }
        if let Some(cap) = self.max_async_transfers {
            at_cap.allows(cap).map_err(ConfigError::new)?;
        }
        let numbers = Numbers {
            enforcer: None,
            connection_timeout: milliseconds("connection-timeout", self.connection_timeout)?,
            transfer_timeout: milliseconds("transfer-timeout", self.transfer_timeout)?,
            max_async_transfers: self.max_async_transfers.map(u64::from),
            at_cap: self.at_cap.map(|it| match it {
                AtCap::Block => 0,
                AtCap::Reject => 1,
                AtCap::Wait => 2,
            }),
            // The largest number is none in the component, where nothing can be larger.
            max_transfer_size: self.max_transfer_size.map(|it| match it {
                u64::MAX => 0,
                bytes => bytes,
            }),
        };
        let mut component = wasi.component().to_vec();
        numbers.write(&mut component).map_err(|_| {
            ConfigError::new("the component of this build has no place for a preset")
        })?;
        Ok(component)
    }
}

fn milliseconds(parameter: &str, time: Option<Duration>) -> Result<Option<u64>, ConfigError> {
    let Some(time) = time else {
        return Ok(None);
    };
    match u64::try_from(time.as_millis()) {
        Ok(0) => Err(ConfigError::new(format!(
            "{parameter} is {time:?}, which no call could meet; it is at least 1ms"
        ))),
        Ok(whole) if whole < u64::MAX && Duration::from_millis(whole) == time => Ok(Some(whole)),
        _ => Err(ConfigError::new(format!(
            "{parameter} is {time:?}; it is a whole number of milliseconds"
        ))),
    }
}
