//! What `cargo xtask` says to someone who does not know its commands.

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn wrong_usage_ends_with_exit_code_2_and_shows_the_right_one() {
    for wrong in [
        &[][..],
        &["build"],
        &["component", "a.wasm"],
        &["component", "--out"],
        &["soak", "long"],
        &["soak", "-1"],
        &["soak", "1", "2"],
    ] {
        let ended = xtask(wrong);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{wrong:?}: {said}");
        assert!(said.contains("--help"), "{wrong:?}: {said}");
        assert!(ended.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn help_names_each_command_on_standard_output() {
    for right in ["help", "--help", "-h"] {
        let ended = xtask(&[right]);
        assert!(ended.status.success(), "{right}");
        let said = String::from_utf8(ended.stdout).unwrap();
        for command in ["component", "test", "bench", "soak"] {
            assert!(said.contains(&format!("\n  {command} ")), "{said}");
        }
    }
}

#[test]
fn help_for_a_command_shows_its_usage() {
    for command in ["component", "test", "bench", "soak"] {
        let ended = xtask(&[command, "--help"]);
        assert!(ended.status.success(), "{command}");
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(
            said.contains(&format!("Usage: cargo xtask {command}")),
            "{said}"
        );
    }
}
