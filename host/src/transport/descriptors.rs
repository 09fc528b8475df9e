//! What it means when there are no more files to open: a limit of this process or
//! of this machine was met, which is nobody else's fault.

use crate::call::failure::{Cause, Failure};
use rustix::{
    io::Errno,
    process::{Resource, getrlimit},
};
use std::io;

/// Half of the files that this process may have open at a time now.
pub(super) fn half() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit / 2).unwrap_or(usize::MAX)
    })
}

/// Whether `error` says that nothing more can be opened.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    remedy(error).is_some()
}

/// The failure of a transfer that ends by `error`, if it says that nothing more
/// can be opened.
pub(super) fn exhausted(error: &io::Error) -> Option<Failure> {
    let remedy = remedy(error)?;
    let sentence = format!("no further socket or file can be opened here: {error}; {remedy}");
    let same = io::Error::from_raw_os_error(error.raw_os_error()?);
    Some(Failure::new(Cause::NoDescriptors, sentence).because(same))
}

/// What would be right.
fn remedy(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => {
            Some("more are allowed to this process with ulimit -n (LimitNOFILE= of systemd)")
        }
        Errno::NFILE => Some("more are allowed to this machine with sysctl fs.file-max"),
        Errno::NOBUFS | Errno::NOMEM => Some("this machine has no memory for it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_our_own_are_no_refusal() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            let failure = exhausted(&errno.into()).unwrap();
            assert_eq!(failure.cause, Cause::NoDescriptors);
        }
        let failure = exhausted(&Errno::MFILE.into()).unwrap();
        assert!(
            failure.sentence.contains("ulimit -n"),
            "{}",
            failure.sentence
        );
        for errno in [Errno::CONNREFUSED, Errno::NETUNREACH, Errno::TIMEDOUT] {
            assert!(exhausted(&errno.into()).is_none());
        }
    }
}
