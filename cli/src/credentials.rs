//! Who the user is to the service: the `authorization` field of the scheme Basic
//! (RFC 7617).

use crate::{
    args::Fields,
    exit::{Exit, Problem},
    netrc, terminal,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::Uri;

/// The value of the field, where there is something to make it of. A field that
/// is among `headers` comes first, then `--user`, then what the URL says of its
/// user, then the netrc file.
pub(crate) fn authorization(
    fields: &Fields,
    headers: &[(String, Vec<u8>)],
    url: &str,
) -> Result<Option<String>, Problem> {
    let is_named = |(name, _): &(String, Vec<u8>)| name.eq_ignore_ascii_case("authorization");
    if headers.iter().any(is_named) {
        return Ok(None);
    }
    if let Some(user) = &fields.user {
        return match user.split_once(':') {
            Some((user, password)) => Ok(Some(basic(user, password))),
            None => Ok(Some(basic(user, &ask(user)?))),
        };
    }
    let Some(path) = &fields.netrc_file else {
        return Ok(None);
    };
    let entries = netrc::read(path)?;
    // What is no URL is refused when the request is made.
    let Ok(uri) = url.parse::<Uri>() else {
        return Ok(None);
    };
    let Some(authority) = uri.authority() else {
        return Ok(None);
    };
    let login = match authority.as_str().rsplit_once('@') {
        Some((user, _)) if user.contains(':') => return Ok(None),
        user => user.map(|(user, _)| user),
    };
    let host = authority.host().trim_matches(['[', ']']);
    Ok(netrc::find(&entries, host, login).map(|(user, password)| basic(user, password)))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

fn ask(user: &str) -> Result<String, Problem> {
    terminal::ask(&format!("Password of {user}: ")).map_err(|error| {
        Problem::new(
            Exit::Usage,
            format!(
                "the password of {user} can't be asked for on a terminal: {error}; \
                 --netrc-file names a file that has it, -u {user}: is for an empty one"
            ),
        )
    })
}
