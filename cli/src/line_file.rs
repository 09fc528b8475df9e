//! Files that grow by a line at a time. They are written by a thread of their own, so that
//! nobody waits for a disk.

use crate::{
    exit::{Exit, Problem},
    stderr,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    iter,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Lines that wait for the disk. What comes on top is lost, and counted.
const WAITING: usize = 4096;

/// Bytes of them. A line may be long.
const BYTES_WAITING: usize = 64 << 20;

/// Such a file.
pub(crate) struct LineFile {
    to_write: SyncSender<Told>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
    /// The file may have been renamed.
    is_renamed: Arc<AtomicBool>,
}

/// What the lines are: objects of JSON, in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    AccessLog,
    /// A file that is made is for its owner alone.
    Recordings,
}

impl Lines {
    fn noun(self) -> &'static str {
        match self {
            Self::AccessLog => "an access log",
            Self::Recordings => "a recording",
        }
    }
}

enum Told {
    Line(String),
    /// To look whether the file is to be opened anew.
    Look,
    /// Whoever waits is told when all lines before are written.
    Finish(SyncSender<()>),
}

impl LineFile {
    /// One that appends to `file`, which `flag` has named. `lost` is called for each line that
    /// can't be written, and was taken before.
    pub(crate) fn open(
        flag: &str,
        file: &Path,
        lines: Lines,
        lost: impl Fn() + Send + 'static,
    ) -> Result<Self, Problem> {
        let failed = |what: &str, error: io::Error| {
            let what = format!("{flag}: {} can't be {what}: {error}", file.display());
            Problem::new(Exit::Usage, what)
        };
        if is_another_file(file) {
            let what = format!(
                "{flag}: {} exists and is not {}; it was not changed",
                file.display(),
                lines.noun()
            );
            return Err(Problem::new(Exit::Usage, what));
        }
        let opened = append(file, lines).map_err(|error| failed("written", error))?;
        let (to_write, told) = sync_channel(WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let is_renamed = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            path: file.to_owned(),
            lines,
            waiting: waiting.clone(),
            is_renamed: is_renamed.clone(),
            lost: Box::new(lost),
        };
        thread::Builder::new()
            .name("line-file".into())
            .spawn(move || writer.write(opened, &told))
            .map_err(|error| failed("written by a thread", error))?;
        Ok(Self {
            to_write,
            waiting,
            is_renamed,
        })
    }

    /// Writes a line, or says that it can't.
    #[must_use]
    pub(crate) fn write(&self, line: String) -> bool {
        let bytes = line.len();
        if self.waiting.fetch_add(bytes, Relaxed) <= BYTES_WAITING && self.tell(Told::Line(line)) {
            return true;
        }
        self.waiting.fetch_sub(bytes, Relaxed);
        false
    }

    /// Has the file opened anew, which somebody may have renamed.
    pub(crate) fn reopen(&self) {
        self.is_renamed.store(true, Relaxed);
        // Where there is no room for this, the lines before it have it looked at.
        let _ = self.tell(Told::Look);
    }

    /// Returns when all lines are written, or a second has passed. Whether they are written.
    pub(crate) fn finish(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(1);
        let (finished, is_finished) = sync_channel(1);
        // There may be no room before lines are written.
        while !self.tell(Told::Finish(finished.clone())) {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        is_finished.recv_timeout(left).is_ok()
    }

    fn tell(&self, told: Told) -> bool {
        self.to_write.try_send(told).is_ok()
    }
}

fn append(file: &Path, lines: Lines) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    if lines == Lines::Recordings {
        options.mode(0o600);
    }
    let mut opened = options.open(file)?;
    if opened.metadata()?.is_file() && ends_within_a_line(file) {
        // Whoever wrote it was cut off: the next line is one of its own.
        opened.write_all(b"\n")?;
    }
    Ok(opened)
}

/// Whether a regular file is there that holds something else: the plugin, perhaps.
fn is_another_file(path: &Path) -> bool {
    let mut begin = Vec::new();
    if path.metadata().is_ok_and(|it| it.is_file()) {
        // What can't be read may be written nevertheless.
        let _ = File::open(path).and_then(|it| it.take(64).read_to_end(&mut begin));
    }
    !can_be_objects(&begin)
}

