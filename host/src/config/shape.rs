//! Whether a value was understood as what it was written as.
//!
//! What reads a configuration takes a list for a table whose values come in turn, and a
//! table with one key for the word that this key is. `[[egress]]` with `allow = []` in it
//! would so be a policy that allows everything, and not one that allows nothing.

use toml::Value;

/// What stands for an element of a list among the keys that lead to it.
pub(super) fn element(index: usize) -> String {
    format!("[{index}]")
}

/// Whether `key` stands for an element.
pub(super) fn is_element(key: &str) -> bool {
    key.starts_with('[')
}

/// Below the value, the keys that lead to the first part of `written` that was
/// `understood` as something else, and what it should have been.
pub(super) fn misread(written: &Value, understood: &Value) -> Option<(Vec<String>, &'static str)> {
    match (written, understood) {
        (Value::Table(written), Value::Table(understood)) => {
            written.iter().find_map(|(key, written)| {
                let (mut keys, what) = misread(written, understood.get(key)?)?;
                keys.insert(0, key.clone());
                Some((keys, what))
            })
        }
        (Value::Array(written), Value::Array(understood)) => {
            let mut both = written.iter().zip(understood).enumerate();
            both.find_map(|(index, (written, understood))| {
                let (mut keys, what) = misread(written, understood)?;
                keys.insert(0, element(index));
                Some((keys, what))
            })
        }
        (Value::Array(_), Value::Table(_)) => {
            Some((Vec::new(), "what is needed is one table, not a list"))
        }
        (Value::Array(_) | Value::Table(_), Value::String(_)) => {
            Some((Vec::new(), "what is needed is a text"))
        }
        (Value::Array(_) | Value::Table(_), _) => {
            Some((Vec::new(), "what is needed is a number, or true or false"))
        }
        _ => None,
    }
}

/// Whether all that is in the table `written` are tables.
///
/// # Errors
///
/// The key of the first that is none, and what it should be.
pub(super) fn all_tables(written: &Value) -> Result<(), (Vec<String>, &'static str)> {
    let what = "what is needed is a table";
    let Some(written) = written.as_table() else {
        return Err((
            Vec::new(),
            "what is needed are tables, each with a name of its own",
        ));
    };
    match written.iter().find(|(_, value)| !value.is_table()) {
        Some((key, _)) => Err((vec![key.clone()], what)),
        None => Ok(()),
    }
}
