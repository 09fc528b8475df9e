//! A value that requests carry and nobody reads.

use crate::{
    config::{ConfigError, SecretSource},
    transport::watched_file::WatchedFile,
};
use http::HeaderValue;
use parking_lot::Mutex;
use std::{env, fmt, io, path::PathBuf};

/// A value of a header field.
pub(super) enum Secret {
    Fixed(HeaderValue),
    File(SecretFile),
}

/// What its file says, or said when it could be read last.
pub(super) struct SecretFile {
    path: PathBuf,
    file: WatchedFile<HeaderValue>,
    last: Mutex<Last>,
}

struct Last {
    value: HeaderValue,
    /// The file can't be used, and somebody was told.
    is_broken: bool,
}

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// It is not there, or is no value of a header field. The error does not show it.
    pub(super) fn read(source: &SecretSource) -> Result<Self, ConfigError> {
        match source {
            SecretSource::Env(name) => {
                if !is_variable(name) {
                    // It may be the secret itself.
                    return Err(ConfigError::new(
                        "env is not a valid variable name, which has letters, digits and _, like BILLING_KEY",
                    ));
                }
                let value = env::var(name).map_err(|_| {
                    let name = match name.bytes().any(|it| it.is_ascii_lowercase()) {
                        true => "that env names (its name is not shown, it may be the secret)",
                        false => name,
                    };
                    ConfigError::new(format!(
                        "the variable {name} of the environment is not set, or is not UTF-8"
                    ))
                })?;
                let value = value_of(value.into_bytes())
                    .map_err(|what| ConfigError::new(format!("the variable {name} {what}")))?;
                Ok(Self::Fixed(value))
            }
            SecretSource::File(path) => {
                let file = WatchedFile::new(path);
                let value = file.current(value_of_file).map_err(|what| {
                    let name = match path.to_string_lossy() {
                        path if path.contains('/') => path,
                        _ => "(its name is not shown, it may be the secret; a path has a /)".into(),
                    };
                    ConfigError::new(format!("the file {name} {what}"))
                })?;
                Ok(Self::File(SecretFile {
                    path: path.clone(),
                    file,
                    last: Mutex::new(Last {
                        value: HeaderValue::clone(&value),
                        is_broken: false,
                    }),
                }))
            }
        }
    }

    /// The value by now.
    pub(super) fn value(&self) -> HeaderValue {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::File(file) => file.value(),
        }
    }
}

impl SecretFile {
    fn value(&self) -> HeaderValue {
        let read = self.file.current(value_of_file);
        let mut last = self.last.lock();
        match read {
            Ok(value) => {
                last.value = HeaderValue::clone(&value);
                last.is_broken = false;
            }
            Err(what) if !last.is_broken => {
                last.is_broken = true;
                tracing::warn!(
                    "the file {} {what}; its previous value is still used",
                    self.path.display()
                );
            }
            Err(_) => {}
        }
        last.value.clone()
    }
}

/// Whether the environment can have a variable of this name, as shells have them (POSIX, section 8.1).
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

fn value_of_file(read: io::Result<Vec<u8>>) -> Result<HeaderValue, String> {
    match read {
        Ok(bytes) => value_of(bytes).map_err(str::to_owned),
        Err(error) => Err(format!("can't be read: {error}")),
    }
}

/// An error continues the sentence that begins with where the value is.
fn value_of(mut bytes: Vec<u8>) -> Result<HeaderValue, &'static str> {
    // Editors and `echo` leave a line break behind.
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err("is empty");
    }
    let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes))
        .map_err(|_| "holds what can't stand in a header field, such as a second line")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Shows where it is, and never what.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_line() {
        for (bytes, expected) in [
            (&b"Bearer abc"[..], "Bearer abc"),
            (b"Bearer abc\n", "Bearer abc"),
            (b"Bearer abc\r\n", "Bearer abc"),
        ] {
            let value = value_of(bytes.to_vec()).unwrap();
            assert_eq!(value, expected);
            assert!(value.is_sensitive());
        }
        for bytes in [&b""[..], b"\n", b"a\nb", b"a\r\nx: b\n", b"a\0"] {
            value_of(bytes.to_vec()).unwrap_err();
        }
    }

    #[test]
    fn a_value_in_the_place_of_a_variable_is_not_shown() {
        for value in ["Bearer abc", "abc=", "", "7up"] {
            let error = Secret::read(&SecretSource::Env(value.into())).unwrap_err();
            assert!(error.to_string().contains("like BILLING_KEY"), "{error}");
            assert!(!error.to_string().contains("abc"), "{error}");
        }
        for source in [
            SecretSource::Env("sk_live_abc".into()),
            SecretSource::File("Bearer abc".into()),
        ] {
            let error = Secret::read(&source).unwrap_err().to_string();
            assert!(error.contains("may be the secret"), "{error}");
            assert!(!error.contains("abc"), "{error}");
        }
    }

    /// A pipe could have it wait for ever, and all calls with it.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_file_said_is_sent_on_while_there_is_none() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "one").unwrap();
        let secret = Secret::read(&SecretSource::File(path.clone())).unwrap();
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(secret.value(), "one");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "two").unwrap();
        assert_eq!(secret.value(), "two");
    }
}
