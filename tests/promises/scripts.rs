//! Scripts of the original are read as the original reads them, or it is said
//! what is not.

use crate::command_line::{assert_refused, rest_client};
use std::{fs, path::Path};
use support::process::Ended;

/// Shows the parameters of the script at `path`.
async fn show(path: &Path) -> Ended {
    rest_client(&["config", "show", "--modparams", path.to_str().unwrap()]).await
}

#[tokio::test]
async fn what_a_script_includes_is_read_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::create_dir(place("more")).unwrap();
    fs::write(
        place("opensips.cfg"),
        "modparam(\"rest_client\", \"curl_timeout\", 1)\n\
         # include_file \"not-there.cfg\"\n\
         include_file \"more/rest.cfg\"\n\
         modparam(\"rest_client\", \"connection_timeout\", 3)\n",
    )
    .unwrap();
    fs::write(
        place("more/rest.cfg"),
        "import_file 'deeper.cfg'\nmodparam(\"rest_client\", \"connection_timeout\", 2)\n",
    )
    .unwrap();
    fs::write(
        place("more/deeper.cfg"),
        "\nmodparam(\"rest_client\", \"curl_timeout\", 9)\n",
    )
    .unwrap();
    let shown = show(&place("opensips.cfg")).await;
    assert_eq!(shown.code(), 0, "{}", shown.stderr);
    let text = shown.text();
    assert!(text.contains("connection-timeout = \"3s\" # "), "{text}");
    assert!(text.contains("transfer-timeout = \"9s\" # "), "{text}");
    assert!(text.contains("deeper.cfg:2\n"), "{text}");

    fs::write(place("more/deeper.cfg"), "include_file \"gone.cfg\"").unwrap();
    assert_refused(&show(&place("opensips.cfg")).await, 2, "deeper.cfg:1: ");
    fs::write(place("more/deeper.cfg"), "include_file \"deeper.cfg\"").unwrap();
    assert_refused(&show(&place("opensips.cfg")).await, 2, "deeper.cfg");
}

#[tokio::test]
async fn a_configuration_that_could_not_start_here_is_shown_nevertheless() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("opensips.cfg");
    fs::write(
        &script,
        "modparam(\"rest_client\", \"ssl_capath\", \"/nonexistent/\" \"ca\")\n\
         modparam(\"rest_client\", \"ssl_verifyhost\", 0)\n",
    )
    .unwrap();
    let shown = show(&script).await;
    assert_eq!(shown.code(), 0, "{}", shown.stderr);
    let text = shown.text();
    assert!(
        text.contains("ssl-capath = \"/nonexistent/ca\" # "),
        "{text}"
    );
    let told = &shown.stderr;
    assert!(told.contains("ssl-capath /nonexistent/ca: "), "{told}");
    assert_eq!(told.matches("ssl-verifyhost is off").count(), 1, "{told}");
    let path = script.to_str().unwrap();
    let checked = rest_client(&["config", "check", "--modparams", path]).await;
    assert_refused(&checked, 2, "ssl-capath /nonexistent/ca: ");
}

/// Zero is no limit there, and there is none so long that it would matter here.
#[tokio::test]
async fn a_timeout_of_zero_is_none_and_one_notice_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("opensips.cfg");
    for (lines, shown) in [
        (
            "modparam(\"rest_client\", \"curl_timeout\", 0)",
            "transfer-timeout = \"31536000s\" #",
        ),
        (
            "modparam(\"rest_client\", \"connection_timeout\", 0)",
            "connection-timeout = \"20s\" #",
        ),
    ] {
        fs::write(&script, lines).unwrap();
        let ended = show(&script).await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert!(ended.text().contains(shown), "{}", ended.text());
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("no limit"), "{}", ended.stderr);
    }
}
