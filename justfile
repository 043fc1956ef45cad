# The same commands as in .ci, for people who have `just`.

# List the recipes.
default:
    @just --list

# Everything that CI runs.
ci:
    .ci/run

# What needs only the toolchain.
test-all:
    .ci/test

# Browser tests of the receipt page and the site; needs npm and Chromium.
web:
    .ci/web

# Tests of all crates.
test *args:
    cargo test --workspace --locked {{args}}

# Format the code.
fmt:
    cargo fmt --all

# Format check and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# API documentation.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Links of the documents, names in the protocol chapter.
check-docs:
    python3 .ci/check_docs.py

# The book; needs mdBook.
book:
    mdbook build book

# Dependency policy without advisories, which need a network.
deny:
    cargo deny check bans licenses sources

# Advisories.
advisories:
    cargo deny check advisories

# Crates that must build without std features.
no-std:
    cargo build --locked --no-default-features -p assay-statement -p assay-commit -p assay-circuit -p assay-verifier
