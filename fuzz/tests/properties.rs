//! The entries of the fuzz targets, for what is in their corpora and for what is made
//! out of that: the same inputs in each run. `cargo xtask fuzz` looks for others.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rest_client_fuzz as fuzz;
use std::{fs, path::Path};

/// Inputs that are made for each target.
const CASES: u32 = 2000;

/// What an input is changed by.
const WORDS: [&str; 36] = [
    "http://",
    "https://",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    "%",
    "%2e%2e",
    "..",
    "[::1]",
    "::",
    "127.0.0.1",
    "0x7f.1",
    "10.0.0.0/8",
    "*.example.com",
    ".service.internal",
    "xn--",
    "\u{fc}",
    "\u{3002}",
    "\r\n",
    "\t",
    "\0",
    " ",
    "\"",
    "=",
    "[",
    "]",
    "modparam(\"rest_client\", \"",
    "transfer-timeout",
    "18446744073709551616",
    "-1",
    "content-length: ",
    "0\r\n\r\n",
];

/// Tries an entry with the files of a corpus, and with inputs made of these.
fn holds(target: &str, entry: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "the corpus of {target} is empty");
    for input in &corpus {
        entry(input);
    }
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&inputs(corpus), |input| {
        entry(&input);
        Ok(())
    });
    if let Err(found) = outcome {
        panic!("{found}");
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Bytes as they come, and inputs of a corpus with a few changes.
fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        vec(any::<u8>(), 0..8),
        select(corpus.clone()),
    ];
    let change = (any::<u16>(), any::<u8>(), piece);
    let changed = (select(corpus), vec(change, 0..6)).prop_map(|(mut input, changes)| {
        for (place, removed, piece) in changes {
            let from = usize::from(place) % (input.len() + 1);
            let to = (from + usize::from(removed % 8)).min(input.len());
            input.splice(from..to, piece);
        }
        input
    });
    prop_oneof![8 => changed, 1 => vec(any::<u8>(), 0..512), 1 => Just(Vec::new())]
}

/// A test of each target, by what it promises.
macro_rules! promises {
    ($($promise:ident: $target:ident,)*) => {$(
        #[test]
        fn $promise() {
            holds(stringify!($target), fuzz::$target::check);
        }
    )*};
}

promises! {
    a_configuration_is_taken_and_kept_or_refused_by_its_file: toml,
    a_plugins_calls_end_in_order_whatever_it_hands_over: plugin_border,
    a_redirect_leads_where_everybody_reads_it_to_lead: redirect,
    a_request_of_json_keeps_the_contract: routing_request,
    a_script_is_taken_and_kept_or_refused_by_its_line: modparam,
    a_sip_message_is_read_in_one_way: sip_message,
    a_url_leads_where_everybody_reads_it_to_lead: url,
    a_whole_reply_is_whole_by_its_own_framing: reply,
    header_fields_change_nothing_of_how_a_request_is_framed: header_fields,
    no_address_is_granted_but_by_a_rule_that_holds_it: egress,
    percent_coding_goes_there_and_back: percent_coding,
}
