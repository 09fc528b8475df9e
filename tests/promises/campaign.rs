//! Every attack at once, beside honest calls: a short one of what
//! `cargo xtask soak --hostile` does for as long as it is told to.

use std::time::Duration;
use support::process::{run_within, soak};

/// It takes 20 seconds on two cores that do nothing else. Who needs this long is
/// stuck.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn under_every_attack_no_honest_call_is_lost_or_doubled_and_all_is_given_back() {
    let ended = run_within(PATIENCE, soak(), &["--hostile"], b"").await;
    assert_eq!(ended.code(), 0, "{}{}", ended.text(), ended.stderr);
}
