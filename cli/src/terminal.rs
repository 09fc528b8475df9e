//! The terminal that the program was started on, whatever its streams are.

use crate::{interrupt, stderr};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
};

/// Asks for a line, which is not shown. A library would leave the terminal
/// without echo where a signal ends the program meanwhile.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let modes = tcgetattr(&terminal)?;
    let again = terminal.try_clone()?;
    let before = modes.clone();
    let ((), _undo) = interrupt::undoable(
        || {
            let mut silent = modes.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            tcsetattr(&terminal, OptionalActions::Flush, &silent)
        },
        |()| Box::new(move || restore(&again, &before)),
    )?;
    let mut line = String::new();
    let asked = terminal
        .write_all(question.as_bytes())
        .and_then(|()| BufReader::new(&terminal).read_line(&mut line));
    restore(&terminal, &modes);
    // The key that ended the line was not shown, either.
    let _ = terminal.write_all(b"\n");
    if asked? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn restore(terminal: &File, modes: &Termios) {
    if let Err(error) = tcsetattr(terminal, OptionalActions::Now, modes) {
        stderr::complain(&format!(
            "the terminal shows nothing now; `reset` helps: {error}"
        ));
    }
}
