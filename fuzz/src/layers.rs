//! What holds for a configuration, in whatever words it was written.

use rest_client_host::{ConfigError, config::Layers};

/// A configuration is kept, or refused with its `place` in words.
pub(crate) fn check(layers: &Layers, added: Result<(), ConfigError>, place: &str) {
    match added {
        Ok(()) => assert_kept(layers),
        Err(error) => {
            let error = error.to_string();
            assert_says_something(&error);
            assert!(error.contains(place), "{error}");
        }
    }
}

/// What was taken can be used or is refused in words, and is the same when it is read
/// back as it is shown.
fn assert_kept(layers: &Layers) {
    let stated = layers.config().clone();
    let effective = match stated.effective() {
        Ok(effective) => effective,
        Err(error) => return assert_says_something(&error.to_string()),
    };
    let shown = layers.show(&effective).expect("all of it came out of text");
    let mut again = Layers::default();
    again
        .add_toml(&shown, "shown.toml")
        .unwrap_or_else(|error| panic!("what is shown is refused: {error}\n{shown}"));
    let again = again.config().clone().effective();
    assert_eq!(again.expect("it was before"), effective, "{shown}");
}

fn assert_says_something(error: &str) {
    assert!(
        error.len() > 10,
        "{error:?} tells nobody what would be right"
    );
}
