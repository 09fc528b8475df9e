//! Cells that are red by a fault of the host, each with what it is.

/// How the names of the host and of the case begin, and why the case fails there.
const FAULTS: [(&str, &str, &str); 2] = [
    (
        "jco",
        "an unknown authority",
        "Its `wasi:http` has one code, internal-error, for all that Node says of TLS \
         (preview2-shim 0.25, `worker-http.js`); no issue of jco was found about it.",
    ),
    (
        "jco",
        "what is no HTTP",
        "The same, for what Node's parser says.",
    ),
];

/// What is known of a case that fails in a host.
pub(crate) fn fault(host: &str, case: &str) -> Option<&'static str> {
    FAULTS
        .iter()
        .find(|(hosts, cases, _)| host.starts_with(hosts) && case.starts_with(cases))
        .map(|(_, _, why)| *why)
}

/// How the names of hosts and cases begin that are known to fail.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAULTS.iter().map(|(host, case, _)| (*host, *case))
}
