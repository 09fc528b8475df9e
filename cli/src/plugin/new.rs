//! `new`: a plugin that builds and decides, to begin with: one of the examples under another
//! name, and what there is to try it with.

mod taken_name;
mod template;

use crate::{
    args::{Language, New},
    destination::folder_of,
    exit::{Exit, Problem},
    stdout,
};
use rest_client_host::Wasi;
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};
use template::File;

/// Makes the folder, whole or not at all.
pub(crate) fn run(new: &New) -> Result<Exit, Problem> {
    let name = name(&new.folder)?;
    let wrong = |what: &dyn std::fmt::Display| {
        Problem::new(Exit::Write, format!("{}: {what}", new.folder.display()))
    };
    if new.folder.symlink_metadata().is_ok() {
        return Err(wrong(&"it exists already, and was not changed"));
    }
    let files = template::of(new.lang, new.wasi).ok_or_else(|| {
        let what = "--wasi 0.3 is available for rust and python only";
        Problem::new(Exit::Usage, what)
    })?;
    write(&new.folder, &files, |text| {
        renamed(text, template::name(new.wasi), name)
    })
    .map_err(|error| wrong(&error))?;
    stdout::print(next_steps(new, name).as_bytes())?;
    Ok(Exit::Success)
}

/// The name of the plugin in `folder`: one that is a name in every language, too.
fn name(folder: &Path) -> Result<&str, Problem> {
    let name = folder.file_name().and_then(|it| it.to_str());
    let is_name = |name: &&str| {
        name.split('-').all(|word| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        })
    };
    let wrong = |what: &str| Problem::new(Exit::Usage, format!("{}: {what}", folder.display()));
    let name = name.filter(is_name).ok_or_else(|| {
        wrong("a plugin's name is words of lower case letters and digits with - between them, as in my-plugin")
    })?;
    match taken_name::by(name) {
        Some(taken) => Err(wrong(&format!(
            "this name can't be used: {taken}; {name}-plugin can"
        ))),
        None => Ok(name),
    }
}

fn write(folder: &Path, files: &[&File], renamed: impl Fn(&str) -> String) -> io::Result<()> {
    let parent = folder_of(folder)?;
    // It takes its name when it is complete, and is gone by itself if it is not.
    let made = tempfile::Builder::new()
        .prefix(".rest-client-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent)?;
    for File { path, content } in files {
        let path = made.path().join(renamed(path));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, renamed(content))?;
        if path.extension().is_some_and(|it| it == "sh") {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    fs::rename(made.path(), folder)
}

/// How a plugin is called: in files, in texts of programs, and as a type.
fn spellings(name: &str) -> [String; 3] {
    let camel_case = name.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    [
        name.to_owned(),
        name.replace('-', "_"),
        camel_case.collect(),
    ]
}

/// A text of the template of the plugin `old`, in which it is called `new`.
fn renamed(text: &str, old: &str, new: &str) -> String {
    let spellings = spellings(old).into_iter().zip(spellings(new));
    spellings.fold(text.to_owned(), |text, (old, new)| text.replace(&old, &new))
}

fn next_steps(new: &New, name: &str) -> String {
    let needs = match new.lang {
        Language::C | Language::Go => "cargo and pip; some minutes the first time",
        Language::Javascript => "Node and npm",
        Language::Python => "Python and pip",
        Language::Rust => "cargo and rustup",
    };
    // Without the / that it may have been typed with.
    let folder = new.folder.components().as_path().display();
    let asks = match new.wasi {
        Wasi::P2 => "asks a service for the credit of a caller",
        Wasi::P3 => {
            "asks for the credit of a caller and for the place of a callee, at the same time"
        }
    };
    format!(
        "{folder}/ is a plugin that {asks}. To try it:

  cd {folder}
  ./build.sh                  # makes {name}.wasm, with {needs}
  python3 -m http.server 8080 --bind 127.0.0.1 --directory service &
  rest-client route --explain --config rest-client.toml {name}.wasm < request.json
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_in_every_language() {
        for good in ["my-plugin", "a", "x1-y2", "some/where/credit"] {
            assert!(name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in [
            "My",
            "1a",
            "a--b",
            "a_b",
            "é",
            "..",
            "/",
            "a-",
            "fn",
            "re",
            "test",
            "wit-world",
        ] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_template_is_called_as_the_plugin_is() {
        let text = "credit-check credit_check struct CreditCheck";
        for (name, expected) in [
            ("my-own", "my-own my_own struct MyOwn"),
            (
                "my-credit-check",
                "my-credit-check my_credit_check struct MyCreditCheck",
            ),
            ("credit", "credit credit struct Credit"),
        ] {
            assert_eq!(renamed(text, "credit-check", name), expected);
        }
    }
}
