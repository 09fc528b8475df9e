//! Configurations, written as briefly as a test wants them.

use rest_client_host::Egress;

/// A [`Config`](rest_client_host::Config) with these fields, the others being
/// those of the defaults, or of the configuration behind `..`.
#[macro_export]
macro_rules! config {
    (@value $field:ident) => { $field };
    (@value $field:ident $value:expr) => { $value };
    ($($field:ident $(= $value:expr)?,)* .. $base:expr) => {{
        let mut config = $base;
        $(config.$field = $crate::config!(@value $field $($value)?);)*
        config
    }};
    ($($field:ident $(= $value:expr)?),* $(,)?) => {
        $crate::config!($($field $(= $value)?,)* ..rest_client_host::Config::default())
    };
}

/// Has plugins ask any server on this machine, which they may not by themselves.
#[must_use]
pub fn loopback() -> Egress {
    let rules = ["http://127.0.0.0/8:*", "https://127.0.0.0/8:*"];
    let mut egress = Egress::default();
    egress.allow = rules.map(|rule| rule.parse().expect("a rule")).into();
    egress
}
