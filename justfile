# The gate, as it runs on every change.
ci:
    .ci/run

# All tests.
test:
    cargo test --locked

# The review of the log that comes with the project.
review:
    cargo run --example churn_review

# The kernels, measured.
bench:
    cargo bench --bench kernels

# Side by side with the peers, at ten million events.
peers:
    python3 benches/peers/run.py --events 10000000

# Every question about a million cancellations, timed.
reasons:
    cargo run --release --features sqlite --example reasons

# The documentation, in a browser.
doc:
    cargo doc --no-deps --all-features --open