/// Whether a file of objects of JSON, one in a line, can begin so. Whoever wrote it may have been
/// cut off early; after a loss of power there can be zeros.
fn can_be_objects(begin: &[u8]) -> bool {
    let first = begin
        .iter()
        .find(|it| !matches!(it, b' ' | b'\r' | b'\n' | 0));
    first.is_none_or(|it| *it == b'{')
}

/// What can't be read ends nowhere.
fn ends_within_a_line(path: &Path) -> bool {
    let mut last = [0];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != *b"\n"
}

/// Who writes the lines.
struct Writer {
    path: PathBuf,
    lines: Lines,
    waiting: Arc<AtomicUsize>,
    is_renamed: Arc<AtomicBool>,
    /// Told of each line that can't be written.
    lost: Box<dyn Fn() + Send>,
}

impl Writer {
    fn write(&self, mut file: File, told: &Receiver<Told>) {
        let mut is_well = true;
        // The last line that was written has no end.
        let mut is_cut = false;
        // All that waits is written together.
        while let Ok(first) = told.recv() {
            // How that went; nothing where there was nothing to do.
            let mut done = None;
            let mut finished = None;
            let (mut text, mut lines) = (Vec::new(), 0_usize);
            if self.is_renamed.swap(false, Relaxed) {
                match append(&self.path, self.lines) {
                    Ok(opened) => {
                        (file, is_cut) = (opened, false);
                        done = Some(Ok(()));
                    }
                    // What is left is the old one.
                    Err(error) => done = Some(Err(error)),
                }
            }
            for told in iter::once(first).chain(told.try_iter()) {
                match told {
                    Told::Line(line) => {
                        text.extend_from_slice(line.as_bytes());
                        lines += 1;
                    }
                    Told::Look => {}
                    Told::Finish(waiting) => finished = Some(waiting),
                }
            }
            let waited = text.len();
            if lines > 0 {
                if is_cut {
                    text.insert(0, b'\n');
                }
                let written = file.write_all(&text);
                is_cut = written.is_err();
                if is_cut {
                    (0..lines).for_each(|_| (self.lost)());
                }
                done = Some(done.unwrap_or(Ok(())).and(written));
            }
            self.waiting.fetch_sub(waited, Relaxed);
            if let Some(Err(error)) = &done
                && is_well
            {
                // Once, until it is well again.
                let path = self.path.display();
                stderr::complain(&format!("{path} can't be written: {error}"));
            }
            is_well = done.map_or(is_well, |it| it.is_ok());
            if let Some(waiting) = finished.filter(|_| is_well) {
                // He may have gone.
                let _ = waiting.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_was_cut_off_goes_on_and_what_is_another_file_does_not() {
        for begin in ["", "\n", "{", "{\"rec", "\0\0{\"recording\":1", "{\"at\":1"] {
            assert!(can_be_objects(begin.as_bytes()), "{begin:?}");
        }
        for begin in [
            "\0asm\r\0\x01\0",
            "[services.billing]",
            "# a\n",
            "at-cap = 1",
        ] {
            assert!(!can_be_objects(begin.as_bytes()), "{begin:?}");
        }
    }

    #[test]
    fn all_that_waits_is_written_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let (go_on, is_full) = sync_channel(0);
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || {
                let pipe = File::open(pipe).unwrap();
                is_full.recv().unwrap();
                io::read_to_string(pipe).unwrap()
            }
        });
        let lines = LineFile::open("--access-log", &pipe, Lines::AccessLog, || {}).unwrap();
        // More than a pipe takes: the writer waits with them until somebody reads.
        let long = format!("{{\"a\": \"{}\"}}\n", "a".repeat(200_000));
        assert!(lines.write(long));
        let mut written = 1;
        while lines.write("{}\n".into()) {
            written += 1;
        }
        assert!(written >= WAITING);
        go_on.send(()).unwrap();
        assert!(lines.finish());
        drop(lines);
        assert_eq!(reader.join().unwrap().lines().count(), written);
    }
}
