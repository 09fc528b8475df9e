//! What the user hands over to be sent: data and header fields.

use crate::exit::{Exit, Problem};
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Bytes of data, which are twice in the 4 GiB of a guest while it is handed over.
const MOST_DATA: u64 = 1 << 30;

/// Bytes of a file with header fields.
const MOST_FIELDS: u64 = 16 << 20;

/// Refuses a second argument that stands for standard input: there would be
/// nothing left for it.
pub(crate) fn check_stdin(headers: &[String], data: Option<&str>) -> Result<(), Problem> {
    let arguments = headers.iter().map(String::as_str).chain(data);
    if arguments.filter(|argument| *argument == "@-").count() > 1 {
        return Err(Problem::new(
            Exit::Usage,
            "only one argument can be @-, since standard input is read once; name a file for the others",
        ));
    }
    Ok(())
}

/// The bytes that `--data` stands for: itself, the file after an `@`, or
/// standard input for `@-`.
pub(crate) fn data(argument: &str) -> Result<Vec<u8>, Problem> {
    match argument.strip_prefix('@') {
        None => Ok(argument.as_bytes().to_vec()),
        Some(source) => read("the data", source, MOST_DATA),
    }
}

/// Name and value of each field that the arguments stand for: `Name: value`
/// itself, or the lines of a file after an `@`, or of standard input for `@-`.
/// Whether they can be sent is the guest's to say.
pub(crate) fn headers(arguments: &[String]) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let mut fields = Vec::new();
    for argument in arguments {
        let Some(source) = argument.strip_prefix('@') else {
            fields.push(field(argument.as_bytes(), "")?);
            continue;
        };
        let bytes = read("the header fields", source, MOST_FIELDS)?;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                fields.push(field(line, &format!("{source}:{}: ", number + 1))?);
            }
        }
    }
    Ok(fields)
}

fn field(bytes: &[u8], place: &str) -> Result<(String, Vec<u8>), Problem> {
    // It may be a value whose name was forgotten: a secret.
    let refused = |what| Problem::new(Exit::Header, format!("{place}a header field {what}"));
    let colon = bytes
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(|| refused("has no colon; one is written \"Name: value\""))?;
    let name = std::str::from_utf8(&bytes[..colon])
        .map_err(|_| refused("has a name that is not UTF-8"))?;
    Ok((name.to_owned(), bytes[colon + 1..].to_vec()))
}

/// All bytes of a file, or of standard input for `-`, which may never end: more than `most`
/// are refused.
pub(crate) fn read(what: &str, source: &str, most: u64) -> Result<Vec<u8>, Problem> {
    let (name, read) = match source {
        "-" => ("standard input", read_from(io::stdin().lock(), most)),
        file => (file, read_file(Path::new(file), most)),
    };
    read.map_err(|error| {
        let what = format!("{what} in {name} can't be read: {error}");
        Problem::new(Exit::Read, what)
    })
}

/// All bytes of a file.
///
/// # Errors
///
/// It can't be read, or has more than `most`.
pub(crate) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, most)
}

fn read_from(source: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more shows that there are more.
    if source.take(most + 1).read_to_end(&mut bytes)? as u64 > most {
        let what = format!("there are more than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}
