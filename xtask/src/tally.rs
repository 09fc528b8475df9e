//! Adds up the results that test programs print.

use std::fmt;

/// How many tests passed, failed and were skipped, in all test programs of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds the numbers of a line such as
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; …`. Any other line adds
    /// nothing.
    pub(crate) fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        // The verdict before the numbers may be coloured.
        let Some((_verdict, numbers)) = result.split_once(". ") else {
            return;
        };
        for part in numbers.split(';') {
            let Some((number, outcome)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match outcome {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(output: &str) -> String {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.count(line));
        tally.to_string()
    }

    #[test]
    fn the_results_of_all_programs_are_added() {
        let output = "\
running 6 tests
test a ... ok
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.31s

running 2 tests
test result: FAILED. 12 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        assert_eq!(tally(output), "17 passed, 2 failed, 4 skipped");
    }

    #[test]
    fn a_coloured_verdict_counts() {
        let output = "test result: \x1b[32mok\x1b(B\x1b[m. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(tally(output), "5 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        let output = "\
test a ... test result: ok. 5 passed; 0 failed; 0 ignored
5 passed
test result: ok
test result: ok. many passed; x failed";
        assert_eq!(tally(output), "0 passed, 0 failed, 0 skipped");
    }
}
