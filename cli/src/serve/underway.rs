//! A decision that is under way, or an answer of a plugin's own.

use super::{
    Service,
    access_log::{ENDED, GONE, Line},
};
use std::time::{Duration, Instant};

/// It may be dropped before it is over: whoever has asked may go away at any time, and the end
/// of the program has its limit. The plugin has worked nevertheless, and has asked services:
/// that is told, too.
pub(super) struct Underway<'a> {
    service: &'a Service,
    began: Instant,
    /// Empty where there is no access log, or the line is written.
    line: Option<Line<'a>>,
    is_over: bool,
}

impl<'a> Underway<'a> {
    /// It begins. `line` makes the beginning of its line in the access log.
    pub(super) fn begin(service: &'a Service, line: impl FnOnce() -> Line<'a>) -> Self {
        Self {
            service,
            began: Instant::now(),
            line: service.access_log.is_some().then(line),
            is_over: false,
        }
    }

    /// It is decided, or answered, and this is how long that took.
    pub(super) fn end(&mut self) -> Duration {
        self.is_over = true;
        self.began.elapsed()
    }

    /// Writes the line, if there is a log, as `end` makes it.
    pub(super) fn write(&mut self, end: impl FnOnce(Line<'a>) -> String) {
        if let (Some(log), Some(line)) = (&self.service.access_log, self.line.take())
            && !log.write(end(line))
        {
            self.service.metrics.lost_line();
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let elapsed = self.began.elapsed();
        let why = match self.service.has_given_up() {
            true => ENDED,
            false => GONE,
        };
        self.service.metrics.none(why, elapsed);
        self.write(|line| line.none(why, elapsed));
    }
}
