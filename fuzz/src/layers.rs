//! What holds for a configuration, in whatever words it was written.

use rest_client_host::config::Layers;

/// What was taken can be used or is refused in words, and is the same when it is read
/// back as it is shown.
pub(crate) fn assert_kept(layers: &Layers) {
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

pub(crate) fn assert_says_something(error: &str) {
    assert!(
        error.len() > 10,
        "{error:?} tells nobody what would be right"
    );
}
