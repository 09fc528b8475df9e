//! Where a reply goes, and in which form.

use crate::exit::{Exit, Problem};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, Version};
use rest_client_host::{Error, Response, Timings};
use serde_json::{Map, Value, json};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::NamedTempFile;

/// Where the reply is written, opened before the request is sent.
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// A file beside its place, which it takes when it is complete. Until then
    /// whatever is there stays; dropped, it leaves nothing behind.
    File { file: NamedTempFile, path: PathBuf },
    /// Something that can't be replaced, as a device or a pipe.
    Special { file: File, path: PathBuf },
}

impl Destination {
    /// `None` and `-` are standard output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout);
        };
        let refused = |error| unwritable(path, &error);
        // A link is followed: it is its target that is replaced.
        let path = match path.canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(refused(error)),
        };
        if path.is_dir() {
            return Err(refused(ErrorKind::IsADirectory.into()));
        }
        if path.exists() && !path.is_file() {
            let file = OpenOptions::new()
                .write(true)
                .open(&path)
                .map_err(refused)?;
            return Ok(Self::Special { file, path });
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mode = path
            .metadata()
            .map_or(0o666, |metadata| metadata.permissions().mode() & 0o777);
        let file = tempfile::Builder::new()
            .prefix(".rest-client-")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(directory)
            .map_err(refused)?;
        Ok(Self::File { file, path })
    }

    /// Writes all of `bytes`, or nothing where that can be had.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Stdout => {
                let mut stdout = std::io::stdout().lock();
                let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
                written.map_err(|error| match error.kind() {
                    // Whoever read it has seen enough, which is no news to them.
                    ErrorKind::BrokenPipe => Problem::new(Exit::Write, ""),
                    _ => Problem::new(Exit::Write, format!("can't write: {error}")),
                })
            }
            Self::File { mut file, path } => {
                let written = file
                    .write_all(bytes)
                    .and_then(|()| file.as_file().sync_all());
                written
                    .and_then(|()| file.persist(&path).map_err(|error| error.error))
                    .map_err(|error| unwritable(&path, &error))?;
                Ok(())
            }
            Self::Special { mut file, path } => file
                .write_all(bytes)
                .map_err(|error| unwritable(&path, &error)),
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        Exit::Write,
        format!("{} can't be written: {error}", path.display()),
    )
}

/// Status line and header fields, as they stand before a body.
pub(crate) fn head(reply: &Response) -> Vec<u8> {
    let mut head = format!(
        "{} {}\r\n",
        version(reply.version()),
        reply.status().as_u16()
    )
    .into_bytes();
    for (name, value) in reply.headers() {
        head.extend_from_slice(name.as_ref());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The outcome as one JSON object on a line of its own. Times are milliseconds
/// from the start of the call. A body that is no UTF-8 is under `body_base64`
/// in place of `body`.
pub(crate) fn json(outcome: &Result<Response, Error>) -> Vec<u8> {
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    match outcome {
        Ok(reply) => {
            set("code", reply.code().into());
            set("status", reply.status().as_u16().into());
            set("version", version(reply.version()).into());
            set("content_type", reply.content_type().into());
            set("headers", headers(reply.headers()));
            set("timings", timings(reply.timings()));
            set_body(&mut object, reply.body());
        }
        Err(error) => {
            set("code", error.code().into());
            set("status", error.status().into());
            set(
                "error",
                json!({ "kind": error.kind().name(), "message": error.to_string() }),
            );
            if let Some(partial) = error.partial() {
                set("content_type", partial.content_type().into());
                set("headers", headers(partial.headers()));
            }
            set("timings", timings(error.timings()));
            if let Some(partial) = error.partial() {
                set_body(&mut object, partial.body());
            }
        }
    }
    let mut line = Value::Object(object).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// As it stands in a status line.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn headers(headers: &HeaderMap) -> Value {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}

fn timings(timings: &Timings) -> Value {
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    json!({
        "name_lookup": timings.name_lookup.map(milliseconds),
        "connect": timings.connect.map(milliseconds),
        "tls": timings.tls.map(milliseconds),
        "first_byte": timings.first_byte.map(milliseconds),
        "total": milliseconds(timings.total),
    })
}

fn set_body(object: &mut Map<String, Value>, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) => object.insert("body".into(), text.into()),
        Err(_) => object.insert("body_base64".into(), BASE64.encode(body).into()),
    };
}
