//! What happens at the cap.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a call does that finds the cap of its instance reached.
///
/// ```
/// use rest_client_host::{AtCap, Config, ErrorKind, Host};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let mut config = Config::default();
/// config.max_async_transfers = 1;
/// config.at_cap = AtCap::Reject;
/// let instance = Host::new(config)?.instance();
///
/// // Nobody answers at either: the second call finds the first in flight.
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// let outcome = tokio::try_join!(instance.rest_get(&url), instance.rest_get(&url));
/// assert_eq!(outcome.unwrap_err().kind(), ErrorKind::AtCap);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtCap {
    /// It runs in a blocking manner: its instance begins and ends no other call
    /// until it has ended. Other instances are not affected. Written `block`.
    #[default]
    Block,
    /// It waits for its turn, within its deadlines. Written `wait`.
    Wait,
    /// It fails at once, with an error of which
    /// [`is_at_cap`](crate::Error::is_at_cap) is true. Written `reject`.
    Reject,
}

impl AtCap {
    /// Whether calls could ever run under `cap`.
    pub(crate) fn allows(self, cap: u32) -> Result<(), String> {
        let word = match self {
            Self::Block => return Ok(()),
            Self::Wait => "wait",
            Self::Reject => "reject",
        };
        if cap > 0 {
            return Ok(());
        }
        Err(format!(
            "max-async-transfers is 0 and at-cap is {word}, so that no call could ever run; \
             with at-cap = \"block\" each would run in a blocking manner"
        ))
    }
}

impl FromStr for AtCap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "block" => Ok(Self::Block),
            "wait" => Ok(Self::Wait),
            "reject" => Ok(Self::Reject),
            _ => Err(format!("{text:?} is not one of block, wait and reject")),
        }
    }
}
