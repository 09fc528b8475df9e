//! Exit codes: those of curl where curl has one.

use crate::stderr;
use rest_client_host::{ConfigError, Error, ErrorKind};
use std::{fmt, process::ExitCode};

/// Listed in `--help`, for scripts.
pub(crate) const TABLE: &str = "\
Exit codes (curl's, where curl has one):
   0  a reply came, whatever its status (but see --fail)
   1  `replay`: a decision differs from the recorded one
   2  the arguments or the configuration are wrong
   3  the URL is wrong
   6  the host name can't be resolved
   7  the connection was refused, or the host can't be reached
   8  the reply breaks HTTP
   9  the policy of the host forbids the request
  18  the connection ended inside the reply's body
  22  the reply's status is 400 or above, and --fail was given
  23  the output can't be written
  26  the data, header fields or passwords to be sent can't be read
  28  connection-timeout, transfer-timeout or decision-timeout passed
  35  TLS failed
  43  a header field or the method can't be sent
  47  the service redirects more often than --max-redirects
  52  the connection ended before a reply
  60  the server's certificate was not accepted
  63  the reply is larger than max-transfer-size
  65  the plugin made no decision: it returned an error, or it broke the contract
  70  an internal error of this program
  75  try again later: another instance is connecting to this host
      (no-concurrent-connects), or the cap is reached (at-cap is reject)
 129  the terminal hung up
 130  interrupted
 134  the plugin trapped; otherwise `run` ends with the plugin's own code
 143  terminated";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Different = 1,
    Usage = 2,
    Url = 3,
    Dns = 6,
    Refused = 7,
    Protocol = 8,
    Denied = 9,
    Partial = 18,
    HttpStatus = 22,
    Write = 23,
    Read = 26,
    Timeout = 28,
    Tls = 35,
    Header = 43,
    Redirects = 47,
    Empty = 52,
    Certificate = 60,
    TooLarge = 63,
    Undecided = 65,
    Internal = 70,
    Busy = 75,
    HungUp = 129,
    Interrupted = 130,
    Trapped = 134,
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionTimeout | ErrorKind::TransferTimeout => Self::Timeout,
            ErrorKind::AlreadyConnecting
            | ErrorKind::AtCap
            | ErrorKind::Draining
            | ErrorKind::PluginLimit => Self::Busy,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Dns => Self::Dns,
            ErrorKind::Tls if error.is_certificate() => Self::Certificate,
            ErrorKind::Tls => Self::Tls,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::InvalidUrl => Self::Url,
            ErrorKind::InvalidHeader => Self::Header,
            ErrorKind::Protocol if error.is_redirect_limit() => Self::Redirects,
            ErrorKind::Protocol if error.is_truncated() && error.timings().first_byte.is_some() => {
                Self::Partial
            }
            ErrorKind::Protocol if error.is_truncated() => Self::Empty,
            ErrorKind::Protocol => Self::Protocol,
            _ => Self::Internal,
        }
    }
}

/// What went wrong, for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    /// Empty if there is nothing to say, as when a pipe was closed early.
    message: String,
}

impl Problem {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    pub(crate) fn report(&self) {
        if !self.message.is_empty() {
            stderr::complain(&self.message);
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self::new(error.into(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_code() {
        use Exit::*;
        for exit in [
            Success,
            Usage,
            Url,
            Dns,
            Refused,
            Protocol,
            Denied,
            Partial,
            HttpStatus,
            Write,
            Read,
            Timeout,
            Tls,
            Header,
            Redirects,
            Empty,
            Certificate,
            TooLarge,
            Internal,
            Busy,
            HungUp,
            Interrupted,
            Trapped,
            Terminated,
        ] {
            let line = format!("\n{:>4}  ", exit as u8);
            assert!(TABLE.contains(&line), "{exit:?}");
        }
    }
}
