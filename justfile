# Shorthand: each recipe is one call of cargo.

# Play the scenarios of the manual against a service on loopback
demo:
    cargo run --release -- demo

# Set up what is missing, build the component, run all tests
test *arguments:
    cargo xtask test {{ arguments }}

# Measure against peers
bench *arguments:
    cargo xtask bench {{ arguments }}

# Put random load on the cap, for so many seconds; attack instead with --hostile
soak *arguments:
    cargo xtask soak {{ arguments }}

# Look for inputs that break what holds for any, for so long: --for 10m
fuzz *arguments:
    cargo xtask fuzz {{ arguments }}

# Build the component from source into host/component/
component:
    cargo xtask component

# All that a change has to pass
ci:
    .ci/run

fmt:
    cargo fmt --all

lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

doc:
    cargo doc --workspace --no-deps --locked
